"""The product file's sources: which format a landing folder holds, and the declarative `mapping`, as Pydantic models.

pipeline/ingest/sources/mapping.py carries a mapping out.
"""

import codecs
from collections.abc import Mapping as Mapped
from datetime import datetime
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from pipeline.contracts.base import UTC_MICROSECONDS
from pipeline.contracts.canonical import INPUT_COLUMNS, KINDS, PROPERTY_PREFIX, Capability
from pipeline.product_selectors import Selector

NAME_PATTERN = r"^[a-z][a-z0-9_]{0,62}$"
FormatName = Literal["canonical", "mapping", "segment", "posthog", "snowplow", "ga4", "rrweb", "surveys"]
EPOCHS = {"epoch_s": 1_000_000, "epoch_ms": 1_000, "epoch_us": 1}
ISO = "iso8601"
_NO_TEXTS = frozenset({"idna", "punycode", "unicode_escape", "raw_unicode_escape", "utf-7"})
_TYPES = {column.name: column.dtype for column in INPUT_COLUMNS}
_COLUMNS = frozenset(_TYPES)
_WORDS: dict[pl.DataType, str] = {
    pl.String(): "text (quote it)",
    pl.Int32(): "whole numbers",
    pl.Int64(): "whole numbers",
    pl.Boolean(): "true or false",
    UTC_MICROSECONDS: "times, which come from a field",
}
# More entries than this in one record are no events but an attack on the machine.
MAX_EVENTS_PER_RECORD = 10_000


def known_zone(name: str) -> str:
    """The IANA time zone of that name; ValueError with an example where there is none."""
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no IANA time zone; write one like Europe/Berlin or UTC") from None


def known_encoding(name: str) -> str:
    """Python's own name of a text encoding; ValueError with an example where it knows none."""
    try:
        found = codecs.lookup(name).name
        # Some of its codecs pack bytes, or write names of hosts.
        is_text = found not in _NO_TEXTS and "a;b\n".encode(found).decode(found) == "a;b\n"
    except (LookupError, ValueError):
        is_text = False
    if not is_text:
        raise ValueError(f"{name!r} is no encoding of texts; write one like utf-8, cp1252 or utf-16")
    return codecs.lookup(name).name


Encoding = Annotated[str, AfterValidator(known_encoding)]
Zone = Annotated[str, AfterValidator(known_zone)]
Name = Annotated[str, Field(pattern=NAME_PATTERN)]


