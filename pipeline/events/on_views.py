"""Events on the page and device that their page view is booked on (docs/definitions/sessions.md)."""

import polars as pl

_OF_VIEW = ("page", "device_type")


def on_views(events: pl.LazyFrame, views: pl.LazyFrame) -> pl.LazyFrame:
    """session_events with `page` and `device_type` of their page view; without a page view they keep their own.

    An event may bear no address, or, where a page changes it as it goes, another than its page view's.
    """
    known = views.select("page_view_key", *(pl.col(name).alias(f"view_{name}") for name in _OF_VIEW))
    is_on = pl.col("page_view_key").is_not_null()
    joined = events.join(known, on="page_view_key", how="left", maintain_order="left")
    return joined.with_columns(
        pl.when(is_on).then(f"view_{name}").otherwise(name).alias(name) for name in _OF_VIEW
    ).drop(f"view_{name}" for name in _OF_VIEW)
