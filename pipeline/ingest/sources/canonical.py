"""The canonical format: a record's fields bear the names of `pipeline.core.canonical.INPUT_COLUMNS`.

Documentation: docs/marts.md, raw_events.

| field | canonical column |
| --- | --- |
| a column's name | that column |
| properties.* and all else | properties |

NDJSON: one object a line, times in RFC 3339 with a zone. CSV: a header with those names, an empty cell is null.
Parquet: columns of those names.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any

import msgspec
import polars as pl

from pipeline.core.canonical import ID_COLUMNS, INPUT_COLUMNS
from pipeline.core.contract import UTC_MICROSECONDS
from pipeline.core.product_sources import Source
from pipeline.ingest.faults import RecordFault
from pipeline.ingest.sources.base import Format, ToEvents
from pipeline.ingest.sources.fields import Fields
from pipeline.ingest.sources.times import Clock

_INT32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
_INT64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_TYPES: dict[pl.DataType, Any] = {
    pl.String(): str,
    pl.Int32(): _INT32,
    pl.Int64(): _INT64,
    pl.Boolean(): bool,
    UTC_MICROSECONDS: Annotated[datetime, msgspec.Meta(tz=True)],
}
# Ids may come as numbers; ingest takes them as text.
_ID = str | int | float | bool
_NAMES = frozenset(column.name for column in INPUT_COLUMNS)

# gc=False: a batch of records is dropped at once, and tracking each costs four times the decoding.
CanonicalRecord: type[msgspec.Struct] = msgspec.defstruct(
    "CanonicalRecord",
    [(c.name, (_ID if c.name in ID_COLUMNS else _TYPES[c.dtype]) | None, None) for c in INPUT_COLUMNS]
    + [("properties", dict[str, Any] | None, None)],
    forbid_unknown_fields=True,
    gc=False,
)
_decoder = msgspec.json.Decoder(CanonicalRecord)


def decode(line: bytes) -> msgspec.Struct:
    """Turn one line into a `CanonicalRecord`; RecordFault names the rule that it breaks.

    Of a key given twice in one JSON object the last counts, as in every browser.
    """
    try:
        try:
            return _decoder.decode(line)
        except msgspec.ValidationError as fault:
            if "unknown field" not in str(fault):
                raise
            return _converted(_with_rest(msgspec.json.decode(line, type=dict[str, Any])), strict=True)
    except UnicodeDecodeError:
        raise RecordFault("invalid_utf8", "not UTF-8; save the file as UTF-8") from None
    except RecursionError:
        raise RecordFault("too_deep", "nested too deeply to be read; send it flatter") from None
    except msgspec.ValidationError as fault:
        raise _wrong_type(fault) from None
    except (msgspec.DecodeError, ValueError, OverflowError) as fault:
        raise RecordFault("malformed_json", f"{fault}; send one JSON object a line") from None


def convert(event: Fields, *, strict: bool) -> msgspec.Struct:
    """A canonical event as a `CanonicalRecord`; `strict`: numbers aren't read from text."""
    try:
        return _converted(event, strict=strict)
    except RecursionError:
        raise RecordFault("too_deep", "nested too deeply to be read; send it flatter") from None
    except (msgspec.ValidationError, OverflowError) as fault:
        raise _wrong_type(fault) from None


def _wrong_type(fault: Exception) -> RecordFault:
    return RecordFault("wrong_type", f"{fault}; see docs/marts.md for the type of each field")


def _converted(event: Fields, *, strict: bool) -> msgspec.Struct:
    return msgspec.convert(event, CanonicalRecord, strict=strict)


def _with_rest(record: Fields) -> Fields:
    """Unknown names move into `properties`."""
    known = {name: value for name, value in record.items() if name in _NAMES}
    rest = {name: value for name, value in record.items() if name not in _NAMES and name != "properties"}
    given = record.get("properties")
    if isinstance(given, str):
        try:
            given = msgspec.json.decode(given, type=dict[str, Any])
        except (msgspec.DecodeError, RecursionError) as fault:
            raise RecordFault("malformed_json", f"properties: {fault}; write a JSON object") from None
    if given is not None and not isinstance(given, dict):
        raise RecordFault("wrong_type", f"properties: expected an object, got {type(given).__name__}")
    return {**known, "properties": {**rest, **(given or {})} or None}


def properties_of(record: msgspec.Struct) -> dict[str, Any] | None:
    """What else the source sent."""
    return getattr(record, "properties")  # noqa: B009  # the struct's fields are dynamic


def _begin(_source: Source, _clock: Clock) -> ToEvents:
    return _events


def _events(record: Fields) -> Iterable[Fields]:
    return [_with_rest(record)]


FORMAT = Format(documentation="docs/marts.md, raw_events", begin=_begin)
