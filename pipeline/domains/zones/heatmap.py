"""Heatmaps: where on a page people click, point and look, how far they scroll (docs/definitions/heatmaps.md).

Integers throughout. x lies in the content box (1 % bins, -1 and 100 are the margins), y in bins of 20 px from the page's
top; what keeps its place in the window is a layer of its own, with y from the window's top. Bots and implied page views
are left out.
"""

from datetime import date

import polars as pl

from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.domains.zones.exposure import MAX_PAGE_PX, window_positions
from pipeline.domains.zones.told import Positions, real_views
from pipeline.events.interactions import SPOT, interactions_in, spots_of

BIN_PX = 20
X_BINS = 100
# Who neither scrolls nor clicks nor pings for longer is not looking any more.
IDLE_MS = 30_000
WIDTH_CLASSES = {"0-599": 600, "600-959": 960, "960-1279": 1280, "1280-1919": 1920}
WIDEST, UNKNOWN = "1920+", "unknown"
# A page and device, and a class of widths, are numbers here: the same few come millions of times.
_WHERE = ["spot", "width"]
_KINDS = ("page_view", "page_ping", "page_leave", "click", "move", "scroll")
_CELL = [*_WHERE, "kind", "layer", "x_bin", "y_bin"]


def heatmap_cells(
    events: pl.LazyFrame, views: pl.LazyFrame, day: date, product: Product, told: Positions
) -> pl.DataFrame:
    """Cells of the sessions booked on `day`, from their session_events and page_views, of all people or some.

    `told` says what the whole day tells; cells of disjoint people add up.
    """
    table = TABLES["heatmap_cells"]
    shown = (
        real_views(views)
        .select("page_view_key", "session_key", *SPOT, "source", "ended_at")
        .collect()
        .with_row_index("view")
    )
    spots = _spots(shown, product)
    interactions = _interactions(events, shown.join(spots, on=SPOT, how="left", maintain_order="left"))
    # Pings and leaving tell how far a page was scrolled, but not when.
    momentary = _of(interactions, shown, told.scrolling)
    reaching = _of(interactions, shown, told.reaching)
    parts = [_points(interactions), _attention(momentary), _reach(reaching), _fold(interactions)]
    cells = pl.concat([part.select(*_CELL, "events", "page_views", "ms") for part in parts], how="vertical_relaxed")
    names = pl.Series([*WIDTH_CLASSES, WIDEST, UNKNOWN])
    width_class = pl.col("width").replace_strict(dict(enumerate(names)), return_dtype=pl.String)
    named = cells.join(spots, on="spot").with_columns(width_class=width_class)
    return table.conform(named.with_columns(session_day=pl.lit(day)))


def _spots(shown: pl.DataFrame, product: Product) -> pl.DataFrame:
    """Each page and device by its number, with the width in px that the page's content is at most."""
    limits = {page.name: page.content_max_width for page in product.pages if page.content_max_width is not None}
    widest = pl.col("page").replace_strict(limits, default=None, return_dtype=pl.Int64)
    return spots_of(shown).with_columns(widest=widest)


def _interactions(events: pl.LazyFrame, shown: pl.DataFrame) -> pl.DataFrame:
    """Acts of the page views, with the class of widths of their view's first known window."""
    columns = ("x", "y", "is_fixed", "scroll_y", "window_width", "window_height")
    interactions = interactions_in(events, shown.drop(*SPOT, "source"), _KINDS, columns)
    widths = (
        interactions.drop_nulls("window_width")
        .group_by("view", maintain_order=True)
        .agg(pl.col("window_width").first())
    )
    position = pl.sum_horizontal((pl.col("window_width") >= end).cast(pl.Int64) for end in WIDTH_CLASSES.values())
    classes = widths.select("view", width=position)
    unknown = len(WIDTH_CLASSES) + 1
    return interactions.join(classes, on="view", how="left", maintain_order="left").with_columns(
        pl.col("width").fill_null(unknown)
    )


