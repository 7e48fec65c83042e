"""Funnels of the product file as tables: who got how far in a period, and how long it took."""

from datetime import date, datetime

import polars as pl

from pipeline.core.days import ONE_DAY, day_start
from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.declare import PeriodSources
from pipeline.domains.funnels.funnel import Entries, FunnelRules, funnel_people, step_counts
from pipeline.domains.funnels.funnel_groups import constant_people, grouped_people, with_other
from pipeline.domains.funnels.funnel_times import funnel_trends, time_to_convert
from pipeline.domains.funnels.section import Funnel
from pipeline.events.conditions import of_chosen_people
from pipeline.stats.buckets import by_bucket
from pipeline.stats.periods import Calendar, complete_weeks

Span = tuple[date, date]
# Its name, its first and last day.
Period = tuple[str, date, date]
_ENTITY = ("entity_key",)
# Groups besides the values of a breakdown: everybody, and those whose events have no value.
ALL, NO_VALUE = "", "(none)"


def rules_of(funnel: Funnel) -> FunnelRules:
    """The rules of a funnel of the product file."""
    return FunnelRules(
        steps=len(funnel.steps),
        window=funnel.length,
        order=funnel.order,
        exclusions=funnel.exclusion_spans,
        exclusion_ends=funnel.exclusion_ends,
        first_entry=funnel.first_entry,
        strict_increase=funnel.strict_increase,
    )


def _stream(rows: pl.LazyFrame, name: str, funnel: Funnel) -> pl.LazyFrame:
    """The funnel's own rows; a step with `first_time` is kept where no earlier day has a first of its kind."""
    own = rows.filter(pl.col("funnel") == name)
    for k, step in enumerate(funnel.steps):
        if step.first_time is not None:
            bit = 1 << k
            is_first = (pl.col("first") & bit) > 0
            earliest = own.filter(is_first).group_by("person_key").agg(earliest=pl.col("occurred_at").min())
            # Rows of one instant on the person's first day: only the marked one is the first.
            holds = is_first & (pl.col("occurred_at") == pl.col("earliest"))
            steps = pl.when(holds.fill_null(value=False)).then("steps").otherwise(pl.col("steps") & ~bit)
            own = own.join(earliest, on="person_key", how="left").with_columns(steps=steps).drop("earliest")
    return own


def funnel_results(
    rows: pl.LazyFrame,
    days: list[date],
    product: Product,
    sources: PeriodSources | None = None,
    met: pl.LazyFrame | None = None,
) -> pl.DataFrame:
    """Every funnel of the product over the whole history and over each complete week; a row per step and group.

    `rows` holds step_events of `days`, `met` conditions_met. With `sources` a week reads its own days' files, and is computed
    once for as long as they don't change. Steps after a period's end do not count in it (docs/definitions/matching.md). The group "" is
    everybody; a funnel with a breakdown has one more for each of its values.
    """
    table = TABLES["funnel_results"]
    parts = [table.schema.to_frame()]
    for name, funnel in product.funnels.items():
        # What is a person's first ever, and what people ever did, is told by all days.
        is_of_all = any(step.first_time is not None for step in funnel.steps) or funnel.needs_history
        met = met_of(sources) if sources else met
        for period in _periods(days, product):
            label, first, last = period
            if sources is None or is_of_all or label == "all":
                parts.append(funnel_rows(rows, name, funnel, period, product, met, newest=days[-1]))
                continue

            def result(
                of: PeriodSources, name: str = name, funnel: Funnel = funnel, period: Period = period
            ) -> pl.DataFrame:
                return funnel_rows(of.rows, name, funnel, period, product, met_of(of), newest=days[-1])

            own = sources.within(first, _read_until(funnel, last))
            parts.append(own.once(f"{label} {name}", result))
    return table.conform(pl.concat(parts))


def met_of(sources: PeriodSources | None) -> pl.LazyFrame | None:
    """Who met which condition on the days of `sources`."""
    return sources and sources.scan("conditions_met")


def _read_until(funnel: Funnel, last: date) -> date:
    """The last day whose steps may count for who entered by the end of `last`."""
    return last if funnel.range == "ends" else last + funnel.length + ONE_DAY


