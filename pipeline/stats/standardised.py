"""Means of who did a thing beside those of people like them who didn't, standardised to who did.

People who are active do more of everything: they are compared within strata (docs/definitions/value.md, "Behaviour and value"). Sums
are integers, so they add up over ranges of people in any order.
"""

from collections.abc import Sequence

import polars as pl
from scipy.special import ndtr

from pipeline.stats.alerts import with_q
from pipeline.stats.like_for_like import LEAST_IN_STRATUM, Z95

LEAST_A_SIDE = 30
MARKED_BELOW = 0.10
_SCALE = 1_000_000_000
_SUMS = ("n", "y", "yy")


def sums(people: pl.DataFrame, did: pl.DataFrame, strata: Sequence[str], by: Sequence[str]) -> tuple[pl.DataFrame, ...]:
    """Sums of all people by stratum, and of who did each of `by`; `people` has `person_key`, `y` (an integer) and strata."""
    y = pl.col("y").cast(pl.Int128)
    reported = [pl.len().cast(pl.Int64).alias("n"), y.sum().alias("y"), (y * y).sum().alias("yy")]
    doing = did.join(people, on="person_key")
    return people.group_by(strata).agg(reported), doing.group_by(*by, *strata).agg(reported)


def effects(
    everybody: pl.DataFrame, doing: pl.DataFrame, strata: Sequence[str], by: Sequence[str], unit: int,
    unknown: pl.DataFrame | None = None,
) -> pl.DataFrame:  # fmt: skip
    """Effect of each of `by` from `sums` (of all ranges, put together here); y is in 1 / `unit`.

    `unknown` holds sums of people of whom it can't be told, by each of `by`: they are on neither side.

    Returns counts, means, `effect`, `low`, `high`, `p_value`, `plain_difference`.
    """
    totals = everybody.group_by(strata).agg(pl.col(_SUMS).sum())
    own = doing.group_by(*by, *strata).agg(pl.col(_SUMS).sum())
    others = {f"{name}_o": pl.col(f"{name}_all") - pl.col(name) for name in _SUMS}
    # Behaviours that nobody of a stratum did leave it out of their comparison, but not of the plain one.
    grand = totals.select(pl.col(_SUMS).sum().name.suffix("_grand"))
    cells = own.join(totals, on=strata, suffix="_all")
    if unknown is not None:
        keys = [*by, *strata]
        left = unknown.group_by(keys).agg(pl.col(_SUMS).sum())
        cells = cells.join(left, on=keys, how="left", suffix="_left").with_columns(
            pl.col(f"{name}_all") - pl.col(f"{name}_left").fill_null(0) for name in _SUMS
        )
    cells = cells.with_columns(**others)
    fits = pl.min_horizontal("n", "n_o") >= LEAST_IN_STRATUM
    kept = cells.filter(fits).with_columns(_gap().alias("gap"), _noise().alias("noise"))
    n = pl.col("n").sum()
    whole = kept.group_by(by).agg(
        people_with=n,
        people_without=pl.col("n_o").sum(),
        mean_with=pl.col("y").sum().cast(pl.Float64) / n / unit,
        effect=pl.col("gap").sum().cast(pl.Float64) / _SCALE / n / unit,
        error=(pl.col("noise").sum().cast(pl.Float64) / _SCALE).sqrt() / n / unit,
    )
    plain = own.group_by(by).agg(pl.col(_SUMS).sum()).join(grand, how="cross")
    gone = cells.filter(~fits).group_by(by).agg(people_left_out=pl.col("n").sum())
    rest = pl.col("n_grand") - pl.col("n")
    reported = plain.select(
        *by,
        plain_difference=(
            pl.col("y").cast(pl.Float64) / pl.col("n") - (pl.col("y_grand") - pl.col("y")).cast(pl.Float64) / rest
        ).fill_nan(None)
        / unit,
    )
    joined = reported.join(whole, on=by, how="left").join(gone, on=by, how="left")
    return _with_test(joined)


def _gap() -> pl.Expr:
    """n_with times the difference of a stratum's means, as an integer."""
    means = pl.col("y").cast(pl.Float64) / pl.col("n") - pl.col("y_o").cast(pl.Float64) / pl.col("n_o")
    return (pl.col("n") * means * _SCALE).round().cast(pl.Int128)


def _noise() -> pl.Expr:
    """n_with squared times the variance of that difference, as an integer."""

    def of_mean(y: str, yy: str, n: str) -> pl.Expr:
        mean = pl.col(y).cast(pl.Float64) / pl.col(n)
        return ((pl.col(yy).cast(pl.Float64) / pl.col(n) - mean**2).clip(0) / (pl.col(n) - 1)).fill_nan(0)

    square = of_mean("y", "yy", "n") + of_mean("y_o", "yy_o", "n_o")
    return (pl.col("n").cast(pl.Float64) ** 2 * square * _SCALE).round().cast(pl.Int128)


def _with_test(joined: pl.DataFrame) -> pl.DataFrame:
    error = pl.when(pl.col("error") > 0).then("error")
    counted = joined.with_columns(pl.col("people_with", "people_without", "people_left_out").fill_null(0), error=error)
    away = (counted["effect"].abs() / counted["error"]).to_numpy()
    enough = pl.min_horizontal("people_with", "people_without") >= LEAST_A_SIDE
    return counted.with_columns(
        mean_without=pl.col("mean_with") - pl.col("effect"),
        low=pl.col("effect") - Z95 * pl.col("error"),
        high=pl.col("effect") + Z95 * pl.col("error"),
        p_value=pl.when(enough).then(pl.Series(2 * ndtr(-away), dtype=pl.Float64).fill_nan(None)),
    ).drop("error")


def marked(tests: pl.DataFrame, among: Sequence[str]) -> pl.DataFrame:
    """Add `q_value` and `is_marked` over the tests of each of `among`."""
    return with_q(tests, among).with_columns(is_marked=(pl.col("q_value") < MARKED_BELOW).fill_null(value=False))
