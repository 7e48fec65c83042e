"""The marts: what BI tools read. Each is one SQL model of the same name in dbt_like_sql/marts/."""

import polars as pl

from pipeline.contracts.base import Column, Table, count, rate, ratio
from pipeline.contracts.tables import DAILY_SESSIONS, FUNNEL_RESULTS, RETENTION_CELLS

_DAY = Column("day", pl.Date(), "local day of the product's time zone; sessions are booked on the day they began")

DAILY_KPIS = Table(
    name="daily_kpis",
    layer="mart",
    grain="One row per local day: people, sessions, page views, conversion, orders and revenue, bots left out.",
    columns=(
        _DAY,
        count("people_active", "people active on the day (DAU)", "person"),
        count("people_active_7d", "people active in the 7 days ending with the day (WAU)", "person"),
        count("people_active_28d", "people active in the 28 days ending with the day (MAU)", "person"),
        count("people_active_28d_before", "people active in the 28 days before these 28", "person"),
        count("people_churned_28d", "of them, people not active in the 28 days ending with the day", "person"),
        rate("churn_rate_28d", "people_churned_28d / people_active_28d_before; null in the product's first 56 days"),
        rate("stickiness_ratio", "mean DAU of the 28 days / people_active_28d; null in the product's first 28 days"),
        count("people_new", "people whose first event ever is on the day", "person", "day"),
        Column("left_truncated", pl.Boolean(), "within 28 days of the product's start: who is new isn't known yet"),
        count("sessions", "sessions", "session", "day"),
        count("sessions_with_page_view", "sessions with a page view, implied or not", "session", "day"),
        count("sessions_bounced", "sessions of exactly one page view and no goal", "session", "day"),
        rate("bounce_rate", "sessions_bounced / sessions_with_page_view"),
        count("sessions_with_goal", "sessions that reached a goal", "session", "day"),
        rate("goal_rate", "sessions_with_goal / sessions"),
        count("page_views", "page views that a page_view event began", "page view", "day"),
        count("page_views_implied", "page views known only from acts", "page view", "day"),
        ratio("page_views_per_session", "page_views / sessions", "page views per session"),
        count("clicks", "clicks", "event", "day"),
        count("orders", "orders of the day's sessions", "event", "day"),
        Column(
            "revenue_micros",
            pl.Int64(),
            "revenue less refunds of the day's sessions",
            unit="micro-units",
            adds_over=("day",),
        ),
        count("orders_by_order_day", "orders by their own local day", "event", "day"),
        Column(
            "revenue_micros_by_order_day",
            pl.Int64(),
            "revenue less refunds by their own local day",
            unit="micro-units",
            adds_over=("day",),
        ),
    ),
    key=("day",),
    at_most=DAILY_SESSIONS.at_most,
)
RETENTION = Table(
    name="retention",
    layer="mart",
    grain="One row per first-time day cohort and day offset.",
    columns=(*RETENTION_CELLS.columns, rate("return_rate", "people_returned / people_in_cohort; null until mature")),
    key=RETENTION_CELLS.key,
    at_most=RETENTION_CELLS.at_most,
)
FUNNEL_STEPS = Table(
    name="funnel_steps",
    layer="mart",
    grain="One row per funnel, period, group and step.",
    columns=(
        *(c for c in FUNNEL_RESULTS.columns if not c.name.endswith("_us_from_previous")),
        ratio("mean_seconds_from_previous", "mean time from the step before, zero times left out", "s"),
        ratio("median_seconds_from_previous", "median time from the step before, zero times left out", "s"),
        rate("step_rate", "people_converted / people_at_previous_step"),
        rate("conversion_rate", "people_converted / people_entered"),
        rate("conversion_rate_of_mature", "people_converted_of_mature / people_mature: of whom the window is over"),
    ),
    key=FUNNEL_RESULTS.key,
    at_most=FUNNEL_RESULTS.at_most,
)
