"""What people bring in: N-day value by cohort, and revenue by month of first purchase (docs/definitions/value.md, "N-day value")."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta

import polars as pl

from pipeline.core.contract import MICROS
from pipeline.core.days import ONE_DAY, day_start
from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.stats.buckets import in_ranges, ranges_of

_COHORT = ["period", "cohort_start"]
_SUMMED = ["people_in_cohort", "people_mature", "people_with_revenue", "orders", "revenue_micros", "squares"]


def value_counts(outcomes: pl.LazyFrame, people: pl.LazyFrame, days: list[date], product: Product) -> pl.DataFrame:
    """N-day value over mature people by cohort; `outcomes` holds all of `days`, `people` people_first."""
    table = TABLES["value_counts"]
    if not days:
        return table.conform(pl.DataFrame(schema=table.schema))
    end = day_start(days[-1] + ONE_DAY, product.zone_info)
    # Whoever came on a day of which no outcomes are known yet isn't of a cohort.
    people = people.filter(pl.col("first_day") <= days[-1])
    number = ranges_of(sum(rows.select(pl.len()).collect().item() for rows in (people, outcomes)))

    def summed(inside: pl.Expr) -> pl.DataFrame:
        begun = _started(outcomes.filter(inside), people.filter(inside), product)
        money = outcomes.filter(inside).select("person_key", "occurred_at", "day", "orders", "revenue_micros").collect()
        return pl.concat(_window(begun, money, each, end, product) for each in sorted(set(product.value.windows_days)))

    parts = pl.concat(in_ranges(summed, number))
    whole = parts.group_by(*_COHORT, "window_days").agg(pl.col(_SUMMED).sum())
    n, y = pl.col("people_mature").cast(pl.Float64), pl.col("revenue_micros").cast(pl.Float64)
    variance = (pl.col("squares").cast(pl.Float64) - y**2 / n) / (n - 1)
    error = pl.when(n > 1).then((variance.clip(0) / n).sqrt() / MICROS)
    return table.conform(whole.with_columns(error=error))


def _started(outcomes: pl.LazyFrame, people: pl.LazyFrame, product: Product) -> pl.DataFrame:
    """Each person's start, `t0` and its local day `born`, by the product file: first event, or first purchase."""
    if product.value.start == "first_event":
        return people.select("person_key", t0="first_at", born="first_day").collect()
    bought = outcomes.filter(pl.col("orders") > 0).group_by("person_key")
    return bought.agg(t0=pl.col("occurred_at").min(), born=pl.col("day").min()).collect()


def _window(people: pl.DataFrame, money: pl.DataFrame, length: int, end: datetime, product: Product) -> pl.DataFrame:
    """Sums of each cohort over one window."""
    joined = people.join(money, on="person_key")
    if product.value.calendar_days:
        is_in = pl.col("day") < pl.col("born") + timedelta(days=length)
        last = end.astimezone(product.zone_info).date()
        mature = pl.col("born") + timedelta(days=length) <= last
    else:
        is_in = pl.col("occurred_at") < pl.col("t0") + timedelta(days=length)
        mature = pl.col("t0") + timedelta(days=length) <= end
    # What was given back before the first event of a day is told isn't of the window.
    after = is_in & (pl.col("occurred_at") >= pl.col("t0"))
    sums = joined.filter(after).group_by("person_key").agg(pl.col("orders", "revenue_micros").sum())
    reported = people.with_columns(mature=mature).join(sums, on="person_key", how="left")
    known = reported.with_columns(pl.col("orders", "revenue_micros").fill_null(0))
    return pl.concat(_cohort(known, product)).with_columns(window_days=pl.lit(length, dtype=pl.Int64))


def _cohort(people: pl.DataFrame, product: Product) -> Iterator[pl.DataFrame]:
    revenue = pl.col("revenue_micros").filter("mature")
    square = revenue.cast(pl.Int128) * revenue.cast(pl.Int128)
    for period, start in cohort_starts(people, product):
        yield (
            people.with_columns(period=pl.lit(period), cohort_start=start)
            .group_by(_COHORT)
            .agg(
                people_in_cohort=pl.len().cast(pl.Int64),
                people_mature=pl.col("mature").sum().cast(pl.Int64),
                people_with_revenue=(pl.col("mature") & (pl.col("orders") > 0)).sum().cast(pl.Int64),
                orders=pl.col("orders").filter("mature").sum(),
                revenue_micros=revenue.sum(),
                squares=square.sum(),
            )
        )


def cohort_starts(people: pl.DataFrame, product: Product) -> Iterable[tuple[str, pl.Series]]:
    """First days of the periods in which people's local days `born` lie."""
    born = people["born"]
    # Polars' weeks begin on Monday.
    ahead = "0d" if product.week_start == "monday" else "1d"
    yield "all", pl.Series([product.start_date] * len(born), dtype=pl.Date)
    yield "week", born.dt.offset_by(ahead).dt.truncate("1w").dt.offset_by(f"-{ahead}")
    yield "month", born.dt.month_start()


def revenue_cells(outcomes: pl.LazyFrame, days: list[date]) -> pl.DataFrame:
    """Revenue of each month's new buyers in each month after; `outcomes` holds all of `days`."""
    table = TABLES["revenue_cells"]
    rows = outcomes.select("person_key", "day", "orders", "revenue_micros").collect()
    first = rows.filter(pl.col("orders") > 0).group_by("person_key").agg(born=pl.col("day").min())
    if first.is_empty():
        return table.conform(pl.DataFrame(schema=table.schema))
    month = rows.join(first, on="person_key").filter(pl.col("day") >= pl.col("born")).with_columns(
        cohort_start=pl.col("born").dt.month_start(), offset=_months(pl.col("day")) - _months(pl.col("born"))
    )  # fmt: skip
    cells = month.group_by("cohort_start", "offset").agg(
        pl.col("orders", "revenue_micros").sum(),
        people_with_orders=pl.col("person_key").filter(pl.col("orders") > 0).n_unique(),
    )
    sizes = first.group_by(cohort_start=pl.col("born").dt.month_start()).agg(people_in_cohort=pl.len())
    last = pl.lit(days[-1], dtype=pl.Date)
    grid = sizes.with_columns(
        offset=pl.int_ranges(0, _months(last) - _months(pl.col("cohort_start")) + 1, dtype=pl.Int64)
    ).explode("offset")
    # The month of the day after the last one isn't over.
    is_over = pl.lit(days[-1] + ONE_DAY, dtype=pl.Date)
    joined = grid.join(cells, on=["cohort_start", "offset"], how="left")
    return table.conform(
        joined.with_columns(
            pl.col("orders", "revenue_micros", "people_with_orders").fill_null(0),
            mature=_months(pl.col("cohort_start")) + pl.col("offset") < _months(is_over),
        )
    )


def _months(day: pl.Expr) -> pl.Expr:
    """A month's number."""
    return day.dt.year().cast(pl.Int64) * 12 + day.dt.month().cast(pl.Int64)
