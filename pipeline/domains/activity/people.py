"""Daily, weekly and monthly people, new ones and churn (docs/definitions/sessions.md, "Active people", "New people")."""

from datetime import date

import polars as pl

from pipeline.core.days import ONE_DAY, days_between
from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.events.activity import LEFT_TRUNCATED_DAYS

_CHURN_DAYS = 28
_WINDOWS = {"people_active": 1, "people_active_7d": 7, "people_active_28d": 28, "people_active_56d": 56}


def people_daily(returns: pl.DataFrame, days: list[date], product: Product) -> pl.DataFrame:
    """People of each of `days` and of the 7 and 28 days ending with it, each person once.

    `returns` holds activity_returns of `days`. A person active on days a < b counts in the window of every day from a to
    min(a + n, b) - 1, so sums of +1 and -1 replace a distinct count per window.
    """
    # Days that were held back are left out at the end only: people leave windows on them too.
    whole = days_between(days[0], days[-1]) if days else []
    active = returns.group_by("day").agg(
        change=pl.col("people_first").sum(),
        people_new=pl.col("people_first").filter(pl.col("from_day") == pl.col("day")).sum(),
    )
    counted = pl.DataFrame({"day": whole}, schema={"day": pl.Date}).join(
        active.select("day", "people_new"), on="day", how="left"
    )
    age = pl.col("day") - pl.col("from_day")
    for name, width in _WINDOWS.items():
        again = returns.filter(age < pl.duration(days=width), age > pl.duration())
        # Who comes back within the window leaves it for the new day's, the others at its end.
        left_early = again.select("day", change=-pl.col("people_last"))
        stay = again.select(day=pl.col("from_day").dt.offset_by(f"{width}d"), change="people_last")
        leave = active.select(pl.col("day").dt.offset_by(f"{width}d"), change=-pl.col("change"))
        steps = pl.concat([active.select("day", "change"), left_early, stay, leave])
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
