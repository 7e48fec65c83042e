"""Stretches of time: intervals of one key, joined where they touch."""

from collections.abc import Sequence

import polars as pl


def joined_stretches(intervals: pl.DataFrame, key: Sequence[str], gap_us: int) -> pl.DataFrame:
    """Unite the intervals `begin` to `end` of each key that overlap or lie less than `gap_us` apart.

    Returns one row per stretch: the key, `begin`, `end`, and `place` of its first interval. A gap of just `gap_us`
    divides; with 0, intervals that touch are one.
    """
    ordered = intervals.sort(*key, "begin", "place")
    ends = pl.col("end").cum_max().over(key).shift().over(key)
    gap = (pl.col("begin") - ends).dt.total_microseconds()
    begins = (gap > 0 if gap_us == 0 else gap >= gap_us).fill_null(value=True)
    return (
        ordered.with_columns(stretch=begins.cum_sum())
        .group_by("stretch", maintain_order=True)
        .agg(pl.col(*key, "begin", "place").first(), pl.col("end").max())
        .drop("stretch")
    )
