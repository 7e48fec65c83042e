"""A question: what the page's address says, what JSON says, and what becomes lines of `product.yaml`, as one model."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, Field, field_validator, model_validator

from pipeline.core.days import ONE_DAY
from pipeline.core.product import Product
from pipeline.core.product_base import FileModel, Name
from pipeline.core.product_matches import Match, Narrowed, Where
from pipeline.domains.funnels.section import Breakdown, Funnel
from pipeline.domains.journeys.section import Journey
from pipeline.domains.retention.section import Grouping, Retention

Kind = Literal[
    "trend",
    "funnel",
    "retention",
    "journey",
    "pages",
    "zones",
    "elements",
    "heatmap",
    "friction",
    "scores",
    "choices",
    "visits",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
# Its range, and the one it is compared with.
ASKED, COMPARED = "asked", "compared"
# What of the product file a question of the kind may name, or give as its own.
CONFIGURED = {"funnel": "funnels", "retention": "retention", "journey": "journeys"}
Measure = Literal["people", "sessions", "events", "orders", "revenue", "goal_rate"]
# What a heatmap shows.
Heat = Literal["click", "move", "attention", "reach"]
HEATS: tuple[Heat, ...] = get_args(Heat)
# Kinds that may be asked of one page.
OF_PAGE: tuple[Kind, ...] = ("zones", "elements", "heatmap", "friction")
OF_SESSIONS: tuple[Measure, ...] = ("sessions", "orders", "revenue", "goal_rate")
_YEAR = timedelta(days=364)
_LONGEST = timedelta(days=1_100)


def _within_reason(day: date) -> date:
    if not date(1970, 1, 1) <= day <= date(2100, 1, 1):
        raise ValueError("no such day is in any data")
    return day


Day = Annotated[date, AfterValidator(_within_reason)]


class Trend(FileModel):
    """How many, day by day or week by week."""

    measure: Measure = Field(
        "people", description="what is counted; goal_rate: the share of sessions that reach a goal"
    )
    event: Match | None = Field(None, description="only people who did it, sessions in which it happened, such events")
    goal: Name | None = Field(None, description="of goal_rate: one goal of the product file; default: any")
    every: Literal["day", "week", "range"] = "day"

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.goal is not None and self.measure != "goal_rate":
            raise ValueError("a goal is for the measure goal_rate")
        return self


class Span(FileModel):
    """Days from the first to the last, both inside."""

    first: Day
    last: Day

    @model_validator(mode="after")
    def _goes_forward(self) -> Self:
        if self.last < self.first:
            raise ValueError("the last day lies before the first; swap them")
        if self.last - self.first > _LONGEST:
            raise ValueError(f"a question spans {_LONGEST.days} days at most")
        return self

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.last - self.first + ONE_DAY

    def back(self, by: timedelta) -> "Span":
        """As long a span that lies so much earlier."""
        return Span(first=self.first - by, last=self.last - by)


class Question(Narrowed, Span):
    """What is asked.

    `where` and `people` narrow it: of funnels, retentions and journeys the events that count, of all else the visits and people.
    """

    show: Kind = "trend"
    of: Name | None = Field(None, description="a funnel, retention or journey of the product file, by its name")
    trend: Trend | None = None
    funnel: Funnel | None = Field(None, description="a funnel of its own")
    retention: Retention | None = Field(None, description="a retention of its own")
    journey: Journey | None = Field(None, description="a journey of its own")
    page: Name | None = Field(None, description="of zones, elements and friction: one page; a heatmap needs one")
    heat: Heat = Field(
        "click", description="of a heatmap: clicks, the pointer, attention (time in the window) or scroll reach"
    )
    range: Literal["ends", "enters"] | None = Field(
        None,
        description="of funnels: steps up to the last day count, or who entered in the days, with their whole window",
    )
    by: tuple[str, ...] = Field((), max_length=2, description="columns of which each value is a group of its own")
    against: Literal["none", "before", "year", "everybody", "range"] = Field(
        "none",
        description="compared with as many days before, with those of 52 weeks before, with everybody (the same days "
        "without the conditions), or with `other`",
    )
    other: Span | None = None

    @field_validator("trend")
    @classmethod
    def _says_something(cls, trend: Trend | None) -> Trend | None:
        return None if trend == Trend.model_validate({}) else trend

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        own = [name for name in ("trend", *CONFIGURED) if getattr(self, name) is not None]
        if surplus := [name for name in own if name != self.show]:
            raise ValueError(f"`{surplus[0]}` is for show={surplus[0]}; this shows {self.show}")
        if self.show in CONFIGURED and (self.of is None) == (not own):
            raise ValueError(f"name a {self.show} of the product file with `of`, or give one of your own")
        if self.of is not None and self.show not in CONFIGURED:
            raise ValueError(f"`of` is for {', '.join(CONFIGURED)}")
        if (self.against == "range") != (self.other is not None):
            raise ValueError("`against: range` and `other` belong together; give both or neither")
        return self._has_what_it_takes()

    def _has_what_it_takes(self) -> Self:
        if self.range is not None and self.show != "funnel":
            raise ValueError("`range` is for funnels")
        if self.page is not None and self.show not in OF_PAGE:
            raise ValueError(f"`page` is for {', '.join(OF_PAGE)}")
        if self.page is None and self.show == "heatmap":
            raise ValueError("a heatmap is of one page; name it with `page`")
        if self.heat != "click" and self.show != "heatmap":
            raise ValueError("`heat` is for heatmaps")
        if len(self.by) > {"trend": 2, "funnel": 2, "retention": 1}.get(self.show, 0):
            raise ValueError(f"show={self.show} can't be broken down by so many columns")
        if len(set(self.by)) < len(self.by):
            raise ValueError("a breakdown names each column once")
        return self

    @property
    def spans(self) -> dict[str, Span]:
        """What is asked, and what it is compared with."""
        asked = Span(first=self.first, last=self.last)
        if self.against == "none":
            return {ASKED: asked}
        if self.against == "everybody":
            return {ASKED: asked, COMPARED: asked}
        other = asked.back(self.length) if self.against == "before" else asked.back(_YEAR)
        return {ASKED: asked, COMPARED: self.other or other}

    def of_range(self, name: str) -> "Question":
        """What is asked of one of the ranges: of everybody without the conditions."""
        is_everybody = name == COMPARED and self.against == "everybody"
        return self.model_copy(update={"where": (), "people": ()}) if is_everybody else self

    @property
    def counted(self) -> Trend:
        """What a trend counts."""
        return self.trend or Trend.model_validate({})

    def narrowed(self, configured: Narrowed) -> dict[str, object]:
        """The conditions of a funnel, retention or journey with those of the question."""
        return {"where": (*configured.where, *self.where), "people": (*configured.people, *self.people)}

    def asked_funnel(self, product: Product) -> Funnel:
        """The funnel that is asked for, the one of its own or one of the product file."""
        known = self.funnel or product.funnels[self.of or ""]
        if self.by and known.hold_constant:
            raise ValueError("this funnel holds columns constant; it has no breakdown")
        breakdown = Breakdown(by=self.by, step=None, limit=100) if self.by else None
        if self.by and known.breakdown and known.breakdown.by == self.by:
            breakdown = known.breakdown
        changes = {"breakdown": breakdown, "range": self.range or known.range}
        return known.model_copy(update={**self.narrowed(known), **changes})

    def asked_retention(self, product: Product) -> Retention:
        """The retention that is asked for."""
        known = self.retention or product.retention[self.of or ""]
        breakdown = Grouping(by=self.by[0], limit=100) if self.by else None
        if self.by and known.breakdown and known.breakdown.by == self.by[0]:
            breakdown = known.breakdown
        return known.model_copy(update={**self.narrowed(known), "breakdown": breakdown})

    def asked_journey(self, product: Product) -> Journey:
        """The journey that is asked for."""
        known = self.journey or product.journeys[self.of or ""]
        return known.model_copy(update=self.narrowed(known))


def _narrowed(question: Question) -> list[Narrowed]:
    return [question, *(each for each in (question.funnel, question.retention, question.journey) if each)]


def matches_of(question: Question) -> Iterator[Match]:
    """All events that a question names."""
    yield from (each.event for one in _narrowed(question) for each in one.people)
    if question.trend and question.trend.event:
        yield question.trend.event
    if question.funnel:
        yield from (*question.funnel.steps, *question.funnel.exclusions)
    if question.retention:
        yield from (each for each in (question.retention.start, question.retention.returning) if each)


def wheres_of(question: Question) -> Iterator[Where]:
    """All conditions on columns."""
    yield from (each for one in _narrowed(question) for each in one.where)


def columns_of(question: Question) -> Iterator[str]:
    """All columns that a question names."""
    yield from question.by
    yield from (each.column for each in wheres_of(question))
    if question.funnel:
        yield from question.funnel.dimensions
    if question.retention and question.retention.breakdown:
        yield question.retention.breakdown.by
