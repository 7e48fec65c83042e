"""The product file's sections `exposure` and `elements`, as Pydantic models (docs/definitions/zones.md)."""

from pydantic import Field

from pipeline.core.product_base import FileModel
from pipeline.core.product_sections import Sections


class Exposure(FileModel):
    """When a zone counts as seen (docs/definitions/zones.md)."""

    line: float = Field(0.5, ge=0, le=1, description="share of the zone's height whose line must be in the window")
    least_ms: int = Field(150, ge=0, le=60_000, description="for so long without a break")


class Elements(FileModel):
    """How elements are told apart where no zone is written."""

    dynamic: tuple[str, ...] = Field(
        (
            r"^:r[0-9a-z]+:$",
            r"^(?:css|sc|jss|emotion)-?[0-9a-zA-Z]{4,}$",
            r"^ember\d+$",
            r"\d{3,}",
            r"[0-9a-f]{8,}",
            r"__[0-9A-Za-z_-]{5,}$",
        ),
        description="regular expressions of ids and classes that differ from one build or page view to the next",
    )


class Fields(FileModel):
    """What the domain adds to the product file; pages and zones are in core, for events are told by them."""

    exposure: Exposure = Field(default_factory=lambda: Exposure.model_validate({}))
    elements: Elements = Field(default_factory=lambda: Elements.model_validate({}))


SECTIONS = Sections(Fields)
