"""Parts of pages as some visits or people met them: zones, elements, heatmaps."""

from collections.abc import Iterator
from datetime import date

import polars as pl

from pipeline.ask.answer import Cell
from pipeline.ask.chosen import Chosen, chosen
from pipeline.ask.configured import mart
from pipeline.ask.data import Data
from pipeline.ask.question import Question, Span
from pipeline.ask.visited import asked_sources, rows_of
from pipeline.core.published import in_seconds
from pipeline.core.registry import TABLES
from pipeline.domains.zones.domain import zones_of_day
from pipeline.domains.zones.heatmap import BIN_PX
from pipeline.events.chains import innermost, labels, stable_chain

# As in dbt_like_sql/marts/zones/zone_metrics.sql.
_TOLD_BY_EVENTS = ("events", "element_tracking", "events+element_tracking")


def _on_page(rows: pl.LazyFrame, question: Question) -> pl.LazyFrame:
    return rows if question.page is None else rows.filter(pl.col("page") == question.page)


# -- zones


def zones_answer(data: Data, question: Question, span: Span) -> pl.DataFrame:
    """Per page, zone, version and device over the span: the columns of the mart `zone_metrics`."""
    keys = ["page", "zone", "zone_version", "device_type", "segment", "variant"]
    rows = rows_of(data, "daily_zones", chosen(data, question, span)).filter(
        pl.col("segment") == "", pl.col("variant") == ""
    )
    measured = _measured(data, _on_page(rows, question))
    summed = measured.group_by(keys).agg(pl.exclude(*keys, "session_day", "exposure_method").sum()).collect()
    whole = summed.with_columns(session_day=pl.lit(span.first), exposure_method=pl.lit(None, dtype=pl.String))
    table = TABLES["daily_zones"].conform(whole)
    made = mart("zone_metrics", daily_zones=table)
    return made.drop("day", "segment", "variant").sort("page", "zone", "zone_version", "device_type")


def _measured(data: Data, rows: pl.LazyFrame) -> pl.LazyFrame:
    """Rows of daily_zones that measured exposure only since somebody's exposure to the zone was first told, as the mart has it."""
    told = data.scan("daily_zones", data.days).filter(pl.col("page_views_exposed") > 0)
    since = told.group_by("page", "zone").agg(watched_from=pl.col("session_day").min())
    by_events = pl.col("exposure_method").fill_null("").is_in(_TOLD_BY_EVENTS)
    unknown = by_events & (pl.col("session_day") < pl.col("watched_from")).fill_null(value=True)
    columns = ("page_views_measured_exposure", "page_views_measured_exposure_time")
    return (
        rows.join(since, on=["page", "zone"], how="left")
        .with_columns(pl.when(unknown).then(0).otherwise(name).alias(name) for name in columns)
        .drop("watched_from")
    )


def sessions_of_zone(data: Data, question: Question, span: Span, cell: Cell) -> pl.DataFrame:
    """The sessions that clicked a zone of a version on a device: `session_key`, `at`."""
    wanted = chosen(data, question, span)
    found = [pl.DataFrame(schema=_SESSION_AT)]
    for day in data.within(span.first, span.last):
        data.stop.check()
        if data.snapshot.output("daily_zones", day):
            found.append(_clicked(data, day, wanted, cell))
    return pl.concat(found).group_by("session_key").agg(pl.col("at").min())


_SESSION_AT = {"session_key": pl.Int64(), "at": pl.Datetime("us", "UTC")}


def _clicked(data: Data, day: date, wanted: Chosen, cell: Cell) -> pl.DataFrame:
    made = zones_of_day(asked_sources(data, "daily_zones", day, wanted))
    meant = [
        n
        for n, zone in enumerate(made.zones)
        if (zone.page, zone.name, data.product.zone_validity(zone)[0]) == (cell.page, cell.zone, cell.start)
    ]
    there = made.facts.filter(
        "is_clicked",
        pl.col("zone").is_in(meant),
        pl.col("device_type") == cell.device if cell.device else pl.lit(value=True),
    )
    return there.select("session_key", at="clicked_at").cast(_SESSION_AT)  # pyright: ignore[reportArgumentType]


