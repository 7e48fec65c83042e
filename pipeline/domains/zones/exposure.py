"""Which zones a page view had in its window, and for how long (docs/definitions/zones.md, "Exposure").

Four methods, by what the source sends, told in the column `exposure_method`: `events` (own exposure events, an interval
each), `element_tracking` (Snowplow, whose events bear the element's total so far), `scroll` (positions of the window
in time against the zone's box in the product file) and `scroll_reach` (only how far pings reached: seen or not, no
time). Where several apply, the first of these that the source sends is taken.
"""

from collections.abc import Sequence

import polars as pl

from pipeline.core.product import Product
from pipeline.core.product_pages import Zone
from pipeline.stats.stretches import joined_stretches

EVENTS, TRACKING, SCROLL, REACH = "events", "element_tracking", "scroll", "scroll_reach"
METHODS = (EVENTS, TRACKING, SCROLL, REACH)
# These bear the element; the others need to know where the zone lies.
TELLING = (EVENTS, TRACKING)
_KEY = ["view", "zone"]
# Nobody looks at a zone for a day: a longer time was sent in another unit, and isn't known.
_DAY_MS = 86_400_000
_KNOWN_DURATION = pl.when(pl.col("duration_ms") <= _DAY_MS).then(pl.col("duration_ms")).alias("duration_ms")
# What is sent as a position beyond is none: a page of a hundred windows.
MAX_PAGE_PX = 100_000
EXPOSURES = {
    "view": pl.UInt32,
    "zone": pl.Int64,
    "exposed_index": pl.Int64,
    "exposure_ms": pl.Int64,
}


def exposure_methods(
    views: pl.DataFrame,
    interactions: pl.DataFrame,
    product: Product,
    scrolling: pl.DataFrame,
    *,
    is_placed: bool = True,
) -> pl.DataFrame:
    """The method of each page view: `view`, `exposure_method` (null: nothing tells what was in its window).

    `views` bear `exposure` (their source tells it by events); `interactions` are their acts with their `view`; `scrolling` are the
    sources and devices that tell of scrolling (told.py). Where no zone `is_placed`, positions of the window tell nothing and
    aren't looked at.
    """
    tracked = [name for name, source in product.sources.items() if source.format == "snowplow"]
    if not is_placed:
        by_events = pl.when(pl.col("source").is_in(tracked)).then(pl.lit(TRACKING)).otherwise(pl.lit(EVENTS))
        return views.select("view", exposure_method=pl.when("exposure").then(by_events))
    has_size = pl.col("window_height").is_not_null()
    kind, moved = pl.col("kind"), pl.col("scroll_y").is_not_null()
    reported = interactions.group_by("view").agg(
        has_size=has_size.any(),
        pings=(kind.is_in(("page_ping", "page_leave")) & moved).any(),
    )
    # A page view that was never scrolled was measured too where its source tells of scrolling.
    known = scrolling.select("source", "device_type", scrolling=pl.lit(value=True))
    seen = views.join(reported, on="view", how="left").join(known, on=["source", "device_type"], how="left")
    method = (
        pl.when(pl.col("exposure") & pl.col("source").is_in(tracked))
        .then(pl.lit(TRACKING))
        .when("exposure")
        .then(pl.lit(EVENTS))
        .when(pl.col("scrolling") & pl.col("has_size"))
        .then(pl.lit(SCROLL))
        .when(pl.col("pings") & pl.col("has_size"))
        .then(pl.lit(REACH))
    )
    return seen.select("view", exposure_method=method)


