"""Daily sums that add up: sessions by device, and what came in by source (metrics.md, rule 2 and "Time and bots")."""

from datetime import date

import polars as pl

from pipeline.contracts import TABLES
from pipeline.events.matching import own_currency_revenue
from pipeline.product import Product

LATE_AFTER_HOURS = 24


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


def daily_quality(
    raw: pl.LazyFrame, events: pl.LazyFrame, sessions: pl.LazyFrame, day: date, product: Product
) -> pl.DataFrame:
    """What came in for `day` and what became of it, by source; recounted from raw rows, not carried along."""
    with_id = pl.col("event_id").is_not_null()
    accepted = raw.group_by("source").agg(
        events_accepted=pl.len(),
        ids=pl.col("event_id").drop_nulls().n_unique() + (~with_id).sum(),
    )
    is_view, is_person = pl.col("kind") == "page_view", ~pl.col("is_bot")
    late = pl.col("received_at") - pl.col("occurred_at") > pl.duration(hours=LATE_AFTER_HOURS)
    held = events.group_by("source").agg(
        events=pl.len(),
        events_bot=pl.col("is_bot").sum(),
        events_without_person=pl.col("person_key").is_null().sum(),
        page_view_events=is_view.sum(),
        page_view_events_without_bots=(is_view & is_person).sum(),
        page_view_events_unknown_page=(is_view & pl.col("page").is_null()).sum(),
        events_late=late.fill_null(value=False).sum(),
        orders_by_order_day=((pl.col("kind") == "order") & is_person).sum(),
        revenue_micros_by_order_day=own_currency_revenue(product.currency).filter(is_person).sum(),
    )
    split = sessions.group_by("source").agg(sessions_split=pl.col("is_split").sum())
    joined = (
        accepted.join(held, on="source", how="full", coalesce=True)
        .join(split, on="source", how="full", coalesce=True)
        .with_columns(pl.exclude("source").fill_null(0).cast(pl.Int64))
        .with_columns(
            day=pl.lit(day),
            events_duplicate=pl.col("events_accepted") - pl.col("ids"),
            clicks_merged=pl.col("ids") - pl.col("events"),
        )
    )
    return TABLES["daily_quality"].conform(joined.collect())
