"""What each problem costs a week: like-for-like effect x how often it is met x what a goal brings (docs/definitions/opportunities.md, "Impact").

The interval carries the spread of all three. Impacts don't add up: one session meets several problems.
"""

from collections.abc import Callable

import polars as pl
from scipy.special import ndtr, ndtri

from pipeline.core.contract import MICROS
from pipeline.domains.opportunities.units import BY, STRATA
from pipeline.stats.alerts import with_q
from pipeline.stats.buckets import in_ranges
from pipeline.stats.like_for_like import Z95, like_for_like

Z80 = float(ndtri(0.9))
CLAIMED_BELOW = 0.10
Units = Callable[[pl.Expr], pl.DataFrame]


def kept(units: Units, ranges: int) -> Units:
    """Units that are small enough to be computed once, for the passes that go over them."""
    if ranges > 1:
        return units
    whole = units(pl.lit(value=True))
    return lambda _: whole


def impacts(units: Units, ranges: int = 1) -> pl.DataFrame:
    """Effect, loss and cost a week of everything that `units` (by BY, in STRATA) tell of; `weeks` says over how many."""
    effects = like_for_like(units, BY, STRATA, ranges)
    worth = pl.concat(in_ranges(lambda inside: _worth(units(inside)), ranges))
    values = worth.group_by(BY).agg(pl.col("orders", "revenue", "squares").sum(), pl.col("weeks").max())
    joined = effects.join(values, on=BY, how="left").filter(pl.col("with") + pl.col("with_left_out") > 0)
    return _with_test(_costed(joined))


def _worth(part: pl.DataFrame) -> pl.DataFrame:
    """Revenue of those without it that reached the goal, and the weeks that are looked at."""
    counts, revenue = ~pl.col("is_with") & pl.col("reached"), pl.col("revenue_micros")
    square = revenue.cast(pl.Int128) * revenue.cast(pl.Int128)
    return part.group_by(BY).agg(
        pl.col("weeks").first(),
        orders=counts.sum().cast(pl.Int64), revenue=revenue.filter(counts).sum(), squares=square.filter(counts).sum(),
    )  # fmt: skip


def _costed(joined: pl.DataFrame) -> pl.DataFrame:
    """Add what is lost a week in goals and money, with 80 and 95 % intervals by the delta method."""
    met, orders = (pl.col("with") + pl.col("with_left_out")), pl.col("orders").cast(pl.Float64)
    value = pl.col("revenue").cast(pl.Float64) / orders
    spread = (pl.col("squares").cast(pl.Float64) / orders - value**2).clip(0) / (orders - 1)
    known = joined.with_columns(
        sessions_with_all=met,
        rate_with=pl.when(pl.col("with") > 0).then(pl.col("converted_with") / pl.col("with")),
        met_per_week=met / pl.col("weeks"),
        # Counts of a week vary as those of rare things do.
        met_error=met.sqrt() / pl.col("weeks"),
        effect_error=(pl.col("high") - pl.col("low")) / (2 * Z95),
        order_value=pl.when((orders > 0) & (pl.col("revenue") > 0)).then(value / MICROS),
        order_error=pl.when(orders > 1).then(spread.sqrt() / MICROS),
    )
    e, n, v = pl.col("effect"), pl.col("met_per_week"), pl.col("order_value")
    de, dn, dv = pl.col("effect_error"), pl.col("met_error"), pl.col("order_error")
    lost_error = ((n * de) ** 2 + (e * dn) ** 2).sqrt()
    cost_error = ((v * n * de) ** 2 + (v * e * dn) ** 2 + (e * n * dv) ** 2).sqrt()
    return known.with_columns(
        lost_per_week=e * n,
        lost_low=e * n - Z80 * lost_error,
        lost_high=e * n + Z80 * lost_error,
        cost_per_week=e * n * v,
        cost_low=e * n * v - Z80 * cost_error,
        cost_high=e * n * v + Z80 * cost_error,
        cost_low_95=e * n * v - Z95 * cost_error,
        cost_high_95=e * n * v + Z95 * cost_error,
    )


def _with_test(costed: pl.DataFrame) -> pl.DataFrame:
    away = (costed["effect"].abs() / costed["effect_error"]).fill_nan(None).to_numpy()
    p = pl.Series(2 * ndtr(-away), dtype=pl.Float64).fill_nan(None)
    tested = costed.with_columns(every=pl.lit(0), p_value=pl.when("claimed").then(p))
    judged = with_q(tested, ["every"]).drop("every")
    is_claimed = (pl.col("q_value") < CLAIMED_BELOW) & (pl.col("effect") > 0)
    return judged.with_columns(claimed=is_claimed.fill_null(value=False)).rename(
        {"with": "sessions_with", "without": "sessions_without"}
    )
