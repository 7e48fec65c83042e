"""Errors by message and place (docs/definitions/errors.md)."""

import polars as pl

from pipeline.core.columns import DEVICE, EVENT_DIMENSIONS, PERSON, SESSION_DAY
from pipeline.core.contract import Column, Table, count, rate, text, time

_PAGE = Column("page", pl.String(), "page of the product file; `(other)` where the address fits none")
_ERROR = (
    Column("error_type", pl.String(), "class of the error; empty where the source sends none"),
    Column("message", pl.String(), "its message with numbers and ids as `#`; empty where the source sends none"),
    _PAGE,
)
_NAMES = tuple(column.name for column in _ERROR)
SESSION_ERRORS = Table(
    name="session_errors",
    layer="daily",
    grain="One row per session booked on the day, error and page, bots left out.",
    columns=(
        SESSION_DAY,
        Column("session_key", pl.Int64(), "the session"),
        PERSON,
        DEVICE,
        *_ERROR,
        count("errors", "errors", "event", "session_day"),
        count("page_views_with", "page views with one", "page view", "session_day"),
        time("first_at", "the first one"),
        time("last_at", "the last one"),
        Column("reached_goal", pl.Boolean(), "a goal was reached after the first one"),
        Column("reached_goal_on_page", pl.Boolean(), "a goal was reached after the first event on the page"),
    ),
    key=("session_key", *_NAMES),
    sort=("person_key", "session_key", *_NAMES),
)
PAGE_SESSIONS = Table(
    name="page_sessions",
    layer="daily",
    grain="One row per session day, page and device: how many sessions were on the page, of those in which errors would be told; bots left out.",
    columns=(
        SESSION_DAY,
        _PAGE,
        DEVICE,
        count("sessions", "sessions with an event on the page", "session", *EVENT_DIMENSIONS),
        count("sessions_with_goal", "of them, those that reached a goal after their first event on it", "session", *EVENT_DIMENSIONS),
    ),
    key=("session_day", "page", "device_type"),
    at_most=(("sessions_with_goal", "sessions"),),
)  # fmt: skip
ERROR_COUNTS = Table(
    name="error_counts",
    layer="period",
    grain="One row per error and page.",
    columns=(
        *_ERROR,
        time("first_at", "the first one"),
        time("last_at", "the last one"),
        text("release", "the product file's newest release on the day of the first one; null: none was before"),
        Column("days_after_release", pl.Int64(), "days from that release to the first one", unit="day", nullable=True, minimum=0),
        count("errors", "errors", "event"),
        count("page_views_with", "page views with one", "page view"),
        count("sessions_with", "sessions with one", "session"),
        count("people_with", "people with one", "person"),
        count("sessions_last_7", "of the sessions, those of the last seven days", "session"),
        count("sessions_7_before", "of the sessions, those of the seven days before these", "session"),
        count("sessions_with_goal", "of sessions_with, those that reached a goal after the first one", "session"),
        count("sessions_without", "sessions on the page without it, from its first day to its last", "session"),
        count("sessions_without_with_goal", "of them, those that reached a goal after their first event on the page", "session"),
        text("example_sessions", "five sessions to look at: recorded ones first, of them the newest"),
    ),
    key=_NAMES,
    at_most=(
        ("page_views_with", "errors"),
        ("sessions_with", "errors"),
        ("people_with", "sessions_with"),
        ("sessions_last_7", "sessions_with"),
        ("sessions_7_before", "sessions_with"),
        ("sessions_with_goal", "sessions_with"),
        ("sessions_without_with_goal", "sessions_without"),
    ),
)  # fmt: skip
ERRORS = Table(
    name="errors",
    layer="mart",
    grain=ERROR_COUNTS.grain,
    columns=(
        *ERROR_COUNTS.columns,
        rate("goal_rate_with", "sessions_with_goal / sessions_with"),
        rate("goal_rate_without", "sessions_without_with_goal / sessions_without"),
    ),
    key=ERROR_COUNTS.key,
    at_most=ERROR_COUNTS.at_most,
    depends_on_measuring=True,
)
ERRORS_DAILY = Table(
    name="errors_daily",
    layer="mart",
    grain="One row per day, error, page and device.",
    columns=(
        Column("day", pl.Date(), "local day of the session's first event"),
        *_ERROR,
        DEVICE,
        count("errors", "errors", "event", "day", "device_type", *_NAMES),
        count("page_views_with", "page views with one", "page view", "day", "device_type"),
        count("sessions_with", "sessions with one", "session", "day", "device_type"),
    ),
    key=("day", *_NAMES, "device_type"),
    at_most=(("page_views_with", "errors"), ("sessions_with", "errors")),
    depends_on_measuring=True,
)
