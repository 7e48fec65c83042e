"""How many people, sessions, events, orders, how much revenue, and which share reaches a goal: by day or week and by group."""

from datetime import date

import polars as pl

from pipeline.ask.answer import AskError
from pipeline.ask.chosen import chosen, is_askable, met
from pipeline.ask.data import Data
from pipeline.ask.question import OF_SESSIONS, Question, Span, Trend
from pipeline.ask.variants import is_variant
from pipeline.core.canonical import SESSION_COLUMNS, VISIT_COLUMNS
from pipeline.core.published import in_currency
from pipeline.domains.funnels.funnel_groups import OTHER
from pipeline.domains.funnels.funnel_tables import NO_VALUE
from pipeline.events.conditions import of_chosen_people, that_count
from pipeline.events.matching import column_of, matches
from pipeline.events.sums import WITHOUT_VALUE
from pipeline.stats.bits import has_name
from pipeline.stats.periods import week_begin

# What sessions are told to be; of events there is more.
SESSION_DIMENSIONS = (*VISIT_COLUMNS, *SESSION_COLUMNS, "country", "source")
_SEPARATOR = " · "
MOST_GROUPS = 100


def trend_answer(data: Data, question: Question, span: Span) -> pl.DataFrame:
    """Per period and group: `people`, `sessions` and what else the measure takes; `value` is the number asked for.

    Returns: `period_start`, `breakdown_value`, `is_whole` (the period lies in the span whole), counts, `value`. Periods without anything have a row with 0.
    """
    asked = question.counted
    rows = trend_rows(data, question, span)
    keys = ["period_start", "group"]
    summed = rows.group_by(keys).agg(**_sums(asked)).collect()
    periods = _periods(data, asked, span)
    groups = summed["group"].unique().sort() if question.by else pl.Series("group", [""])
    grid = periods.join(groups.to_frame(), how="cross").join(summed, on=keys, how="left")
    # Of a day that isn't there nothing is known; on one that is, nothing happened.
    nothing = pl.when("is_there").then(0)
    filled = grid.with_columns(
        pl.coalesce(name, nothing).alias(name) for name in grid.columns if name not in {*keys, "is_whole", "is_there"}
    )
    valued = _with_value(filled.drop("is_there"), asked).rename({"group": "breakdown_value"})
    size = pl.col("people").sum().over("breakdown_value")
    return valued.sort(size, "breakdown_value", "period_start", descending=[True, False, False])


def trend_rows(data: Data, question: Question, span: Span) -> pl.LazyFrame:
    """What is counted, row by row: sessions, or events of people, with `period_start` and `group`."""
    asked = question.counted
    if asked.measure in OF_SESSIONS:
        rows, day = _sessions(data, question, span), "session_day"
    else:
        rows, day = _events(data, question, span), "day"
    values = [_value(name, asked) for name in question.by]
    group = pl.concat_str(values, separator=_SEPARATOR) if values else pl.lit("")
    placed = rows.with_columns(period_start=_period(day, data, asked, span), group=group)
    return _largest(placed) if values else placed


def _value(name: str, asked: Trend) -> pl.Expr:
    if asked.measure in OF_SESSIONS and name not in SESSION_DIMENSIONS and not is_variant(name):
        raise AskError(
            f"a session has no {name} of its own; break people or events down by it, or sessions by {', '.join(SESSION_DIMENSIONS)}"
        )
    return pl.col(column_of(name)).cast(pl.String).fill_null(WITHOUT_VALUE.get(name, NO_VALUE))


def _sessions(data: Data, question: Question, span: Span) -> pl.LazyFrame:
    """The sessions that are booked on days of the span and count; orders and revenue are theirs."""
    days = data.within(span.first, span.last)
    rows = data.with_variants(data.scan("sessions", days).filter(~pl.col("is_bot")))
    goal = question.counted.goal
    reaches = pl.col("goal_bits") != 0 if goal is None else has_name("goal_bits", goal, data.product.goals)
    return chosen(data, question, span, question.counted.event).of(rows).with_columns(reaches=reaches)


