"""Funnels, retentions and journeys as they are asked: the same rows and the same SQL as their marts."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from pipeline.ask.answer import OWN
from pipeline.ask.chosen import is_askable, met
from pipeline.ask.data import Data
from pipeline.ask.question import Question, Span
from pipeline.build.sql_models import load_models, run_model
from pipeline.core.days import ONE_DAY
from pipeline.core.product import Product
from pipeline.core.product_matches import Match
from pipeline.core.registry import TABLES
from pipeline.domains.funnels.funnel_steps import untied_steps
from pipeline.domains.funnels.funnel_tables import ALL, Period, funnel_rows, period_people
from pipeline.domains.funnels.section import FUNNEL_UNITS, Funnel
from pipeline.domains.journeys.journeys import edges, sequences
from pipeline.domains.journeys.tables import edge_rows, items_of, journey_steps, path_rows
from pipeline.domains.retention.section import Retention
from pipeline.domains.retention.tables import return_cells, returns_of
from pipeline.events.conditions import of_chosen_people
from pipeline.events.matching import matches, of_its_name


def mart(name: str, **tables: pl.DataFrame) -> pl.DataFrame:
    """A mart's own SELECT over these rows."""
    return run_model(name, tables, load_models())


# -- funnels


def _needs_everything(funnel: Funnel) -> bool:
    """Whether events are looked at that askable ones leave out: each event breaks a chain, or other ids make the unit."""
    named: Sequence[Match] = (*funnel.steps, *funnel.exclusions)
    is_other_id = funnel.unit in FUNNEL_UNITS and funnel.unit not in ("person", "session")
    return funnel.order == "strict" or is_other_id or not all(map(is_askable, named))


def step_rows(data: Data, funnel: Funnel, span: Span) -> pl.LazyFrame:
    """The rows of step_events that the funnel takes in the span, and in what it looks at around it."""
    has_first = any(step.first_time is not None for step in funnel.steps)
    last = span.last if funnel.range == "ends" else span.last + funnel.length + ONE_DAY
    everything = _needs_everything(funnel)
    marked = (*funnel.steps, *funnel.exclusions)

    def fitting(_day: date, people: pl.LazyFrame) -> pl.DataFrame:
        """Whatever is asked of them besides, only these events can be a step."""
        wanted = [matches(each) for each in marked]
        wanted += [of_its_name(step) for step in funnel.steps if step.first_time == "ever"]
        rows = people.filter(pl.any_horizontal(wanted))
        # Ids are half of what there is to read; only the order of a person's first events asks for them.
        return (rows if has_first else rows.drop("event_id", "sequence")).collect()

    def steps(day: date, people: pl.LazyFrame) -> pl.DataFrame:
        if funnel.order != "strict":
            people = data.kept(("fitting", marked, has_first), day, fitting, everything=everything).lazy()
        return untied_steps(people, day, OWN, funnel, data.around(day, people, funnel)).collect()

    return data.by_day(
        ("steps", funnel),
        data.within(date.min if has_first else span.first, last),
        steps,
        everything=everything,
        empty=TABLES["step_events"].schema.to_frame().drop("tie"),
    ).lazy()


def funnel_answer(data: Data, question: Question, span: Span) -> pl.DataFrame:
    """The rows of funnel_steps over the span."""
    funnel = question.asked_funnel(data.product)
    period: Period = ("range", span.first, span.last)
    rows, who = step_rows(data, funnel, span), met(data, funnel, span)
    made = funnel_rows(rows, OWN, funnel, period, data.product, who, newest=data.newest)
    size = (
        pl.when(pl.col("breakdown_value") == ALL)
        .then(pl.lit(None, dtype=pl.Int64))
        .otherwise(-pl.col("people_entered"))
    )
    steps = mart("funnel_steps", funnel_results=made).sort(size, "breakdown_value", "step")
    went_on = pl.col("people_converted").shift(-1).over("breakdown_value", order_by="step")
    return steps.with_columns(dropped=pl.col("people_converted") - went_on)


def funnel_people(data: Data, question: Question, span: Span) -> dict[str, pl.DataFrame]:
    """The attempts behind it, by group."""
    funnel = question.asked_funnel(data.product)
    rows, who = step_rows(data, funnel, span), met(data, funnel, span)
    return period_people(rows, OWN, funnel, (span.first, span.last), data.product, who)


# -- retention


def return_rows(data: Data, asked: Retention, span: Span) -> pl.LazyFrame:
    """The rows of return_events from the span on, whose people may come back later; starts count in the span only.

    All rows before it are among them too where it counts who came for the first time.
    """
    ends = [each for each in (asked.start, asked.returning) if each is not None]
    everything = not all(map(is_askable, ends))
    product = data.product.model_copy(update={"retention": {OWN: asked}})
    rows = data.by_day(
        ("returns", asked.start, asked.returning, asked.breakdown and asked.breakdown.by, asked.where),
        data.since(span.first if asked.cohort == "recurring" else date.min),
        lambda day, people: returns_of(people, day, product, data.around(day, people, asked)),
        everything=everything,
        empty=TABLES["return_events"].schema.to_frame(),
    ).lazy()
    if asked.cohort != "recurring":
        # Who was there before the range isn't new in it, though it were in the same week.
        mark = "is_start" if asked.cohort == "first_time" else "is_named"
        known = rows.filter(pl.col("day") < span.first, mark).select("person_key", "value").unique()
        rows = rows.filter(pl.col("day") >= span.first).join(known, on=["person_key", "value"], how="anti")
    return rows.with_columns(pl.col("is_start", "is_first_start") & (pl.col("day") <= span.last))


def retention_answer(data: Data, question: Question, span: Span) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows of retention_cohorts and of retention_averages: of who started in the span, until the newest day."""
    asked = question.asked_retention(data.product)
    product = data.product.model_copy(update={"retention": {OWN: asked}})
    chosen = of_chosen_people(return_rows(data, asked, span), asked, met(data, asked, span), span.first, span.last)
    # Their conditions hold for the span alone.
    cells = return_cells(chosen, data.since(span.first), _unnarrowed(product, asked))
    cells = cells.filter(pl.col("cohort_start") <= span.last)
    return mart("retention_cohorts", return_cells=cells), mart("retention_averages", return_cells=cells)


def _unnarrowed(product: Product, asked: Retention) -> Product:
    return product.model_copy(update={"retention": {OWN: asked.model_copy(update={"people": (), "where": ()})}})


# -- journeys


def journey_visits(data: Data, question: Question, span: Span) -> pl.DataFrame:
    """The steps of the journey's visits in the span."""
    asked = question.asked_journey(data.product)
    rows = data.by_day(
        ("items", asked.items, asked.where),
        data.within(span.first, span.last),
        lambda day, people: items_of(people, day, {OWN: asked}, data.around(day, people, asked)),
        everything=asked.items != "pages",
        empty=TABLES["journey_events"].schema.to_frame(),
    )
    return journey_steps(rows.lazy(), OWN, asked, (span.first, span.last), met(data, asked, span))


def journey_answer(data: Data, question: Question, span: Span) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows of journey_edges and of journey_sequences over the span."""
    limit = question.asked_journey(data.product).edge_limit
    steps = journey_visits(data, question, span)
    counts = edge_rows(OWN, edges(steps, limit=limit))
    paths = path_rows(OWN, sequences(steps, limit=limit))
    return mart("journey_edges", journey_edge_counts=counts), mart("journey_sequences", journey_paths=paths)
