"""Acts in page views, with pages, devices and views as numbers: the same few come millions of times."""

from collections.abc import Sequence

import polars as pl

SPOT = ["page", "device_type"]


def spots_of(shown: pl.DataFrame) -> pl.DataFrame:
    """Each page and device of the page views by a number: `spot`, `page`, `device_type`."""
    return shown.select(SPOT).unique(maintain_order=True).with_row_index("spot")


def interactions_in(
    events: pl.LazyFrame, shown: pl.DataFrame, kinds: Sequence[str], columns: Sequence[str | pl.Expr]
) -> pl.DataFrame:
    """Acts of `kinds` in the page views `shown`, in the order of session_events, in which those of a view stand by place.

    `columns` are taken of the events; of the page views all but their key. `shown` bears `page_view_key`, `session_key`,
    `view`, `spot`, `ended_at`; the last one is cut where the session goes on in another view.
    """
    taken = events.filter(pl.col("kind").is_in(kinds)).select(
        "page_view_key", "kind", "event_index", "occurred_at", *columns
    )
    joined = taken.join(shown.lazy(), on="page_view_key", maintain_order="left")
    return _until_another_view(joined.drop("page_view_key").collect())


def _until_another_view(interactions: pl.DataFrame) -> pl.DataFrame:
    """Acts with `ended_at` no later than the session's next act in another view: its tab is in front from then on.

    `acts` stand in order of session and place, and bear `session_key`.
    """
    is_same = pl.col("session_key") == pl.col("session_key").shift()
    begins = ((pl.col("view") != pl.col("view").shift()) | ~is_same).fill_null(value=True)
    numbered = interactions.with_columns(begins=begins, visit=begins.cum_sum() - 1)
    visits = numbered.filter("begins").select("session_key", "occurred_at")
    goes_on = pl.col("session_key").shift(-1) == pl.col("session_key")
    left_at = visits.select(pl.when(goes_on).then(pl.col("occurred_at").shift(-1))).to_series()
    # Visits are numbered in their order, so a number is a place.
    ended = numbered.with_columns(left_at.gather(numbered["visit"]).alias("left_at"))
    return ended.with_columns(ended_at=pl.min_horizontal("ended_at", "left_at")).drop("begins", "visit", "left_at")