def _events(data: Data, question: Question, span: Span) -> pl.LazyFrame:
    """The events of the span that count."""
    asked = question.counted
    everything = asked.event is not None and not is_askable(asked.event)
    columns = ["person_key", "day", "events", "occurred_at", "session_key", *dict.fromkeys(map(column_of, question.by))]

    def counted(day: date, people: pl.LazyFrame) -> pl.DataFrame:
        fitting = people if asked.event is None else people.filter(matches(asked.event))
        return that_count(fitting, question, data.around(day, people, question)).select(columns).collect()

    rows = data.by_day(
        ("trend", asked.event, question.where, question.by),
        data.within(span.first, span.last),
        counted,
        everything=everything,
        empty=data.with_variants(data.scan("askable", ())).select(columns).collect(),
    )
    return of_chosen_people(rows.lazy(), question, met(data, question, span), span.first, span.last)


def _period(day: str, data: Data, asked: Trend, span: Span) -> pl.Expr:
    if asked.every == "day":
        return pl.col(day)
    if asked.every == "range":
        return pl.lit(span.first)
    return week_begin(pl.col(day), data.product.week_start)


def _periods(data: Data, asked: Trend, span: Span) -> pl.DataFrame:
    """First days of all periods of the span, and whether each lies in it whole and has all its days."""
    days = pl.DataFrame({"day": pl.date_range(span.first, span.last, eager=True)})
    there = pl.col("day").is_in(data.within(span.first, span.last))
    length = {"day": 1, "week": 7}.get(asked.every, span.length.days)
    over = pl.col("day").is_in(data.days)
    periods = days.with_columns(period_start=_period("day", data, asked, span), is_there=there, is_over=over)
    whole = pl.col("is_over").sum() == length
    return periods.group_by("period_start").agg(is_whole=whole, is_there=pl.col("is_there").any()).sort("period_start")


def _sums(asked: Trend) -> dict[str, pl.Expr]:
    if asked.measure == "people":
        return {"people": pl.col("person_key").n_unique().cast(pl.Int64)}
    if asked.measure == "events":
        return {"events": pl.col("events").sum(), "people": pl.col("person_key").n_unique().cast(pl.Int64)}
    counted = {"sessions": pl.len().cast(pl.Int64), "people": pl.col("person_key").n_unique().cast(pl.Int64)}
    more = {
        "sessions": {},
        "orders": {"orders": pl.col("orders").sum()},
        "revenue": {"orders": pl.col("orders").sum(), "revenue_micros": pl.col("revenue_micros").sum()},
        "goal_rate": {"sessions_with_goal": pl.col("reaches").sum().cast(pl.Int64)},
    }
    return {**counted, **more[asked.measure]}


def _largest(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Rows whose smaller groups, by people, are one: beyond a hundred nobody reads them."""
    sizes = rows.group_by("group").agg(people=pl.col("person_key").n_unique())
    kept = (
        sizes.sort("people", "group", descending=[True, False])
        .head(MOST_GROUPS)
        .select("group", kept=pl.lit(value=True))
    )
    named = pl.when(pl.col("kept").is_null()).then(pl.lit(OTHER)).otherwise("group")
    return rows.join(kept, on="group", how="left").with_columns(group=named).drop("kept")


def _with_value(rows: pl.DataFrame, asked: Trend) -> pl.DataFrame:
    if asked.measure == "revenue":
        money = in_currency(pl.col("revenue_micros")).cast(pl.Float64)
        return rows.with_columns(revenue=money, value=money).drop("revenue_micros")
    if asked.measure != "goal_rate":
        return rows.with_columns(value=pl.col(asked.measure).cast(pl.Float64))
    rate = pl.when(pl.col("sessions") > 0).then(pl.col("sessions_with_goal") / pl.col("sessions"))
    return rows.with_columns(value=rate)
