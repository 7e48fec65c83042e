"""Alerts: which rates are out of what the same weekdays of the last weeks let expect (docs/definitions/alerts.md).

One rule for every metric that is a share: a series has a day, hits and n. Decision 0014 says how p is told.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
from scipy.special import stdtr

WEEKS = 8
LEAST_DAYS = 4
LEAST_N = 100
Q = 0.05
_WIDTH = 3
# The median absolute deviation of normal noise, as a standard deviation.
_MAD_SIGMA = 1.4826
# The median of k values has about pi / 2k of their variance; today's value is compared with it.
_MEDIAN_VARIANCE = np.pi / 2


def alerts(series: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    """Days on which a series is out: rows of `series` (`key`, `day`, `hits`, `n`; one row a day) with what was expected.

    Adds `rate`, `expected` (median of the last 8 same weekdays, at least 4), `width` (what it may differ), `days_compared`,
    `p_value`, `q_value` over all tests of the day, `since` (first of the consecutive days out in this direction).
    """
    tested = _tested(series.filter(pl.col("n") > 0), key)
    kept = tested.filter(pl.col("days_compared") >= LEAST_DAYS, pl.col("n") >= LEAST_N)
    judged = with_q(_with_p(kept), ["day"]).with_columns(
        direction=pl.when((pl.col("rate") - pl.col("expected")).abs() > pl.col("width"))
        .then((pl.col("rate") - pl.col("expected")).sign().cast(pl.Int64))
        .otherwise(0)
    )
    out = (pl.col("direction") != 0) & (pl.col("q_value") < Q)
    return _since(judged, key).filter(out).drop("direction", "scale").sort("day", *key)


def _tested(series: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    """Each day beside the same weekdays before it that have data."""
    rated = series.with_columns(rate=pl.col("hits") / pl.col("n"))
    before = pl.concat(
        rated.select(*key, then="rate", day=pl.col("day").dt.offset_by(f"{7 * week}d")) for week in range(1, WEEKS + 1)
    )
    medians = before.group_by(*key, "day").agg(expected=pl.col("then").median(), days_compared=pl.len())
    away = (
        before.join(medians, on=[*key, "day"])
        .group_by(*key, "day")
        .agg(mad=(pl.col("then") - pl.col("expected")).abs().median())
    )
    joined = rated.join(medians, on=[*key, "day"]).join(away, on=[*key, "day"])
    # Where it never happened before, half a case in n keeps the first one from being an alarm.
    share = pl.col("expected").clip(0.5 / pl.col("n"), 1 - 0.5 / pl.col("n"))
    error = (share * (1 - share) / pl.col("n")).sqrt()
    scale = pl.max_horizontal(_MAD_SIGMA * pl.col("mad"), error)
    return joined.with_columns(scale=scale, width=_WIDTH * scale).drop("mad")


def _with_p(tested: pl.DataFrame) -> pl.DataFrame:
    """Two-sided p of today's rate; Student's t, since what is expected was told from few days."""
    days = tested["days_compared"].to_numpy()
    spread = tested["scale"].to_numpy() * np.sqrt(1 + _MEDIAN_VARIANCE / days)
    away = (tested["rate"] - tested["expected"]).abs().to_numpy() / spread
    return tested.with_columns(p_value=pl.Series(2 * stdtr(days - 1, -away), dtype=pl.Float64))


def with_q(tests: pl.DataFrame, among: Sequence[str]) -> pl.DataFrame:
    """Add `q_value`: Benjamini-Hochberg over the tests of each of `among`; null, and no test, where `p_value` is null."""
    tested = tests.filter(pl.col("p_value").is_not_null()).sort(*among, "p_value")
    number, position = pl.len().over(among), pl.int_range(pl.len()).over(among) + 1
    ranked = tested.with_columns(q_value=(pl.col("p_value") * number / position).clip(0, 1))
    stepped = ranked.with_columns(pl.col("q_value").cum_min(reverse=True).over(among))
    rest = tests.filter(pl.col("p_value").is_null()).with_columns(q_value=pl.lit(None, dtype=pl.Float64))
    return pl.concat([stepped, rest])


def _since(judged: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    ordered = judged.sort(*key, "day")
    follows = (pl.col("day").diff().over(key) == pl.duration(days=1)) & (
        pl.col("direction") == pl.col("direction").shift().over(key)
    )
    run = (~follows.fill_null(value=False)).cum_sum()
    return ordered.with_columns(run=run).with_columns(since=pl.col("day").min().over("run")).drop("run")
