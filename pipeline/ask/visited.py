"""What some visits or people saw, clicked, met and said: the days' tables as they would be if there had been nobody else."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import date

import polars as pl

from pipeline.ask.chosen import Chosen, chosen
from pipeline.ask.configured import mart
from pipeline.ask.data import Data
from pipeline.ask.question import Question, Span
from pipeline.build.tables import DAY_TABLE
from pipeline.core.columns import OTHER_PAGE
from pipeline.core.days import ONE_DAY
from pipeline.core.published import id_text, in_currency, in_seconds
from pipeline.core.registry import TABLES
from pipeline.declare import Sources
from pipeline.events.resolutions import Resolutions

# What each kind of question reads besides `askable`.
READS = {
    "pages": ("page_views",),
    "zones": ("session_events", "page_views", "friction_incidents", "daily_zones"),
    "elements": ("session_events",),
    "heatmap": ("session_events", "page_views", "heatmap_cells"),
    "friction": ("session_events", "page_views", "friction_incidents", "daily_friction"),
    "scores": ("feedback",),
    "choices": ("feedback",),
    "visits": ("sessions", "recordings"),
}


@dataclass(frozen=True)
class AskedSources(Sources):
    """What a day is computed from, of some visits and people only."""

    chosen: Chosen | None = field(default=None, kw_only=True)

    def _scan(self, table: str, offsets: Iterable[int]) -> pl.LazyFrame:
        rows = super()._scan(table, offsets)
        return rows if self.chosen is None else self.chosen.of(rows)


def asked_sources(data: Data, table: str, day: date, wanted: Chosen) -> AskedSources:
    """What `day` of a daily table is computed from, of these visits and people alone."""
    declared = DAY_TABLE[table]
    nobody = Resolutions(data.lake, data.product, data.snapshot.states)
    whole = AskedSources(data.lake, data.product, data.snapshot, {}, nobody, day, declared)
    for reads in declared.reads:
        data.scan(reads.table, [day])
    # What a source can tell at all is told by everybody's visits.
    return replace(whole, chosen=wanted, told=declared.told(whole) if declared.told else None)


def _computed(data: Data, table: str, day: date, wanted: Chosen) -> pl.DataFrame:
    """The rows of a daily table on `day` as they would be if there had been these visits and people alone."""
    declared = DAY_TABLE[table]
    ready = asked_sources(data, table, day, wanted)
    summed = replace(ready, summed=declared.summed(ready))
    return pl.concat(built.frame for built in declared.built(summed))


def rows_of(data: Data, table: str, wanted: Chosen, before: int = 0) -> pl.LazyFrame:
    """The rows of a daily table over the span, and so many days `before` it, as they are of these visits and people alone."""
    days = data.within(wanted.span.first - ONE_DAY * before, wanted.span.last)
    if wanted.is_everybody or wanted.can_filter(TABLES[table].schema.names()):
        return wanted.of(data.scan(table, days))
    parts: list[pl.DataFrame] = []
    for day in days:
        data.stop.check()
        if data.snapshot.output(table, day):
            parts.append(_computed(data, table, day, wanted))
    return (pl.concat(parts) if parts else TABLES[table].schema.to_frame()).lazy()


def pages_answer(data: Data, question: Question, span: Span) -> pl.DataFrame:
    """Per page: page views, sessions, people, landings, bounces and exits with their shares."""
    wanted = chosen(data, question, span)
    rows = rows_of(data, "page_views", wanted).filter(~pl.col("is_bot"))
    counted = (
        rows.with_columns(
            page=pl.col("page").fill_null(OTHER_PAGE),
        )
        .group_by("page")
        .agg(
            page_views=pl.len().cast(pl.Int64),
            page_views_implied=pl.col("implied").sum().cast(pl.Int64),
            sessions=pl.col("session_key").n_unique().cast(pl.Int64),
            people=pl.col("person_key").n_unique().cast(pl.Int64),
            landings=pl.col("is_landing").sum().cast(pl.Int64),
            exits=pl.col("is_exit").sum().cast(pl.Int64),
            clicks=pl.col("clicks").sum(),
            median_seconds=pl.col("duration_ms").median() / 1000,
        )
        .collect()
    )
    return counted.with_columns(exit_rate=pl.col("exits") / pl.col("page_views")).sort(
        "sessions", "page", descending=[True, False]
    )


def friction_answer(data: Data, question: Question, span: Span) -> pl.DataFrame:
    """Per rule set, signal and page over the span and all devices: the columns of the mart `friction`."""
    keys = ["rule_set", "rule_version", "signal", "page"]
    rows = rows_of(data, "daily_friction", chosen(data, question, span))
    if question.page is not None:
        rows = rows.filter(pl.col("page") == question.page)
    counted = rows.group_by(keys).agg(pl.exclude(*keys, "session_day", "device_type").sum()).collect()
    summed = counted.with_columns(session_day=pl.lit(span.first), device_type=pl.lit(""))
    table = TABLES["daily_friction"].conform(summed)
    made = mart("friction", daily_friction=table, owners=TABLES["owners"].schema.to_frame())
    first = data.product.friction.first
    ours = made.filter(pl.col("rule_set") == first).drop("day", "device_type", "owner", "rule_version", "rule_set")
    return ours.sort("page_views_with", "signal", "page", descending=[True, False, False])


def visits_answer(data: Data, question: Question, span: Span) -> pl.DataFrame:
    """The visits themselves, the newest first; `sessions` of the span that count."""
    return visit_list(data, span, chosen(data, question, span).of)


def visit_list(data: Data, span: Span, counting: Callable[[pl.LazyFrame], pl.LazyFrame]) -> pl.DataFrame:
    """Visits as people look at them, with whether there is a recording."""
    days = data.within(span.first, span.last)
    rows = counting(data.scan("sessions", days).filter(~pl.col("is_bot")))
    return _shown(rows, data.scan("recordings", days)).sort(
        "is_recorded", "started_at", "session_key", descending=[True, True, False]
    )


def _shown(rows: pl.LazyFrame, recordings: pl.LazyFrame) -> pl.DataFrame:
    recorded = recordings.filter(pl.col("completeness") != "nothing to show").select(
        "session_key", recorded_from="started_at"
    )
    joined = rows.join(recorded, on="session_key", how="left").collect()
    return joined.select(
        "started_at",
        id_text("session_key"),
        id_text("person_key"),
        "device_type",
        "os",
        "browser",
        "country",
        "channel",
        "landing_page",
        "exit_page",
        "page_views",
        "clicks",
        in_seconds(pl.col("duration_ms")).cast(pl.Float64).alias("duration_seconds"),
        "orders",
        in_currency(pl.col("revenue_micros")).cast(pl.Float64).alias("revenue"),
        is_recorded=pl.col("recorded_from").is_not_null(),
    )
