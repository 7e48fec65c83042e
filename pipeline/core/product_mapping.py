"""The declarative `mapping` of the product file's sources, as Pydantic models.

pipeline/ingest/sources/mapping.py carries a mapping out.
"""

import re
from collections.abc import Mapping as Mapped
from datetime import date
from typing import Annotated, Literal, Self

import polars as pl
from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from pipeline.core.canonical import INPUT_COLUMNS, KINDS, PROPERTY_PREFIX
from pipeline.core.contract import UTC_MICROSECONDS
from pipeline.core.product_base import FileModel, TimeFormats, Zone, as_tuple, constant_time

_TYPES = {column.name: column.dtype for column in INPUT_COLUMNS}
_COLUMNS = frozenset(_TYPES)
_WORDS: dict[pl.DataType, str] = {
    pl.String(): "text (quote it)",
    pl.Int32(): "whole numbers",
    pl.Int64(): "whole numbers",
    pl.Boolean(): "true or false",
    UTC_MICROSECONDS: "times: a constant is written like 2026-01-31 or 2026-01-31 09:30",
}
# A path in a template.
PLACE = re.compile(r"\{([^{}]+)\}")
_INTEGERS: dict[pl.DataType, int] = {pl.Int32(): 31, pl.Int64(): 63}


def _day_as_text(value: object) -> object:
    # YAML reads 2026-01-31 as a day.
    return value.isoformat() if isinstance(value, date) else value


Constant = Annotated[bool | int | str, BeforeValidator(_day_as_text)]
Fields = Annotated[tuple[str, ...], BeforeValidator(as_tuple), Field(min_length=1)]


class Condition(FileModel):
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


class ColumnRule(FileModel):
    """Where a canonical column comes from: a field, the first of several that has a value, or a constant."""

    field: Fields | None = Field(None, description="path with dots, or a list of alternatives (a renamed column)")
    constant: Constant | None = None
    template: str | None = Field(
        None, description="text with paths in braces, such as https://shop.example{path}; null where one has no value"
    )
    values: dict[str, bool | int | str] | None = Field(None, description="value of the field: value of the column")
    otherwise: Constant | None = Field(
        None, description="where the field has no value or `values` lacks it; default: null"
    )
    format: TimeFormats = Field(
        (), description="of times; of several the first that fits; default: any that can be read in one way only"
    )
    zone: Zone = Field(
        "UTC", description="of times that tell none; with epoch_* the zone whose own clock was written as a number"
    )
    scale: int = Field(1, ge=1, le=1_000_000, description="numbers are multiplied by it: 1000000 for whole currency")
    decimal: Literal[".", ","] = "."

    @model_validator(mode="after")
    def _has_one_origin(self) -> Self:
        if sum(each is not None for each in (self.field, self.constant, self.template)) != 1:
            raise ValueError("give either `field` or `constant`, or a `template`")
        if self.values is not None and self.field is None:
            raise ValueError("`values` needs a `field`")
        if self.otherwise is not None and self.constant is not None:
            raise ValueError("`otherwise` does nothing beside a `constant`; remove one of them")
        if self.template is not None and not self.names:
            raise ValueError("`template` names no field; write its path in braces, or a `constant`")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The paths in the braces of the template."""
        return tuple(position[1] for position in PLACE.finditer(self.template or ""))


def _as_rule(value: object) -> object:
    # `event_id: order_no` and `event_id: [order_no, nr]` are short for {field: ...}.
    return {"field": value} if isinstance(value, str | list | tuple) else value


Columns = dict[str, Annotated[ColumnRule, BeforeValidator(_as_rule)]]


def _idle(name: str, rule: ColumnRule) -> list[str]:
    """The settings of a rule that would do nothing for the column."""
    dtype = _TYPES.get(name)
    is_read = rule.field is not None and rule.values is None
    is_number = is_read and dtype in _INTEGERS
    is_time = dtype == UTC_MICROSECONDS
    useful = {
        "format": is_read and is_time,
        "zone": is_time,
        "scale": is_number,
        "decimal": is_number,
        "template": dtype in (None, pl.String()),
    }
    default = ColumnRule.model_fields
    return [key for key, is_useful in useful.items() if not is_useful and getattr(rule, key) != default[key].default]


def _fits(dtype: pl.DataType, value: str | int | bool) -> bool:
    if dtype == UTC_MICROSECONDS:
        return isinstance(value, str) and constant_time(value, "UTC") is not None
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
        if idle := _idle(name, rule):
            holds = _WORDS[_TYPES[name]] if name in _TYPES else "the value as it is"
            raise ValueError(f"{name}: `{idle[0]}` does nothing here: the column holds {holds}; remove it")
        given = [value for value in (rule.constant, rule.otherwise, *(rule.values or {}).values()) if value is not None]
        for value in given:
            if name in _TYPES and not _fits(_TYPES[name], value):
                raise ValueError(f"{name}: {value!r} doesn't fit the column, which holds {_WORDS[_TYPES[name]]}")
        if name == "kind":
            given = [rule.constant, rule.otherwise, *(rule.values or {}).values()]
            wrong = [str(kind) for kind in given if kind is not None and kind not in KINDS]
            if wrong:
                raise ValueError(f"kind: {', '.join(wrong)} is no kind of event; write one of {', '.join(KINDS)}")


class EventRule(FileModel):
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


class RecordMapping(FileModel):
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
