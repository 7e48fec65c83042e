"""The product file's section `journeys`, as Pydantic models (docs/definitions/journeys.md)."""

from typing import Any, Literal

from pydantic import Field

from pipeline.core.product_base import FileModel, Name
from pipeline.core.product_matches import Narrowed
from pipeline.core.product_sections import Aspect, Sections


class Journey(Narrowed):
    """The ways people take through pages, or other events (docs/definitions/journeys.md)."""

    items: Literal["pages", "urls", "events"] = Field("pages", description="page names, addresses, or names of events")
    start: str | None = Field(None, description="item from which a visit is looked at")
    end: str | None = Field(None, description="item up to which it is")
    steps: int = Field(5, ge=2, le=20)
    exclude: tuple[str, ...] = ()
    groupings: tuple[str, ...] = Field((), description="patterns with *; what holds one is folded into it")
    edge_limit: int = Field(50, ge=1, le=1_000)


class Fields(FileModel):
    """What the domain adds to the product file."""

    journeys: dict[Name, Journey] = Field(default_factory=dict)


def _items(product: Any) -> object:  # noqa: ANN401  # any file with `Fields`
    """What a day holds of journeys: other ends and limits leave its items as they are."""
    return {name: [journey.items, journey.where] for name, journey in product.journeys.items()}


SECTIONS = Sections(
    Fields,
    aspects={
        "journeys.items": Aspect("journeys", _items),
    },
    narrowed="journeys",
)
