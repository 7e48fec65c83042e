"""Differences of two means with their intervals, clustered by person."""

from collections.abc import Sequence

import polars as pl
from scipy.special import ndtr

from pipeline.stats.like_for_like import Z95

# Parts of a variance are added as integers: a sum of floats depends on its order.
_SCALE = 1_000_000
# An interval needs so many people on both sides, a test so many: a handful of equal answers has no spread at all.
LEAST_FOR_INTERVAL, LEAST = 10, 30


def with_side(rows: pl.DataFrame, having: pl.DataFrame, on: Sequence[str]) -> pl.DataFrame:
    """Add `side`: whether a row is among `having`; only where `having` has rows of the survey at all."""
    there = rows.join(having.select("survey").unique(), on="survey", how="semi")
    marked = having.select(*on, side=pl.lit(value=True)).unique()
    return there.join(marked, on=list(on), how="left").with_columns(pl.col("side").fill_null(value=False))


def difference(rows: pl.DataFrame, by: Sequence[str], side: str, value: str) -> pl.DataFrame:
    """Mean of the integer `value` where the boolean `side` is true less the mean where it isn't, for each of `by`.

    `rows` has `cluster_key`, the person, whose rows are no independent draws. Returns `n_with`, `n_without`,
    `sum_with`, `sum_without`, `people`, `effect`, `low`, `high`, `p_value`; null where a side is empty, the interval
    where one has under 10 people, p where one has under 30.
    """
    is_with, number = pl.col(side), pl.col(value).cast(pl.Int64)
    sums = rows.group_by(by).agg(
        n_with=is_with.sum().cast(pl.Int64),
        n_without=(~is_with).sum().cast(pl.Int64),
        sum_with=number.filter(is_with).sum(),
        sum_without=number.filter(~is_with).sum(),
        people=pl.col("cluster_key").n_unique().cast(pl.Int64),
        people_with=pl.col("cluster_key").filter(is_with).n_unique().cast(pl.Int64),
        people_without=pl.col("cluster_key").filter(~is_with).n_unique().cast(pl.Int64),
    )
    means = sums.with_columns(
        mean_with=pl.col("sum_with") / pl.col("n_with"), mean_without=pl.col("sum_without") / pl.col("n_without")
    )
    pull = (
        pl.when(is_with)
        .then((number - pl.col("mean_with")) / pl.col("n_with"))
        .otherwise(-(number - pl.col("mean_without")) / pl.col("n_without"))
    )
    total = pl.col("n_with") + pl.col("n_without")
    pulls = rows.join(means, on=by).with_columns(pull=(pull * total * _SCALE).round().cast(pl.Int64))
    people = pulls.group_by(*by, "cluster_key").agg(pl.col("pull").sum())
    squares = people.group_by(by).agg(squares=(pl.col("pull").cast(pl.Int128) * pl.col("pull").cast(pl.Int128)).sum())
    joined = means.join(squares, on=by)
    clusters, n = pl.col("people"), pl.col("n_with") + pl.col("n_without")
    # One person's many answers have no spread between people.
    least = pl.min_horizontal("people_with", "people_without")
    both = least > 0
    error = (pl.col("squares").cast(pl.Float64) / (n.cast(pl.Float64) * _SCALE) ** 2 * clusters / (clusters - 1)).sqrt()
    known = joined.with_columns(
        effect=pl.when(both).then(pl.col("mean_with") - pl.col("mean_without")),
        error=pl.when((least >= LEAST_FOR_INTERVAL) & (clusters > 1)).then(error),
    )
    away = (known["effect"].abs() / known["error"]).to_numpy()
    reported = known.with_columns(
        p_value=pl.when(least >= LEAST).then(pl.Series(2 * ndtr(-away), dtype=pl.Float64).fill_nan(None)),
        low=pl.col("effect") - Z95 * pl.col("error"),
        high=pl.col("effect") + Z95 * pl.col("error"),
    )
    return reported.drop("mean_with", "mean_without", "people_with", "people_without", "squares", "error").sort(by)
