"""The product file's journeys as tables (docs/definitions/journeys.md)."""

from collections.abc import Mapping
from datetime import date

import polars as pl

from pipeline.core.days import ONE_DAY
from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.domains.journeys.journeys import JourneyRules, edges, sequences, visits
from pipeline.domains.journeys.section import Journey
from pipeline.events.addresses import page_address
from pipeline.events.conditions import of_chosen_people, of_people_around, that_count, told_columns

_RECENT_DAYS = 28


def journey_events(  # what the table declares
    events: pl.LazyFrame,
    day: date,
    journeys: Mapping[str, Journey],
    booked: pl.LazyFrame | None = None,
    sessions: pl.LazyFrame | None = None,
    around: pl.LazyFrame | None = None,
) -> pl.DataFrame:
    """The items of `day` by journey, in the total order of each person's events; bots left out.

    `booked` and `sessions` hold session_events and sessions of the day and the one before, `around` events of the day
    before, the day and the day after: conditions on visits look at them.
    """
    wanted = told_columns(journeys.values())
    people, beside = of_people_around(events, wanted, booked, sessions, around)
    return items_of(people, day, journeys, beside)


def items_of(people: pl.LazyFrame, day: date, journeys: Mapping[str, Journey], around: pl.LazyFrame) -> pl.DataFrame:
    """`journey_events` of events of people that bear what is told of their visits."""
    ordered = people.sort("person_key", "occurred_at", "sequence", "event_id", nulls_last=True)
    is_view = pl.col("kind") == "page_view"
    items = {
        "pages": pl.when(is_view).then(pl.col("page").fill_null("(other page)")),
        "urls": pl.when(is_view).then(pl.col("url").map_batches(page_address, pl.String, is_elementwise=True)),
        "events": pl.coalesce("name", "kind"),
    }
    table = TABLES["journey_events"]
    parts = [
        that_count(ordered, chosen, around)
        .select("person_key", "occurred_at", journey=pl.lit(name), item=items[chosen.items])
        .filter(pl.col("item").is_not_null())
        for name, chosen in journeys.items()
    ]
    if not parts:
        return table.conform(pl.DataFrame(schema=table.schema))
    position = pl.int_range(pl.len(), dtype=pl.Int64).over("journey", "person_key")
    return table.conform(pl.concat(parts).collect().with_columns(day=pl.lit(day), event_index=position))


def journey_steps(
    rows: pl.LazyFrame, name: str, chosen: Journey, span: tuple[date, date], met: pl.LazyFrame | None = None
) -> pl.DataFrame:
    """The steps of a journey's visits in a span of days; `met` holds conditions_met of it, or of all days."""
    rules = JourneyRules(chosen.start, chosen.end, chosen.steps, chosen.exclude, chosen.groupings)
    inside = rows.filter(pl.col("journey") == name, pl.col("day").is_between(*span))
    return visits(of_chosen_people(inside, chosen, met, *span).sort("person_key", "day", "event_index"), rules)


def recent(days: list[date]) -> tuple[date, date]:
    """The 28 days that end with the last of `days`."""
    return days[-1] - ONE_DAY * (_RECENT_DAYS - 1), days[-1]


def journey_edge_counts(
    rows: pl.LazyFrame, days: list[date], product: Product, met: pl.LazyFrame | None = None
) -> pl.DataFrame:
    """From item to item in the last 28 days, per journey; `rows` holds journey_events of `days`, `met` conditions_met."""
    table = TABLES["journey_edge_counts"]
    parts = [pl.DataFrame(schema=table.schema)]
    for name, chosen in product.journeys.items() if days else ():
        result = edges(journey_steps(rows, name, chosen, recent(days), met), limit=chosen.edge_limit)
        parts.append(edge_rows(name, result))
    return table.conform(pl.concat(parts))


def edge_rows(name: str, result: pl.DataFrame) -> pl.DataFrame:
    """The rows of journey_edge_counts that `edges` of a journey give."""
    return result.select(pl.lit(name).alias("journey"), "source", "target", "transitions", "people", "mean_wait_us")


def journey_paths(
    rows: pl.LazyFrame, days: list[date], product: Product, met: pl.LazyFrame | None = None
) -> pl.DataFrame:
    """Whole ways in the last 28 days, per journey; `rows` holds journey_events of `days`, `met` conditions_met."""
    table = TABLES["journey_paths"]
    parts = [pl.DataFrame(schema=table.schema)]
    for name, chosen in product.journeys.items() if days else ():
        result = sequences(journey_steps(rows, name, chosen, recent(days), met), limit=chosen.edge_limit)
        parts.append(path_rows(name, result))
    return table.conform(pl.concat(parts))


def path_rows(name: str, result: pl.DataFrame) -> pl.DataFrame:
    """The rows of journey_paths that `sequences` of a journey give."""
    return result.select(
        pl.lit(name).alias("journey"),
        pl.col("items").list.join(" > ").alias("path"),
        pl.col("items").list.len().cast(pl.Int64).alias("steps"),
        "visits",
        "people",
    )