def _periods(days: list[date], product: Product) -> list[Period]:
    """(period, first day, last day) of the whole history and of each week that lies in it whole."""
    if not days:
        return []
    weeks = [("week", first, last) for first, last in complete_weeks(days, product.week_start)]
    return [("all", days[0], days[-1]), *weeks]


def period_people(  # what the definition names
    rows: pl.LazyFrame,
    name: str,
    funnel: Funnel,
    span: Span,
    product: Product,
    met: pl.LazyFrame | None,
) -> dict[str, pl.DataFrame]:
    """The attempts of a funnel in a span of days: of everybody under "", and of each group of a breakdown.

    `rows` holds step_events of the span, of the window after it where the funnel's range is `enters`, and of all days before
    where a step has `first_time`; `met` conditions_met of the span, or of all days where a condition looks at them.
    """
    first, last = span
    chosen = of_chosen_people(_stream(rows, name, funnel), funnel, met, first, last)
    if funnel.range == "ends":
        return _people(chosen.filter(pl.col("day").is_between(first, last)), funnel)
    entries = day_start(first, product.zone_info), day_start(last + ONE_DAY, product.zone_info)
    return _people(chosen.filter(pl.col("day") >= first), funnel, entries)


def funnel_rows(  # noqa: PLR0913  # what the definition names
    rows: pl.LazyFrame,
    name: str,
    funnel: Funnel,
    period: Period,
    product: Product,
    met: pl.LazyFrame | None = None,
    *,
    newest: date,
) -> pl.DataFrame:
    """The rows of funnel_results of a funnel and a period; `newest` is the last day with data."""
    label, first, last = period
    over = min(last, newest) if funnel.range == "ends" else newest
    mature_until = day_start(over + ONE_DAY, product.zone_info) - funnel.length
    groups = period_people(rows, name, funnel, (first, last), product, met)
    counts = [_step_rows(group, people, rules_of(funnel), mature_until) for group, people in groups.items()]
    names = pl.DataFrame(
        {"step": range(1, len(funnel.steps) + 1), "step_name": [step.label for step in funnel.steps]},
        schema={"step": pl.Int64, "step_name": pl.String},
    )
    return (
        pl.concat(counts)
        .join(names, on="step")
        .with_columns(
            funnel=pl.lit(name),
            unit=pl.lit(funnel.unit),
            period=pl.lit(label),
            period_start=pl.lit(first),
            period_end=pl.lit(last),
        )
        .select(TABLES["funnel_results"].schema.names())
    )


def _people(stream: pl.LazyFrame, funnel: Funnel, entries: Entries | None = None) -> dict[str, pl.DataFrame]:
    """Attempts of everybody, under "", and by group where there is a breakdown."""
    rules, chosen = rules_of(funnel), funnel.breakdown

    def everybody(part: pl.LazyFrame) -> pl.DataFrame:
        if funnel.hold_constant:
            return constant_people(part, rules, ("value",), _ENTITY, entries)
        return funnel_people(part, rules, _ENTITY, entries)

    result = {ALL: pl.concat(by_bucket(stream, everybody, key="entity_key"))}
    if chosen is None:
        return result

    def grouped(part: pl.LazyFrame) -> pl.DataFrame:
        step = funnel.breakdown_step
        return grouped_people(
            part, rules, ("value",), attribution=chosen.attribution, step=step, by=_ENTITY, entries=entries
        )

    people = with_other(pl.concat(by_bucket(stream, grouped, key="entity_key")), rules, ("value",), chosen.limit)
    parts = people.partition_by("value", as_dict=True)
    return result | {str(value) or NO_VALUE: part for (value,), part in parts.items()}


def _step_rows(group: str, people: pl.DataFrame, rules: FunnelRules, mature_until: datetime) -> pl.DataFrame:
    is_mature = people["t0"] <= mature_until
    mature = step_counts(people.filter(is_mature), rules)
    return step_counts(people, rules).select(
        group=pl.lit(group),
        people_entered=pl.lit(people.height, dtype=pl.Int64),
        people_mature=pl.lit(int(is_mature.sum() or 0), dtype=pl.Int64),
        step=pl.col("step") + 1,
        people_at_previous_step=pl.coalesce(pl.col("converted").shift(), "converted"),
        people_converted=pl.col("converted"),
        people_converted_of_mature=mature["converted"],
        people_timed=pl.col("timed"),
        mean_us_from_previous=pl.col("mean_us"),
        median_us_from_previous=pl.col("median_us"),
    )


