"""Session recordings: one row per recorded session, and what happens in it."""

import polars as pl

from pipeline.core.columns import DEVICE, PERSON, SESSION_DAY
from pipeline.core.contract import Column, Table, count, text, time
from pipeline.core.published import mart

_SESSION = Column("session_key", pl.Int64(), "the session, as in sessions")
_RECORDING = (
    time("started_at", "first recorded event"),
    count("duration_ms", "last recorded event minus the first", "ms", "session_day", "device_type"),
    count(
        "active_ms",
        "time between acts of the visitor (pointer, click, scroll, input) that lie at most 10 s apart",
        "ms",
        "session_day",
        "device_type",
    ),
    count("recorded_events", "rrweb events, each once", "event", "session_day", "device_type"),
    count("tabs", "windows", "window"),
    count("snapshots", "full snapshots of a page", "event"),
    count("recorded_clicks", "clicks", "event", "session_day", "device_type"),
    Column(
        "shown_from_ms",
        pl.Int64(),
        "from the first recorded event to the first full snapshot, before which nothing can be shown; null: there is none",
        unit="ms",
        nullable=True,
        minimum=0,
    ),
    count("events_of_unknown_elements", "events that speak of elements which the recording never showed", "event"),
    Column(
        "completeness",
        pl.String(),
        "`whole`; `start missing`: over a second before the first snapshot; `parts missing`: elements that it never "
        "showed; `nothing to show`: no snapshot",
    ),
    Column("recording", pl.String(), "where the recording lies, below the home: gzip of JSON"),
    count("recording_bytes", "its size there", "byte"),
)
RECORDINGS = Table(
    name="recordings",
    layer="events",
    grain="One row per recorded session booked on the day.",
    columns=(
        _SESSION,
        PERSON,
        SESSION_DAY,
        DEVICE,
        Column("recorded_by", pl.String(), "the landing folder of its recording"),
        Column("found_by", pl.String(), "how the session was found: `session_id` or `device`, at that time"),
        count("duplicates", "rrweb events that came again", "event"),
        *_RECORDING,
    ),
    key=("session_key",),
)
_OFFSET = Column("offset_ms", pl.Int64(), "from the recording's first event on; below 0: before it", unit="ms")
RECORDED_MOMENTS = Table(
    name="recorded_moments",
    layer="daily",
    grain="One row per moment of a recorded session that is worth a look; friction by the first rule set.",
    columns=(
        _SESSION,
        SESSION_DAY,
        _OFFSET,
        Column("kind", pl.String(), "`error`, `goal`, `feedback`, or a signal of friction"),
        Column("rule_set", pl.String(), "rule set of a signal; else empty"),
        Column("page", pl.String(), "page of the product file; empty: none"),
        Column("zone", pl.String(), "zone of the element; empty: none"),
        Column("detail", pl.String(), "message, element, address, goals or answer: what shows it"),
        Column("score", pl.Int64(), "of feedback: the score given", nullable=True),
        Column("moments", pl.Int64(), "how many are alike in all of this", minimum=1),
    ),
    key=("session_key", "offset_ms", "kind", "page", "zone", "detail"),
)
REPLAYS = mart(
    name="replays",
    grain="One row per recorded session, bots left out.",
    columns=(
        _SESSION,
        PERSON,
        SESSION_DAY,
        DEVICE,
        text("country", "country of the first event that tells"),
        Column("channel", pl.String(), "channel that led to the first page view; `unknown` without one, `not measured` without referrers"),
        *_RECORDING,
        count("page_views", "page views, implied or not", "page view", "session_day", "device_type"),
        text("path", "pages in their order, one after another only once"),
        text("views_by_page", "each page with how often it was seen, in the order of first views: `home 1, product 3`"),
        count("clicks", "clicks of the session", "event", "session_day", "device_type"),
        count("errors", "script errors of the session", "event", "session_day", "device_type"),
        count("incidents", "incidents of friction, by the first rule set", "event", "session_day", "device_type"),
        Column("friction_score", pl.Int64(), "sum of the weights of its friction groups", minimum=0),
        text("signals", "each incident's signal with the second at which it begins, in their order"),
        Column("converted", pl.Boolean(), "reached a goal"),
        Column("revenue_micros", pl.Int64(), "revenue less refunds", unit="micro-units", adds_over=("session_day", "device_type")),
        Column("score_given", pl.Int64(), "least score given in it", nullable=True),
    ),
    key=("session_key",),
    sort=("started_at", "session_key"),
    version=4,
)  # fmt: skip
REPLAY_MOMENTS = mart(
    name="replay_moments",
    grain=RECORDED_MOMENTS.grain,
    columns=RECORDED_MOMENTS.columns,
    key=RECORDED_MOMENTS.key,
    version=2,
)
