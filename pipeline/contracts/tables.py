"""Sessions, page views, the daily tables that add up, and the period tables that do not.

Definitions: metrics.md, "Sessions and page views", "Zones" and rule 2 (what adds over what); semantics.md for funnels
and retention.
"""

import polars as pl

from pipeline.contracts.base import UTC_MICROSECONDS, Column, Table, count

_DAY = Column("day", pl.Date(), "local day of the product's time zone")
_SESSION_DAY = Column(
    "session_day", pl.Date(), "local day of the session's first event; all of a session is booked there"
)
_PERSON = Column("person_key", pl.Int64(), "the person, as in events")
_DEVICE = Column("device_type", pl.String(), "device of the first event that tells; `unknown` where none does")
_SOURCE = Column("source", pl.String(), "the landing folder that the events came through")
_EVENT_DIMENSIONS = ("session_day", "device_type")


def _time(name: str, description: str) -> Column:
    return Column(name, UTC_MICROSECONDS, description, unit="UTC, microseconds")


def _text(name: str, description: str) -> Column:
    return Column(name, pl.String(), description, nullable=True)


SESSION_EVENTS = Table(
    name="session_events",
    layer="events",
    grain="One row per event of a session booked on the day, with its session and its page view.",
    columns=(
        Column("session_key", pl.Int64(), "its session"),
        Column("page_view_key", pl.Int64(), "its page view; null: not an act on a page", nullable=True),
        Column("place", pl.Int64(), "place in the session's total order, from 0", minimum=0),
        _PERSON,
        _SOURCE,
        Column("event_id", pl.String(), "the event"),
        _text("anonymous_id", "the device"),
        _text("source_session_id", "the source's own session id, where the session was made by it"),
        Column("is_split", pl.Boolean(), "the source's session went on the next day; the midnight rule ended it here"),
        _text("page_view_id", "the source's id of the page view"),
        _text("tab_id", "browser tab"),
        _text("attribution", "how the event was joined to its page view: `page_view_id`, `tab` or `time`"),
        Column("implied", pl.Boolean(), "its page view is known only from acts"),
        _time("occurred_at", "when"),
        Column("kind", pl.String(), "kind of event"),
        _text("page", "page of the product file"),
        _text("url", "address"),
        _text("element_chain", "the element acted on and its ancestors"),
        _text("device_type", "device"),
        _text("country", "country"),
        Column("is_bot", pl.Boolean(), "made by a bot"),
        Column("is_goal", pl.Boolean(), "reaches a goal of the product file"),
        Column("revenue_micros", pl.Int64(), "revenue of an order or refund", unit="micro-units", nullable=True),
        Column("scroll_y", pl.Int32(), "distance from the page's top to the window's", unit="px", nullable=True),
        Column("window_height", pl.Int32(), "height of the window", unit="px", nullable=True),
        Column("page_height", pl.Int32(), "height of the page", unit="px", nullable=True),
    ),
    key=("source", "event_id"),
    sort=("person_key", "session_key", "place"),
)
SESSIONS = Table(
    name="sessions",
    layer="events",
    grain="One row per session: a person on one device through one source, cut at pauses over 30 minutes.",
    columns=(
        Column("session_key", pl.Int64(), "xxh3_64 of the source and the session's first event"),
        _PERSON,
        _text("anonymous_id", "the device"),
        _SOURCE,
        _text("source_session_id", "the source's own session id, where the session was made by it"),
        _SESSION_DAY,
        _DEVICE,
        _text("country", "country of the first event"),
        Column("is_bot", pl.Boolean(), "an event of the session was made by a bot"),
        _time("started_at", "first event"),
        _time("ended_at", "last event"),
        count("duration_ms", "last event minus first event", "ms", *_EVENT_DIMENSIONS),
        count("events", "events of the session", "event", *_EVENT_DIMENSIONS),
        count("page_views", "page views that a page_view event began", "page view", *_EVENT_DIMENSIONS),
        count("page_views_implied", "page views known only from acts on them", "page view", *_EVENT_DIMENSIONS),
        count("clicks", "clicks", "event", *_EVENT_DIMENSIONS),
        count("goal_events", "events that reach a goal of the product file", "event", *_EVENT_DIMENSIONS),
        count("orders", "orders", "event", *_EVENT_DIMENSIONS),
        Column(
            "revenue_micros",
            pl.Int64(),
            "revenue of orders less refunds in the product's currency",
            unit="micro-units",
            adds_over=_EVENT_DIMENSIONS,
        ),
        Column("is_bounce", pl.Boolean(), "exactly one page view, implied or not, and no goal"),
        Column("is_split", pl.Boolean(), "the source's session went on the next day; the midnight rule ended it here"),
        _text("landing_page", "page of the first page view"),
        _text("exit_page", "page of the last page view"),
    ),
    key=("session_key",),
    sort=("person_key", "started_at", "session_key"),
)
PAGE_VIEWS = Table(
    name="page_views",
    layer="events",
    grain="One row per page view of the sessions booked on the day.",
    columns=(
        Column("page_view_key", pl.Int64(), "xxh3_64 of the session, the source and the event that began it"),
        Column("session_key", pl.Int64(), "its session"),
        _PERSON,
        _SOURCE,
        _SESSION_DAY,
        _DEVICE,
        Column("is_bot", pl.Boolean(), "its session is a bot's"),
        _text("page", "page of the product file"),
        _text("url", "address"),
        _text("page_view_id", "the source's id of the page view"),
        Column("position", pl.Int64(), "place in the session, from 1", minimum=1),
        Column("implied", pl.Boolean(), "no page_view event began it: known only from acts"),
        Column("attribution", pl.String(), "how acts were joined: `page_view_id`, `tab` or `time`"),
        _time("started_at", "its first event"),
        _time("ended_at", "the next page view of the same tab, else of the session; else the session's end"),
        count("duration_ms", "ended_at minus started_at", "ms", *_EVENT_DIMENSIONS),
        count("events", "events of the page view", "event", *_EVENT_DIMENSIONS),
        count("clicks", "clicks", "event", *_EVENT_DIMENSIONS),
        Column("is_landing", pl.Boolean(), "first page view of its session"),
        Column("is_exit", pl.Boolean(), "last page view of its session"),
        Column(
            "engaged_ms",
            pl.Int64(),
            "engaged time from page pings; null where the source sends none",
            unit="ms",
            nullable=True,
            minimum=0,
            adds_over=_EVENT_DIMENSIONS,
        ),
        Column("engaged_method", pl.String(), "`pings`, or null where engaged time was not measured", nullable=True),
        Column(
            "scroll_depth_e4",
            pl.Int32(),
            "deepest (offset + window height) / page height, cut at 1; null where not measured",
            unit="1/10,000",
            nullable=True,
            minimum=0,
            maximum=10_000,
        ),
    ),
    key=("page_view_key",),
    sort=("person_key", "session_key", "position"),
)
ACTIVITY = Table(
    name="activity",
    layer="daily",
    grain="One row per person who was active on the local day, bots left out.",
    columns=(
        _DAY,
        _PERSON,
        _time("first_at", "the person's first event of the day"),
        count("events", "events of the person on the day", "event", "day"),
    ),
    key=("person_key",),
)
STEP_EVENTS = Table(
    name="step_events",
    layer="daily",
    grain="One row per event of the local day that fits at least one step of a funnel, and per such funnel.",
    columns=(
        _DAY,
        Column("funnel", pl.String(), "funnel of the product file"),
        _PERSON,
        _time("occurred_at", "when"),
        Column("steps", pl.Int64(), "bit k is set where the event fits step k (0-based)", minimum=1),
        Column("tie", pl.Int64(), "place among the person's equal rows of the instant", minimum=0),
    ),
    key=("funnel", "person_key", "occurred_at", "steps", "tie"),
)
DAILY_SESSIONS = Table(
    name="daily_sessions",
    layer="daily",
    grain="One row per session day and device, bots left out.",
    columns=(
        _SESSION_DAY,
        _DEVICE,
        count("sessions", "sessions", "session", *_EVENT_DIMENSIONS),
        count("sessions_bounced", "sessions of exactly one page view and no goal", "session", *_EVENT_DIMENSIONS),
        count("sessions_with_goal", "sessions that reached a goal", "session", *_EVENT_DIMENSIONS),
        count("sessions_with_page_view", "sessions with a page view, implied or not", "session", *_EVENT_DIMENSIONS),
        count("page_views", "page views that a page_view event began", "page view", *_EVENT_DIMENSIONS),
        count("page_views_implied", "page views known only from acts", "page view", *_EVENT_DIMENSIONS),
        count("clicks", "clicks", "event", *_EVENT_DIMENSIONS),
        count("duration_ms", "first to last event, summed over sessions", "ms", *_EVENT_DIMENSIONS),
        count("orders", "orders", "event", *_EVENT_DIMENSIONS),
        Column(
            "revenue_micros",
            pl.Int64(),
            "revenue less refunds of these sessions",
            unit="micro-units",
            adds_over=_EVENT_DIMENSIONS,
        ),
    ),
    key=("session_day", "device_type"),
    at_most=(
        ("sessions_bounced", "sessions_with_page_view"),
        ("sessions_with_goal", "sessions"),
        ("sessions_with_page_view", "sessions"),
    ),
)
DAILY_ZONES = Table(
    name="daily_zones",
    layer="daily",
    grain="One row per session day, page, zone version and device, bots left out; zones without a click included.",
    columns=(
        _SESSION_DAY,
        Column("page", pl.String(), "page of the product file"),
        Column("zone", pl.String(), "zone of the product file"),
        Column(
            "zone_version", pl.Date(), "valid_from of the zone's version; the product's start_date where it has none"
        ),
        _DEVICE,
        count("page_views", "page views of the page", "page view", *_EVENT_DIMENSIONS),
        count(
            "page_views_clicked",
            "page views with a click on the zone or one inside it",
            "page view",
            *_EVENT_DIMENSIONS,
        ),
        count("sessions", "sessions that viewed the page", "session", *_EVENT_DIMENSIONS),
        count("sessions_clicked", "sessions with a click on the zone or one inside it", "session", *_EVENT_DIMENSIONS),
        count("clicks", "clicks on the zone or one inside it", "event", *_EVENT_DIMENSIONS),
        count("own_clicks", "clicks whose innermost zone this is", "event", "zone", *_EVENT_DIMENSIONS),
        count("page_clicks", "all clicks on the page", "event", *_EVENT_DIMENSIONS),
    ),
    key=("session_day", "page", "zone", "zone_version", "device_type"),
    at_most=(
        ("page_views_clicked", "page_views"),
        ("sessions_clicked", "sessions"),
        ("page_views_clicked", "clicks"),
        ("sessions_clicked", "page_views_clicked"),
        ("own_clicks", "clicks"),
        ("clicks", "page_clicks"),
    ),
)
_QUALITY = ("day", "source")
DAILY_QUALITY = Table(
    name="daily_quality",
    layer="daily",
    grain="One row per local day and source: what came in and what became of it, with bots and without.",
    columns=(
        _DAY,
        _SOURCE,
        count("events_accepted", "accepted records of the day, repetitions included", "event", *_QUALITY),
        count("events_duplicate", "repetitions that were counted once", "event", *_QUALITY),
        count("clicks_merged", "second clicks of one device within 5 ms, counted once", "event", *_QUALITY),
        count("events", "events of the day", "event", *_QUALITY),
        count("events_bot", "events made by bots", "event", *_QUALITY),
        count("events_without_person", "events without any id", "event", *_QUALITY),
        count("page_view_events", "page_view events, bots included", "event", *_QUALITY),
        count("page_view_events_without_bots", "page_view events, bots left out", "event", *_QUALITY),
        count("page_view_events_unknown_page", "page_view events whose URL fits no page", "event", *_QUALITY),
        count("events_late", "events received more than 24 hours after they happened", "event", *_QUALITY),
        count("sessions_split", "sessions of the source that the midnight rule ends on the day", "session", *_QUALITY),
        count("orders_by_order_day", "orders by their own local day, bots left out", "event", *_QUALITY),
        Column(
            "revenue_micros_by_order_day",
            pl.Int64(),
            "revenue less refunds by their own local day, bots left out",
            unit="micro-units",
            adds_over=_QUALITY,
        ),
    ),
    key=("day", "source"),
    at_most=(("events_bot", "events"), ("events_without_person", "events"), ("events_late", "events")),
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
        count("people_new", "people whose first event ever is on the day", "person", "day"),
        Column("left_truncated", pl.Boolean(), "within 28 days of the product's start: who is new isn't known yet"),
    ),
    key=("day",),
    at_most=(
        ("people_new", "people_active"),
        ("people_active", "people_active_7d"),
        ("people_active_7d", "people_active_28d"),
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
    grain="One row per funnel, period and step; each person counts once, with the deepest attempt in the period.",
    columns=(
        Column("funnel", pl.String(), "funnel of the product file"),
        Column("period", pl.String(), "`all` (whole history) or `week`"),
        Column("period_start", pl.Date(), "first local day of the period"),
        Column("period_end", pl.Date(), "last local day of the period; steps after it do not count"),
        Column("step", pl.Int64(), "place of the step, from 1", minimum=1),
        Column("step_name", pl.String(), "name of the step"),
        count("people_entered", "people who took step 1", "person"),
        count("people_at_previous_step", "people who took the step before (step 1: this one)", "person"),
        count("people_converted", "people who took this step within the window", "person"),
        count("people_timed", "of them, people with a time over 0 from the step before", "person"),
        Column(
            "median_us_from_previous",
            pl.Float64(),
            "median time from the step before, zero times left out",
            unit="us",
            nullable=True,
            minimum=0,
        ),
        count("people_mature", "people who entered at least one conversion window before the period's end", "person"),
    ),
    key=("funnel", "period", "period_start", "step"),
    at_most=(
        ("people_converted", "people_at_previous_step"),
        ("people_at_previous_step", "people_entered"),
        ("people_timed", "people_converted"),
        ("people_mature", "people_entered"),
    ),
)
