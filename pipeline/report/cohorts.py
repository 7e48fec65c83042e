"""Cohorts as a triangle: which share of each came back, period after period."""

import polars as pl
from markupsafe import Markup

from pipeline.report import charts
from pipeline.report.parts import share


def triangle_of(cells: pl.DataFrame, title: str) -> list[Markup]:
    """The chart of rows of retention_cohorts, of one group; none where there is nothing to draw."""
    # The cohort's own column is 100 % of itself: it would outshine the others.
    later = cells.filter(pl.col("period_number") > 0).sort("cohort_start", "period_number")
    if later.is_empty():
        return []
    rate = pl.col("return_rate")
    drawn = later.with_columns(
        cohort=pl.format("{} ({})", pl.col("cohort_start").dt.strftime("%d %b %Y"), "people_in_cohort"),
        rate=rate,
        shown=rate.map_elements(share, return_dtype=pl.String, skip_nulls=False),
    )
    return [charts.triangle(drawn, title)]