def lines(zones: Sequence[Zone], devices: Sequence[str], product: Product) -> pl.DataFrame:
    """Where the line lies that must be in the window: `zone`, `page`, `device_type`, `line` in px from the page's top."""
    rows = [
        (i, zone.page, device, round(box.y + box.height * product.exposure.line))
        for i, zone in enumerate(zones)
        for device in devices
        if zone.device_type in (None, device) and (box := zone.box(device)) is not None
    ]
    schema = {"zone": pl.Int64, "page": pl.String, "device_type": pl.String, "line": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def exposures(interactions: pl.DataFrame, hits: pl.DataFrame, line: pl.DataFrame, least_ms: int) -> pl.DataFrame:
    """One row per page view and zone that was exposed: EXPOSURES, with time null where only the reach is known.

    `interactions` and `hits` (interactions by the zones that their element lies in) bear `exposure_method` and stand in order of event_index;
    `spot` numbers page and device.
    """
    parts = [
        _of_events(hits.filter(pl.col("exposure_method") == EVENTS), least_ms),
        _of_tracking(hits.filter(pl.col("exposure_method") == TRACKING), least_ms),
        _of_scrolling(interactions.filter(pl.col("exposure_method") == SCROLL), line, least_ms),
        _of_reach(interactions.filter(pl.col("exposure_method") == REACH), line),
    ]
    return pl.concat([part.select(list(EXPOSURES)).cast(EXPOSURES) for part in parts])  # pyright: ignore[reportArgumentType]


def _timed(stretches: pl.DataFrame) -> pl.DataFrame:
    passed = (pl.col("end") - pl.col("begin")).dt.total_milliseconds()
    return stretches.group_by(_KEY).agg(exposed_index=pl.col("event_index").min(), exposure_ms=passed.sum())


def _of_events(hits: pl.DataFrame, least_ms: int) -> pl.DataFrame:
    """Each event is an interval of one element; those that last long enough are united over the zone's elements."""
    reported = hits.filter(pl.col("kind") == "exposure").with_columns(_KNOWN_DURATION)
    untimed = (
        reported.filter(pl.col("duration_ms").is_null())
        .group_by(_KEY)
        .agg(exposed_index=pl.col("event_index").min(), exposure_ms=pl.lit(None, dtype=pl.Int64))
    )
    intervals = reported.filter(pl.col("duration_ms") >= least_ms).select(
        *_KEY,
        "event_index",
        begin="occurred_at",
        end=pl.col("occurred_at") + pl.duration(milliseconds=pl.col("duration_ms")),
    )
    timed = _timed(joined_stretches(intervals, _KEY, 0))
    return pl.concat([timed, untimed.join(timed, on=_KEY, how="anti")], how="vertical_relaxed")


def _of_tracking(hits: pl.DataFrame, least_ms: int) -> pl.DataFrame:
    """The element's total so far; a zone of several elements was seen at least as long as the longest of them."""
    exposed = hits.filter(pl.col("kind") == "exposure").with_columns(_KNOWN_DURATION)
    reported = exposed.filter(pl.col("duration_ms").fill_null(least_ms) >= least_ms)
    return reported.group_by(_KEY).agg(
        exposed_index=pl.col("event_index").min(), exposure_ms=pl.col("duration_ms").max()
    )


def window_positions(interactions: pl.DataFrame) -> pl.DataFrame:
    """Where the window stood, from when to when: `view`, `spot`, `begin`, `end`, `place`, `top`, `window_height`.

    A page view begins at its top, each scroll or click that bears a position tells the next, and time in which the
    page was hidden (from page_leave to the next act) is left out.
    """
    kinds = ("page_view", "scroll", "click", "page_leave", "page_ping")
    momentary = pl.col("kind").is_in(("page_view", "scroll", "click"))
    begins = pl.col("kind") == "page_view"
    rows = interactions.filter(pl.col("kind").is_in(kinds)).with_columns(
        top=pl.when(momentary).then(pl.coalesce("scroll_y", pl.when(begins).then(0))),
    )
    placed = rows.with_columns(
        pl.col("top", "window_height").forward_fill().over("view"),
        end=pl.min_horizontal(pl.col("occurred_at").shift(-1).over("view"), "ended_at"),
    )
    return placed.filter(
        pl.col("kind") != "page_leave", pl.col("top").is_not_null(), pl.col("window_height").is_not_null()
    ).select(
        "view", "spot", "end", "event_index",
        pl.col("top", "window_height").cast(pl.Int64).clip(0, MAX_PAGE_PX), begin="occurred_at",
    )  # fmt: skip


def _of_scrolling(interactions: pl.DataFrame, line: pl.DataFrame, least_ms: int) -> pl.DataFrame:
    inside = pl.col("line").is_between(pl.col("top"), pl.col("top") + pl.col("window_height"))
    shown = window_positions(interactions).join(line, on="spot").filter(inside)
    stretches = joined_stretches(shown.select(*_KEY, "begin", "end", "event_index"), _KEY, 0)
    lasted = (pl.col("end") - pl.col("begin")).dt.total_milliseconds() >= least_ms
    return _timed(stretches.filter(lasted))


def _of_reach(interactions: pl.DataFrame, line: pl.DataFrame) -> pl.DataFrame:
    begins = pl.col("kind") == "page_view"
    tops = pl.coalesce("scroll_y", pl.when(begins).then(0))
    reached = interactions.group_by("view").agg(
        pl.col("spot").first(),
        event_index=pl.col("event_index").first(),
        low=tops.min(),
        high=(tops + pl.col("window_height").max()).max(),
    )
    return (
        reached.join(line, on="spot")
        .filter(pl.col("line").is_between("low", "high"))
        .select(*_KEY, exposed_index="event_index", exposure_ms=pl.lit(None, dtype=pl.Int64))
    )
