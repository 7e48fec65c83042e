"""The product file's section `opportunities`, as Pydantic models."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from pydantic import Field

from pipeline.core.product_base import FileModel, Name
from pipeline.core.product_sections import Sections, unknown_name


class Effort(FileModel):
    """What mending an opportunity would take; when it was closed."""

    weeks: float | None = Field(None, gt=0, le=520, description="weeks of work")
    closed: date | None = Field(None, description="first local day on which it was mended")
    note: str = ""


class Opportunities(FileModel):
    """How the list of what is worth mending is made."""

    goal: Name | None = Field(None, description="the goal that counts; default: the first that an order reaches")
    weeks: float = Field(1, gt=0, le=520, description="weeks of work where nothing else is said")
    cost_per_week: float | None = Field(None, gt=0, description="what a week of work costs, in the product's currency")
    items: dict[str, Effort] = Field(default_factory=dict, description="by the opportunity's id")


class Fields(FileModel):
    """What the domain adds to the product file."""

    opportunities: Opportunities = Field(default_factory=lambda: Opportunities.model_validate({}))


def _faults(product: Any) -> Iterator[str]:  # noqa: ANN401  # any file with `Fields`
    yield from unknown_name("opportunities.goal", product.opportunities.goal, product.goals)


SECTIONS = Sections(Fields, faults=_faults)
