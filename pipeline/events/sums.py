"""Daily sums of sessions that add up, by device (docs/definitions/rules.md, "What adds up")."""

from datetime import date

import polars as pl

from pipeline.core.registry import TABLES


def daily_sessions(sessions: pl.LazyFrame, day: date) -> pl.DataFrame:
    """Sessions booked on `day` by device, bots left out."""
    has_view = pl.col("page_views") + pl.col("page_views_implied") > 0
    grouped = (
        sessions.filter(~pl.col("is_bot"))
        .group_by("device_type")
        .agg(
            pl.col("page_views", "page_views_implied", "clicks", "duration_ms", "orders", "revenue_micros").sum(),
            sessions=pl.len(),
            sessions_bounced=pl.col("is_bounce").sum(),
            sessions_with_goal=(pl.col("goal_events") > 0).sum(),
            sessions_with_page_view=has_view.sum(),
        )
    )
    return TABLES["daily_sessions"].conform(grouped.with_columns(session_day=pl.lit(day)).collect())
