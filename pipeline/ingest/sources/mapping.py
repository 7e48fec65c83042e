"""The declarative source: any CSV, NDJSON or Parquet, as the product file's `mapping` says (docs/product.md).

| field | canonical column |
| --- | --- |
| what `columns` names | that column |
| all else, and fields whose values are mapped | properties |

A value that doesn't fit its column is a fault of the record: the mapping was written for it. Only the column and the
field are named then, never the value. A cell that holds JSON as text is read where the mapping names a path into it. A refund's revenue is negative, however it is written.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

import polars as pl

from pipeline.core.canonical import INPUT_COLUMNS, PROPERTY_PREFIX
from pipeline.core.contract import UTC_MICROSECONDS
from pipeline.core.product_base import constant_time
from pipeline.core.product_mapping import PLACE, ColumnRule, Condition, EventRule
from pipeline.core.product_sources import MAX_EVENTS_PER_RECORD, Source
from pipeline.ingest.faults import RecordFault, RecordLeftOut
from pipeline.ingest.scrub import json_within
from pipeline.ingest.sources.base import Format, ToEvents
from pipeline.ingest.sources.fields import (
    Convert,
    Fields,
    boolean,
    copied,
    derived_id,
    naming,
    number,
    peek,
    properties,
    take,
    text,
)
from pipeline.ingest.sources.times import OF_COLUMN, Clock, unreadable

_GROUPED = {
    decimal: re.compile(rf"([+-]?(?:\d{{1,3}}(?:[{group} \u00a0\u202f'\u2019]\d{{3}})+|\d+))(?:[{decimal}](\d+))?")
    for decimal, group in ((".", ","), (",", "."))
}
_TYPES = {column.name: column.dtype for column in INPUT_COLUMNS}


def _begin(source: Source, clock: Clock) -> ToEvents:
    return partial(_events, source, clock, _within(source))


def _events(source: Source, clock: Clock, within: Sequence[str], row: Fields) -> Iterable[Fields]:
    mapping = source.mapping
    for path in within:
        _open(row, path)
    if mapping is None or not all(_fits(row, condition) for condition in mapping.where):
        raise RecordLeftOut("where")
    result: list[Fields] = []
    for number_of_rule, rule in enumerate(mapping.events):
        if not all(_fits(row, condition) for condition in rule.where):
            continue
        columns = {**mapping.columns, **rule.columns}
        for position, entry in enumerate(_split(row, rule)):
            for path in within if rule.split is not None else ():
                _open(entry, path)
            named = naming(entry, source.event_id) if isinstance(source.event_id, tuple) else None
            event = _event(clock, columns, entry)
            if named is not None:
                known = any(value is not None for value in named)
                event["event_id"] = derived_id(number_of_rule, position, *named) if known else None
            result.append(event)
    if not result:
        raise RecordLeftOut("no_event_rule")
    return result


def _within(source: Source) -> list[str]:
    """The paths of the mapping that may lead into JSON which a cell holds as text: those with dots, and split lists."""
    mapping = source.mapping
    if mapping is None:
        return []
    rules = [
        rule for columns in (mapping.columns, *(each.columns for each in mapping.events)) for rule in columns.values()
    ]
    conditions = [*mapping.where, *(condition for each in mapping.events for condition in each.where)]
    named = {path for each in (*rules, *conditions) for path in each.field or ()}
    named |= {path for rule in rules for path in rule.names}
    named |= set(source.event_id) if isinstance(source.event_id, tuple) else set()
    lists = {f"{each.split}.*" for each in mapping.events if each.split is not None}
    return sorted({path for path in named if "." in path} | lists)


def _open(row: Fields, path: str) -> None:
    """Put JSON that stands as text before the last part of `path` in its own place."""
    node: Any = row
    head, _, rest = path.partition(".")
    while rest and isinstance(node, dict) and f"{head}.{rest}" not in node:
        held = node.get(head)
        inner = json_within(held) if isinstance(held, str) else None
        if inner is not None:
            node[head] = inner
        node = node.get(head)
        head, _, rest = rest.partition(".")


def _fits(row: Fields, condition: Condition) -> bool:
    value = next((result for path in condition.field if (result := text(peek(row, path))) is not None), None)
    return value in condition.one_of if condition.one_of else value not in condition.none_of


def _split(row: Fields, rule: EventRule) -> list[Fields]:
    """A copy of the record for each entry of the list, whose own fields are reached as item.<path>."""
    if rule.split is None:
        return [copied(row)]
    entries = peek(row, rule.split)
    if entries is None:
        return []
    if not isinstance(entries, list) or len(entries) > MAX_EVENTS_PER_RECORD:
        raise RecordFault("wrong_split", f"`{rule.split}` is no list of at most {MAX_EVENTS_PER_RECORD} entries")
    result: list[Fields] = []
    for entry in entries:
        copy = copied(row)
        take(copy, rule.split)
        result.append({**copy, "item": copied(entry)})
    return result


def _event(clock: Clock, columns: Mapping[str, ColumnRule], row: Fields) -> Fields:
    event: Fields = {}
    own: Fields = {}
    # Read all before removing any: two columns may come from one field.
    for column, rule in columns.items():
        value = _value(clock, column, rule, row)
        if column.startswith(PROPERTY_PREFIX):
            if value is not None:
                own[column.removeprefix(PROPERTY_PREFIX)] = value
        else:
            event[column] = value
    # Many values may map to one, so the value itself is kept.
    known = [_origin(rule, row)[0] for rule in columns.values() if rule.values is None]
    for path in [*known, *(name for rule in columns.values() for name in rule.names)]:
        take(row, path)
    if event.get("kind") == "refund" and (event.get("revenue_micros") or 0) > 0:
        event["revenue_micros"] = -event["revenue_micros"]
    kept = {name: value for name, value in row.items() if value is not None}
    event["properties"] = properties({**kept, **own}, {})
    return event


def _value(clock: Clock, column: str, rule: ColumnRule, row: Fields) -> Any:  # noqa: ANN401  # a column's value
    value = _result(clock, column, rule, row)
    if value is None:
        value = rule.otherwise
    is_written = isinstance(value, str) and _TYPES.get(column) == UTC_MICROSECONDS
    return constant_time(value, rule.zone) if is_written else value


def _result(clock: Clock, column: str, rule: ColumnRule, row: Fields) -> Any:  # noqa: ANN401  # a column's value
    """What the record or the constant says; None: nothing. A time of the product file is text yet."""
    if rule.field is None:
        return rule.constant if rule.template is None else _filled(rule.template, row)
    path, value = _origin(rule, row)
    if rule.values is not None:
        return rule.values.get(text(value) or "")
    if value is None or column.startswith(PROPERTY_PREFIX):
        return value
    if _TYPES[column] == UTC_MICROSECONDS:
        at = clock.read(value, path, rule.zone, rule.format)
        if at is None:
            raise unreadable(path, value, OF_COLUMN)
        return at
    converted = _converter(column, rule)(value)
    if converted is None:
        raise RecordFault("wrong_type", f"{column}: the value of `{path}` doesn't fit; correct the mapping or the data")
    return converted


def _filled(template: str, row: Fields) -> str | None:
    """The template with the values of its paths; None where one has none."""
    reported = {position[1]: text(peek(row, position[1])) for position in PLACE.finditer(template)}
    return PLACE.sub(lambda position: reported[position[1]] or "", template) if None not in reported.values() else None


def _origin(rule: ColumnRule, row: Fields) -> tuple[str, Any]:
    """The first of the rule's fields that has a value, and the value; blanks are none."""
    paths = rule.field or ("",)
    result = ((path, peek(row, path)) for path in paths)
    return next(
        ((p, v) for p, v in result if v is not None and not (isinstance(v, str) and not v.strip())), (paths[0], None)
    )


def _converter(column: str, rule: ColumnRule) -> Convert:
    dtype = _TYPES[column]
    if dtype in (pl.Int32(), pl.Int64()):
        return partial(_integer, rule, 31 if dtype == pl.Int32() else 63)
    return boolean if dtype == pl.Boolean() else text


def _integer(rule: ColumnRule, bits: int, value: Any) -> int | None:  # noqa: ANN401
    result = number(_without_groups(value.strip(), rule.decimal) if isinstance(value, str) else value)
    if result is None:
        return None
    scaled = int((result * Decimal(rule.scale)).to_integral_value())
    return scaled if -(2**bits) <= scaled < 2**bits else None


def _without_groups(written: str, decimal: str) -> str | None:
    """A written number with a point and without separators of thousands; None where they don't part thousands."""
    matched = _GROUPED[decimal].fullmatch(written)
    if matched is None:
        return written if decimal == "." and "," not in written else None
    return re.sub(r"[^\d+-]", "", matched[1]) + (f".{matched[2]}" if matched[2] else "")


FORMAT = Format(documentation="docs/product.md, sources", begin=_begin)
