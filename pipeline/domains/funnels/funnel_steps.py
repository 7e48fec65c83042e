"""The events of a day that matter to the product file's funnels."""

from collections.abc import Mapping
from datetime import date

import polars as pl

from pipeline.core.canonical import PROMOTED_PREFIX
from pipeline.core.registry import TABLES
from pipeline.domains.funnels.funnel import step_bits
from pipeline.domains.funnels.section import FUNNEL_UNITS, Funnel, Step
from pipeline.events.conditions import of_people_around, that_count, told_columns
from pipeline.events.keys import stable_keys
from pipeline.events.matching import column_of, matches, of_its_name

_ROW = ["funnel", "entity_key", "occurred_at", "steps", "excluded", "first", "value"]


def step_events(  # what the table declares
    events: pl.LazyFrame,
    day: date,
    funnels: Mapping[str, Funnel],
    booked: pl.LazyFrame | None = None,
    sessions: pl.LazyFrame | None = None,
    around: pl.LazyFrame | None = None,
) -> pl.DataFrame:
    """Events of `day` that matter to a funnel: what they fit, whose they are, and the value that it looks at.

    Of a strict funnel these are all events. Events that bear no unit's id are left out. `booked` and `sessions` hold
    session_events and sessions of the day and the one before; funnels by session, or by what is told of a visit, need them.
    `around` holds events of the day before, the day and the day after: conditions on visits look at them.
    """
    wanted = told_columns(funnels.values()).union(*(funnel.dimensions for funnel in funnels.values()))
    units = {"session_key" for funnel in funnels.values() if funnel.unit == "session"}
    people, beside = of_people_around(events, wanted | units, booked, sessions, around)
    return steps_of(people, day, funnels, beside)


def steps_of(people: pl.LazyFrame, day: date, funnels: Mapping[str, Funnel], around: pl.LazyFrame) -> pl.DataFrame:
    """`step_events` of events of people that bear what is told of their visits."""
    table = TABLES["step_events"]
    parts = [untied_steps(people, day, name, funnel, around) for name, funnel in funnels.items()]
    rows = pl.concat(parts).collect() if parts else pl.DataFrame(schema=table.schema).drop("tie")
    return table.conform(rows.with_columns(tie=pl.int_range(pl.len(), dtype=pl.Int64).over(_ROW)))


def untied_steps(people: pl.LazyFrame, day: date, name: str, funnel: Funnel, around: pl.LazyFrame) -> pl.LazyFrame:
    """The same of one funnel, in any order: what tells equal rows apart, which only a stored table needs, is left out."""
    return _rows(that_count(people, funnel, around), name, funnel).with_columns(day=pl.lit(day))


def _rows(people: pl.LazyFrame, name: str, funnel: Funnel) -> pl.LazyFrame:
    values = [pl.col(column_of(each)).cast(pl.String).fill_null("") for each in funnel.dimensions]
    is_complete = pl.all_horizontal(pl.lit(value=True), *(value != "" for value in values))
    value = pl.concat_str(values, separator=" · ") if values else pl.lit("")
    if any(step.first_time for step in funnel.steps):
        people = people.sort("person_key", "occurred_at", "sequence", "event_id", nulls_last=True)
    firsts = [_is_first_of_day(step) for step in funnel.steps]
    fits = [
        matches(step) & (first if step.first_time else True) for step, first in zip(funnel.steps, firsts, strict=True)
    ]
    rows = people.select(
        "person_key",
        "occurred_at",
        funnel=pl.lit(name),
        entity_key=_entity(funnel.unit),
        steps=step_bits(fits),
        excluded=step_bits([matches(each) for each in funnel.exclusions]),
        first=step_bits(firsts),
        # What must be held constant has to be there whole; of a breakdown "" is a group of its own.
        value=pl.when(is_complete).then(value).otherwise(pl.lit("")) if funnel.hold_constant else value,
    )
    # An event without a unit may still be the person's first; it fits nothing then.
    nobodys, is_first = pl.col("entity_key").is_null(), pl.col("first") > 0
    kept = rows.filter(~nobodys | is_first).with_columns(
        pl.when(~nobodys).then(pl.col("steps", "excluded")).otherwise(pl.lit(0, dtype=pl.Int64)),
        entity_key=pl.coalesce("entity_key", "person_key"),
    )
    return (
        kept if funnel.order == "strict" else kept.filter((pl.col("steps") > 0) | (pl.col("excluded") > 0) | is_first)
    )


def _is_first_of_day(step: Step) -> pl.Expr:
    """Whether an event is the person's first of the day of which the step's `first_time` speaks; rows are in order."""
    if step.first_time is None:
        return pl.lit(value=False)
    meant = of_its_name(step) if step.first_time == "ever" else matches(step)
    return meant & (meant.cum_sum().over("person_key") == 1)


def _entity(unit: str) -> pl.Expr:
    if unit in ("person", "session"):
        return pl.col(f"{unit}_key")
    text = pl.col(unit if unit in FUNNEL_UNITS else PROMOTED_PREFIX + unit).cast(pl.String)
    return stable_keys(pl.when(text != "").then(text))
