"""Records to candidate events, one Polars pass of row rules, and the split into accepted and rejected.

The clock is corrected here: where a batch was sent by a device whose clock is more than 60 s off, its own offset
(received_at - sent_at) is added to occurred_at; occurred_at_raw keeps what the device said (metrics.md, "Events").
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
import polars as pl

from pipeline.contracts.base import UTC_MICROSECONDS
from pipeline.contracts.canonical import INPUT_COLUMNS, MAX_TIME, PROMOTED_PREFIX, RAW_EVENTS, REJECTED
from pipeline.days import day_start
from pipeline.ingest.faults import RecordFault
from pipeline.ingest.reading import Record
from pipeline.ingest.scrub import scrub_columns, scrub_text
from pipeline.ingest.sources import canonical
from pipeline.product import Product, PropertyType

CLOCK_TOLERANCE_S = 60
MAX_RAW_TEXT = 65_536
_ID_COLUMNS = ("event_id", "anonymous_id", "user_id", "session_id", "page_view_id", "tab_id")
_PROMOTED_TYPES: dict[PropertyType, tuple[type, pl.DataType]] = {
    "string": (str, pl.String()),
    "integer": (int, pl.Int64()),
    "boolean": (bool, pl.Boolean()),
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INT64 = 2**63


@dataclass
class Batch:
    """Records of one landing file, read but not yet judged."""

    numbers: list[int] = field(default_factory=list)
    raw: list[bytes | dict[str, Any]] = field(default_factory=list)
    records: list[msgspec.Struct] = field(default_factory=list)
    rejected: list[tuple[int, str, str, str]] = field(default_factory=list)

    def add(self, number: int, record: Record) -> None:
        """Decode a record; one that can't be is rejected at once."""
        if isinstance(record, RecordFault):
            self.rejected.append((number, record.rule, record.reason, ""))
            return
        try:
            decoded = canonical.decode(record)
        except RecordFault as fault:
            self.rejected.append((number, fault.rule, fault.reason, _raw_text(record)))
            return
        self.numbers.append(number)
        self.raw.append(record)
        self.records.append(decoded)

    def __len__(self) -> int:
        return len(self.records) + len(self.rejected)


@dataclass(frozen=True)
class Judged:
    """What became of a batch. `accepted` has the contract's columns of raw_events, and `local_day`."""

    accepted: pl.DataFrame
    rejected: pl.DataFrame


def promoted_schema(product: Product) -> dict[str, pl.DataType]:
    """Column name and type of each property that the product file promotes."""
    return {PROMOTED_PREFIX + name: _PROMOTED_TYPES[kind][1] for name, kind in product.properties.items()}


def with_promoted(rows: pl.LazyFrame, product: Product) -> pl.LazyFrame:
    """Rows with a column for each promoted property, of its type of today; a value that doesn't fit it is null."""
    present = rows.collect_schema().names()
    return rows.with_columns(
        (pl.col(name).cast(dtype, strict=False) if name in present else pl.lit(None, dtype=dtype).alias(name))
        for name, dtype in promoted_schema(product).items()
    )


def judge(batch: Batch, source: str, product: Product, file_sha256: str) -> Judged:
    """Apply the contract's row rules; a row that breaks several is rejected under the first."""
    frame = _clock_corrected(_candidates(batch, source, product))
    needs_id = product.sources[source].event_id != "none"
    facts = frame.with_columns(
        no_occurred_at=pl.col("occurred_at").is_null(),
        has_event_id=pl.col("event_id").is_not_null() | pl.lit(not needs_id),
        start_of_product=pl.lit(day_start(product.start_date, product.zone_info), dtype=UTC_MICROSECONDS),
        is_absurd=pl.col("occurred_at") >= datetime.fromisoformat(MAX_TIME),
    )
    broken = [pl.when(~rule.holds.fill_null(value=False)).then(pl.lit(rule.name)) for rule in RAW_EVENTS.rules]
    facts = facts.select(*frame.columns, broken_rule=pl.coalesce(*broken))
    good = facts.filter(pl.col("broken_rule").is_null()).drop("broken_rule")
    local_day = pl.col("occurred_at").dt.convert_time_zone(product.time_zone).dt.date()
    return Judged(scrub_columns(good).with_columns(local_day=local_day), _rejected(batch, facts, source, file_sha256))


