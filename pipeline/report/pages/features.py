"""The page of features and who adopts them (docs/marts.md says what the numbers mean)."""

import polars as pl

from pipeline.report.page import ReportPage
from pipeline.report.parts import Marts, Page, Section, count, duration, label, share


def _features(marts: Marts) -> Page:
    result = marts["feature_adoption"].filter(pl.col("period") == "last_28").sort("people_tried", descending=True)
    section = Section(
            "Feature adoption",
            "Of the people of the last 28 days who could use a feature, those who did; of those whose first use fell into "
            "this time and whose time for a further one is over, those who used it again on a later day; of the people "
            "who bought something, those who used it.",
            [],
            ("feature", "could", "tried", "of those who could", "first time", "again", "time to first use", "of buyers"),
            [
                (r["feature"], count(r["people_could"]), count(r["people_tried"]), share(r["adoption_rate"]),
                 count(r["people_first"]), share(r["again_rate"]), duration(r["median_seconds_to_first_use"]),
                 share(r["revenue_share"]))
                for r in result.rows(named=True)
            ],
        provenance="feature_adoption: feature people_could people_tried adoption_rate people_first again_rate median_seconds_to_first_use revenue_share",
    )  # fmt: skip
    return Page("features", "Features", sections=[section], lead=_lead(result))


def _lead(result: pl.DataFrame) -> str:
    """Which feature is used by most of those who could, and which by fewest."""
    known = result.drop_nulls("adoption_rate").sort("adoption_rate", "feature", descending=[True, False])
    if known.is_empty():
        return ""
    most, least = known.row(0, named=True), known.row(-1, named=True)
    said = f"Of the people of the last 28 days who could, {share(most['adoption_rate'])} used {label(most['feature'])}"
    return f"{said}, {share(least['adoption_rate'])} {label(least['feature'])}." if known.height > 1 else f"{said}."


PAGE = ReportPage(
    "features", "Features", "Growth", 120, lambda shown: _features(shown.marts) if shown.product.features else []
)
