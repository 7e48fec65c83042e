"""Lifecycle and stickiness as tables (docs/definitions/activity.md)."""

from datetime import date, datetime, timedelta
from typing import Literal

import polars as pl

from pipeline.core.days import ONE_DAY, day_start
from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.domains.activity.lifecycle import active_periods, lifecycle, stickiness
from pipeline.stats.periods import Calendar

_RECENT_DAYS = 28
_UNITS: tuple[Literal["day", "week", "month"], ...] = ("day", "week", "month")


def lifecycle_counts(active: pl.LazyFrame, days: list[date], product: Product) -> pl.DataFrame:
    """`active` holds rows of activity of `days`; everybody's first day ever is their birth."""
    table = TABLES["lifecycle_counts"]
    if not days:
        return table.conform(pl.DataFrame(schema=table.schema))
    first, end = day_start(days[0], product.zone_info), day_start(days[-1] + ONE_DAY, product.zone_info)
    stream = active.select("person_key", occurred_at="first_at").collect().lazy()
    created = stream.group_by("person_key").agg(created_at=pl.col("occurred_at").min()).collect()
    present = set(days)
    parts: list[pl.DataFrame] = []
    for unit in _UNITS:
        calendar = Calendar(unit, product.time_zone, product.week_start)
        result = lifecycle(active_periods(stream, calendar), created, calendar, first, end - timedelta(microseconds=1))
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


def _is_whole(calendar: Calendar, number: int, present: set[date]) -> bool:
    day, last = calendar.first_day(number), calendar.first_day(number + 1)
    return all(day + ONE_DAY * i in present for i in range((last - day).days))


def stickiness_counts(active: pl.LazyFrame, days: list[date], product: Product) -> pl.DataFrame:
    """On how many days people were active: of the 28 days ending with the last one, and of each complete week."""
    table = TABLES["stickiness_counts"]
    if not days:
        return table.conform(pl.DataFrame(schema=table.schema))
    calendar = Calendar("day", product.time_zone, product.week_start)
    result = active_periods(active.select("person_key", occurred_at="first_at"), calendar)
    weeks = Calendar("week", product.time_zone, product.week_start)
    recent = days[-1] - ONE_DAY * (_RECENT_DAYS - 1)
    numbers = range(weeks.number_of(_noon(days[0])), weeks.number_of(_noon(days[-1])) + 1)
    spans = [("last_28", recent, days[-1])]
    spans += [
        ("week", weeks.first_day(n), weeks.first_day(n + 1) - ONE_DAY)
        for n in numbers
        if _is_whole(weeks, n, set(days))
    ]
    parts: list[pl.DataFrame] = []
    for period, first, last in spans:
        counted = stickiness(result, calendar, day_start(first, product.zone_info), day_start(last, product.zone_info))
        parts.append(
            counted.select(
                period=pl.lit(period),
                period_start=pl.lit(first),
                days_active="periods",
                people="entities",
                people_or_more=pl.col("entities").cum_sum(reverse=True),
            )
        )
    return table.conform(pl.concat(parts))


def _noon(day: date) -> datetime:
    return datetime.fromisoformat(f"{day}T12:00:00+00:00")
