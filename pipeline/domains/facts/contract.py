"""Facts by row: sessions, page views, orders and answers as an analyst reads them (docs/definitions/star.md, "Facts by row")."""

import polars as pl

from pipeline.core.columns import BOOKED, DEVICE, QUESTION, QUESTION_KIND, SOURCE, STAGE, SURVEY, TRIGGER
from pipeline.core.contract import Column, Table, count, text, time
from pipeline.core.published import DECIMAL_3, DECIMAL_6


def _money(name: str, description: str, by: tuple[str, ...]) -> Column:
    return Column(name, DECIMAL_6, f"{description}, in the product's currency", unit="currency", adds_over=by)


def _seconds(name: str, description: str, by: tuple[str, ...], *, nullable: bool = False) -> Column:
    return Column(name, DECIMAL_3, description, unit="s", nullable=nullable, adds_over=by)


def _fact(name: str, grain: str, columns: tuple[Column, ...], key: tuple[str, ...], *sort: str) -> Table:
    # As the lake's own rows lie, by person, so that a large day is written range by range.
    return Table(name, "fact", grain, columns, key, sort=("person_key", *sort))


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
        _DAY, _SESSION_KEY, _PERSON, SOURCE, *BOOKED,
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
    *("started_at", "session_key"),
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
        Column("scroll_depth", DECIMAL_6, "deepest (offset + window height) / page height; null where not measured", unit="share", nullable=True, minimum=0, maximum=1),
        count("events", "events of the page view", "event", *_OF_VIEW),
        count("clicks", "clicks", "event", *_OF_VIEW),
    ),
    ("day", "page_view_key"),
    *("session_key", "view_number", "page_view_key"),
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
        _SESSION_KEY, _PERSON, *BOOKED,
        count("orders", "1 of an order, 0 of a refund", "event", *_OF_ORDER),
        _money("revenue", "of a refund below zero; 0 where the source names no amount", _OF_ORDER),
    ),
    ("day", "source", "event_id"),
    *("ordered_at", "source", "event_id"),
)  # fmt: skip
FACT_SURVEY_ANSWERS = _fact(
    "fact_survey_answers",
    "One row per answer to a question of a survey, bots and surveys of the team left out; a response may have answered twice.",
    (
        Column("day", pl.Date(), "local day of the session, of answers of nobody known of the answer"),
        SOURCE,
        Column("event_id", pl.String(), "the event"),
        SURVEY, QUESTION, QUESTION_KIND,
        Column("response_key", pl.String(), "the response, as text"),
        time("answered_at", "when"),
        text("session_key", "the session in which, or after which, it was answered, as text; null: none is known"),
        text("page_view_key", "the page view, as text; null: none is known"),
        _PERSON, DEVICE,
        Column("page", pl.String(), "page of the product file; empty: none"),
        STAGE, TRIGGER,
        Column("score", pl.Int32(), "the answer as a number", nullable=True),
        text("choice", "choices of the product file that were chosen, with commas; `(other)`: words of one's own"),
        Column("is_valid", pl.Boolean(), "a score on the question's scale, or a choice of a pmf"),
        Column("points", pl.Int64(), "what it adds to the score: nps 100, 0, -100; csat and pmf 100 or 0; ces its number", nullable=True),
        text("score_group", "`high`, `middle` or `low`: of an nps promoters, passives, detractors"),
        text("comment", "the answer in words, personal data removed; null: none, or a stock phrase"),
        text("language", "ISO 639-1 code of a comment's language"),
        Column("sentiment", DECIMAL_6, "mood of a comment; null: its language isn't read", nullable=True, minimum=-1, maximum=1),
        text("variants", "experiment variants that its session had been exposed to, with commas"),
    ),
    ("day", "source", "event_id", "question", "question_kind"),
    *("answered_at", "source", "event_id", "question", "question_kind"),
)  # fmt: skip
