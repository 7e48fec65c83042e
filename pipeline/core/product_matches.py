"""How the product file says which events are meant: conditions, matches, goals, segments (docs/definitions/matching.md)."""

import json
from collections.abc import Iterator
from typing import Annotated, Literal, NamedTuple, Self

import polars as pl
from pydantic import AfterValidator, BeforeValidator, Field, FiniteFloat, model_validator

from pipeline.core.canonical import KINDS, SESSION_COLUMNS, VISIT_COLUMNS
from pipeline.core.product_base import FileModel, Name, as_tuple

# Columns of events by which numbers can be broken down, besides promoted properties; the first are the visit's.
DIMENSIONS = (*VISIT_COLUMNS, *SESSION_COLUMNS, "country", "language", "source", "page")


# What a survey's answers say, by the column of events; of other events it is null. Conditions can name them, breakdowns can't.
ANSWER_COLUMNS = {"answer_survey": "survey_id", "answer_score": "score", "answer_choice": "choice"}
CONDITION_COLUMNS = (*DIMENSIONS, *ANSWER_COLUMNS)


def known_kind(kind: str) -> str:
    """A kind of event; ValueError with the kinds there are."""
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is no kind of event; write one of {', '.join(KINDS)}")
    return kind


def _known_pattern(pattern: str) -> str:
    try:
        pl.Series([""]).str.contains(pattern)
    except pl.exceptions.ComputeError as fault:
        raise ValueError(f"{pattern!r} is no regular expression: {str(fault).splitlines()[0]}") from None
    return pattern


Texts = Annotated[tuple[str, ...], BeforeValidator(as_tuple), Field(min_length=1)]
Pattern = Annotated[str, AfterValidator(_known_pattern)]


class Condition(FileModel):
    """What a property's value must be like; all lines given must hold. What is negated also holds without a value."""

    equals: Texts | None = Field(None, description="one of these texts; numbers and true compare as text")
    is_not: Texts | None = None
    contains: Texts | None = Field(None, description="one of these, in whatever case")
    not_contains: Texts | None = None
    regex: Pattern | None = None
    not_regex: Pattern | None = None
    gt: FiniteFloat | None = None
    gte: FiniteFloat | None = None
    lt: FiniteFloat | None = None
    lte: FiniteFloat | None = None
    is_set: bool | None = Field(None, description="whether there is a value at all")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.model_fields_set.isdisjoint(Condition.model_fields):
            raise ValueError(
                "says nothing; give a value, or one of equals, is_not, contains, regex, gt, lt, is_set, ..."
            )
        return self


def _value_as_condition(value: object) -> object:
    return {"equals": value} if isinstance(value, str | list | tuple) else value


class Match(FileModel):
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


class Where(Condition):
    """Only events that fit, or those of visits or people with an event that fits (docs/definitions/matching.md, "Who counts")."""

    column: str = Field(description=f"{', '.join(CONDITION_COLUMNS)} or a promoted property")
    about: Literal["event", "visit", "person"] = Field(
        "event",
        description="what must fit: the event itself, an event of its visit, or an event of the person on any day up to the "
        "end of the range",
    )


class Did(FileModel):
    """Only people who did something, or who didn't."""

    event: Match
    did: bool = Field(default=True, description="false: people who did it less often, or never")
    at_least: int = Field(1, ge=1, description="events")
    when: Literal["range", "ever"] = Field(
        "range", description="within the days that are looked at, or on any day up to the last of them"
    )


class Asked(NamedTuple):
    """A condition on people: who met it `at_least` so many times, or with `did` false who didn't."""

    event: Match | Where
    did: bool
    at_least: int
    is_ever: bool

    @property
    def key(self) -> str:
        """The text by which days tell who met it; equal conditions have one."""
        return condition_key(self.event)


def condition_key(event: Match | Where) -> str:
    """What an event must be like, as one text."""
    return json.dumps(event.model_dump(mode="json", exclude_defaults=True), sort_keys=True, ensure_ascii=False)


class Narrowed(FileModel):
    """What may be asked of some events, visits and people only."""

    where: tuple[Where, ...] = Field((), max_length=8, description="conditions on columns; all must hold")
    people: tuple[Did, ...] = Field((), max_length=8, description="conditions on what people did; all must hold")

    @property
    def asked_of_people(self) -> Iterator[Asked]:
        """The conditions on people, those of `where` among them."""
        for each in self.where:
            if each.about == "person":
                yield Asked(each, did=True, at_least=1, is_ever=True)
        for each in self.people:
            yield Asked(each.event, each.did, each.at_least, each.when == "ever")

    @property
    def needs_history(self) -> bool:
        """Whether a condition looks at days before the range."""
        return any(each.is_ever for each in self.asked_of_people)

    @property
    def looks_around(self) -> bool:
        """Whether a condition looks at other events of a visit."""
        return any(each.about == "visit" for each in self.where)
