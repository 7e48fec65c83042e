"""Who was active: the narrow table `activity`, daily, weekly and monthly people, and first-time day cohorts.

Definitions: metrics.md, "Sessions and page views" (DAU, WAU, MAU, new) and semantics.md, section 3 (retention).
"""

from datetime import date

import polars as pl

from pipeline.contracts import TABLES
from pipeline.days import ONE_DAY, days_between
from pipeline.metrics.retention import first_day_cells
from pipeline.product import Product

LEFT_TRUNCATED_DAYS = 28
_CHURN_DAYS = 28
_WINDOWS = {"people_active": 1, "people_active_7d": 7, "people_active_28d": 28, "people_active_56d": 56}


def activity(events: pl.LazyFrame, day: date) -> pl.DataFrame:
    """One row per person active on `day`; bots and events without a person left out."""
    people = events.filter(pl.col("person_key").is_not_null(), ~pl.col("is_bot"))
    grouped = people.group_by("person_key").agg(
        pl.col("person_id").first(), first_at=pl.col("occurred_at").min(), events=pl.len()
    )
    return TABLES["activity"].conform(grouped.with_columns(day=pl.lit(day)).collect())


def people_daily(active: pl.LazyFrame, days: list[date], product: Product) -> pl.DataFrame:
    """People of each of `days` and of the 7 and 28 days ending with it, each person once.

    `active` holds one row per person and day (`day`, `person_key`). A person active on days a < b counts in the
    window of every day from a to min(a + n, b) - 1, so sums of +1 and -1 replace a distinct count per window.
    """
    # Days that were held back are left out at the end only: people leave windows on them too.
    whole = days_between(days[0], days[-1]) if days else []
    calendar = pl.DataFrame({"day": whole}, schema={"day": pl.Date})
    visits = (
        active.select("day", "person_key")
        .sort("person_key", "day")
        .with_columns(
            is_first=pl.col("person_key").is_first_distinct(),
            next_day=pl.col("day").shift(-1).over("person_key"),
        )
        .collect()
    )
    new = visits.filter("is_first").group_by("day").agg(people_new=pl.len())
    counted = calendar.join(new, on="day", how="left")
    for name, width in _WINDOWS.items():
        leaves = pl.min_horizontal(pl.col("day") + pl.duration(days=width), "next_day")
        steps = pl.concat(
            [visits.select("day", change=pl.lit(1)), visits.select(day=leaves, change=pl.lit(-1))],
        )
        changes = steps.group_by("day").agg(pl.col("change").sum())
        counted = (
            counted.join(changes, on="day", how="left")
            .sort("day")
            .with_columns(pl.col("change").fill_null(0).cum_sum().alias(name))
        ).drop("change")
    truncated_until = product.start_date + ONE_DAY * LEFT_TRUNCATED_DAYS
    counted = counted.with_columns(
        # Active in the 56 days but not in the last 28: in the 28 before and not since.
        people_churned_28d=pl.col("people_active_56d") - pl.col("people_active_28d"),
        people_active_28d_before=pl.col("people_active_28d").shift(_CHURN_DAYS).fill_null(0),
        people_active_mean_28d=pl.col("people_active").rolling_sum(_CHURN_DAYS, min_samples=1) / _CHURN_DAYS,
    )
    return TABLES["people_daily"].conform(
        counted.filter(pl.col("day").is_in(days)).with_columns(
            pl.col("people_new").fill_null(0),
            left_truncated=pl.col("day") < truncated_until,
            goals=pl.lit(len(product.goals), dtype=pl.Int64),
            churn_known=pl.col("day") >= product.start_date + ONE_DAY * (2 * _CHURN_DAYS - 1),
        )
    )


def retention_cells(active: pl.LazyFrame, days: list[date], product: Product) -> pl.DataFrame:
    """First-time day cohorts: per cohort day and offset the people who came back on just that day.

    `active` holds one row per person and day. Every cohort that has people gets a cell for each offset up to the last
    of `days`; offset 0 is the cohort's size. A cell is mature when its day is over and its partition is present; where
    a day is held back nobody knows who returned: null.
    """
    returned = first_day_cells(active.select("person_key", "day"), days[0] if days else product.start_date)
    sizes = returned.filter(pl.col("day_offset") == 0).select("cohort_day", people_in_cohort="people_returned")
    last = days[-1] if days else None
    grid = (
        sizes.with_columns(
            day_offset=pl.int_ranges(0, (pl.lit(last, dtype=pl.Date) - pl.col("cohort_day")).dt.total_days() + 1)
        )
        .explode("day_offset")
        .join(returned, on=["cohort_day", "day_offset"], how="left")
    )
    truncated_until = product.start_date + ONE_DAY * LEFT_TRUNCATED_DAYS
    is_present = (pl.col("cohort_day") + pl.duration(days=pl.col("day_offset"))).is_in(days)
    return TABLES["retention_cells"].conform(
        grid.with_columns(
            people_returned=pl.when(is_present).then(pl.col("people_returned").fill_null(0)),
            mature=is_present,
            left_truncated=pl.col("cohort_day") < truncated_until,
        )
    )
