"""Targets beside the newest complete week (docs/definitions/targets.md)."""

import polars as pl

from pipeline.core.product import Product
from pipeline.report import charts
from pipeline.report.parts import Section, day_text, figure_text, label


def targets_section(product: Product, targets: pl.DataFrame) -> list[Section]:
    """Each target beside the newest complete week, and the weeks that led there."""
    if targets.is_empty():
        return []
    newest = targets.filter(pl.col("week_start") == pl.col("week_start").max().over("kpi")).sort("is_reached", "kpi")
    rows = [
        (
            label(r["kpi"]), *(figure_text(r[name], r["unit"], product.currency) for name in ("figure", "target")),
            "reached" if r["is_reached"] else _way(r["gap"], r["unit"], product.currency),
            day_text(r["target_day"], "%d %b %Y") if r["target_day"] else "",
            "" if r["needed_per_week"] is None else _way(r["needed_per_week"], r["unit"], product.currency),
            charts.target_line(targets.filter(pl.col("kpi") == r["kpi"]), label(r["kpi"])),
        )
        for r in newest.rows(named=True)
    ]  # fmt: skip
    return [
        Section(
            "Targets",
            "The last complete week beside what the team wants. To go: how far it is. Each week: what every week left must bring.",
            header=("figure", "last week", "target", "to go", "by", "each week", "weeks"),
            rows=rows,
            provenance="kpi_targets: kpi figure target gap target_day needed_per_week -",
        )
    ]


def _way(gap: float, unit: str, currency: str) -> str:
    """A difference towards the better side; of shares in points."""
    return figure_text(gap, unit, currency, signed=True).lstrip("+")
