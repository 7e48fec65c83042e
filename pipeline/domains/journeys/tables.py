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

_RECENT_DAYS = 28


def journey_events(events: pl.LazyFrame, day: date, journeys: Mapping[str, Journey]) -> pl.DataFrame:
    """The items of `day` by journey, in the total order of each person's events; bots left out."""
    people = events.filter(pl.col("person_key").is_not_null(), ~pl.col("is_bot"))
    ordered = people.sort("person_key", "occurred_at", "sequence", "event_id", nulls_last=True)
    is_view = pl.col("kind") == "page_view"
    items = {
        "pages": pl.when(is_view).then(pl.col("page").fill_null("(other page)")),
        "urls": pl.when(is_view).then(pl.col("url").map_batches(page_address, pl.String, is_elementwise=True)),
        "events": pl.coalesce("name", "kind"),
    }
    table = TABLES["journey_events"]
    parts = [
        ordered.select("person_key", "occurred_at", journey=pl.lit(name), item=items[chosen.items]).filter(
            pl.col("item").is_not_null()
        )
        for name, chosen in journeys.items()
    ]
    if not parts:
        return table.conform(pl.DataFrame(schema=table.schema))
    position = pl.int_range(pl.len(), dtype=pl.Int64).over("journey", "person_key")
    return table.conform(pl.concat(parts).collect().with_columns(day=pl.lit(day), event_index=position))


def journey_steps(rows: pl.LazyFrame, name: str, chosen: Journey, last: date) -> pl.DataFrame:
    """The steps of a journey's visits in the 28 days up to `last`."""
    rules = JourneyRules(chosen.start, chosen.end, chosen.steps, chosen.exclude, chosen.groupings)
    recent = rows.filter(pl.col("journey") == name, pl.col("day") > last - ONE_DAY * _RECENT_DAYS)
    return visits(recent.sort("person_key", "day", "event_index"), rules)


def journey_edge_counts(rows: pl.LazyFrame, days: list[date], product: Product) -> pl.DataFrame:
    """From item to item, per journey; `rows` holds journey_events of `days`."""
    table = TABLES["journey_edge_counts"]
    parts = [pl.DataFrame(schema=table.schema)]
    for name, chosen in product.journeys.items() if days else ():
        result = edges(journey_steps(rows, name, chosen, days[-1]), limit=chosen.edge_limit)
        parts.append(
            result.select(pl.lit(name).alias("journey"), "source", "target", "transitions", "people", "mean_wait_us")
        )
    return table.conform(pl.concat(parts))


def journey_paths(rows: pl.LazyFrame, days: list[date], product: Product) -> pl.DataFrame:
    """Whole ways, per journey; `rows` holds journey_events of `days`."""
    table = TABLES["journey_paths"]
    parts = [pl.DataFrame(schema=table.schema)]
    for name, chosen in product.journeys.items() if days else ():
        result = sequences(journey_steps(rows, name, chosen, days[-1]), limit=chosen.edge_limit)
        parts.append(
            result.select(
                pl.lit(name).alias("journey"),
                pl.col("items").list.join(" > ").alias("path"),
                pl.col("items").list.len().cast(pl.Int64).alias("steps"),
                "visits",
                "people",
            )
        )
    return table.conform(pl.concat(parts))
