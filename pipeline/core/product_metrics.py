"""The product file's goals, funnels, retentions and journeys, as Pydantic models (semantics.md; metrics.md)."""

import re
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

import polars as pl
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from pipeline.core.canonical import KINDS, VISIT_COLUMNS
from pipeline.core.product_sources import Name, Part

# Columns of events by which numbers can be broken down, besides promoted properties; the first are the visit's.
DIMENSIONS = (*VISIT_COLUMNS, "country", "language", "source", "page")


def known_kind(kind: str) -> str:
    """A kind of event; ValueError with the kinds there are."""
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is no kind of event; write one of {', '.join(KINDS)}")
    return kind


def _one_as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _known_pattern(pattern: str) -> str:
    try:
        pl.Series([""]).str.contains(pattern)
    except pl.exceptions.ComputeError as fault:
        raise ValueError(f"{pattern!r} is no regular expression: {str(fault).splitlines()[0]}") from None
    return pattern


Texts = Annotated[tuple[str, ...], BeforeValidator(_one_as_tuple), Field(min_length=1)]
Pattern = Annotated[str, AfterValidator(_known_pattern)]


class Condition(Part):
    """What a property's value must be like; all lines given must hold. What is negated also holds without a value."""

    equals: Texts | None = Field(None, description="one of these texts; numbers and true compare as text")
    is_not: Texts | None = None
    contains: Texts | None = Field(None, description="one of these, in whatever case")
    not_contains: Texts | None = None
    regex: Pattern | None = None
    not_regex: Pattern | None = None
    gt: float | None = None
    gte: float | None = None
    lt: float | None = None
    lte: float | None = None
    is_set: bool | None = Field(None, description="whether there is a value at all")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError(
                "says nothing; give a value, or one of equals, is_not, contains, regex, gt, lt, is_set, ..."
            )
        return self


def _value_as_condition(value: object) -> object:
    return {"equals": value} if isinstance(value, str | list | tuple) else value


