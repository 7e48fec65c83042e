"""Ordered funnels with a window: who got how far, and how long each step took.

Definition: semantics.md, sections 1.1 to 1.4 and 1.6. Events are first reduced to `step_events` (per day, additive);
a funnel is then a handful of passes over those, sorted by person and time.

How it works: `start_k` of an event is the step-1 instant of the latest attempt that takes step k with this event. The
latest attempt that has reached step k - 1 never starts earlier than one before it, so carrying one value forward is
exact: where the latest is out of the window, all others are.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

import polars as pl

from pipeline.contracts import TABLES
from pipeline.contracts.base import UTC_MICROSECONDS
from pipeline.days import ONE_DAY, day_start
from pipeline.events.matching import matches
from pipeline.product import Funnel, Product

_ROW = ["funnel", "person_key", "occurred_at", "steps"]


def step_events(events: pl.LazyFrame, day: date, funnels: Mapping[str, Funnel]) -> pl.DataFrame:
    """Events of `day` that fit a step of a funnel; bit k of `steps` is set where the event fits step k."""
    people = events.filter(pl.col("person_key").is_not_null(), ~pl.col("is_bot"))
    found = [
        people.select(
            "person_key",
            "occurred_at",
            funnel=pl.lit(name),
            steps=pl.sum_horizontal(matches(step).cast(pl.Int64) * (1 << k) for k, step in enumerate(funnel.steps)),
        ).filter(pl.col("steps") > 0)
        for name, funnel in funnels.items()
    ]
    schema = TABLES["step_events"].schema
    rows = pl.concat(found).collect() if found else pl.DataFrame(schema={name: schema[name] for name in _ROW})
    numbered = rows.with_columns(day=pl.lit(day), tie=pl.int_range(pl.len(), dtype=pl.Int64).over(_ROW))
    return TABLES["step_events"].conform(numbered)


def person_steps(rows: pl.LazyFrame, steps: int, window: timedelta) -> pl.DataFrame:
    """Per person the reported attempt of an ordered funnel.

    Args:
        rows: `person_key`, `occurred_at`, `steps` (bit k = fits step k); in any order, equal rows allowed.
        steps: number of steps of the funnel, at least 2.
        window: time from step 1 within which the others must follow, the limit inside.

    Returns:
        One row per person who entered: `person_key`, `depth` (steps taken, from 1) and `t0` .. `t{steps-1}`, null
        beyond the depth. Reported is the deepest attempt; among equals the first to get there, then the latest entry.
    """
    lowest_bit = pl.col("steps") & -pl.col("steps")
    frame = (
        rows.select("person_key", "occurred_at", "steps")
        .sort("person_key", "occurred_at", lowest_bit, "steps")
        .with_columns(start_0=pl.when(pl.col("steps") & 1 > 0).then("occurred_at"))
    )
    for k in range(1, steps):
        carried = pl.col(f"start_{k - 1}").forward_fill().shift().over("person_key")
        in_window = pl.col("occurred_at") - carried <= window
        frame = frame.with_columns(
            pl.when((pl.col("steps") & (1 << k) > 0) & in_window).then(carried).alias(f"start_{k}")
        )
    reached = [pl.col(f"start_{k}").drop_nulls().first().alias(f"entry_{k}") for k in range(steps)]
    deepest = frame.group_by("person_key").agg(*reached).filter(pl.col("entry_0").is_not_null())
    depth = pl.sum_horizontal(pl.col(f"entry_{k}").is_not_null().cast(pl.Int64) for k in range(steps))
    entry = pl.coalesce(pl.col(f"entry_{k}") for k in reversed(range(steps)))
    reported = deepest.select("person_key", depth=depth, entry=entry)
    times = [
        pl.col("occurred_at").filter(pl.col(f"start_{k}") == pl.col("entry")).min().alias(f"t{k}") for k in range(steps)
    ]
    timed = frame.join(reported, on="person_key").group_by("person_key", "depth").agg(*times)
    return timed.sort("person_key").collect()


def funnel_results(rows: pl.LazyFrame, days: list[date], product: Product) -> pl.DataFrame:
    """Every funnel of the product over the whole history and over each complete week; a row per step.

    `rows` holds step_events of `days`. Steps after a period's end do not count in it (semantics.md, section 0).
    """
    parts = [
        _period_rows(rows, product, name, funnel, period)
        for name, funnel in product.funnels.items()
        for period in _periods(days, product)
    ]
    table = TABLES["funnel_results"]
    return table.conform(pl.concat(parts) if parts else pl.DataFrame(schema=table.schema))


def _periods(days: list[date], product: Product) -> list[tuple[str, date, date]]:
    """(period, first day, last day) of the whole history and of each week that lies in it whole."""
    if not days:
        return []
    first_weekday = 0 if product.week_start == "monday" else 6
    weeks = [
        ("week", day, day + ONE_DAY * 6)
        for day in days
        if day.weekday() == first_weekday and day + ONE_DAY * 6 <= days[-1]
    ]
    return [("all", days[0], days[-1]), *weeks]


def _period_rows(
    rows: pl.LazyFrame, product: Product, name: str, funnel: Funnel, period: tuple[str, date, date]
) -> pl.DataFrame:
    label, first, last = period
    window = timedelta(days=funnel.window_days)
    inside = rows.filter(pl.col("funnel") == name, pl.col("day").is_between(first, last))
    people = person_steps(inside, len(funnel.steps), window)
    period_end = day_start(last + ONE_DAY, product.zone_info)
    counts = pl.concat([_step_row(people, k, step.label, period_end - window) for k, step in enumerate(funnel.steps)])
    return counts.with_columns(
        funnel=pl.lit(name), period=pl.lit(label), period_start=pl.lit(first), period_end=pl.lit(last)
    ).select(TABLES["funnel_results"].schema.names())


def _step_row(people: pl.DataFrame, k: int, label: str, mature_until: datetime) -> pl.DataFrame:
    taken = pl.col("depth") > k
    passed = (pl.col(f"t{k}") - pl.col(f"t{max(k - 1, 0)}")).dt.total_microseconds()
    positive = passed.filter(taken & (passed > 0))
    return people.select(
        step=pl.lit(k + 1, dtype=pl.Int64),
        step_name=pl.lit(label),
        people_entered=pl.len().cast(pl.Int64),
        people_at_previous_step=(pl.col("depth") >= max(k, 1)).sum().cast(pl.Int64),
        people_converted=taken.sum().cast(pl.Int64),
        people_timed=positive.len().cast(pl.Int64),
        median_us_from_previous=positive.median().cast(pl.Float64),
        people_mature=(pl.col("t0") <= pl.lit(mature_until, dtype=UTC_MICROSECONDS)).sum().cast(pl.Int64),
    )
