"""The like-for-like estimator: what goes with a thing that happens in a page view, among sessions that are alike.

Comparing sessions with a signal to sessions without gives the wrong sign: long sessions meet more friction and convert
more. Here a session's first view of a page is compared with such first views of sessions on the same page and device,
new or returning, with as many page views behind them (docs/definitions/friction.md). An association under these strata.
"""

from collections.abc import Callable, Sequence

import polars as pl

from pipeline.stats.buckets import in_ranges

LEAST_IN_STRATUM = 5
LEAST_SESSIONS, LEAST_CONVERSIONS = 30, 5
Z95 = 1.959964
# Parts of the variance are added as integers: a sum of floats depends on its order.
_SCALE = 1_000_000_000
_COUNTS = ("with", "without", "converted_with", "converted_without")


def like_for_like(
    units: Callable[[pl.Expr], pl.DataFrame], by: Sequence[str], strata: Sequence[str], ranges: int = 1
) -> pl.DataFrame:
    """Effect and its 95 % interval for each value of `by`, from sessions in strata.

    `units` gives, for a filter of a range of `person_key`, one row per session: `person_key`, `is_with`, `reached`, and
    the columns of `by` and `strata`. The effect is the share that reached the goal without the thing less the share
    with it, in each stratum, weighted by sessions with it: what its sessions would gain without it. The interval is
    clustered by person. Returns counts, those left out, `effect`, `low`, `high`, `claimed`; null where no stratum is
    left.
    """
    keys = [*by, *strata]
    counted = [_counts(part, keys) for part in in_ranges(units, ranges)]
    cells = pl.concat(counted).group_by(keys).agg(pl.all().sum())
    fits = pl.min_horizontal("with", "without") >= LEAST_IN_STRATUM
    kept, left = cells.filter(fits), cells.filter(~fits)
    whole = kept.group_by(by).agg(pl.col(_COUNTS).sum(), strata=pl.len())
    share = {side: pl.col(f"converted_{side}") / pl.col(side) for side in ("with", "without")}
    gain = (pl.col("with") * (share["without"] - share["with"]) * _SCALE).round().cast(pl.Int64)
    effect = kept.group_by(by).agg(effect=gain.sum() / _SCALE / pl.col("with").sum())
    known = kept.join(effect, on=by).select(
        *keys, "effect", n_with="with", n_without="without", without_share=share["without"]
    )
    squares = [_squares(part, known, by, keys) for part in in_ranges(units, ranges)]
    spread = pl.concat(squares).group_by(by).agg(pl.all().sum())
    gone = left.group_by(by).agg(
        strata_left_out=pl.len(),
        sessions_left_out=(pl.col("with") + pl.col("without")).sum(),
        with_left_out=pl.col("with").sum(),
    )
    every = cells.select(by).unique()
    for part in (whole, effect, spread, gone):
        every = every.join(part, on=by, how="left")
    return _with_interval(every)


def _counts(part: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    is_with, reached = pl.col("is_with"), pl.col("reached")
    sums = (
        (is_with, "with"),
        (~is_with, "without"),
        (is_with & reached, "converted_with"),
        (~is_with & reached, "converted_without"),
    )
    return part.group_by(keys).agg(what.sum().cast(pl.Int64).alias(name) for what, name in sums)


def _squares(part: pl.DataFrame, known: pl.DataFrame, by: Sequence[str], keys: Sequence[str]) -> pl.DataFrame:
    """Each person's pull on the effect, squared and summed: their sessions are no independent draws."""
    reached = pl.col("reached").cast(pl.Float64)
    pull = (
        pl.when("is_with")
        .then(pl.col("without_share") - reached - pl.col("effect"))
        .otherwise((reached - pl.col("without_share")) * pl.col("n_with") / pl.col("n_without"))
    )
    pulls = part.join(known, on=keys).with_columns(pull=(pull * _SCALE).round().cast(pl.Int64))
    people = pulls.group_by(*by, "person_key").agg(pl.col("pull").sum())
    square = pl.col("pull").cast(pl.Int128) * pl.col("pull").cast(pl.Int128)
    return people.group_by(by).agg(squares=square.sum(), people=pl.len().cast(pl.Int64))


def _with_interval(every: pl.DataFrame) -> pl.DataFrame:
    people = pl.col("people")
    variance = pl.col("squares").cast(pl.Float64) / _SCALE**2 / pl.col("with") ** 2 * people / (people - 1)
    error = pl.when(people > 1).then(variance.sqrt())
    enough = (pl.min_horizontal("with", "without") >= LEAST_SESSIONS) & (
        pl.col("converted_with") + pl.col("converted_without") >= LEAST_CONVERSIONS
    )
    return every.with_columns(
        pl.col(*_COUNTS, "strata", "strata_left_out", "sessions_left_out", "with_left_out", "people").fill_null(0),
        low=pl.col("effect") - Z95 * error,
        high=pl.col("effect") + Z95 * error,
        claimed=enough.fill_null(value=False),
    ).drop("squares")
