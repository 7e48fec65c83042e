"""What each source and device measures: what wasn't measured is null and never zero (docs/definitions/rules.md, "Not measured is null")."""

from collections.abc import Mapping

import polars as pl

from pipeline.core.canonical import CAPABILITIES
from pipeline.core.product import Product
from pipeline.ingest.sources import FORMATS

# A hand on a touch screen has no pointer that hovers.
TOUCH = ("mobile", "tablet")
# By these names sources tell of a click that nothing followed: PostHog's own, and ours of recordings.
DEAD_CLICKS = ("$dead_click", "dead_click")


def capabilities(events: pl.LazyFrame, product: Product) -> pl.LazyFrame:
    """Per source and device of a day's events whether each capability was measured: declared, or shown that day.

    Returns: `source`, `device`, `views` (page view events) and a column per capability.
    """
    kind = pl.col("kind")
    pings = [name for name, source in product.sources.items() if source.heartbeat_s is not None]
    shows: dict[str, pl.Expr] = {
        "hover": kind == "move",
        "exposure": kind == "exposure",
        "exposure_time": (kind == "exposure") & pl.col("duration_ms").is_not_null(),
        "dead_click": pl.col("name").is_in(DEAD_CLICKS),
        "js_error": kind == "error",
        "web_vitals": (kind == "performance") & pl.any_horizontal(pl.col("lcp_ms", "inp_ms", "cls_e4").is_not_null()),
        "scroll": pl.all_horizontal(pl.col("scroll_y", "page_height", "window_height").is_not_null()),
        "engaged": (kind == "page_ping") & pl.col("source").is_in(pings),
        "impressions": kind == "survey_shown",
    }
    by_device = events.group_by("source", device=pl.col("device_type").fill_null("unknown")).agg(
        views=(kind == "page_view").sum(), **{name: shows[name].any() for name in CAPABILITIES}
    )
    declared, fixed = _declared(product)
    return by_device.with_columns(
        (
            pl.when(pl.col("source").is_in(fixed))
            .then(pl.col("source").is_in(declared[name]))
            .otherwise(pl.col(name).fill_null(value=False) | pl.col("source").is_in(declared[name]))
            & (~pl.col("device").is_in(TOUCH) if name == "hover" else pl.lit(value=True))
        ).alias(name)
        for name in CAPABILITIES
    )


def capabilities_of_views(events: pl.LazyFrame, views: pl.LazyFrame, product: Product) -> pl.LazyFrame:
    """`capabilities` of session_events of people by `source` and `device_type`: the device that a page view is booked on."""
    devices = views.select("page_view_key", "device_type")
    reported = events.filter(~pl.col("is_bot")).drop("device_type").join(devices, on="page_view_key")
    return capabilities(reported, product).rename({"device": "device_type"})


def positions(events: pl.LazyFrame) -> pl.LazyFrame:
    """Per `source` and `device` whether acts (`scrolls`) or heartbeats (`pings`) tell which part of a page was in the window."""
    reported = pl.col("scroll_y").is_not_null() & pl.col("window_height").is_not_null()
    return events.group_by("source", device=pl.col("device_type").fill_null("unknown")).agg(
        scrolls=(reported & pl.col("kind").is_in(("scroll", "click"))).any(),
        pings=(reported & pl.col("kind").is_in(("page_ping", "page_leave"))).any(),
    )


def _declared(product: Product) -> tuple[Mapping[str, list[str]], list[str]]:
    """Per capability the sources that declare it, and the sources whose word the product file has fixed."""
    stated = {
        name: source.capabilities if source.capabilities is not None else FORMATS[source.format].capabilities
        for name, source in product.sources.items()
    }
    fixed = [name for name, source in product.sources.items() if source.capabilities is not None]
    return {each: [name for name, known in stated.items() if each in known] for each in CAPABILITIES}, fixed
