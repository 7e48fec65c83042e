"""Recorded rrweb events of a batch as rows of raw_recordings: in their local days, without erased people."""

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from pipeline.core.canonical import MAX_TIME, RAW_RECORDINGS
from pipeline.core.contract import UTC_MICROSECONDS
from pipeline.core.days import day_start
from pipeline.ingest.batch import Batch
from pipeline.ingest.erased import Erased

_MS = 1_000


def recorded_frame(batch: Batch, erased: Erased) -> pl.DataFrame:
    """Columns of raw_recordings and `local_day`; what lies before the product's start or in absurd times is left out."""
    product, source = batch.reader.product, batch.reader.source
    first = int(day_start(product.start_date, product.zone_info).timestamp() * _MS)
    last = int(datetime.fromisoformat(MAX_TIME).timestamp() * _MS)
    rows = [(number, position, *each) for number, position, each in batch.recorded if first <= each.at_ms < last]
    schema = {
        "record_number": pl.Int64, "event_number": pl.Int64, "session_id": pl.String, "anonymous_id": pl.String,
        "user_id": pl.String, "tab_id": pl.String, "at_ms": pl.Int64, "kind": pl.Int32, "incremental": pl.Int32,
        "act": pl.Int32, "sameness": pl.Int64, "event": pl.String,
    }  # fmt: skip
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    users, devices = erased.among("user", frame["user_id"]), erased.among("device", frame["anonymous_id"])
    theirs = pl.col("user_id").is_in(users).fill_null(value=False) | pl.col("anonymous_id").is_in(devices)
    placed = frame.filter(~theirs).with_columns(
        source=pl.lit(source), occurred_at=(pl.col("at_ms") * _MS).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    )
    local = placed["occurred_at"].cast(UTC_MICROSECONDS).dt.convert_time_zone(product.time_zone).dt.date()
    return RAW_RECORDINGS.conform(placed.with_columns(local_day=local), ["local_day"])


def days_of(frames: Sequence[pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The rows of several batches by local day, in the contract's order."""
    if not frames:
        return {}
    parts = pl.concat(frames).partition_by("local_day", as_dict=True, include_key=False)
    return {str(day): RAW_RECORDINGS.conform(part) for (day,), part in sorted(parts.items(), key=lambda p: str(p[0]))}
