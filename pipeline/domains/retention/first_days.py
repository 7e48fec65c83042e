"""First-time day cohorts (docs/definitions/retention.md)."""

from datetime import date

import polars as pl

from pipeline.core.days import ONE_DAY
from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.events.activity import LEFT_TRUNCATED_DAYS


def retention_cells(returns: pl.LazyFrame, days: list[date], product: Product) -> pl.DataFrame:
    """First-time day cohorts: per cohort day and offset the people who came back on just that day.

    `returns` holds activity_returns of `days`. Every cohort that has people gets a cell for each offset up to the last
    of `days`; offset 0 is the cohort's size. A cell is mature when its day is over and its partition is present; where
    a day is held back nobody knows who returned: null.
    """
    counted = returns.filter(pl.col("people_first") > 0).select(
        cohort_day="from_day",
        day_offset=(pl.col("day") - pl.col("from_day")).dt.total_days(),
        people_returned="people_first",
    )
    returned = counted.collect()
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
