"""Events booked on their sessions, sessions and page views (metrics.md, "Sessions and page views")."""

import polars as pl

from pipeline.contracts.base import Column, Table, count, text, time

SESSION_DAY = Column(
    "session_day", pl.Date(), "local day of the session's first event; all of a session is booked there"
)
PERSON = Column("person_key", pl.Int64(), "the person, as in events")
DEVICE = Column("device_type", pl.String(), "device of the first event that tells; `unknown` where none does")
SOURCE = Column("source", pl.String(), "the landing folder that the events came through")
EVENT_DIMENSIONS = ("session_day", "device_type")


SESSION_EVENTS = Table(
    name="session_events",
    layer="events",
    grain="One row per event of a session booked on the day, with its session and its page view.",
    columns=(
        Column("session_key", pl.Int64(), "its session"),
        Column("page_view_key", pl.Int64(), "its page view; null: not an act on a page", nullable=True),
        Column("place", pl.Int64(), "place in the session's total order, from 0", minimum=0),
        PERSON,
        SOURCE,
        Column("event_id", pl.String(), "the event"),
        text("anonymous_id", "the device"),
        text("source_session_id", "the source's own session id, where the session was made by it"),
        Column("is_split", pl.Boolean(), "the source's session began the day before; the midnight rule cut it here"),
        text("page_view_id", "the source's id of the page view"),
        text("tab_id", "browser tab"),
        text("attribution", "how the event was joined to its page view: `page_view_id`, `tab` or `time`"),
        Column("implied", pl.Boolean(), "its page view is known only from acts"),
        time("occurred_at", "when"),
        Column("kind", pl.String(), "kind of event"),
        text("page", "page of the product file"),
        text("url", "address"),
        text("element_chain", "the element acted on and its ancestors"),
        text("device_type", "device"),
        text("country", "country"),
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
        PERSON,
        text("anonymous_id", "the device"),
        SOURCE,
        text("source_session_id", "the source's own session id, where the session was made by it"),
        SESSION_DAY,
        DEVICE,
        text("country", "country of the first event"),
        Column("is_bot", pl.Boolean(), "an event of the session was made by a bot"),
        time("started_at", "first event"),
        time("ended_at", "last event"),
        count("duration_ms", "last event minus first event", "ms", *EVENT_DIMENSIONS),
        count("events", "events of the session", "event", *EVENT_DIMENSIONS),
        count("page_views", "page views that a page_view event began", "page view", *EVENT_DIMENSIONS),
        count("page_views_implied", "page views known only from acts on them", "page view", *EVENT_DIMENSIONS),
        count("clicks", "clicks", "event", *EVENT_DIMENSIONS),
        count("goal_events", "events that reach a goal of the product file", "event", *EVENT_DIMENSIONS),
        count("orders", "orders", "event", *EVENT_DIMENSIONS),
        Column(
            "revenue_micros",
            pl.Int64(),
            "revenue of orders less refunds in the product's currency",
            unit="micro-units",
            adds_over=EVENT_DIMENSIONS,
        ),
        Column("is_bounce", pl.Boolean(), "exactly one page view, implied or not, and no goal"),
        Column("is_split", pl.Boolean(), "the source's session began the day before; the midnight rule cut it here"),
        text("landing_page", "page of the first page view"),
        text("exit_page", "page of the last page view"),
    ),
    key=("session_key",),
    sort=("person_key", "started_at", "session_key"),
)
PAGE_VIEWS = Table(
    name="page_views",
    layer="events",
    grain="One row per page view of the sessions booked on the day.",
    columns=(
        Column("page_view_key", pl.Int64(), "xxh3_64 of the source and the event that began it"),
        Column("session_key", pl.Int64(), "its session"),
        PERSON,
        SOURCE,
        SESSION_DAY,
        DEVICE,
        Column("is_bot", pl.Boolean(), "its session is a bot's"),
        text("page", "page of the product file"),
        text("url", "address"),
        text("page_view_id", "the source's id of the page view"),
        Column("position", pl.Int64(), "place in the session, from 1", minimum=1),
        Column("implied", pl.Boolean(), "no page_view event began it: known only from acts"),
        Column("attribution", pl.String(), "how acts were joined: `page_view_id`, `tab` or `time`"),
        time("started_at", "its first event"),
        time("ended_at", "the next page view of the same tab, else of the session; else the session's end"),
        count("duration_ms", "ended_at minus started_at", "ms", *EVENT_DIMENSIONS),
        count("events", "events of the page view", "event", *EVENT_DIMENSIONS),
        count("clicks", "clicks", "event", *EVENT_DIMENSIONS),
        Column("is_landing", pl.Boolean(), "first page view of its session"),
        Column("is_exit", pl.Boolean(), "last page view of its session"),
        Column(
            "engaged_ms",
            pl.Int64(),
            "engaged time from page pings; null where the source sends none",
            unit="ms",
            nullable=True,
            minimum=0,
            adds_over=EVENT_DIMENSIONS,
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
