"""The people behind a number, with the visit in which it happened and whether that was recorded."""

from datetime import timedelta

import polars as pl

from pipeline.ask.answer import AskError, Cell
from pipeline.ask.chosen import chosen, met
from pipeline.ask.configured import funnel_people, journey_visits, return_rows
from pipeline.ask.data import Data
from pipeline.ask.page_parts import sessions_of_element, sessions_of_zone
from pipeline.ask.question import Question, Span
from pipeline.ask.trend import trend_rows
from pipeline.ask.visited import rows_of, visit_list
from pipeline.ask.voice import people_of_choice, people_of_score
from pipeline.core.days import ONE_DAY
from pipeline.core.published import id_text
from pipeline.domains.funnels.funnel_groups import OTHER
from pipeline.domains.funnels.section import Funnel
from pipeline.domains.retention.tables import NO_VALUE, people_of_cell
from pipeline.events.conditions import of_chosen_people

# A cohort's period may begin so long before the range.
MONTH = timedelta(days=31)


def behind(data: Data, question: Question, cell: Cell) -> pl.DataFrame:
    """A row per person, or per session where sessions are counted: as many as the number says.

    Returns: `person_key`, `at` (when it happened), and of the visit in which it did what `visit_list` has; null where the
    event lies in no visit of the days looked at.
    """
    spans = question.spans
    if cell.range not in spans:
        raise AskError(f"the question has no range {cell.range!r}; it has {', '.join(spans)}")
    span, question = spans[cell.range], question.of_range(cell.range)
    found = _FOUND[question.show](data, question, span, cell)
    return _with_visits(data, span, found, timedelta(hours=question.show == "retention"))


def _of_funnel(data: Data, question: Question, span: Span, cell: Cell) -> pl.DataFrame:
    funnel = question.asked_funnel(data.product)
    groups = funnel_people(data, question, span)
    if cell.group not in groups:
        raise AskError(f"the answer has no group {cell.group!r}; it has {', '.join(map(repr, groups))}")
    if not 1 <= cell.step <= len(funnel.steps):
        raise AskError(f"the funnel has no step {cell.step}; it has {len(funnel.steps)}")
    if not is_listed(funnel, cell.group):
        raise AskError("these aren't people or sessions one by one: they can't be listed")
    people = groups[cell.group]
    there = pl.col("depth") == cell.step if cell.dropped else pl.col("depth") >= cell.step
    whose = "session_key" if funnel.unit == "session" else "entity_key"
    return people.filter(there).select(pl.col("entity_key").alias(whose), at=f"t{cell.step - 1}")


def is_listed(funnel: Funnel, group: str) -> bool:
    """Whether a number of the funnel is one of people or sessions, each once."""
    several = funnel.breakdown is not None and funnel.breakdown.attribution in ("all_events", "step")
    return funnel.unit in ("person", "session") and not (group == OTHER and several)


def _of_retention(data: Data, question: Question, span: Span, cell: Cell) -> pl.DataFrame:
    asked = question.asked_retention(data.product)
    if cell.start is None or not span.first - MONTH <= cell.start <= span.last:
        raise AskError("say of which cohort the people are meant: its first day, as `start`")
    if cell.group == OTHER or (cell.group and asked.cohort == "first_ever"):
        raise AskError("the people of this group can't be listed; ask for one group alone")
    rows = return_rows(data, asked, span)
    if cell.group:
        rows = rows.filter(pl.col("value") == ("" if cell.group == NO_VALUE else cell.group))
    counted = of_chosen_people(rows, asked, met(data, asked, span), span.first, span.last)
    days = data.since(span.first)
    if not days:
        raise AskError(f"no day from {span.first} on has data")
    people = people_of_cell(counted, asked, days, data.product, (cell.start, cell.offset))
    return people.select("at", entity_key="person_key")


def _of_trend(data: Data, question: Question, span: Span, cell: Cell) -> pl.DataFrame:
    rows = trend_rows(data, question, span)
    start = cell.start or span.first
    inside = rows.filter(pl.col("period_start") == start, pl.col("group") == cell.group)
    if question.counted.measure in ("people", "events"):
        return (
            inside.group_by("person_key")
            .agg(at=pl.col("occurred_at").min())
            .rename({"person_key": "entity_key"})
            .collect()
        )
    if question.counted.measure == "goal_rate":
        inside = inside.filter("reaches")
    if question.counted.measure in ("orders", "revenue"):
        inside = inside.filter((pl.col("orders") > 0) | (pl.col("revenue_micros") != 0))
    return inside.select("session_key", at="started_at").collect()


