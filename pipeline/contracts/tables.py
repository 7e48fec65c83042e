"""The daily tables that add up, and the period tables that do not.

Definitions: metrics.md, "Zones" and rule 2 (what adds over what); semantics.md for funnels and retention.
"""

import polars as pl

from pipeline.contracts.base import Column, Table, count, time
from pipeline.contracts.sessions import DEVICE, EVENT_DIMENSIONS, PERSON, SESSION_DAY

_DAY = Column("day", pl.Date(), "local day of the product's time zone")
GROUP = Column(
    "group", pl.String(), "value of the breakdown; empty: everybody, `(none)`: without a value, `Other`: the rest"
)

ACTIVITY = Table(
    name="activity",
    layer="daily",
    grain="One row per person who was active on the local day, bots left out.",
    columns=(
        _DAY,
        PERSON,
        Column("person_id", pl.String(), "`user:` or `device:` and the id"),
        time("first_at", "the person's first event of the day"),
        count("events", "events of the person on the day", "event", "day"),
    ),
    key=("person_key",),
)
STEP_EVENTS = Table(
    name="step_events",
    layer="daily",
    grain="One row per event of the local day that matters to a funnel, and per such funnel.",
    columns=(
        _DAY,
        Column("funnel", pl.String(), "funnel of the product file"),
        PERSON,
        time("occurred_at", "when"),
        Column(
            "entity_key", pl.Int64(), "whose stream it is: `person_key`, or a hash of the session's or property's id"
        ),
        Column("steps", pl.Int64(), "bit k is set where the event fits step k (0-based)", minimum=0),
        Column("excluded", pl.Int64(), "bit i is set where the event fits exclusion i (0-based)", minimum=0),
        Column(
            "first",
            pl.Int64(),
            "bit k: the person's first event of the day that step k's `first_time` speaks of",
            minimum=0,
        ),
        Column("value", pl.String(), "the event's value for a breakdown, or to be held constant; else empty"),
        Column("tie", pl.Int64(), "place among the entity's equal rows of the instant", minimum=0),
    ),
    key=("funnel", "entity_key", "occurred_at", "steps", "excluded", "first", "value", "tie"),
)
DAILY_SESSIONS = Table(
    name="daily_sessions",
    layer="daily",
    grain="One row per session day and device, bots left out.",
    columns=(
        SESSION_DAY,
        DEVICE,
        count("sessions", "sessions", "session", *EVENT_DIMENSIONS),
        count("sessions_bounced", "sessions of exactly one page view and no goal", "session", *EVENT_DIMENSIONS),
        count("sessions_with_goal", "sessions that reached a goal", "session", *EVENT_DIMENSIONS),
        count("sessions_with_page_view", "sessions with a page view, implied or not", "session", *EVENT_DIMENSIONS),
        count("page_views", "page views that a page_view event began", "page view", *EVENT_DIMENSIONS),
        count("page_views_implied", "page views known only from acts", "page view", *EVENT_DIMENSIONS),
        count("clicks", "clicks", "event", *EVENT_DIMENSIONS),
        count("duration_ms", "first to last event, summed over sessions", "ms", *EVENT_DIMENSIONS),
        count("orders", "orders", "event", *EVENT_DIMENSIONS),
        Column(
            "revenue_micros",
            pl.Int64(),
            "revenue less refunds of these sessions",
            unit="micro-units",
            adds_over=EVENT_DIMENSIONS,
        ),
    ),
    key=("session_day", "device_type"),
    at_most=(
        ("sessions_bounced", "sessions_with_page_view"),
        ("sessions_with_goal", "sessions"),
        ("sessions_with_page_view", "sessions"),
    ),
)
PEOPLE_DAILY = Table(
    name="people_daily",
    layer="period",
    grain="One row per local day from the first to the last day with data.",
    columns=(
        _DAY,
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
RETENTION_CELLS = Table(
    name="retention_cells",
    layer="period",
    grain="One row per first-time day cohort and day offset up to the last day with data.",
    columns=(
        Column("cohort_day", pl.Date(), "local day of the people's first event ever"),
        Column("day_offset", pl.Int64(), "days after the cohort day; 0 is the cohort's own size", minimum=0),
        count("people_in_cohort", "people whose first event ever is on the cohort day", "person"),
        Column(
            "people_returned",
            pl.Int64(),
            "of them, people active on cohort day + offset; null where that day is held back",
            unit="person",
            nullable=True,
            minimum=0,
        ),
        Column("mature", pl.Boolean(), "the local day of the offset is over and its partition is present"),
        Column("left_truncated", pl.Boolean(), "within 28 days of the product's start: who is new isn't known yet"),
    ),
    key=("cohort_day", "day_offset"),
    at_most=(("people_returned", "people_in_cohort"),),
)
FUNNEL_RESULTS = Table(
    name="funnel_results",
    layer="period",
    grain="One row per funnel, period, group and step; each person counts once a group, with the deepest attempt.",
    columns=(
        Column("funnel", pl.String(), "funnel of the product file"),
        Column("unit", pl.String(), "what is counted as people: `person`, `session` or a property of the product file"),
        Column("period", pl.String(), "`all` (whole history) or `week`"),
        Column("period_start", pl.Date(), "first local day of the period"),
        Column("period_end", pl.Date(), "last local day of the period; steps after it do not count"),
        GROUP,
        Column("step", pl.Int64(), "place of the step, from 1", minimum=1),
        Column("step_name", pl.String(), "name of the step"),
        count("people_entered", "people who took step 1", "person"),
        count("people_at_previous_step", "people who took the step before (step 1: this one)", "person"),
        count("people_converted", "people who took this step within the window", "person"),
        count("people_timed", "of them, people with a time over 0 from the step before", "person"),
        Column(
            "mean_us_from_previous",
            pl.Float64(),
            "mean time from the step before, zero times left out",
            unit="us",
            nullable=True,
            minimum=0,
        ),
        Column(
            "median_us_from_previous",
            pl.Float64(),
            "median time from the step before, zero times left out",
            unit="us",
            nullable=True,
            minimum=0,
        ),
        count("people_mature", "people who entered at least one conversion window before the period's end", "person"),
        count("people_converted_of_mature", "of people_mature, those who took this step within the window", "person"),
    ),
    key=("funnel", "period", "period_start", "group", "step"),
    at_most=(
        ("people_converted_of_mature", "people_mature"),
        ("people_converted_of_mature", "people_converted"),
        ("people_converted", "people_at_previous_step"),
        ("people_at_previous_step", "people_entered"),
        ("people_timed", "people_converted"),
        ("people_mature", "people_entered"),
    ),
)
FUNNEL_DURATIONS = Table(
    name="funnel_durations",
    layer="period",
    grain="One row per funnel and stretch of time that people took from the first step to the last.",
    columns=(
        Column("funnel", pl.String(), "funnel of the product file"),
        Column("from_seconds", pl.Int64(), "begin of the stretch, inside", unit="s", minimum=0),
        Column("to_seconds", pl.Int64(), "end of the stretch, outside", unit="s", minimum=0),
        count("people", "people who completed the funnel in that time", "person", "stretch"),
    ),
    key=("funnel", "from_seconds"),
)
FUNNEL_TREND_COUNTS = Table(
    name="funnel_trend_counts",
    layer="period",
    grain="One row per funnel and week of entry; a person counts once a week, in every week of an entry.",
    columns=(
        Column("funnel", pl.String(), "funnel of the product file"),
        Column("week", pl.Date(), "first local day of the week in which the attempt was opened"),
        count("people_entered", "people who took step 1 in the week", "person"),
        count("people_converted", "of them, people whose attempt of that week took the last step", "person"),
        Column("mature", pl.Boolean(), "the window of the week's last entry is over"),
    ),
    key=("funnel", "week"),
    at_most=(("people_converted", "people_entered"),),
)