def _candidates(batch: Batch, source: str, product: Product) -> pl.DataFrame:
    """The decoded records as columns: canonical names, properties as sorted JSON, promoted properties."""
    values = list(zip(*map(msgspec.structs.astuple, batch.records), strict=True))
    if not values:
        values = [()] * (len(INPUT_COLUMNS) + 1)
    columns: list[pl.Series] = []
    for column, cells in zip(INPUT_COLUMNS, values, strict=False):
        if column.dtype == UTC_MICROSECONDS:
            micros = pl.Series(column.name, [_micros(cell) for cell in cells], dtype=pl.Int64)
            columns.append(micros.cast(UTC_MICROSECONDS))
        else:
            columns.append(pl.Series(column.name, cells, dtype=column.dtype))
    rest = [canonical.properties_of(record) for record in batch.records]
    columns += [
        _promote(rest, name.removeprefix(PROMOTED_PREFIX), product.properties[name.removeprefix(PROMOTED_PREFIX)])
        for name in promoted_schema(product)
    ]
    columns.append(pl.Series("properties", [_json(mapping) for mapping in rest], dtype=pl.String))
    columns.append(pl.Series("record_number", batch.numbers, dtype=pl.Int64))
    frame = pl.DataFrame(columns).with_columns(
        *(pl.col(name).replace("", None) for name in _ID_COLUMNS),
        source=pl.lit(source),
        occurred_at_raw=pl.col("occurred_at"),
    )
    if product.sources[source].event_id == "none":
        # What such a source sends as ids repeats: equal rows are all kept.
        frame = frame.with_columns(event_id=pl.lit(None, dtype=pl.String))
    return frame.select(*RAW_EVENTS.schema.names(), *promoted_schema(product))


def _micros(time: datetime | None) -> int | None:
    if time is None:
        return None
    passed = time - _EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds


def _json(mapping: dict[str, Any]) -> str | None:
    return msgspec.json.encode(mapping, order="sorted").decode() if mapping else None


def _promote(rest: list[dict[str, Any]], name: str, kind: PropertyType) -> pl.Series:
    """Move a property out of `rest` into a typed column; a value of another type stays where it is."""
    wanted, dtype = _PROMOTED_TYPES[kind]
    cells: list[Any] = []
    for mapping in rest:
        value = mapping.get(name)
        fits = isinstance(value, wanted)
        if isinstance(value, int) and wanted is int:
            fits = not isinstance(value, bool) and -_INT64 <= value < _INT64
        cells.append(mapping.pop(name) if fits else None)
    return pl.Series(PROMOTED_PREFIX + name, cells, dtype=dtype)


def _clock_corrected(frame: pl.DataFrame) -> pl.DataFrame:
    offset = pl.col("received_at") - pl.col("sent_at")
    is_off = offset.abs() > pl.duration(seconds=CLOCK_TOLERANCE_S)
    return frame.with_columns(
        occurred_at=pl.when(is_off.fill_null(value=False))
        .then(pl.col("occurred_at") + offset)
        .otherwise(pl.col("occurred_at"))
    )


def _rejected(batch: Batch, judged: pl.DataFrame, source: str, file_sha256: str) -> pl.DataFrame:
    reasons = {rule.name: rule.description for rule in RAW_EVENTS.rules}
    raw = dict(zip(batch.numbers, batch.raw, strict=True))
    broken = judged.filter(pl.col("broken_rule").is_not_null()).select("record_number", "broken_rule").rows()
    rows = batch.rejected + [(n, rule, reasons[rule], _raw_text(raw[n])) for n, rule in broken]
    return rejected_frame(source, file_sha256, rows)


def rejected_frame(source: str, file_sha256: str, rows: Sequence[tuple[int, str, str, str]]) -> pl.DataFrame:
    """Rows of the rejected table from (record number, rule, reason, raw text)."""
    frame = pl.DataFrame(
        rows,
        schema={"record_number": pl.Int64, "rule": pl.String, "reason": pl.String, "raw_text": pl.String},
        orient="row",
    )
    return REJECTED.conform(frame.with_columns(source=pl.lit(source), file_sha256=pl.lit(file_sha256)))


def _raw_text(record: bytes | dict[str, Any]) -> str:
    """A record as text: personal data removed, cut at 64 KB, bytes that are no UTF-8 shown as escapes."""
    if isinstance(record, bytes):
        text = record[:MAX_RAW_TEXT].decode("utf-8", errors="backslashreplace").rstrip("\r\n")
    else:
        text = json.dumps(record, default=str, ensure_ascii=False)
    return scrub_text(text)[:MAX_RAW_TEXT]
