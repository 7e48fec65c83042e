"""The product file's section `value`, as Pydantic models (docs/definitions/value.md)."""

from typing import Annotated, Literal

from pydantic import Field

from pipeline.core.product_base import FileModel
from pipeline.core.product_sections import Sections


class Value(FileModel):
    """How the value of people is counted (docs/definitions/value.md)."""

    windows_days: tuple[Annotated[int, Field(ge=1, le=3_650)], ...] = Field((7, 30, 90, 180, 365), min_length=1)
    start: Literal["first_event", "first_purchase"] = "first_event"
    calendar_days: bool = Field(
        default=False, description="windows of calendar days, for sources that tell dates but no times"
    )
    holdout_weeks: int | None = Field(
        None, ge=1, le=520, description="weeks at the end that the model must foretell; default: the later half"
    )
    horizon_days: int = Field(365, ge=7, le=3_650, description="days ahead for which a person's value is expected")


class Fields(FileModel):
    """What the domain adds to the product file."""

    value: Value = Field(default_factory=lambda: Value.model_validate({}))


SECTIONS = Sections(Fields)
