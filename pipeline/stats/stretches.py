"""Stretches of time: intervals of one key, joined where they touch."""

from collections.abc import Sequence

import polars as pl


def joined_stretches(intervals: pl.DataFrame, key: Sequence[str], gap_us: int) -> pl.DataFrame:
    """Unite the intervals `begin` to `end` of each key that overlap or lie less than `gap_us` apart.

    Returns one row per stretch: the key, `begin`, `end`, and `place` of its first interval. A gap of just `gap_us`
    divides; with 0, intervals that touch are one.
    """
    if intervals.is_empty():
        return intervals.select(*key, "begin", "event_index", "end")
    ordered = intervals.sort(*key, "begin", "event_index")
    changes = [pl.col(name) != pl.col(name).shift() for name in key]
    numbered = ordered.with_columns(group=pl.any_horizontal(changes).fill_null(value=True).cum_sum().cast(pl.Int64))
    # Group and end as one number: its running maximum is that of the group, in one pass without groups.
    first = pl.col("end").min().dt.timestamp("us")
    span = pl.col("end").max().dt.timestamp("us") - first + 1
    reached = (pl.col("group") * span + pl.col("end").dt.timestamp("us") - first).cum_max()
    ends = numbered.with_columns(reached=reached, offset=pl.col("group") * span - first)
    gap = pl.col("begin").dt.timestamp("us") - (pl.col("reached").shift() - pl.col("offset"))
    apart = gap > 0 if gap_us == 0 else gap >= gap_us
    is_first = (apart | (pl.col("group") != pl.col("group").shift())).fill_null(value=True)
    marked = ends.with_columns(is_first=is_first)
    # A stretch ends at the greatest end so far, which its last interval bears.
    lasts = marked.filter(pl.col("is_first").shift(-1, fill_value=True))
    end = (lasts["reached"] - lasts["offset"]).cast(ordered.schema["end"])
    return marked.filter("is_first").select(*key, "begin", "event_index").with_columns(end.alias("end"))
