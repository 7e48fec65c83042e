"""The product file's section `kpis`, as Pydantic models."""

from pydantic import Field

from pipeline.core.kpi_names import Kpi
from pipeline.core.product_base import FileModel
from pipeline.core.product_sections import Sections


class Kpis(FileModel):
    """Which number the team steers by, and which must not suffer."""

    north_star: Kpi = "revenue_per_person"
    guardrails: tuple[Kpi, ...] = ("bounce_rate", "frustration")


class Fields(FileModel):
    """What the domain adds to the product file."""

    kpis: Kpis = Field(default_factory=lambda: Kpis.model_validate({}))


SECTIONS = Sections(Fields)
