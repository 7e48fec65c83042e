"""Key figures beside their targets, week by week (docs/definitions/targets.md)."""

import polars as pl

from pipeline.core.product import Product
from pipeline.core.registry import TABLES

_SCHEMA = {"kpi": pl.String, "target": pl.Float64, "better": pl.String, "target_day": pl.Date}


def target_weeks(results: pl.LazyFrame, product: Product) -> pl.DataFrame:
    """The complete weeks of kpi_results for which a target is set."""
    wanted = [(name, each.value, each.better, each.by) for name, each in product.targets.items()]
    targets = pl.LazyFrame(wanted, schema=_SCHEMA, orient="row")
    weeks = results.filter(
        "mature", pl.col("period") == "week", pl.col("dimension") == "", pl.col("figure").is_not_null()
    ).rename({"period_start": "week_start", "period_end": "week_end"})
    return TABLES["target_weeks"].conform(weeks.join(targets, on="kpi").collect())