def funnel_durations(
    rows: pl.LazyFrame, days: list[date], product: Product, sources: PeriodSources | None = None
) -> pl.DataFrame:
    """Per funnel over the whole history: how many people took how long from the first step to the last."""
    table = TABLES["funnel_durations"]
    parts = [pl.DataFrame(schema=table.schema)]
    for name, funnel in product.funnels.items() if days else ():
        people = period_people(rows, name, funnel, (days[0], days[-1]), product, met_of(sources))[ALL]
        bins = time_to_convert(people).bins
        width = bins["from_s"].diff().drop_nulls()
        parts.append(
            bins.select(
                funnel=pl.lit(name),
                from_seconds=pl.col("from_s"),
                to_seconds=pl.col("from_s") + (width[0] if len(width) else 0),
                people=pl.col("people"),
            ).cast(table.schema)
        )
    return table.conform(pl.concat(parts))


def funnel_trend_counts(
    rows: pl.LazyFrame, days: list[date], product: Product, sources: PeriodSources | None = None
) -> pl.DataFrame:
    """Per funnel and week of entry: who entered and who took the last step. `rows` holds step_events of `days`.

    With `sources` a week reads its own days and those of the window after it, and once these are over it is kept.
    """
    table = TABLES["funnel_trend_counts"]
    parts = [table.schema.to_frame()]
    calendar = Calendar("week", product.time_zone, product.week_start)
    for name, funnel in product.funnels.items() if days else ():
        newest = day_start(days[-1] + ONE_DAY, product.zone_info) - funnel.length
        has_first = any(step.first_time is not None for step in funnel.steps)
        is_of_all = has_first or funnel.needs_history
        if sources is None or (has_first and not any(funnel.asked_of_people)):
            parts.append(_trend(rows, name, product, (days[0], days[-1]), newest, met_of(sources)))
            continue
        begin, end = (calendar.number_of(day_start(day, product.zone_info)) for day in (days[0], days[-1]))
        for number in range(begin, end + 1):
            first, last = calendar.first_day(number), calendar.first_day(number + 1) - ONE_DAY
            until, span = last + funnel.length + ONE_DAY, (max(first, days[0]), min(last, days[-1]))

            def week(of: PeriodSources, name: str = name, span: Span = span, newest: datetime = newest) -> pl.DataFrame:
                return _trend(of.rows, name, product, span, newest, met_of(of))

            own = sources if is_of_all else sources.within(first, until)
            # Who entered in a week whose window is over within the days has had all of it, whatever comes.
            is_over = until < days[-1] and not is_of_all
            parts.append(own.once(f"entered {name}", week) if is_over else week(own))
    return table.conform(pl.concat(parts))


def _trend(  # what the definition names
    rows: pl.LazyFrame, name: str, product: Product, span: Span, newest: datetime, met: pl.LazyFrame | None
) -> pl.DataFrame:
    """The weeks of a span of days; those that end by `newest` are mature."""
    funnel, calendar = product.funnels[name], Calendar("week", product.time_zone, product.week_start)
    first, last = (day_start(day, product.zone_info) for day in span)
    chosen = of_chosen_people(_stream(rows, name, funnel), funnel, met, *span)
    result = funnel_trends(chosen, rules_of(funnel), calendar, first, last, by=_ENTITY)
    weeks = {n: calendar.first_day(n) for n in result["period"]}
    mature = {n: calendar.start(n + 1) <= newest for n in result["period"]}
    return result.select(
        funnel=pl.lit(name),
        week=pl.col("period").replace_strict(weeks, return_dtype=pl.Date),
        people_entered="entered",
        people_converted="converted",
        mature=pl.col("period").replace_strict(mature, return_dtype=pl.Boolean),
    )
