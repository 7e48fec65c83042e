"""Lifecycle and stickiness as tables (docs/definitions/activity.md)."""

from datetime import date, datetime
from typing import Literal

import polars as pl

from pipeline.core.days import ONE_DAY, day_start
from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.declare import PeriodSources
from pipeline.domains.activity.lifecycle import active_periods, states, stickiness
from pipeline.stats.periods import Calendar

_RECENT_DAYS = 28
_UNITS: tuple[Literal["day", "week", "month"], ...] = ("day", "week", "month")


def lifecycle_counts(returns: pl.LazyFrame, days: list[date], product: Product) -> pl.DataFrame:
    """`returns` holds activity_returns of `days`; everybody's first day ever is their birth."""
    table = TABLES["lifecycle_counts"]
    if not days:
        return table.conform(pl.DataFrame(schema=table.schema))
    present, counts = set(days), returns.collect()
    parts: list[pl.DataFrame] = []
    for unit in _UNITS:
        calendar = Calendar(unit, product.time_zone, product.week_start)
        top, bottom = (calendar.number_of(_noon(day)) for day in (days[0], days[-1]))
        result = states(_steps(counts, calendar).lazy(), top, bottom)
        starts = [calendar.first_day(n) for n in result["period"]]
        whole = [_is_whole(calendar, n, present) for n in result["period"]]
        parts.append(
            result.select(
                pl.lit(unit).alias("period"),
                pl.Series("period_start", starts, dtype=pl.Date),
                *(pl.col(name).alias(f"people_{name}") for name in ("new", "returning", "resurrecting", "dormant")),
                pl.Series("mature", whole, dtype=pl.Boolean),
            )
        )
    return table.conform(pl.concat(parts))


def _steps(returns: pl.DataFrame, calendar: Calendar) -> pl.DataFrame:
    """People of a period by the one before in which they were active: who came before in the same one stands there once."""
    period, before = (calendar.number_of_day(pl.col(name)) for name in ("day", "from_day"))
    numbered = returns.select("people_first", "people_last", "day", "from_day", period=period, before=before)
    new = numbered.filter(pl.col("day") == pl.col("from_day")).select(
        "period", pl.lit(None, dtype=pl.Int64).alias("before"), is_new=pl.lit(value=True), entities="people_first"
    )
    again = numbered.filter(pl.col("before") < pl.col("period")).select(
        "period", "before", is_new=pl.lit(value=False), entities="people_last"
    )
    return pl.concat([new, again])


def _is_whole(calendar: Calendar, number: int, present: set[date]) -> bool:
    day, last = calendar.first_day(number), calendar.first_day(number + 1)
    return all(day + ONE_DAY * i in present for i in range((last - day).days))


def stickiness_counts(sources: PeriodSources) -> pl.DataFrame:
    """On how many days people were active: of the 28 days ending with the last one, and of each complete week."""
    table, days, product = TABLES["stickiness_counts"], sources.days, sources.product
    if not days:
        return table.conform(pl.DataFrame(schema=table.schema))
    weeks = Calendar("week", product.time_zone, product.week_start)
    recent = days[-1] - ONE_DAY * (_RECENT_DAYS - 1)
    numbers = range(weeks.number_of(_noon(days[0])), weeks.number_of(_noon(days[-1])) + 1)
    whole = [(weeks.first_day(n), weeks.first_day(n + 1) - ONE_DAY) for n in numbers if _is_whole(weeks, n, set(days))]
    parts = [_days_active(sources.within(recent, days[-1]), "last_28", recent, days[-1])]
    for first, last in whole:
        # A week that is over changes no more.
        own = sources.within(first, last)
        parts.append(own.once("week", lambda s, first=first, last=last: _days_active(s, "week", first, last)))
    return table.conform(pl.concat(parts))


def _days_active(sources: PeriodSources, period: str, first: date, last: date) -> pl.DataFrame:
    product = sources.product
    calendar = Calendar("day", product.time_zone, product.week_start)
    active = active_periods(sources.rows.select("person_key", occurred_at="first_at"), calendar)
    counted = stickiness(active, calendar, day_start(first, product.zone_info), day_start(last, product.zone_info))
    return counted.select(
        period=pl.lit(period),
        period_start=pl.lit(first),
        days_active="periods",
        people="entities",
        people_or_more=pl.col("entities").cum_sum(reverse=True),
    )


def _noon(day: date) -> datetime:
    return datetime.fromisoformat(f"{day}T12:00:00+00:00")
