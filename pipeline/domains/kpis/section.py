"""The product file's sections `kpis` and `targets`, as Pydantic models (docs/definitions/targets.md)."""

from datetime import date
from typing import Literal

from pydantic import Field, FiniteFloat

from pipeline.core.kpi_names import Kpi
from pipeline.core.product_base import FileModel
from pipeline.core.product_sections import Sections


class Kpis(FileModel):
    """Which number the team steers by, and which must not suffer."""

    north_star: Kpi = "revenue_per_person"
    guardrails: tuple[Kpi, ...] = ("bounce_rate", "frustration")


class Target(FileModel):
    """What a key figure is to be in a week."""

    value: FiniteFloat = Field(description="in the figure's unit: shares as 0.15, money in the currency's unit")
    by: date | None = Field(None, description="last local day until which it is to be reached")
    better: Literal["higher", "lower"] = "higher"


class Fields(FileModel):
    """What the domain adds to the product file."""

    kpis: Kpis = Field(default_factory=lambda: Kpis.model_validate({}))
    targets: dict[Kpi, Target] = Field(default_factory=dict)


SECTIONS = Sections(Fields)
