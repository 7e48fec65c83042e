"""Who is active: people by day, lifecycle, days active (docs/definitions/activity.md)."""

import polars as pl

from pipeline.core.columns import DAY
from pipeline.core.contract import Column, Table, count, rate, ratio
from pipeline.core.published import mart

_PERIOD_START = Column("period_start", pl.Date(), "first local day of the period")
ACTIVITY_RETURNS = Table(
    name="activity_returns",
    layer="period",
    grain="One row per day and earlier or same day, where one of the day's people first came, or last came before.",
    columns=(
        Column("day", pl.Date(), "local day of the product's time zone"),
        Column("from_day", pl.Date(), "the same day or one before it"),
        count("people_first", "people active on `day` whose first active day is `from_day`", "person"),
        count("people_last", "people active on `day` whose last active day before it is `from_day`", "person"),
    ),
    key=("day", "from_day"),
)
LIFECYCLE_COUNTS = Table(
    name="lifecycle_counts",
    layer="period",
    grain="One row per day, week and month from the first to the last day with data.",
    columns=(
        Column("period", pl.String(), "`day`, `week` or `month`"),
        _PERIOD_START,
        count("people_new", "active people first seen in the period", "person"),
        count("people_returning", "active people who were so in the period before", "person"),
        count("people_resurrecting", "active people seen before, but not in the period before", "person"),
        Column(
            "people_dormant",
            pl.Int64(),
            "people active in the period before and not in this one, negative",
            unit="person",
        ),
        Column("mature", pl.Boolean(), "the period is over and all its days are present"),
    ),
    key=("period", "period_start"),
)
STICKINESS_COUNTS = Table(
    name="stickiness_counts",
    layer="period",
    grain="One row per period and number of days on which people were active in it.",
    columns=(
        Column("period", pl.String(), "`last_28` (the 28 days ending with the last day) or `week`"),
        _PERIOD_START,
        Column("days_active", pl.Int64(), "number of days with an event, from 1", minimum=1),
        count("people", "people active on just so many days", "person"),
        count("people_or_more", "people active on so many days or more", "person"),
    ),
    key=("period", "period_start", "days_active"),
    at_most=(("people", "people_or_more"),),
)
PEOPLE_DAILY = Table(
    name="people_daily",
    layer="period",
    grain="One row per local day from the first to the last day with data.",
    columns=(
        DAY,
        count("people_active", "people active on the day (DAU)", "person"),
        count("people_active_7d", "people active in the 7 days ending with the day (WAU)", "person"),
        count("people_active_28d", "people active in the 28 days ending with the day (MAU)", "person"),
        count("people_active_28d_before", "people active in the 28 days before these 28", "person"),
        count("people_churned_28d", "of them, people not active in the 28 days ending with the day", "person"),
        Column(
            "people_active_mean_28d",
            pl.Float64(),
            "mean DAU of the 28 days ending with the day",
            unit="person",
            minimum=0,
        ),
        Column("churn_known", pl.Boolean(), "56 days have passed since the product's start"),
        count("people_new", "people whose first event ever is on the day", "person", "day"),
        Column("left_truncated", pl.Boolean(), "within 28 days of the product's start: who is new isn't known yet"),
        count("goals", "goals that the product file has", "goal"),
    ),
    key=("day",),
    at_most=(
        ("people_new", "people_active"),
        ("people_active", "people_active_7d"),
        ("people_active_7d", "people_active_28d"),
        ("people_churned_28d", "people_active_28d_before"),
    ),
)
_SESSION_DAY = Column(
    "day", pl.Date(), "local day of the product's time zone; sessions are booked on the day they began"
)
DAILY_KPIS = mart(
    name="daily_kpis",
    grain="One row per local day: people, sessions, page views, conversion, orders and revenue, bots left out.",
    columns=(
        _SESSION_DAY,
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
    at_most=(
        ("sessions_bounced", "sessions_with_page_view"),
        ("sessions_with_goal", "sessions"),
        ("sessions_with_page_view", "sessions"),
    ),
    version=2,
)
LIFECYCLE = Table(
    name="lifecycle",
    layer="mart",
    grain="One row per day, week and month: people by what their activity means.",
    columns=(
        *LIFECYCLE_COUNTS.columns,
        Column("people_active", pl.Int64(), "people active in the period", unit="person", minimum=0),
        Column("quick_ratio", pl.Float64(), "(new + resurrecting) / dormant", unit="ratio", nullable=True, minimum=0),
    ),
    key=LIFECYCLE_COUNTS.key,
)
STICKINESS = Table(
    name="stickiness",
    layer="mart",
    grain="One row per period and number of days active.",
    columns=(*STICKINESS_COUNTS.columns, rate("share_or_more", "people_or_more / people active at all in the period")),
    key=STICKINESS_COUNTS.key,
    at_most=STICKINESS_COUNTS.at_most,
)
