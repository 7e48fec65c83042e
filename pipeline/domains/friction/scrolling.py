"""Scrolling to and fro: turning points of the window's position in a page view (docs/definitions/friction.md)."""

import numba
import numpy as np
import polars as pl
from numpy.typing import NDArray

_Ints = NDArray[np.int64]


def scrolled_to_and_fro(scrolls: pl.DataFrame, least_reversals: int, pages: int) -> pl.DataFrame:
    """Page views with at least `least_reversals` turns of a window's height each and `pages` heights of way in all.

    A height is what can be scrolled, page less window, and at least the window. Returns the page view, its first and
    last scroll and what shows it; page views whose heights aren't known are left out.
    """
    known = scrolls.filter(pl.all_horizontal(pl.col("scroll_y", "window_height", "page_height").is_not_null()))
    ordered = known.sort("page_view_key", "event_index")
    is_same = pl.col("page_view_key") == pl.col("page_view_key").shift()
    step = pl.when(is_same).then(pl.col("scroll_y").cast(pl.Int64).diff().abs()).otherwise(0)
    height = pl.max_horizontal(pl.col("page_height").cast(pl.Int64) - pl.col("window_height"), "window_height")
    distances = (
        ordered.select("page_view_key", step=step, height=height)
        .group_by("page_view_key")
        .agg(distance=pl.col("step").sum(), height=pl.col("height").max())
    )
    # Few page views are scrolled so far; only their turns are counted.
    long = distances.filter(pl.col("distance") >= pages * pl.col("height")).select("page_view_key", "distance")
    far = ordered.join(long, on="page_view_key", maintain_order="left")
    grouped = far.group_by("page_view_key", maintain_order=True).agg(
        pl.col("source", "event_id", "distance").first(),
        pl.col("scroll_y"),
        pl.col("window_height").max(),
        started_at=pl.col("occurred_at").first(),
        ended_at=pl.col("occurred_at").last(),
    )
    turns = [
        reversals(np.array(positions, np.int64), window)
        for positions, window in grouped.select("scroll_y", "window_height").iter_rows()
    ]
    counted = grouped.with_columns(pl.Series("turns", turns, dtype=pl.Int64))
    result = counted.filter(pl.col("turns") >= least_reversals)
    return result.with_columns(detail=pl.format("{} turns over {} px", "turns", "distance"))


@numba.njit(cache=True, nogil=True)
def reversals(y: _Ints, least: int) -> int:
    """How often the direction turns, where each stretch between two turns, and after the last, is `least` or more."""
    turns, direction, extreme = 0, 0, y[0]
    low, high = y[0], y[0]
    for i in range(1, len(y)):
        if direction == 0:
            low, high = min(low, y[i]), max(high, y[i])
            if y[i] - low >= least:
                direction, extreme = 1, y[i]
            elif high - y[i] >= least:
                direction, extreme = -1, y[i]
        elif direction * (y[i] - extreme) >= 0:
            extreme = y[i]
        elif direction * (extreme - y[i]) >= least:
            turns, direction, extreme = turns + 1, -direction, y[i]
    return turns
