"""Daily, weekly and monthly people, new ones and churn (docs/definitions/sessions.md, "Active people", "New people")."""

from datetime import date

import polars as pl

from pipeline.core.days import ONE_DAY, days_between
from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.events.activity import LEFT_TRUNCATED_DAYS

_CHURN_DAYS = 28
_WINDOWS = {"people_active": 1, "people_active_7d": 7, "people_active_28d": 28, "people_active_56d": 56}


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
