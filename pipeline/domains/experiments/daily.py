"""Who was exposed to which variant in the sessions of a day."""

from datetime import date

import polars as pl

from pipeline.core.columns import SESSION_DIMENSIONS
from pipeline.core.registry import TABLES
from pipeline.events.channels import NOT_MEASURED, UNKNOWN

_DIMENSIONS = tuple(
    pl.col(name).fill_null(NOT_MEASURED if name == "channel" else UNKNOWN) for name in SESSION_DIMENSIONS
)


def exposures(events: pl.LazyFrame, sessions: pl.LazyFrame, day: date) -> pl.DataFrame:
    """Who was exposed to which variant in the sessions booked on `day`, when first, and in which segments by then."""
    reported = events.filter(pl.col("variant").is_not_null(), ~pl.col("is_bot")).select(
        "person_key", "session_key", "event_index", "occurred_at", "experiment_id",
        variant=pl.col("variant").str.strip_prefix(pl.concat_str("experiment_id", pl.lit("/"))),
    ).collect()  # fmt: skip
    about = sessions.select("session_key", *_DIMENSIONS).collect()
    ordered = reported.join(about, on="session_key").sort("person_key", "occurred_at", "session_key", "event_index")
    first = ordered.group_by("person_key", "experiment_id", "variant", maintain_order=True).agg(
        pl.col("session_key", "event_index", *SESSION_DIMENSIONS).first(),
        first_at=pl.col("occurred_at").first(),
        exposures=pl.len(),
    )
    # What follows the exposure may follow from it.
    marks = (
        events.filter(pl.col("segment_bits") != 0).select("session_key", "segment_bits", then="event_index").collect()
    )
    key = ["person_key", "experiment_id", "variant"]
    before = (
        first.select(*key, "session_key", "event_index")
        .join(marks, on="session_key")
        .filter(pl.col("then") <= pl.col("event_index"))
    )
    bits = before.group_by(key).agg(pl.col("segment_bits").bitwise_or())
    known = first.join(bits, on=key, how="left").with_columns(pl.col("segment_bits").fill_null(0), day=pl.lit(day))
    return TABLES["exposures"].conform(known)
