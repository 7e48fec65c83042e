"""The declarative source: any CSV, NDJSON or Parquet, as the product file's `mapping` says (docs/product.md).

| field | canonical column |
| --- | --- |
| what `columns` names | that column |
| all else, and fields whose values are mapped | properties |

A value that doesn't fit its column is a fault of the record: the mapping was written for it. Only the column and the
field are named then, never the value. A refund's revenue is negative, however it is written.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from pipeline.contracts.base import UTC_MICROSECONDS
from pipeline.contracts.canonical import INPUT_COLUMNS, PROPERTY_PREFIX
from pipeline.ingest.faults import RecordFault, RecordLeftOut
from pipeline.ingest.sources.base import Format, ToEvents
from pipeline.ingest.sources.fields import (
    Convert,
    Fields,
    boolean,
    copied,
    derived_id,
    epoch,
    number,
    peek,
    properties,
    take,
    text,
)
from pipeline.product_sources import EPOCHS, ISO, MAX_EVENTS_PER_RECORD, ColumnRule, Condition, EventRule, Source

_GROUPED = {
    decimal: re.compile(rf"([+-]?(?:\d{{1,3}}(?:[{group} \u00a0\u202f'\u2019]\d{{3}})+|\d+))(?:[{decimal}](\d+))?")
    for decimal, group in ((".", ","), (",", "."))
}
_TYPES = {column.name: column.dtype for column in INPUT_COLUMNS}


def _begin(source: Source) -> ToEvents:
    return partial(_events, source)


def _events(source: Source, row: Fields) -> Iterable[Fields]:
    mapping = source.mapping
    if mapping is None or not all(_fits(row, condition) for condition in mapping.where):
        raise RecordLeftOut("where")
    found: list[Fields] = []
    for number_of_rule, rule in enumerate(mapping.events):
        if not all(_fits(row, condition) for condition in rule.where):
            continue
        columns = {**mapping.columns, **rule.columns}
        for place, entry in enumerate(_split(row, rule)):
            named = [peek(entry, path) for path in source.event_id] if isinstance(source.event_id, tuple) else None
            event = _event(columns, entry)
            if named is not None:
                known = any(value is not None for value in named)
                event["event_id"] = derived_id(number_of_rule, place, *named) if known else None
            found.append(event)
    if not found:
        raise RecordLeftOut("no_event_rule")
    return found


def _fits(row: Fields, condition: Condition) -> bool:
    value = next((found for path in condition.field if (found := text(peek(row, path))) is not None), None)
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
    found: list[Fields] = []
    for entry in entries:
        copy = copied(row)
        take(copy, rule.split)
        found.append({**copy, "item": copied(entry)})
    return found


def _event(columns: Mapping[str, ColumnRule], row: Fields) -> Fields:
    event: Fields = {}
    own: Fields = {}
    # Read all before removing any: two columns may come from one field.
    for column, rule in columns.items():
        value = _value(column, rule, row)
        if column.startswith(PROPERTY_PREFIX):
            if value is not None:
                own[column.removeprefix(PROPERTY_PREFIX)] = value
        else:
            event[column] = value
    # Many values may map to one, so the value itself is kept.
    for path in [_origin(rule, row)[0] for rule in columns.values() if rule.values is None]:
        take(row, path)
    if event.get("kind") == "refund" and (event.get("revenue_micros") or 0) > 0:
        event["revenue_micros"] = -event["revenue_micros"]
    kept = {name: value for name, value in row.items() if value is not None}
    event["properties"] = properties({**kept, **own}, {})
    return event


def _value(column: str, rule: ColumnRule, row: Fields) -> Any:  # noqa: ANN401  # a column's value
    if rule.field is None:
        return rule.constant
    path, value = _origin(rule, row)
    if rule.values is not None:
        key = text(value)
        return rule.values.get(key, rule.otherwise) if key is not None else rule.otherwise
    if value is None:
        return rule.otherwise
    if column.startswith(PROPERTY_PREFIX):
        return value
    converted = _converter(column, rule)(value)
    if converted is None:
        raise RecordFault("wrong_type", f"{column}: the value of `{path}` doesn't fit; correct the mapping or the data")
    return converted


def _origin(rule: ColumnRule, row: Fields) -> tuple[str, Any]:
    """The first of the rule's fields that has a value, and the value; blanks are none."""
    paths = rule.field or ("",)
    found = ((path, peek(row, path)) for path in paths)
    return next(
        ((p, v) for p, v in found if v is not None and not (isinstance(v, str) and not v.strip())), (paths[0], None)
    )


def _converter(column: str, rule: ColumnRule) -> Convert:
    dtype = _TYPES[column]
    if dtype == UTC_MICROSECONDS:
        return partial(_time, rule)
    if dtype in (pl.Int32(), pl.Int64()):
        return partial(_integer, rule, 31 if dtype == pl.Int32() else 63)
    return boolean if dtype == pl.Boolean() else text


def _integer(rule: ColumnRule, bits: int, value: Any) -> int | None:  # noqa: ANN401
    found = number(_without_groups(value.strip(), rule.decimal) if isinstance(value, str) else value)
    if found is None:
        return None
    scaled = int((found * Decimal(rule.scale)).to_integral_value())
    return scaled if -(2**bits) <= scaled < 2**bits else None


def _without_groups(written: str, decimal: str) -> str | None:
    """A written number with a point and without separators of thousands; None where they don't part thousands."""
    matched = _GROUPED[decimal].fullmatch(written)
    if matched is None:
        return written if decimal == "." and "," not in written else None
    return re.sub(r"[^\d+-]", "", matched[1]) + (f".{matched[2]}" if matched[2] else "")


def _time(rule: ColumnRule, value: Any) -> datetime | None:  # noqa: ANN401
    return next((at for form in rule.format if (at := _by_format(form, rule.zone, value)) is not None), None)


def _by_format(form: str, zone: str, value: Any) -> datetime | None:  # noqa: ANN401
    if form in EPOCHS:
        return epoch(value, EPOCHS[form])
    if isinstance(value, datetime):
        # Of a workbook, which knows no zones; Parquet's times have one by now.
        return value if value.tzinfo else value.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    try:
        written = str(value).strip()
        found = datetime.fromisoformat(written) if form == ISO else datetime.strptime(written, form)  # noqa: DTZ007
    except ValueError:
        return None
    # An hour that a clock change repeats is its first; one that it leaves out is moved on by the change.
    return found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


FORMAT = Format(documentation="docs/product.md, sources", begin=_begin)
