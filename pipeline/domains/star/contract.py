"""The core in star shape: facts whose numbers may be summed, and the dimensions that they are joined to by name."""

import polars as pl

from pipeline.core.columns import DEVICE, QUESTION, SESSION_DAY, SESSIONS_AT_MOST, SOURCE, SURVEY, session_sums
from pipeline.core.contract import Column, Table, count, rate, text, time

_BOOKED = (
    DEVICE,
    Column(
        "channel",
        pl.String(),
        "channel that led to the first page view; `not measured` where its source sends no referrers",
    ),
    Column("country", pl.String(), "country of the first event that tells; `unknown` where none does"),
    Column(
        "landing_page",
        pl.String(),
        "page of the first page view; `(other)` where it is of no page of the product file, or there is none",
    ),
)
_COUNTED_BY = tuple(column.name for column in (SESSION_DAY, *_BOOKED))
SESSION_COUNTS = Table(
    name="session_counts",
    layer="daily",
    grain="One row per session day, device, channel, country and landing page, bots left out.",
    columns=(
        SESSION_DAY,
        *_BOOKED,
        *session_sums(*_COUNTED_BY),
    ),
    key=_COUNTED_BY,
    at_most=SESSIONS_AT_MOST,
)
# Of the mart these are in seconds and in the currency's unit.
_IN_OTHER_UNITS = ("duration_ms", "revenue_micros")
_DAILY_BY = ("day", *_COUNTED_BY[1:])
SESSIONS_DAILY = Table(
    name="sessions_daily",
    layer="mart",
    grain="One row per day, device, channel, country and landing page: numbers of sessions that may be summed over all "
    "of these, bots left out.",
    columns=(
        Column("day", pl.Date(), "local day of the session's first event; all of a session is booked there"),
        *_BOOKED,
        *(column for column in session_sums(*_DAILY_BY) if column.name not in _IN_OTHER_UNITS),
        Column(
            "duration_seconds",
            pl.Decimal(20, 3),
            "first to last event, summed over sessions",
            unit="s",
            adds_over=_DAILY_BY,
        ),
        Column(
            "revenue",
            pl.Decimal(20, 6),
            "revenue less refunds of these sessions, in the product's currency",
            unit="currency",
            adds_over=_DAILY_BY,
        ),
    ),
    key=_DAILY_BY,
    at_most=SESSIONS_AT_MOST,
)


def _dimension(
    name: str, made: str, grain: str, columns: tuple[Column, ...], key: tuple[str, ...]
) -> tuple[Table, Table]:
    """A period table that is made from the product file, and the mart that publishes it."""
    return Table(made, "period", grain, columns, key), Table(name, "mart", grain, columns, key)


