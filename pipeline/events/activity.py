"""Who was active: the narrow table `activity` (docs/definitions/sessions.md)."""

from datetime import date

import polars as pl

from pipeline.core.registry import TABLES

LEFT_TRUNCATED_DAYS = 28


def activity(events: pl.LazyFrame, day: date) -> pl.DataFrame:
    """One row per person active on `day`; bots and events without a person left out."""
    people = events.filter(pl.col("person_key").is_not_null(), ~pl.col("is_bot"))
    grouped = people.group_by("person_key").agg(
        pl.col("person_id").first(), first_at=pl.col("occurred_at").min(), events=pl.len()
    )
    return TABLES["activity"].conform(grouped.with_columns(day=pl.lit(day)).collect())