def _points(interactions: pl.DataFrame) -> pl.DataFrame:
    """Clicks and moves by cell; those whose place or window isn't known are in none."""
    width, x = pl.col("window_width").cast(pl.Int64), pl.col("x").cast(pl.Int64)
    content = pl.min_horizontal(width, "widest")
    fixed = pl.col("is_fixed").fill_null(value=False)
    y = pl.when(fixed).then(pl.col("y") - pl.col("scroll_y")).otherwise(pl.col("y"))
    placed = interactions.filter(pl.col("kind").is_in(("click", "move")), pl.col("window_width") > 0).select(
        *_WHERE,
        "kind",
        "view",
        layer=pl.when(fixed).then(pl.lit("fixed")).otherwise(pl.lit("page")),
        x_bin=(X_BINS * (2 * x - (width - content)) // (2 * content)).clip(-1, X_BINS),
        y_bin=(y.cast(pl.Int64).clip(0, MAX_PAGE_PX) // BIN_PX),
    )
    known = placed.filter(pl.col("x_bin").is_not_null(), pl.col("y_bin").is_not_null())
    return known.group_by(_CELL).agg(events=pl.len(), page_views=pl.col("view").n_unique(), ms=pl.lit(0))


def _of(interactions: pl.DataFrame, shown: pl.DataFrame, telling: pl.DataFrame) -> pl.DataFrame:
    """Acts of page views whose source and device are among the `telling` ones."""
    telling = shown.join(telling, on=["source", "device_type"], how="semi")
    return interactions.filter(pl.col("view").is_in(telling["view"].implode()))


def _bins(frame: pl.DataFrame, value: str) -> pl.DataFrame:
    """Running sums of `value` over the bins of each page, device and width: a row for every bin down to the last."""
    summed = frame.group_by(*_WHERE, "y_bin").agg(pl.col(value).sum())
    whole = summed.group_by(_WHERE).agg(y_bin=pl.int_ranges(0, pl.col("y_bin").max() + 1).first()).explode("y_bin")
    joined = whole.join(summed, on=[*_WHERE, "y_bin"], how="left").sort(*_WHERE, "y_bin")
    return joined.with_columns(pl.col(value).fill_null(0).cum_sum().over(_WHERE)).filter(pl.col(value) > 0)


def _named(frame: pl.DataFrame, kind: str, **values: pl.Expr) -> pl.DataFrame:
    blank = {"events": pl.lit(0), "page_views": pl.lit(0), "ms": pl.lit(0)}
    return frame.with_columns(kind=pl.lit(kind), layer=pl.lit("page"), x_bin=pl.lit(0), **{**blank, **values})


def _attention(interactions: pl.DataFrame) -> pl.DataFrame:
    """Time that each stretch of the page was in a window: added where a window begins, taken away where it ends."""
    classes = interactions.group_by("view").agg(pl.col("width").first())
    positions = window_positions(interactions).join(classes, on="view")
    lasted = (pl.col("end") - pl.col("begin")).dt.total_milliseconds().clip(0, IDLE_MS)
    timed = positions.with_columns(ms=lasted, bottom=pl.col("top") + pl.col("window_height")).filter(pl.col("ms") > 0)
    first, past = pl.col("top") // BIN_PX, (pl.col("bottom") - 1) // BIN_PX + 1
    edges = pl.concat(
        [timed.select(*_WHERE, "ms", y_bin=first), timed.select(*_WHERE, ms=-pl.col("ms"), y_bin=past)],
        how="vertical_relaxed",
    )
    return _named(_bins(edges, "ms"), "attention", ms=pl.col("ms"))


def _reach(interactions: pl.DataFrame) -> pl.DataFrame:
    """Page views that had each stretch of the page, or one below it, in their window."""
    top = pl.coalesce("scroll_y", pl.when(pl.col("kind") == "page_view").then(0)).cast(pl.Int64)
    height = pl.col("window_height").max().cast(pl.Int64)
    bottoms = interactions.group_by("view").agg(
        pl.col(_WHERE).first(), bottom=(top.max() + height).clip(0, MAX_PAGE_PX)
    )
    known = bottoms.filter(pl.col("bottom") > 0)
    ends = known.select(*_WHERE, page_views=pl.lit(1, dtype=pl.Int64), past=(pl.col("bottom") - 1) // BIN_PX + 1)
    edges = pl.concat(
        [
            ends.select(*_WHERE, "page_views", y_bin=pl.lit(0, dtype=pl.Int64)),
            ends.select(*_WHERE, page_views=-pl.col("page_views"), y_bin=pl.col("past")),
        ],
        how="vertical_relaxed",
    )
    return _named(_bins(edges, "page_views"), "reach", page_views=pl.col("page_views"))


def _fold(interactions: pl.DataFrame) -> pl.DataFrame:
    """Page views by the height of their window."""
    heights = interactions.group_by("view").agg(
        pl.col(_WHERE).first(), height=pl.col("window_height").first(ignore_nulls=True)
    )
    known = heights.filter(pl.col("height") > 0).with_columns(y_bin=pl.col("height").cast(pl.Int64) // BIN_PX)
    return _named(known.group_by(*_WHERE, "y_bin").agg(n=pl.len()), "fold", page_views=pl.col("n"))