class Match(Part):
    """Which events are meant: those that fit every line given here."""

    kind: Annotated[str, AfterValidator(known_kind)] | None = None
    name: str | None = None
    page: Name | None = None
    properties: dict[str, Annotated[Condition, BeforeValidator(_value_as_condition)]] = Field(
        default_factory=dict, description="promoted property: its value, several values, or conditions"
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.kind is None and self.name is None and self.page is None and not self.properties and not self.visit:
            raise ValueError("fits every event; name a kind, a name, a page or a property")
        return self

    @property
    def visit(self) -> dict[str, tuple[str, ...]]:
        """What the event's visit must be told to be: per column of VISIT_COLUMNS one of these values."""
        return {}

    @property
    def named(self) -> "Match | None":
        """All events of the kind and name meant, whatever page and properties; None: any event."""
        return None if self.kind is None and self.name is None else Match(kind=self.kind, name=self.name)


class Goal(Match):
    """An event that means success; it ends a bounce and counts in conversion."""


class Segment(Match):
    """Sessions with an event that fits, or of that device, system and browser; segments may overlap."""

    device_type: Texts | None = Field(None, description="one of these devices")
    os: Texts | None = Field(None, description="one of these operating systems, as sessions name them")
    os_version: Texts | None = Field(None, description="one of these major versions")
    browser: Texts | None = Field(None, description="one of these browsers, as sessions name them")
    browser_version: Texts | None = Field(None, description="one of these major versions")

    @property
    def visit(self) -> dict[str, tuple[str, ...]]:
        """What the visit must be told to be: per column of VISIT_COLUMNS one of these values."""
        return {name: values for name in VISIT_COLUMNS if (values := getattr(self, name)) is not None}


class Step(Match):
    """One step of a funnel."""

    label: str = Field(min_length=1, description="the step's name in the marts")
    first_time: Literal["ever", "fitting"] | None = Field(
        None,
        description="only the person's first event of that kind and name over all time, if it fits (ever), or the first "
        "that fits (fitting)",
    )


class Exclusion(Match):
    """An event that mustn't happen between two steps."""

    after: str | None = Field(None, description="label of a step; default: the first")
    before: str | None = Field(None, description="label of a later step; default: the last")


Dimensions = Annotated[tuple[str, ...], BeforeValidator(_one_as_tuple)]


class Breakdown(Part):
    """One funnel per value of a column of events; several columns give one per tuple."""

    by: Annotated[Dimensions, Field(min_length=1)] = Field(
        description=f"{', '.join(DIMENSIONS)} or a promoted property, or a list of them"
    )
    attribution: Literal["first_touch", "last_touch", "all_events", "step"] = "first_touch"
    step: str | None = Field(None, description="label of the step, for attribution `step`")
    limit: int = Field(10, ge=1, le=100, description="largest groups shown; the others are `Other`")


class Grouping(Part):
    """One retention per value of a column of events, which start and return must share."""

    by: str = Field(description=f"{', '.join(DIMENSIONS)} or a promoted property")
    limit: int = Field(10, ge=1, le=100, description="largest groups shown; the others are `Other`")


class Feature(Part):
    """A part of the product that people may adopt: events, or clicks in zones (metrics.md, "feature adoption")."""

    events: tuple[Match, ...] = Field((), max_length=20, description="events that are a use")
    zones: tuple[str, ...] = Field((), max_length=20, description="zones, as page/zone, in which a click is a use")
    could: Match | None = Field(None, description="events that show that a person could use it; default: any event")
    again_days: int = Field(28, ge=1, le=366, description="days of 86,400 s within which a further use counts as again")

    @model_validator(mode="after")
    def _is_something(self) -> Self:
        if not self.events and not self.zones:
            raise ValueError("name the `events` or the `zones` that the feature is made of")
        return self


# Whose events one funnel may run through, besides promoted properties: columns of events, `session` our own sessions.
FUNNEL_UNITS = ("person", "session", "session_id", "anonymous_id", "user_id", "page_view_id", "tab_id")
_UNITS = {
    "s": (1, "seconds"),
    "m": (60, "minutes"),
    "h": (3_600, "hours"),
    "d": (86_400, "days"),
    "w": (604_800, "weeks"),
}
_WINDOW = re.compile(r"([1-9][0-9]{0,8})([smhdw])")
_LONGEST_WINDOW = timedelta(days=366)


def _window(given: Any) -> Any:  # noqa: ANN401  # YAML holds anything
    """A window as it is written in the product file; ValueError where it is none."""
    if given is not None:
        found = _WINDOW.fullmatch(given) if isinstance(given, str) else None
        if found is None:
            raise ValueError(f"{given!r} is no window; write a number with s, m, h, d or w, for example 30m, 2h or 7d")
        if not _length(given) <= _LONGEST_WINDOW:
            raise ValueError("a window has 366 days at most")
    return given


def _length(window: str) -> timedelta:
    return timedelta(seconds=int(window[:-1]) * _UNITS[window[-1]][0])


class Funnel(Part):
    """Steps to take within a window that starts at step 1 (semantics.md, section 1)."""

    steps: tuple[Step, ...] = Field(min_length=2, max_length=20)
    window: Annotated[str | None, BeforeValidator(_window)] = Field(
        None, description="how long from step 1, for example 30m, 2h or 7d of 86,400 s; default: 14d"
    )
    window_days: int | None = Field(None, ge=1, le=366, description="the window in days; `window` takes any unit")
    order: Literal["ordered", "strict", "unordered"] = "ordered"
    unit: str = Field(
        "person",
        description="whose events are one stream: person, session (as we cut them), an id that the source sends "
        f"({', '.join(FUNNEL_UNITS[2:])}), or a promoted property",
    )
    exclusions: tuple[Exclusion, ...] = Field((), max_length=20)
    exclusion_ends: Literal["entity", "attempt"] = Field("entity", description="who is out: the person, or the attempt")
    first_entry: bool = Field(default=False, description="the window runs from the first event of step 1 only")
    strict_increase: bool = Field(default=False, description="steps of one instant don't follow each other")
    hold_constant: Dimensions = Field((), description="columns whose values all steps must share")
    breakdown: Breakdown | None = None

    @model_validator(mode="after")
    def _has_one_window(self) -> Self:
        if self.window is not None and self.window_days is not None:
            raise ValueError("give either `window` or `window_days`")
        return self

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        labels = [step.label for step in self.steps]
        if len(set(labels)) < len(labels):
            raise ValueError("two steps bear one label; give each its own")
        for begin, end in self.exclusion_spans:
            if begin >= end:
                raise ValueError("an exclusion lies between a step and a later one; correct `after` and `before`")
        if self.order == "unordered":
            last = len(self.steps) - 1
            if any(span != (0, last) for span in self.exclusion_spans):
                raise ValueError("exclusions of an unordered funnel span it whole; leave out `after` and `before`")
            if self.first_entry or self.strict_increase:
                raise ValueError("first_entry and strict_increase are for ordered and strict funnels")
        if self.breakdown is not None and (self.breakdown.attribution == "step") != (self.breakdown.step is not None):
            raise ValueError("breakdown: `attribution: step` and `step` belong together; give both or neither")
        if self.breakdown_step and self.order == "unordered":
            raise ValueError("breakdown: of an unordered funnel only the first step can attribute")
        if self.breakdown is not None and self.hold_constant:
            raise ValueError("give either `breakdown` or `hold_constant`")
        return self

    def place(self, label: str) -> int:
        """The 0-based place of the step of that label; ValueError where there is none."""
        labels = [step.label for step in self.steps]
        if label not in labels:
            raise ValueError(f"no step {label!r}; the steps are {', '.join(labels)}")
        return labels.index(label)

    @property
    def length(self) -> timedelta:
        """How long after step 1 a step counts."""
        return _length(self._written)

    @property
    def length_text(self) -> str:
        """The same in words."""
        number, unit = self._written[:-1], _UNITS[self._written[-1]][1]
        return f"{number} {unit if number != '1' else unit[:-1]}"

    @property
    def _written(self) -> str:
        return self.window if self.window is not None else f"{self.window_days or 14}d"

    @property
    def exclusion_spans(self) -> tuple[tuple[int, int], ...]:
        """Between which steps, 0-based, each exclusion acts."""
        last = len(self.steps) - 1
        return tuple(
            (
                0 if each.after is None else self.place(each.after),
                last if each.before is None else self.place(each.before),
            )
            for each in self.exclusions
        )

    @property
    def breakdown_step(self) -> int:
        """The 0-based step that attributes the breakdown; 0 where none does."""
        return self.place(self.breakdown.step) if self.breakdown and self.breakdown.step is not None else 0

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Columns of events that the funnel looks at besides its steps."""
        return self.breakdown.by if self.breakdown else self.hold_constant


class Retention(Part):
    """Who comes back (semantics.md, section 3). Without `start` and `returning` any event counts."""

    start: Match | None = None
    returning: Match | None = None
    period: Literal["day", "week", "month"] = "week"
    periods: int = Field(12, ge=2, le=120, description="columns, the cohort's own period included")
    cohort: Literal["recurring", "first_time", "first_ever"] = "first_time"
    mode: Literal["on", "on_or_after", "until", "streak"] = "on"
    minimum: int = Field(1, ge=1, description="returning events a period")
    brackets: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (), description="widths in periods of the columns from 1 on"
    )
    elapsed: bool = Field(default=False, description="24 h windows from the first start instead of calendar periods")
    breakdown: Grouping | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.elapsed and self.mode == "on_or_after":
            raise ValueError("`on_or_after` needs calendar periods; leave out `elapsed`")
        return self


class Journey(Part):
    """The ways people take through pages, or other events (semantics.md, section 6)."""

    items: Literal["pages", "urls", "events"] = Field("pages", description="page names, addresses, or names of events")
    start: str | None = Field(None, description="item from which a visit is looked at")
    end: str | None = Field(None, description="item up to which it is")
    steps: int = Field(5, ge=2, le=20)
    exclude: tuple[str, ...] = ()
    groupings: tuple[str, ...] = Field((), description="patterns with *; what holds one is folded into it")
    edge_limit: int = Field(50, ge=1, le=1_000)