def _of_journey(data: Data, question: Question, span: Span, cell: Cell) -> pl.DataFrame:
    node = pl.format("{}_{}", "event_index", "item")
    steps = journey_visits(data, question, span)
    moved = steps.with_columns(target=node, source=node.shift()).filter(pl.col("wait_us").is_not_null())
    there = moved.filter(pl.col("target") == cell.target, pl.col("source") == cell.source)
    return there.group_by("person_key").agg(at=pl.col("occurred_at").min()).rename({"person_key": "entity_key"})


def _of_pages(data: Data, question: Question, span: Span, cell: Cell) -> pl.DataFrame:
    views = rows_of(data, "page_views", chosen(data, question, span)).filter(~pl.col("is_bot"))
    on_page = views.filter(pl.col("page") == cell.page)
    return on_page.group_by("session_key").agg(at=pl.col("started_at").min()).collect()


def _of_friction(data: Data, question: Question, span: Span, cell: Cell) -> pl.DataFrame:
    met_it = rows_of(data, "friction_incidents", chosen(data, question, span))
    first = data.product.friction.first
    there = met_it.filter(
        pl.col("rule_set") == first, pl.col("signal") == cell.signal, pl.col("page") == cell.page, ~pl.col("implied")
    )
    return there.group_by("session_key").agg(at=pl.col("started_at").min()).collect()


def _of_visits(data: Data, question: Question, span: Span, _cell: Cell) -> pl.DataFrame:
    days = data.within(span.first, span.last)
    rows = chosen(data, question, span).of(data.scan("sessions", days).filter(~pl.col("is_bot")))
    return rows.select("session_key", at="started_at").collect()


def _of_heatmap(_data: Data, _question: Question, _span: Span, _cell: Cell) -> pl.DataFrame:
    raise AskError("a heatmap counts clicks and page views; for its visits ask for visits with the same conditions")


_FOUND = {
    "funnel": _of_funnel,
    "retention": _of_retention,
    "trend": _of_trend,
    "journey": _of_journey,
    "pages": _of_pages,
    "friction": _of_friction,
    "zones": sessions_of_zone,
    "elements": sessions_of_element,
    "heatmap": _of_heatmap,
    "scores": people_of_score,
    "choices": people_of_choice,
    "visits": _of_visits,
}


def _with_visits(data: Data, span: Span, found: pl.DataFrame, within: timedelta) -> pl.DataFrame:
    """What was found, each with one visit: the one in which it happened, recorded ones first. `at` is known to `within`."""
    # A step after the range's end may count, and a visit may have begun the day before.
    newest: timedelta = ONE_DAY if found.is_empty() else max(ONE_DAY, found["at"].max().date() - span.last + ONE_DAY)  # pyright: ignore[reportAttributeAccessIssue, reportOptionalMemberAccess, reportOperatorIssue]
    around = Span(first=span.first - ONE_DAY, last=span.last + newest)
    if "session_key" in found.columns:
        keys = found.lazy().select("session_key")
        visits = visit_list(data, around, lambda rows: rows.join(keys, on="session_key", how="semi"))
        named = found.select(id_text("session_key"), "at")
        return _first_recorded(named.join(visits, on="session_key", how="left"), "session_key")
    people = found.lazy().select(person_key="entity_key").unique()
    visits = visit_list(data, around, lambda rows: rows.join(people, on="person_key", how="semi"))
    named = found.select(id_text("entity_key").alias("person_key"), "at")
    # A visit's length is cut to milliseconds.
    length = (pl.col("duration_seconds") * 1000).round().cast(pl.Int64) + 1
    ended = pl.col("started_at") + pl.duration(milliseconds=length)
    inside = named.join(visits, on="person_key", how="left").with_columns(
        is_there=((pl.col("started_at") <= pl.col("at") + within) & (pl.col("at") <= ended)).fill_null(value=False)
    )
    best = inside.sort("is_there", "is_recorded", "started_at", descending=[True, True, False], nulls_last=True)
    one = best.unique("person_key", keep="first", maintain_order=True)
    told = [name for name in visits.columns if name != "person_key"]
    shown = one.with_columns(pl.when("is_there").then(name).alias(name) for name in told).drop("is_there")
    return _first_recorded(shown, "person_key")


def _first_recorded(rows: pl.DataFrame, key: str) -> pl.DataFrame:
    known = rows.with_columns(pl.col("is_recorded").fill_null(value=False))
    return known.sort("is_recorded", "at", key, descending=[True, True, False])
