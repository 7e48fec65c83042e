"""The product file's section `retention`, as Pydantic models (docs/definitions/retention.md)."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from pipeline.core.product_base import FileModel, Name
from pipeline.core.product_matches import DIMENSIONS, Match, Narrowed
from pipeline.core.product_sections import Aspect, Sections

# Three years of days.
MOST_PERIODS = 1_100


class Grouping(FileModel):
    """One retention per value of a column of events, which start and return must share."""

    by: str = Field(description=f"{', '.join(DIMENSIONS)} or a promoted property")
    limit: int = Field(10, ge=1, le=100, description="largest groups shown; the others are `Other`")


class Retention(Narrowed):
    """Who comes back (docs/definitions/retention.md). Without `start` and `returning` any event counts."""

    start: Match | None = None
    returning: Match | None = None
    period: Literal["day", "week", "month"] = "week"
    periods: int = Field(12, ge=2, le=120, description="columns, the cohort's own period included")
    cohort: Literal["recurring", "first_time", "first_ever"] = "first_time"
    mode: Literal["on", "on_or_after", "until", "streak"] = "on"
    minimum: int = Field(1, ge=1, description="returning events a period")
    brackets: tuple[Annotated[int, Field(ge=1, le=MOST_PERIODS)], ...] = Field(
        (), max_length=120, description="widths in periods of the columns from 1 on"
    )
    elapsed: bool = Field(default=False, description="24 h windows from the first start instead of calendar periods")
    breakdown: Grouping | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.elapsed and self.mode == "on_or_after":
            raise ValueError("`on_or_after` needs calendar periods; leave out `elapsed`")
        if sum(self.brackets) > MOST_PERIODS:
            raise ValueError(f"the brackets are {sum(self.brackets)} periods wide together; {MOST_PERIODS} is the most")
        return self


class Fields(FileModel):
    """What the domain adds to the product file."""

    retention: dict[Name, Retention] = Field(default_factory=dict)


def _matches(product: Any) -> Iterator[tuple[str, Match]]:  # noqa: ANN401  # any file with `Fields`
    for name, each in product.retention.items():
        ends = {"start": each.start, "returning": each.returning}
        yield from ((f"retention.{name}.{end}", match) for end, match in ends.items() if match is not None)


def _columns(product: Any) -> Iterator[tuple[str, str, tuple[str, ...]]]:  # noqa: ANN401  # any file with `Fields`
    for name, each in product.retention.items():
        if each.breakdown:
            yield f"retention.{name}.breakdown", each.breakdown.by, DIMENSIONS


def _events(product: Any) -> object:  # noqa: ANN401  # any file with `Fields`
    """What a day holds of retention: other periods leave its events as they are."""
    return {
        name: [r.start, r.returning, r.breakdown and r.breakdown.by, r.where] for name, r in product.retention.items()
    }


SECTIONS = Sections(
    Fields,
    aspects={
        "retention.events": Aspect("retention", _events),
    },
    matches=_matches,
    columns=_columns,
    narrowed="retention",
)
