"""Core Web Vitals: how many page views had which value, and percentiles of periods (docs/definitions/web_vitals.md)."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.events.channels import UNKNOWN
from pipeline.events.on_views import on_views
from pipeline.stats.periods import usual_periods

# What is good up to, and poor over: ms, of cls 1/10,000 (docs/definitions/web_vitals.md, "Limits").
LIMITS = {"lcp": (2_500, 4_000), "inp": (200, 500), "cls": (1_000, 2_500)}
_MEASURED = {"lcp": "lcp_ms", "inp": "inp_ms", "cls": "cls_e4"}
_PERCENT = (50, 75, 95)
_CELL = ["page", "device_type", "metric"]


def vital_counts(events: pl.LazyFrame, views: pl.LazyFrame, day: date) -> pl.DataFrame:
    """Page views of the sessions booked on `day` by their worst value of each metric; those of disjoint people add up."""
    measured = (
        on_views(events, views)
        .filter(
            pl.col("kind") == "performance",
            pl.col("page").is_not_null(),
            pl.col("page_view_key").is_not_null(),
            ~pl.col("implied"),
            ~pl.col("is_bot"),
        )
        .group_by("page_view_key", "page", pl.col("device_type").fill_null(UNKNOWN))
        .agg(pl.col(column).max().cast(pl.Int64).alias(metric) for metric, column in _MEASURED.items())
    )
    values = measured.unpivot(on=list(_MEASURED), index=["page", "device_type"], variable_name="metric")
    counted = values.drop_nulls("value").filter(pl.col("value") >= 0).group_by(*_CELL, "value").agg(page_views=pl.len())
    return TABLES["daily_vitals"].conform(counted.with_columns(session_day=pl.lit(day)).collect())


def vital_percentiles(rows: pl.LazyFrame, days: Sequence[date], product: Product) -> pl.DataFrame:
    """Percentiles of each day, whole week, the last 28 days and all, by page and device and over all of them."""
    table = TABLES["vital_percentiles"]
    counts = rows.collect()
    periods = [*(("day", day, day) for day in days), *usual_periods(days, product.week_start)]
    parts = [table.schema.to_frame()]
    for period, first, last in periods:
        inside = counts.filter(pl.col("session_day").is_between(first, last))
        dated = {"period": pl.lit(period), "period_start": pl.lit(first), "period_end": pl.lit(last)}
        parts += [table.conform(_summed(inside, over).with_columns(**dated)) for over in _OVER]
    return table.conform(pl.concat(parts))


# Over pages and devices that are put together.
_OVER: tuple[tuple[str, ...], ...] = ((), ("page",), ("device_type",), ("page", "device_type"))


def _summed(counts: pl.DataFrame, over: Sequence[str]) -> pl.DataFrame:
    merged = counts.with_columns(pl.lit("").alias(name) for name in over)
    summed = merged.group_by(*_CELL, "value").agg(pl.col("page_views").sum()).sort(*_CELL, "value")
    views, value = pl.col("page_views"), pl.col("value")
    limits = [pl.col("metric").replace_strict({m: ends[i] for m, ends in LIMITS.items()}) for i in (0, 1)]
    ranked = summed.with_columns(rank=views.cum_sum().over(_CELL), total=views.sum().over(_CELL))
    return ranked.group_by(_CELL).agg(
        page_views_measured=views.sum(),
        # The nearest rank: the least value that so many per cent don't exceed, so p75 is good where three quarters are.
        **{f"p{p}": value.filter(pl.col("rank") * 100 >= pl.col("total") * p).min() for p in _PERCENT},
        page_views_good=views.filter(value <= limits[0]).sum(),
        page_views_poor=views.filter(value > limits[1]).sum(),
    )
