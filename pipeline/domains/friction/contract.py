"""Friction: signals, their scores, and which of them mean anything (docs/definitions/friction.md)."""

import polars as pl

from pipeline.core.columns import DEVICE, PAGE, PERSON, SESSION_DAY
from pipeline.core.contract import Column, Table, count, rate, text, time
from pipeline.core.published import mart

RULE_SET = Column("rule_set", pl.String(), "named rule set of the product file")
OWNERS = Table(
    name="owners",
    layer="home",
    grain="One row per page that a team of yours answers for.",
    columns=(
        Column("page", pl.String(), "the page, by its name in the product file"),
        Column("owner", pl.String(), "who answers for it"),
    ),
    key=("page",),
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
FIRST_VIEWS = Table(
    name="first_views",
    layer="daily",
    grain="One row per session, page that it viewed, and rule set: the session's first view of the page.",
    columns=(
        SESSION_DAY,
        RULE_SET,
        Column("session_key", pl.Int64(), "the session"),
        PERSON,
        PAGE,
        DEVICE,
        Column("page_view_key", pl.Int64(), "the page view"),
        time("session_began", "the session's first event"),
        Column("views_before", pl.Int64(), "page views before it: 0: none, 1: one or two, 2: three or more", minimum=0),
        Column("met_in_view", pl.Int64(), "bit i: signal i, or score, met in it", minimum=0),
        Column("met_before", pl.Int64(), "bit i: signal i, or score, met in the session before it", minimum=0),
        Column("goals_before", pl.Int64(), "bit i: goal i, by name, reached before it began", minimum=0),
        Column("goals_after", pl.Int64(), "bit i: goal i, by name, reached after it began", minimum=0),
        Column("revenue_after_micros", pl.Int64(), "revenue less refunds after it began", unit="micro-units"),
    ),
    key=("rule_set", "session_key", "page"),
)
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
_SESSIONS = (
    count("sessions_with", "sessions that met the signal in their first view of the page", "session"),
    count("sessions_without", "sessions like them that had not met it", "session"),
    count("converted_with", "of sessions_with, those that reached the goal after", "session"),
    count("converted_without", "of sessions_without, those that reached the goal after", "session"),
)


def _share(name: str, description: str) -> Column:
    return Column(name, pl.Float64(), description, unit="share", nullable=True, minimum=-10, maximum=10)


FRICTION_EFFECTS = Table(
    name="friction_effects",
    layer="period",
    grain="One row per period, rule set, signal, page and goal.",
    columns=(
        Column("period", pl.String(), "`last_28` or `last_90`"),
        Column("period_start", pl.Date(), "first local day of the period"),
        Column("period_end", pl.Date(), "last local day of the period"),
        RULE_SET,
        Column("signal", pl.String(), "friction signal, or `score>=N`"),
        PAGE,
        Column("goal", pl.String(), "goal of the product file"),
        *_SESSIONS,
        count("people", "people of these sessions", "person"),
        count("strata", "strata with 5 sessions or more on both sides", "count"),
        count("strata_left_out", "strata with fewer", "count"),
        count("sessions_left_out", "sessions in strata left out", "session"),
        _share("effect", "share reaching the goal without the signal less the share with it, among sessions that are alike"),
        _share("low", "lower end of its 95 % interval, clustered by person"),
        _share("high", "upper end of its 95 % interval"),
        Column("claimed", pl.Boolean(), "30 sessions or more on both sides and 5 conversions: enough to speak of"),
    ),
    key=("period", "rule_set", "signal", "page", "goal"),
    at_most=(("converted_with", "sessions_with"), ("converted_without", "sessions_without")),
)  # fmt: skip
FRICTION_CALIBRATION = Table(
    name="friction_calibration",
    layer="mart",
    grain=FRICTION_EFFECTS.grain,
    columns=(
        *FRICTION_EFFECTS.columns,
        Column(
            "conclusion", pl.String(), "`costs`: the whole interval lies above 0; `helps`: below; `unclear`; `too few`"
        ),
        _share("plain_difference", "the same comparison without strata: wrong where long sessions meet more friction"),
    ),
    key=FRICTION_EFFECTS.key,
    at_most=FRICTION_EFFECTS.at_most,
    depends_on_measuring=True,
    version=2,
)
FRICTION = mart(
    name="friction",
    grain=DAILY_FRICTION.grain,
    columns=(
        *DAILY_FRICTION.columns,
        rate("page_view_rate", "page_views_with / page_views_measured; null where no source can tell the signal"),
        text("owner", "who answers for the page, by the team's table `owners`; null where it names nobody"),
    ),
    key=("session_day", *DAILY_FRICTION.key),
    at_most=DAILY_FRICTION.at_most,
    depends_on_measuring=True,
    version=2,
)
FRICTION_EVENTS = mart(
    name="friction_events",
    grain="One row per incident and rule set, with its evidence.",
    columns=(
        *FRICTION_INCIDENTS.columns,
        Column("session_score", pl.Int64(), "the session's score under the rule set", nullable=True, minimum=0),
        Column("session_score_per_minute", pl.Float64(), "session_score / minutes", nullable=True, minimum=0),
    ),
    key=("session_day", *FRICTION_INCIDENTS.key),
    version=2,
)
FRICTION_ELEMENTS = mart(
    name="friction_elements",
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
    depends_on_measuring=True,
    version=2,
)