class Part(BaseModel):
    """A section of the product file; a key that it doesn't know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


_TELLING = {"day of the month": ("%d", "%j"), "month": ("%m", "%b", "%B", "%j"), "year": ("%Y", "%y")}
_INTEGERS: dict[pl.DataType, int] = {pl.Int32(): 31, pl.Int64(): 63}


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _time_format(form: str) -> str:
    if form in (ISO, *EPOCHS):
        return form
    if "%" not in form:
        raise ValueError(f"{form!r} is none of {', '.join((ISO, *EPOCHS))} and no pattern like %d.%m.%Y %H:%M")
    sample = datetime(2026, 11, 22, 13, 14, 15, tzinfo=ZoneInfo("UTC"))
    try:
        datetime.strptime(sample.strftime(form), form)  # noqa: DTZ007  # only asks whether the pattern can be read
    except ValueError as fault:
        raise ValueError(f"{form!r} can't be read back: {fault}; see strftime for the directives") from None
    for what, directives in _TELLING.items():
        if not any(each in form for each in (*directives, "%c", "%x")):
            raise ValueError(f"{form!r} tells no {what}; add {directives[0]}")
    if "%I" in form and "%p" not in form:
        raise ValueError(f"{form!r} tells hours of a half day only; add %p, or write %H")
    if "%Z" in form:
        raise ValueError(
            f"{form!r}: names of zones have many meanings; leave %Z out of the data and set `zone`, or use %z"
        )
    return form


Fields = Annotated[tuple[str, ...], BeforeValidator(_as_tuple), Field(min_length=1)]


class Condition(Part):
    """Which records are meant: those whose field has one of the values (`is`), or none of them (`is_not`)."""

    field: Fields = Field(description="path with dots, or a list of alternatives")
    one_of: tuple[str, ...] = Field((), alias="is", description="values as text")
    none_of: tuple[str, ...] = Field((), alias="is_not", description="values as text")

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if bool(self.one_of) == bool(self.none_of):
            raise ValueError("give either `is` or `is_not` with a list of values")
        return self


class ColumnRule(Part):
    """Where a canonical column comes from: a field, the first of several that has a value, or a constant."""

    field: Fields | None = Field(None, description="path with dots, or a list of alternatives (a renamed column)")
    constant: bool | int | str | None = None
    values: dict[str, bool | int | str] | None = Field(None, description="value of the field: value of the column")
    otherwise: bool | int | str | None = Field(None, description="where `values` lacks the value; default: null")
    format: Annotated[
        tuple[Annotated[str, AfterValidator(_time_format)], ...], BeforeValidator(_as_tuple), Field(min_length=1)
    ] = Field((ISO,), description="of times; of several the first that fits, where hands wrote them differently")
    zone: Zone = Field("UTC", description="of times that tell none")
    scale: int = Field(1, ge=1, le=1_000_000, description="numbers are multiplied by it: 1000000 for whole currency")
    decimal: Literal[".", ","] = "."

    @model_validator(mode="after")
    def _has_one_origin(self) -> Self:
        if (self.field is None) == (self.constant is None):
            raise ValueError("give either `field` or `constant`")
        if self.values is not None and self.field is None:
            raise ValueError("`values` needs a `field`")
        return self


def _as_rule(value: object) -> object:
    # `event_id: order_no` and `event_id: [order_no, nr]` are short for {field: ...}.
    return {"field": value} if isinstance(value, str | list | tuple) else value


Columns = dict[str, Annotated[ColumnRule, BeforeValidator(_as_rule)]]


def _fits(dtype: pl.DataType, value: str | int | bool) -> bool:
    if dtype == UTC_MICROSECONDS:
        return False
    if dtype == pl.Boolean():
        return isinstance(value, bool)
    if dtype == pl.String():
        return isinstance(value, str)
    bits = _INTEGERS[dtype]
    return isinstance(value, int) and not isinstance(value, bool) and -(2**bits) <= value < 2**bits


def _check_columns(columns: Mapped[str, ColumnRule]) -> None:
    for name, rule in columns.items():
        if name not in _COLUMNS and not name.startswith(PROPERTY_PREFIX):
            raise ValueError(
                f"{name}: no such column; the columns are {', '.join(sorted(_COLUMNS))}, or {PROPERTY_PREFIX}<name>"
            )
        given = [value for value in (rule.constant, rule.otherwise, *(rule.values or {}).values()) if value is not None]
        for value in given:
            if name in _TYPES and not _fits(_TYPES[name], value):
                raise ValueError(f"{name}: {value!r} doesn't fit the column, which holds {_WORDS[_TYPES[name]]}")
        if name == "kind":
            given = [rule.constant, rule.otherwise, *(rule.values or {}).values()]
            wrong = [str(kind) for kind in given if kind is not None and kind not in KINDS]
            if wrong:
                raise ValueError(f"kind: {', '.join(wrong)} is no kind of event; write one of {', '.join(KINDS)}")


class EventRule(Part):
    """One of several events that a record turns into."""

    where: tuple[Condition, ...] = Field((), description="only for records that fit all of these")
    split: str | None = Field(
        None, description="field that holds a list: one event per entry, its fields as item.<path>"
    )
    columns: Columns = Field(default_factory=dict, description="over those of the mapping")

    @model_validator(mode="after")
    def _columns_exist(self) -> Self:
        _check_columns(self.columns)
        return self


def _one_event() -> tuple[EventRule, ...]:
    return (EventRule.model_validate({}),)


class RecordMapping(Part):
    """How any CSV, NDJSON or Parquet becomes events. What no column names is kept in the properties."""

    where: tuple[Condition, ...] = Field((), description="records that don't fit all of these are left out, counted")
    columns: Columns
    events: tuple[EventRule, ...] = Field(
        default_factory=_one_event, min_length=1, description="one record into several events"
    )

    @model_validator(mode="after")
    def _tells_what_and_when(self) -> Self:
        _check_columns(self.columns)
        for i, event in enumerate(self.events):
            lacking = {"occurred_at", "kind"} - {*self.columns, *event.columns}
            if lacking:
                where = f"events.{i}" if len(self.events) > 1 else "columns"
                raise ValueError(f"{where}: lacks {', '.join(sorted(lacking))}; say where it comes from")
        return self


class Replay(Part):
    """What is kept of session recordings, and what is masked before anything is stored."""

    events: bool = Field(
        default=True,
        description="false where another source sends the events of the same visits: recordings only are kept, found "
        "by their session id, else by device and time",
    )
    inputs: Literal["mask", "keep"] = Field(
        "mask", description="what stands in form fields; passwords, cards, e-mail and phone fields are always masked"
    )
    texts: Literal["mask", "keep"] = Field("keep", description="all texts of the page; `mask` keeps the layout only")
    mask: tuple[Selector, ...] = Field((), description="selectors of elements whose texts and fields are masked")
    hide: tuple[Selector, ...] = Field((), description="selectors of elements of which nothing but a grey box is kept")


def _none_as_word(value: object) -> object:
    # YAML reads a bare `none` as text but `null` or nothing as None; both say that the source has no ids.
    return "none" if value is None else value


class Source(Part):
    """One folder below landing/ and how its files are read."""

    format: FormatName = "canonical"
    event_id: Annotated[
        Literal["event_id", "none"] | Annotated[tuple[str, ...], Field(min_length=1)], BeforeValidator(_none_as_word)
    ] = Field(
        "event_id",
        description="`none` where the source has no ids: equal rows are then all kept; "
        "or a list of fields (paths with dots) that tell one event from another",
    )
    identified_by: Literal["identify", "user_id"] | None = Field(
        None,
        description="which events tell who uses a device: only identify, or each that bears a user_id; "
        "default: as the format does",
    )
    capabilities: tuple[Capability, ...] | None = Field(
        None, description="what the source measures; default: what its format declares, or its events show"
    )
    encoding: Encoding = Field(
        "utf-8", description="of text files without a byte order mark, such as cp1252 of Excel's CSV"
    )
    heartbeat_s: int | None = Field(None, gt=0, description="seconds between page pings")
    minimum_visit_s: int = Field(0, ge=0, description="seconds after which the first page ping is sent")
    ignore_columns: tuple[str, ...] = Field(
        (),
        description="columns not to be filled from this source, such as a user_id that isn't one; kept in properties",
    )
    mapping: RecordMapping | None = Field(None, description="for the format `mapping`")
    replay: Replay = Field(default_factory=lambda: Replay.model_validate({}), description="for the format `rrweb`")
    survey_id: str | None = Field(None, description="for the format `surveys`: the survey of files that name none")
    time_zone: Zone = Field("UTC", description="for the format `surveys`: zone of times that tell none")

    @model_validator(mode="after")
    def _ignores_what_exists(self) -> Self:
        unknown = [name for name in self.ignore_columns if name not in _COLUMNS - {"occurred_at", "kind"}]
        if unknown:
            raise ValueError(f"ignore_columns: {', '.join(unknown)} can't be left out; see docs/marts.md, raw_events")
        return self

    @model_validator(mode="after")
    def _replay_belongs_to_recordings(self) -> Self:
        if self.format != "rrweb" and self.replay != Replay.model_validate({}):
            raise ValueError("`replay` is for sources of `format: rrweb`; this one has no recordings")
        return self

    @model_validator(mode="after")
    def _mapping_belongs_to_mapping(self) -> Self:
        if (self.format == "mapping") != (self.mapping is not None):
            raise ValueError("`format: mapping` and a section `mapping` belong together; give both or neither")
        if self.mapping is not None and self.event_id == "event_id":
            for i, event in enumerate(self.mapping.events):
                if "event_id" not in {**self.mapping.columns, **event.columns}:
                    raise ValueError(
                        f"mapping: event {i} has no event_id; map one, or write `event_id: [fields]` or "
                        "`event_id: none` for the source"
                    )
        return self
