"""Columns that the contracts of several domains share, and the shapes of figures."""

import polars as pl

from pipeline.core.contract import Column, count, text

# What each session has one value of.
SESSION_DIMENSIONS = ("device_type", "os", "browser", "country", "channel")
MONEY = "micro-units"


def money(name: str, description: str, *adds_over: str) -> Column:
    """An amount in millionths of the product's currency, which may be negative."""
    return Column(name, pl.Int64(), description, unit=MONEY, adds_over=adds_over)


def number(name: str, description: str, unit: str = "") -> Column:
    """A figure that may be missing."""
    return Column(name, pl.Float64(), description, unit=unit, nullable=True)


SESSIONS_AT_MOST = (
    ("sessions_bounced", "sessions_with_page_view"),
    ("sessions_with_goal", "sessions"),
    ("sessions_with_page_view", "sessions"),
)


def session_sums(*over: str) -> tuple[Column, ...]:
    """What is summed over sessions, adding over the dimensions `over`; between them holds SESSIONS_AT_MOST."""
    return (
        count("sessions", "sessions", "session", *over),
        count("sessions_bounced", "sessions of exactly one page view and no goal", "session", *over),
        count("sessions_with_goal", "sessions that reached a goal", "session", *over),
        count("sessions_with_page_view", "sessions with a page view, implied or not", "session", *over),
        count("page_views", "page views that a page_view event began", "page view", *over),
        count("page_views_implied", "page views known only from acts", "page view", *over),
        count("clicks", "clicks", "event", *over),
        count("duration_ms", "first to last event, summed over sessions", "ms", *over),
        count("orders", "orders", "event", *over),
        money("revenue_micros", "revenue less refunds of these sessions", *over),
    )


# What a page view is counted under whose address fits no page.
OTHER_PAGE = "(other)"
DAY = Column("day", pl.Date(), "local day of the product's time zone")
SESSION_DAY = Column(
    "session_day", pl.Date(), "local day of the session's first event; all of a session is booked there"
)
PERSON = Column("person_key", pl.Int64(), "the person, as in events")
DEVICE = Column(
    "device_type",
    pl.String(),
    "device of the visit: the first that its source sent, else that of its first known user agent; `unknown` where nothing tells",
)
# What a session is counted by where each must have a value.
BOOKED = (
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
SOURCE = Column("source", pl.String(), "the landing folder that the events came through")
EVENT_DIMENSIONS = ("session_day", "device_type")
GROUP = Column(
    "group", pl.String(), "value of the breakdown; empty: everybody, `(none)`: without a value, `Other`: the rest"
)
PAGE = Column("page", pl.String(), "page of the product file")
SURVEY = Column("survey", pl.String(), "survey of the product file, else its id; empty: none is told")
QUESTION = Column(
    "question",
    pl.String(),
    "question of the product file, else its id, `(not told)` where it has none; empty: the survey as a whole",
)
QUESTION_KIND = Column(
    "question_kind", pl.String(), "`nps`, `csat`, `ces`, `pmf`, `choice` or `text`; empty: the survey as a whole"
)
TRIGGER = Column("trigger", pl.String(), "what made the survey appear; empty: not told")
STAGE = Column("stage", pl.String(), "stage of the customer journey; empty: none")
PERIOD = (
    Column("period", pl.String(), "`week`, `last_28`, `last_90` or `all`"),
    Column("period_start", pl.Date(), "first local day of the period"),
    Column("period_end", pl.Date(), "last local day of the period"),
)
# What is told of a visit besides its device.
OF_VISIT = (
    text("os", "operating system of the visit, sent or by its first known user agent; null where nothing tells"),
    text("os_version", "its major version, a number or a word (`XP`)"),
    text("browser", "browser of the visit, by one name on desktops and phones; null where nothing tells"),
    text("browser_version", "its major version"),
)
