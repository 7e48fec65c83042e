"""Where people get stuck (metrics.md, "Friction")."""

import polars as pl

from pipeline.contracts.base import Column, Table, count, rate, text, time
from pipeline.contracts.sessions import DEVICE, PERSON, SESSION_DAY

RULE_SET = Column("rule_set", pl.String(), "named rule set of the product file")
_RULE_VERSION = Column("rule_version", pl.String(), "hash of all numbers of the rule set")
_SIGNAL = Column(
    "signal",
    pl.String(),
    "`rage_click`, `dead_click`, `error_click`, `broken_link`, `quick_back`, `page_loop`, `form_retry`, `slow_page` or "
    "`excessive_scroll`",
)
_PAGE = Column("page", pl.String(), "page of the product file; `(other)`: none fits")
_OVER = ("session_day", "device_type", "page")

FRICTION_INCIDENTS = Table(
    name="friction_incidents",
    layer="daily",
    grain="One row per incident of a session booked on the day, and per rule set; bots left out.",
    columns=(
        SESSION_DAY,
        RULE_SET,
        _RULE_VERSION,
        _SIGNAL,
        Column("incident_key", pl.Int64(), "xxh3_64 of the signal and the event that it begins with"),
        Column("session_key", pl.Int64(), "its session"),
        Column("page_view_key", pl.Int64(), "its page view"),
        Column(
            "implied",
            pl.Boolean(),
            "the page view is implied by its acts: it counts for its session, and in no table by page or element",
        ),
        PERSON,
        _PAGE,
        DEVICE,
        text("zone", "innermost zone of the element"),
        text("element", "the element acted on, as its open tag"),
        text("element_chain", "the element and its ancestors"),
        time("started_at", "its first event"),
        time("ended_at", "its last event"),
        Column("offset_ms", pl.Int64(), "from the session's first event to the incident's first", unit="ms", minimum=0),
        count("clicks", "clicks that it is made of", "event", *_OVER),
        text(
            "came_from", "the page before: of broken links the one that led there, of a quick back the one returned to"
        ),
        text("detail", "error message without its numbers, address, measured time: what shows it"),
        Column("friction_group", pl.Int64(), "incidents that share a click bear one number: the least of their keys"),
        Column("weight", pl.Int64(), "what it adds to a score; a group counts once, with its largest", minimum=0),
    ),
    key=("rule_set", "signal", "incident_key"),
)
DAILY_FRICTION = Table(
    name="daily_friction",
    layer="daily",
    grain="One row per session day, rule set, signal, page and device, bots and implied page views left out.",
    columns=(
        SESSION_DAY,
        RULE_SET,
        _RULE_VERSION,
        _SIGNAL,
        _PAGE,
        DEVICE,
        count("incidents", "incidents", "event", *_OVER),
        count("page_views_with", "page views with an incident", "page view", *_OVER),
        count("page_views", "page views", "page view", *_OVER),
        count("page_views_measured", "page views of sources that can tell the signal", "page view", *_OVER),
        count("sessions_with", "sessions with an incident on the page", "session", "session_day", "device_type"),
    ),
    key=("rule_set", "signal", "page", "device_type"),
    at_most=(("page_views_measured", "page_views"), ("page_views_with", "page_views_measured")),
)
SESSION_FRICTION = Table(
    name="session_friction",
    layer="events",
    grain="One row per session with an incident, and per rule set.",
    columns=(
        SESSION_DAY,
        RULE_SET,
        Column("session_key", pl.Int64(), "the session"),
        PERSON,
        DEVICE,
        count("incidents", "incidents of the session", "event", "session_day"),
        Column(
            "score", pl.Int64(), "sum of the weights of its friction groups, each signal at most 3 times a page view"
        ),
        Column(
            "minutes", pl.Float64(), "engaged minutes, else minutes from first to last event; at least 1", unit="min"
        ),
    ),
    key=("rule_set", "session_key"),
)
FRICTION = Table(
    name="friction",
    layer="mart",
    grain=DAILY_FRICTION.grain,
    columns=(
        *DAILY_FRICTION.columns,
        rate("page_view_rate", "page_views_with / page_views_measured; null where no source can tell the signal"),
    ),
    key=("session_day", *DAILY_FRICTION.key),
    at_most=DAILY_FRICTION.at_most,
)
FRICTION_EVENTS = Table(
    name="friction_events",
    layer="mart",
    grain="One row per incident and rule set, with its evidence.",
    columns=(
        *FRICTION_INCIDENTS.columns,
        Column("session_score", pl.Int64(), "the session's score under the rule set", nullable=True, minimum=0),
        Column("session_score_per_minute", pl.Float64(), "session_score / minutes", nullable=True, minimum=0),
    ),
    key=("session_day", *FRICTION_INCIDENTS.key),
)
FRICTION_ELEMENTS = Table(
    name="friction_elements",
    layer="mart",
    grain="One row per session day, rule set, signal, page, zone, element and detail with an incident.",
    columns=(
        SESSION_DAY,
        RULE_SET,
        _SIGNAL,
        _PAGE,
        Column("zone", pl.String(), "innermost zone of the element; empty: none"),
        Column("element", pl.String(), "the element acted on, as its open tag; empty: none"),
        Column("detail", pl.String(), "error message without its numbers, address; empty: none"),
        count("incidents", "incidents", "event", "session_day"),
        count("page_views_with", "page views with one", "page view", "session_day"),
        count("sessions_with", "sessions with one", "session", "session_day"),
    ),
    key=("session_day", "rule_set", "signal", "page", "zone", "element", "detail"),
    at_most=(("sessions_with", "page_views_with"), ("page_views_with", "incidents")),
)
FRICTION_TABLES: tuple[Table, ...] = (FRICTION_INCIDENTS, SESSION_FRICTION, DAILY_FRICTION)
FRICTION_MARTS: tuple[Table, ...] = (FRICTION, FRICTION_EVENTS, FRICTION_ELEMENTS)
