"""The events of a day that a question can name, with all that is told of them and of their visits (docs/decisions/0040).

Most events are moves, scrolls and pings: nobody asks for one of them, only whether somebody was there. They are one row, of
kind `seen`, per person, hour, visit and page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from pipeline.core.canonical import PROMOTED_PREFIX, SESSION_COLUMNS, VISIT_COLUMNS
from pipeline.core.registry import TABLES

SEEN = "seen"
# Zones and heatmaps have tables of their own.
KINDS_SEEN = ("move", "scroll", "page_ping", "performance", "exposure")
_KEY = ("source", "event_id")
OF_EVENT = ("person_key", "occurred_at", "sequence", *_KEY, "kind", "name", "page", "country", "language")
# Of a team's own survey they are never laid beside people.
OF_ANSWER = ("survey_id", "score", "choice")
_ORDER = ("occurred_at", "sequence", "event_id")


@dataclass(frozen=True)
class Booked:
    """What is told of visits: session_events and sessions of a day and the one before; and which surveys are the team's own."""

    events: pl.LazyFrame
    sessions: pl.LazyFrame
    team_surveys: Sequence[str] = ()


def told_events(events: pl.LazyFrame, day: date, booked: Booked, columns: Sequence[str] = OF_EVENT) -> pl.LazyFrame:
    """`columns` of the events of people on `day`, and all that is told of them and of their visits; bots left out."""
    promoted = [name for name in events.collect_schema().names() if name.startswith(PROMOTED_PREFIX)]
    people = events.filter(pl.col("person_key").is_not_null(), ~pl.col("is_bot"))
    visits = booked.sessions.select("session_key", "session_day", *SESSION_COLUMNS)
    is_open = ~pl.col("survey_id").is_in(list(booked.team_surveys)).fill_null(value=False)
    told = booked.events.select(*_KEY, "session_key", *VISIT_COLUMNS, "goal_bits", "revenue_micros")
    return (
        people.select(*columns, *promoted, *(pl.when(is_open).then(name).alias(name) for name in OF_ANSWER))
        .join(told, on=list(_KEY), how="left")
        .join(visits, on="session_key", how="left")
        .with_columns(day=pl.lit(day), events=pl.lit(1, dtype=pl.Int64))
    )


def askable(events: pl.LazyFrame, day: date, booked: Booked) -> pl.DataFrame:
    """The askable rows of `day`."""
    rows = told_events(events, day, booked)
    promoted = [name for name in rows.collect_schema().names() if name.startswith(PROMOTED_PREFIX)]
    is_seen = pl.col("kind").is_in(KINDS_SEEN)
    columns = [*TABLES["askable"].schema.names(), *promoted]
    named, passed = pl.collect_all([rows.filter(~is_seen).select(columns), _seen(rows.filter(is_seen), columns)])
    return TABLES["askable"].conform(pl.concat([named, passed]), promoted)


def _seen(rows: pl.LazyFrame, columns: list[str]) -> pl.LazyFrame:
    own = {"occurred_at", "sequence", "event_id", "events", "kind", "name", "goal_bits", "revenue_micros"}
    by = [name for name in columns if name not in own]
    first = rows.sort(_ORDER, nulls_last=True).group_by(*by, pl.col("occurred_at").dt.truncate("1h").alias("hour"))
    return first.agg(
        pl.col("occurred_at", "sequence", "event_id").first(),
        pl.col("goal_bits").bitwise_or(),
        revenue_micros=pl.lit(None, dtype=pl.Int64),
        events=pl.len().cast(pl.Int64),
        kind=pl.lit(SEEN),
        name=pl.lit(None, dtype=pl.String),
    ).select(columns)
