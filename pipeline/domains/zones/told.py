"""What sources tell on a day, by all that they sent: it holds for each page view of theirs, whoever is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from pipeline.core.product import Product
from pipeline.events.capabilities import capabilities_of_views

MEASURED = ("hover", "exposure", "dead_click", "js_error")
_MOMENTARY = ("scroll", "click")
_REACHING = (*_MOMENTARY, "page_ping", "page_leave")
_OF = ["source", "device_type"]


@dataclass(frozen=True)
class Positions:
    """The sources and devices that tell where a window stood: by acts of one moment, or by these and heartbeats."""

    scrolling: pl.DataFrame
    reaching: pl.DataFrame


@dataclass(frozen=True)
class Told:
    """By source and device: `measured` has a column for each of MEASURED; those of `scrolling` tell where windows stood.

    `devices` are those on which a page was viewed.
    """

    measured: pl.DataFrame
    scrolling: pl.DataFrame
    devices: list[str]


def positions_told_by(events: pl.LazyFrame, views: pl.LazyFrame) -> Positions:
    """What a whole day's session_events and page_views tell of positions."""
    return Positions(_positions(events, views, _MOMENTARY), _positions(events, views, _REACHING))


def told_by(events: pl.LazyFrame, views: pl.LazyFrame, product: Product) -> Told:
    """What is told by a whole day's session_events and page_views."""
    measured = capabilities_of_views(events, views, product).select(*_OF, *MEASURED).collect()
    devices = real_views(views).select(pl.col("device_type").unique()).collect()["device_type"].to_list()
    return Told(measured, _positions(events, views, _MOMENTARY), devices)


def real_views(views: pl.LazyFrame) -> pl.LazyFrame:
    """Page views that count: of no bot, begun by a page view event, on a page of the product file."""
    return views.filter(~pl.col("is_bot"), ~pl.col("implied"), pl.col("page").is_not_null())


def _positions(events: pl.LazyFrame, views: pl.LazyFrame, kinds: Sequence[str]) -> pl.DataFrame:
    """Sources and devices of which an act of these kinds says how far the page was scrolled."""
    told = events.filter(pl.col("kind").is_in(kinds), pl.col("scroll_y").is_not_null()).select("page_view_key").unique()
    return real_views(views).join(told, on="page_view_key", how="semi").select(_OF).unique().collect()
