"""Daily sums of sessions that add up, by device (docs/definitions/rules.md, "What adds up")."""

from datetime import date

import polars as pl

from pipeline.core.columns import OTHER_PAGE
from pipeline.core.registry import TABLES
from pipeline.events.channels import NOT_MEASURED, UNKNOWN

_BY = {"channel": NOT_MEASURED, "country": UNKNOWN, "landing_page": OTHER_PAGE}
# What sessions and events are counted under of which it isn't known.
WITHOUT_VALUE = {**_BY, "device_type": UNKNOWN}


def daily_sessions(sessions: pl.LazyFrame, day: date) -> pl.DataFrame:
    """Sessions booked on `day` by device, bots left out."""
    return TABLES["daily_sessions"].conform(_summed(sessions, day, ["device_type"]))


def session_counts(sessions: pl.LazyFrame, day: date) -> pl.DataFrame:
    """Sessions booked on `day` by device, channel, country and landing page, bots left out."""
    return TABLES["session_counts"].conform(_summed(with_values(sessions), day, ["device_type", *_BY]))


def with_values(sessions: pl.LazyFrame) -> pl.LazyFrame:
    """Sessions with a value for what isn't known of them, so that nothing is lost where they are grouped or joined by it."""
    return sessions.with_columns(pl.col(name).fill_null(value) for name, value in _BY.items())


def _summed(sessions: pl.LazyFrame, day: date, by: list[str]) -> pl.DataFrame:
    has_view = pl.col("page_views") + pl.col("page_views_implied") > 0
    grouped = (
        sessions.filter(~pl.col("is_bot"))
        .group_by(by)
        .agg(
            pl.col("page_views", "page_views_implied", "clicks", "duration_ms", "orders", "revenue_micros").sum(),
            sessions=pl.len(),
            sessions_bounced=pl.col("is_bounce").sum(),
            sessions_with_goal=(pl.col("goal_events") > 0).sum(),
            sessions_with_page_view=has_view.sum(),
        )
    )
    return grouped.with_columns(session_day=pl.lit(day)).collect()