_NUMBER = pl.Int64()
DATES, DIM_DATE = _dimension(
    "dim_date",
    "dates",
    "One row per local day from the product's first day to the newest with data, without gaps.",
    (
        Column("day", pl.Date(), "local day of the product's time zone"),
        Column("week_start", pl.Date(), "first day of its week, which begins as the product file says"),
        Column("month_start", pl.Date(), "first day of its month"),
        Column("quarter_start", pl.Date(), "first day of its quarter"),
        Column("year", _NUMBER, "year"),
        Column("quarter_of_year", _NUMBER, "1 to 4", minimum=1, maximum=4),
        Column("month_of_year", _NUMBER, "1 to 12", minimum=1, maximum=12),
        Column("iso_week", _NUMBER, "week by ISO 8601, from Monday", minimum=1, maximum=53),
        Column("day_of_week", _NUMBER, "1 is Monday, 7 is Sunday", minimum=1, maximum=7),
        Column("is_weekend", pl.Boolean(), "Saturday or Sunday"),
    ),
    ("day",),
)
PAGE_LIST, DIM_PAGE = _dimension(
    "dim_page",
    "page_list",
    "One row per page of the product file, and `(other)` for addresses of none.",
    (
        Column("page", pl.String(), "page of the product file"),
        Column("position", _NUMBER, "place in the product file, from 1; of `(other)` 0", minimum=0),
        text("stage", "stage of the customer journey"),
        text("urls", "its URL patterns, with commas"),
        Column("zones", _NUMBER, "zones on it, versions not counted", minimum=0),
    ),
    ("page",),
)
ZONE_LIST, DIM_ZONE = _dimension(
    "dim_zone",
    "zone_list",
    "One row per version of a zone of the product file.",
    (
        Column("page", pl.String(), "page of the product file"),
        Column("zone", pl.String(), "zone of the product file"),
        Column("zone_version", pl.Date(), "first local day on which it is valid, as in zone marts"),
        Column("valid_to", pl.Date(), "last local day on which it is valid; null: still valid", nullable=True),
        Column("only_device", pl.String(), "the device that it is for; empty: every one"),
        Column("selectors", pl.String(), "its CSS selectors, with commas"),
    ),
    ("page", "zone", "zone_version", "only_device"),
)
VARIANT_LIST, DIM_EXPERIMENT = _dimension(
    "dim_experiment",
    "variant_list",
    "One row per variant of an experiment of the product file.",
    (
        Column("experiment", pl.String(), "experiment of the product file"),
        Column("variant", pl.String(), "variant"),
        Column("is_control", pl.Boolean(), "what the others are compared with"),
        Column(
            "weight_share", pl.Float64(), "its share of all people by the weights it began with", minimum=0, maximum=1
        ),
        Column("valid_from", pl.Date(), "first local day whose exposures count; null: any", nullable=True),
        Column("valid_to", pl.Date(), "last local day whose exposures count; null: any", nullable=True),
    ),
    ("experiment", "variant"),
)
RELEASE_LIST, DIM_RELEASE = _dimension(
    "dim_release",
    "release_list",
    "One row per release of the product file.",
    (
        Column("release", pl.String(), "release of the product file"),
        Column("day", pl.Date(), "local day on which it came"),
        Column("note", pl.String(), "what changed; empty: nobody wrote it"),
    ),
    ("release",),
)


# Facts by row.
def _money(name: str, description: str, by: tuple[str, ...]) -> Column:
    return Column(name, pl.Decimal(20, 6), f"{description}, in the product's currency", unit="currency", adds_over=by)


def _seconds(name: str, description: str, by: tuple[str, ...], *, nullable: bool = False) -> Column:
    return Column(name, pl.Decimal(20, 3), description, unit="s", nullable=nullable, adds_over=by)


def _fact(name: str, grain: str, columns: tuple[Column, ...], key: tuple[str, ...]) -> Table:
    return Table(name, "fact", grain, columns, key, sort=(*key[1:], key[0]))


