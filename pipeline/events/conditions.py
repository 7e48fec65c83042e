"""Which events, visits and people count: `where` and `people` (docs/definitions/matching.md, "Who counts")."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date

import polars as pl

from pipeline.core.product import NARROWED, Product
from pipeline.core.product_matches import Asked, Match, Narrowed, Where
from pipeline.core.registry import TABLES
from pipeline.events.matching import column_of, holds, matches
from pipeline.events.visits import of_their_visits


def fits(where: Where) -> pl.Expr:
    """Whether an event's column is as the condition says; never null."""
    return holds(pl.col(column_of(where.column)).cast(pl.String), where)


def told_columns(chosen: Iterable[Narrowed]) -> set[str]:
    """Columns that conditions on events and visits look at, `session_key` where one is about visits."""
    conditions = [each for one in chosen for each in one.where if each.about != "person"]
    return {each.column for each in conditions} | {"session_key" for each in conditions if each.about == "visit"}


def of_people(
    events: pl.LazyFrame,
    wanted: Collection[str],
    booked: pl.LazyFrame | None,
    sessions: pl.LazyFrame | None,
) -> pl.LazyFrame:
    """Events of people, bots left out, with the columns among `wanted` that are told of their visits."""
    people = events.filter(pl.col("person_key").is_not_null(), ~pl.col("is_bot"))
    return people if booked is None else of_their_visits(people, booked, wanted, sessions)


def of_people_around(
    events: pl.LazyFrame,
    wanted: Collection[str],
    booked: pl.LazyFrame | None,
    sessions: pl.LazyFrame | None,
    around: pl.LazyFrame | None,
) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """`of_people` of the events of a day, and of those `around` it, by default the same: what `that_count` asks for."""
    people = of_people(events, wanted, booked, sessions)
    return people, people if around is None else of_people(around, wanted, booked, sessions)


def that_count(events: pl.LazyFrame, chosen: Narrowed, around: pl.LazyFrame | None = None) -> pl.LazyFrame:
    """Events that count by the conditions on events and visits; they bear the columns of `told_columns`.

    `around` holds the events, with these columns, of the day before, the day and the day after, in which each visit of the
    day's events is whole; by default the events themselves are all there are.
    """
    for each in chosen.where:
        if each.about == "event":
            events = events.filter(fits(each))
        elif each.about == "visit":
            visits = (events if around is None else around).filter(fits(each)).select("session_key").unique()
            events = events.join(visits, on="session_key", how="semi", maintain_order="left")
    return events


def people_conditions(product: Product) -> dict[str, Match | Where]:
    """All conditions on people that the product file holds, by their text."""
    return {each.key: each.event for one in _narrowed(product) for each in one.asked_of_people}


def _narrowed(product: Product) -> Iterator[Narrowed]:
    for section in NARROWED:
        yield from getattr(product, section).values()


def conditions_met(
    events: pl.LazyFrame,
    day: date,
    conditions: Mapping[str, Match | Where],
    booked: pl.LazyFrame,
    sessions: pl.LazyFrame,
) -> pl.DataFrame:
    """Who met which condition on `day`, and how often; bots left out.

    `booked` and `sessions` hold session_events and sessions of the day and the one before.
    """
    wanted = {each.column for each in conditions.values() if isinstance(each, Where)}
    return met_among(of_people(events, wanted, booked, sessions), day, conditions)


def met_among(people: pl.LazyFrame, day: date, conditions: Mapping[str, Match | Where]) -> pl.DataFrame:
    """The same among events of people that bear the columns which conditions name."""
    table = TABLES["conditions_met"]
    parts = [
        people.filter(fits(each) if isinstance(each, Where) else matches(each))
        .group_by("person_key")
        .agg(times=pl.len().cast(pl.Int64))
        .with_columns(condition=pl.lit(key))
        for key, each in conditions.items()
    ]
    found = pl.concat(pl.collect_all(parts)) if parts else table.schema.to_frame()
    return table.conform(found.with_columns(day=pl.lit(day)))


def of_chosen_people(
    rows: pl.LazyFrame, chosen: Narrowed, met: pl.LazyFrame | None, first: date, last: date
) -> pl.LazyFrame:
    """Rows of the people who count by the conditions on people, for the days from `first` to `last`.

    `met` holds conditions_met of these days, and of all before where a condition looks at them.
    """
    for each in chosen.asked_of_people:
        if met is None:
            raise ValueError("conditions on people need the days on which they were met")
        rows = rows.join(_who(met, each, first, last), on="person_key", how="semi" if each.did else "anti")
    return rows


def _who(met: pl.LazyFrame, asked: Asked, first: date, last: date) -> pl.LazyFrame:
    own = met.filter(pl.col("condition") == asked.key, pl.col("day") <= last)
    inside = own if asked.is_ever else own.filter(pl.col("day") >= first)
    enough = pl.col("times").sum() >= asked.at_least
    return inside.group_by("person_key").agg(enough=enough).filter("enough").select("person_key")
