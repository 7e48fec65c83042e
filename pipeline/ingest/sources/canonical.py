"""The canonical format: a record's fields bear the names of `contracts.canonical.INPUT_COLUMNS`.

NDJSON: one object a line, times in RFC 3339 with a zone. CSV: a header with those names, an empty cell is null.
Parquet: columns of those names. A field by another name is kept in `properties`.
"""

from datetime import datetime
from typing import Annotated, Any

import msgspec
import polars as pl

from pipeline.contracts.base import UTC_MICROSECONDS
from pipeline.contracts.canonical import INPUT_COLUMNS
from pipeline.ingest.faults import RecordFault
from pipeline.ingest.reading import LooseRow
from pipeline.ingest.scrub import without_ip

_INT32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
_INT64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_TYPES: dict[pl.DataType, Any] = {
    pl.String(): str,
    pl.Int32(): _INT32,
    pl.Int64(): _INT64,
    pl.Boolean(): bool,
    UTC_MICROSECONDS: Annotated[datetime, msgspec.Meta(tz=True)],
}
_NAMES = frozenset(column.name for column in INPUT_COLUMNS)

# gc=False: a batch of records is dropped at once, and tracking each costs four times the decoding.
CanonicalRecord: type[msgspec.Struct] = msgspec.defstruct(
    "CanonicalRecord",
    [(c.name, _TYPES[c.dtype] | None, None) for c in INPUT_COLUMNS] + [("properties", dict[str, Any] | None, None)],
    forbid_unknown_fields=True,
    gc=False,
)
_decoder = msgspec.json.Decoder(CanonicalRecord)


def decode(record: bytes | dict[str, Any]) -> msgspec.Struct:
    """Turn one record into a `CanonicalRecord`; RecordFault names the rule that it breaks.

    Of a key given twice in one JSON object the last counts, as in every browser.
    """
    try:
        if isinstance(record, bytes):
            try:
                return _decoder.decode(record)
            except msgspec.ValidationError as fault:
                if "unknown field" not in str(fault):
                    raise
                record = msgspec.json.decode(record, type=dict[str, Any])
        return _from_mapping(record)
    except UnicodeDecodeError:
        raise RecordFault("invalid_utf8", "not UTF-8; save the file as UTF-8") from None
    except RecursionError:
        raise RecordFault("too_deep", "nested too deeply to be read; send it flatter") from None
    except msgspec.ValidationError as fault:
        raise RecordFault("wrong_type", f"{fault}; see docs/marts.md for the type of each field") from None
    except (msgspec.DecodeError, ValueError, OverflowError) as fault:
        raise RecordFault("malformed_json", f"{fault}; send one JSON object a line") from None


def _from_mapping(record: dict[str, Any]) -> msgspec.Struct:
    """Unknown names move into `properties`; text of CSV is read as its column's type."""
    known = {name: value for name, value in record.items() if name in _NAMES}
    rest = {name: value for name, value in record.items() if name not in _NAMES and name != "properties"}
    given = record.get("properties")
    if isinstance(given, str):
        given = msgspec.json.decode(given, type=dict[str, Any])
    if given is not None and not isinstance(given, dict):
        raise msgspec.ValidationError(f"Expected `object | null`, got `{type(given).__name__}` - at `$.properties`")
    properties: dict[str, Any] = {**rest, **(given or {})}
    return msgspec.convert(
        {**known, "properties": properties or None}, CanonicalRecord, strict=not isinstance(record, LooseRow)
    )


def properties_of(record: msgspec.Struct) -> dict[str, Any]:
    """What else the source sent, without IP addresses."""
    properties: dict[str, Any] | None = getattr(record, "properties")  # noqa: B009  # the struct's fields are dynamic
    return without_ip(properties) if properties else {}