_DAY = Column("day", pl.Date(), "local day of the session's first event; all of a session is booked there")
_SESSION_KEY = Column("session_key", pl.String(), "the session, as text")
_PERSON = text("person_key", "the person, as text; null where `privacy.people_in_facts` is false")
_AT = (
    "day",
    "session_key",
    "source",
    "device_type",
    "os",
    "browser",
    "country",
    "channel",
    "landing_page",
    "exit_page",
)
FACT_SESSIONS = _fact(
    "fact_sessions",
    "One row per session, bots left out.",
    (
        _DAY, _SESSION_KEY, _PERSON, SOURCE, *_BOOKED,
        text("os", "operating system of the visit; null where nothing tells"),
        text("browser", "browser of the visit; null where nothing tells"),
        text("campaign", "`utm_campaign` of the first page view's address, decoded; null without one"),
        Column("exit_page", pl.String(), "page of the last page view; `(other)` as for landing pages"),
        time("started_at", "first event"),
        time("ended_at", "last event"),
        _seconds("duration_seconds", "last event minus first event", _AT),
        count("events", "events", "event", *_AT),
        count("page_views", "page views that a page_view event began", "page view", *_AT),
        count("page_views_implied", "page views known only from acts", "page view", *_AT),
        count("clicks", "clicks", "event", *_AT),
        count("goal_events", "events that reach a goal of the product file", "event", *_AT),
        count("orders", "orders", "event", *_AT),
        _money("revenue", "revenue less refunds", _AT),
        count("friction_score", "score of its friction under the first rule set", "points", *_AT),
        Column("is_bounce", pl.Boolean(), "exactly one page view, implied or not, and no goal"),
        Column("has_goal", pl.Boolean(), "a goal was reached"),
        Column("has_page_view", pl.Boolean(), "it has a page view, implied or not: what bounces are a share of"),
        text("goals", "goals that it reached, by name, with commas; null: none"),
        text("segments", "segments that it is in, by name, with commas; null: none"),
        text("variants", "`experiment/variant` that it was exposed to, with commas; null: none"),
    ),
    ("day", "session_key"),
)  # fmt: skip
_PAGE = Column("page", pl.String(), "page of the product file; `(other)` where the address is of none")
_OF_VIEW = ("day", "page_view_key", "source", "device_type", "page")
FACT_PAGE_VIEWS = _fact(
    "fact_page_views",
    "One row per page view, bots left out.",
    (
        _DAY,
        Column("page_view_key", pl.String(), "the page view, as text"),
        _SESSION_KEY, _PERSON, SOURCE, DEVICE, _PAGE,
        text("url", "address"),
        Column("view_number", pl.Int64(), "place in the session, from 1", minimum=1),
        Column("is_implied", pl.Boolean(), "no page_view event began it: known only from acts"),
        Column("is_landing", pl.Boolean(), "first page view of its session"),
        Column("is_exit", pl.Boolean(), "last page view of its session"),
        time("started_at", "its first event"),
        time("ended_at", "the next page view of the same tab, else of the session; else the session's end"),
        _seconds("duration_seconds", "ended_at minus started_at", _OF_VIEW),
        _seconds("engaged_seconds", "engaged time from page pings; null where the source sends none", _OF_VIEW, nullable=True),
        rate("scroll_depth", "deepest (offset + window height) / page height; null where not measured"),
        count("events", "events of the page view", "event", *_OF_VIEW),
        count("clicks", "clicks", "event", *_OF_VIEW),
    ),
    ("day", "page_view_key"),
)  # fmt: skip
_OF_ORDER = ("day", "source", "event_id", "kind", "device_type", "country", "channel", "landing_page")
FACT_ORDERS = _fact(
    "fact_orders",
    "One row per order or refund of a session, bots left out.",
    (
        _DAY, SOURCE,
        Column("event_id", pl.String(), "the event"),
        text("order_id", "the order's id"),
        Column("kind", pl.String(), "`order` or `refund`"),
        time("ordered_at", "when"),
        _SESSION_KEY, _PERSON, *_BOOKED,
        count("orders", "1 of an order, 0 of a refund", "event", *_OF_ORDER),
        _money("revenue", "of a refund below zero; 0 where the source names no amount", _OF_ORDER),
    ),
    ("day", "source", "event_id"),
)  # fmt: skip
FACT_SURVEY_ANSWERS = _fact(
    "fact_survey_answers",
    "One row per answer to a question of a survey, bots left out.",
    (
        Column("day", pl.Date(), "local day of the session, of answers of nobody known of the answer"),
        SOURCE,
        Column("event_id", pl.String(), "the event"),
        SURVEY, QUESTION,
        Column("question_kind", pl.String(), "`nps`, `csat`, `ces`, `pmf`, `choice` or `text`; empty: the survey as a whole"),
        Column("response_key", pl.String(), "the response, as text"),
        time("answered_at", "when"),
        text("session_key", "the session in which, or after which, it was answered, as text; null: none is known"),
        text("page_view_key", "the page view, as text; null: none is known"),
        _PERSON, DEVICE,
        Column("page", pl.String(), "page of the product file; empty: none"),
        Column("stage", pl.String(), "stage of the customer journey; empty: none"),
        Column("trigger", pl.String(), "what made the survey appear; empty: not told"),
        Column("score", pl.Int32(), "the answer as a number", nullable=True),
        text("choice", "the answer as a choice"),
        Column("is_valid", pl.Boolean(), "a score on the question's scale, or a choice of a pmf"),
        Column("points", pl.Int64(), "what it adds to the score: nps 100, 0, -100; csat and pmf 100 or 0; ces its number", nullable=True),
        text("score_group", "`high`, `middle` or `low`: of an nps promoters, passives, detractors"),
        text("comment", "the answer in words, personal data removed; null: none, or a stock phrase"),
        text("language", "ISO 639-1 code of a comment's language"),
        Column("sentiment", pl.Float64(), "mood of a comment; null: its language isn't read", nullable=True, minimum=-1, maximum=1),
        text("variants", "experiment variants that its session had been exposed to, with commas"),
    ),
    ("day", "source", "event_id", "question", "question_kind"),
)  # fmt: skip
