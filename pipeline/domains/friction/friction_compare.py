"""Two rule sets side by side over history: what each finds that the other doesn't (`footfall friction --compare`)."""

from collections.abc import Iterable, Mapping
from datetime import date

import polars as pl

from pipeline.core.lake import Lake
from pipeline.core.product import Product
from pipeline.core.states import scan_days
from pipeline.domains.friction.friction_tables import friction_incidents
from pipeline.domains.friction.section import FrictionRules


def compared(lake: Lake, product: Product, names: tuple[str, str], days: Iterable[date]) -> pl.DataFrame:
    """Incidents of both rule sets by signal and page, and page views in which only one or both found one.

    Returns `signal`, `page`, `incidents_a`, `incidents_b`, `page_views_only_a`, `page_views_only_b`, `page_views_both`.
    Raises KeyError for a name that is neither a rule set of the product file nor a published rage rule.
    """
    rules: Mapping[str, FrictionRules] = {side: product.friction.rules(n) for side, n in zip("ab", names, strict=True)}
    counts = [_of_day(lake, product, rules, day) for day in days]
    return (
        pl.concat([pl.DataFrame(schema=_SCHEMA), *counts])
        .group_by("signal", "page")
        .agg(pl.all().sum())
        .sort("signal", "page")
    )


_SCHEMA = {
    "signal": pl.String,
    "page": pl.String,
    "incidents_a": pl.Int64,
    "incidents_b": pl.Int64,
    "page_views_only_a": pl.Int64,
    "page_views_only_b": pl.Int64,
    "page_views_both": pl.Int64,
}


def _of_day(lake: Lake, product: Product, rules: Mapping[str, FrictionRules], day: date) -> pl.DataFrame:
    events, views = (scan_days(lake, table, [day]) for table in ("session_events", "page_views"))
    result = friction_incidents(events, views, day, product, rules)
    by_view = result.group_by("signal", "page", "page_view_key").agg(
        a=(pl.col("rule_set") == "a").sum(), b=(pl.col("rule_set") == "b").sum()
    )
    in_a, in_b = pl.col("a") > 0, pl.col("b") > 0
    summed = by_view.group_by("signal", "page").agg(
        incidents_a=pl.col("a").sum(),
        incidents_b=pl.col("b").sum(),
        page_views_only_a=(in_a & ~in_b).sum(),
        page_views_only_b=(in_b & ~in_a).sum(),
        page_views_both=(in_a & in_b).sum(),
    )
    return summed.select(list(_SCHEMA)).cast(_SCHEMA)  # pyright: ignore[reportArgumentType]
