"""Heatmaps: points of a page (metrics.md, "Heatmaps")."""

import polars as pl

from pipeline.contracts.base import Column, Table, count, rate
from pipeline.contracts.sessions import DEVICE, EVENT_DIMENSIONS, SESSION_DAY
from pipeline.contracts.zones import PAGE

_WIDTH = Column("width_class", pl.String(), "width of the window in px: `0-599`, `600-959`, ..., `1920+`, `unknown`")
_DIMENSIONS = (*EVENT_DIMENSIONS, "width_class")

HEATMAP_CELLS = Table(
    name="heatmap_cells",
    layer="daily",
    grain="One row per session day, page, device, width class, kind, layer and cell, bots left out.",
    columns=(
        SESSION_DAY,
        PAGE,
        DEVICE,
        _WIDTH,
        Column(
            "kind",
            pl.String(),
            "`click`, `move`, `attention` (time in the window), `reach` (page views that had this stretch or one below it "
            "in the window) or `fold` (page views by the height of their window)",
        ),
        Column("layer", pl.String(), "`page`, or `fixed`: elements that keep their place in the window"),
        Column(
            "x_bin", pl.Int64(), "hundredth of the content's width; -1 and 100: margins; 0 for attention, reach, fold"
        ),
        Column(
            "y_bin", pl.Int64(), "20 px from the page's top, fixed layer: from the window's; 0 = 0-19 px", minimum=0
        ),
        count("events", "clicks or moves", "event", *_DIMENSIONS),
        count("page_views", "page views with one, or that reached it", "page view", *_DIMENSIONS),
        count("ms", "time in the window, at most 30 s between two acts", "ms", *_DIMENSIONS),
    ),
    key=("session_day", "page", "device_type", "width_class", "kind", "layer", "x_bin", "y_bin"),
)
HEATMAPS = Table(
    name="heatmaps",
    layer="mart",
    grain=HEATMAP_CELLS.grain,
    columns=(*HEATMAP_CELLS.columns, Column("y_px", pl.Int64(), "first px of the cell", unit="px", minimum=0)),
    key=HEATMAP_CELLS.key,
)
SCROLL_REACH = Table(
    name="scroll_reach",
    layer="mart",
    grain="One row per session day, page, device, width class and 20 px of the page.",
    columns=(
        SESSION_DAY,
        PAGE,
        DEVICE,
        _WIDTH,
        Column("y_px", pl.Int64(), "first px of the stretch", unit="px", minimum=0),
        count("page_views_reached", "page views that had it, or what lies below, in the window", "page view", *_DIMENSIONS),
        count("page_views_measured", "page views of which it is known how far they were scrolled", "page view", *_DIMENSIONS),
        rate("reach_rate", "page_views_reached / page_views_measured"),
        Column(
            "fold_px_approx", pl.Int64(), "median height of the window, to 20 px; what lies above is seen unscrolled",
            unit="px", nullable=True,
        ),
    ),
    key=("session_day", "page", "device_type", "width_class", "y_px"),
    at_most=(("page_views_reached", "page_views_measured"),),
)  # fmt: skip
HEATMAP_MARTS: tuple[Table, ...] = (HEATMAPS, SCROLL_REACH)