# -- elements


def elements_answer(data: Data, question: Question, span: Span) -> pl.DataFrame:
    """Per page and element that was clicked: clicks, page views and sessions with one, people, its share of the page's clicks.

    An element is the innermost tag of its chain, without ids and classes that the product file calls dynamic.
    """
    clicks = _clicks(data, question, span)
    counted = clicks.group_by("page", "tag").agg(
        clicks=pl.len().cast(pl.Int64),
        page_views_clicked=pl.col("page_view_key").drop_nulls().n_unique().cast(pl.Int64),
        sessions=pl.col("session_key").n_unique().cast(pl.Int64),
        people=pl.col("person_key").n_unique().cast(pl.Int64),
    )
    share = pl.col("clicks") / pl.col("clicks").sum().over("page")
    return (
        counted.with_columns(element=labels(pl.col("tag")), click_share=share)
        .select("page", "element", "tag", "clicks", "click_share", "page_views_clicked", "sessions", "people")
        .sort("clicks", "page", "tag", descending=[True, False, False])
    )


def _clicks(data: Data, question: Question, span: Span) -> pl.DataFrame:
    """Clicks of people on pages of the product file, each with its element's `tag`."""
    rows = _on_page(rows_of(data, "session_events", chosen(data, question, span)), question)
    clicks = (
        rows.filter(
            pl.col("kind") == "click", ~pl.col("is_bot"), pl.col("page").is_not_null(), pl.col("element_chain") != ""
        )
        .select("page", "element_chain", "page_view_key", "session_key", "person_key", "occurred_at")
        .collect()
    )
    # There are few elements and many clicks.
    chains = clicks["element_chain"].unique()
    dynamic = data.product.elements.dynamic
    tags = pl.Series([innermost(stable_chain(chain, dynamic)) for chain in chains], dtype=pl.String)
    named = pl.DataFrame({"element_chain": chains, "tag": tags})
    return clicks.join(named, on="element_chain").drop("element_chain")


def sessions_of_element(data: Data, question: Question, span: Span, cell: Cell) -> pl.DataFrame:
    """The sessions that clicked an element: `session_key`, `at`."""
    own = _clicks(data, question, span).filter(pl.col("page") == cell.page, pl.col("tag") == cell.element)
    return own.group_by("session_key").agg(at=pl.col("occurred_at").min())


# -- heatmaps


def heatmap_answer(data: Data, question: Question, span: Span) -> pl.DataFrame:
    """Per device and cell of the page over the span: `layer`, `x_bin`, `y_bin`, `y_px`, `events`, `page_views`, `seconds`."""
    rows = _on_page(rows_of(data, "heatmap_cells", chosen(data, question, span)), question)
    summed = (
        rows.filter(pl.col("kind") == question.heat)
        .group_by("device_type", "layer", "x_bin", "y_bin")
        .agg(pl.col("events", "page_views", "ms").sum())
        .collect()
    )
    value = heat_of(question)
    known = summed.with_columns(y_px=pl.col("y_bin") * BIN_PX, seconds=in_seconds(pl.col("ms")).cast(pl.Float64)).drop(
        "ms"
    )
    return known.sort(value, "device_type", "layer", "y_bin", "x_bin", descending=[True, False, False, False, False])


def heat_of(question: Question) -> str:
    """The column that a heatmap shows."""
    return {"attention": "seconds", "reach": "page_views"}.get(question.heat, "events")


def devices_of(rows: pl.DataFrame) -> Iterator[str]:
    """The devices of a heatmap, the one with most first."""
    sizes = rows.group_by("device_type").agg(pl.col("page_views").sum())
    yield from sizes.sort("page_views", "device_type", descending=[True, False])["device_type"]
