"""The page of heatmaps: clicks, pointer, attention and scroll reach over the picture of each page."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.core.days import ONE_DAY
from pipeline.core.product import Product
from pipeline.domains.zones.heatmap import BIN_PX
from pipeline.report.asking import asking_lately
from pipeline.report.page import ReportPage
from pipeline.report.parts import Marts, Overlay, Page, Section, count, label, share
from pipeline.report.pictures import pictures, views

KINDS = {"click": "Clicks", "move": "Pointer", "attention": "Attention", "reach": "Scroll reach"}
# The hottest 20 px of the table.
_DEEPEST = (0.75, 0.5, 0.25)
_RECENT_DAYS = 28


def heatmaps_page(product: Product, marts: Marts, home: Path) -> Page:
    """Heatmaps over the last 28 days, and how far pages are scrolled."""
    cells = marts["heatmaps"]
    if cells.is_empty():
        return Page("heatmaps", "Heatmaps")
    last: date = cells["day"].max()  # pyright: ignore[reportAssignmentType]
    recent = cells.filter(pl.col("day") > last - ONE_DAY * _RECENT_DAYS)
    first: date = recent["day"].min()  # pyright: ignore[reportAssignmentType]
    most = recent.filter(pl.col("kind") == "reach").group_by("page").agg(pl.col("page_views").sum())
    page = most.sort("page_views", "page", descending=[True, False])["page"]
    table = replace(_reach_table(recent), ask=asking_lately(marts, show="heatmap", page=page[0]) if page.len() else "")
    overlay = _overlay(product, recent, home, first, last)
    return Page("heatmaps", "Heatmaps", [], [table], overlay, lead=_lead(recent))


def _lead(recent: pl.DataFrame) -> str:
    """On which page most clicks fall, over all devices."""
    clicks = recent.filter(pl.col("kind") == "click").group_by("page").agg(pl.col("events").sum())
    if clicks.is_empty():
        return ""
    page, most = clicks.sort("events", "page", descending=[True, False]).row(0)
    whole = clicks["events"].sum()
    return (
        f"{count(most)} of the {count(float(whole))} clicks of the last 28 days fall on {label(page or 'other pages')}."
    )


def _overlay(product: Product, recent: pl.DataFrame, home: Path, first: date, last: date) -> Overlay | None:
    drawn = list(views(product, home, first, last))
    if not drawn:
        return None
    widths = {page.name: page.content_max_width for page in product.pages}
    for view in drawn:
        own = recent.filter(
            pl.col("page") == view["page"], pl.col("device_type") == view["device"],
            pl.col("day").is_between(view["from"], view["to"]),
        )  # fmt: skip
        view["content"] = min(widths[view["page"]] or view["width"], view["width"])
        view["cells"] = {kind: _cells(own, kind) for kind in KINDS}
        view["classes"] = sorted(own["width_class"].unique())
        view["fold"] = _fold(own)
        view["from"], view["to"] = f"{view['from']:%d %b %Y}", f"{view['to']:%d %b %Y}"
    data = {"views": drawn, "kinds": KINDS, "pictures": pictures(product, home), "bin": BIN_PX}
    return Overlay("heatmaps", data, _MEANING)


_MEANING = (
    "The last 28 days. Clicks and pointer: how many, by place. Attention: how long each stretch of the page was in the "
    "window. Scroll reach: what share of page views got so far; the dashed line is the fold, half of the windows end there."
)


def _cells(own: pl.DataFrame, kind: str) -> dict[str, list[list[int]]]:
    """Cells of a kind by layer: x, y, value, over all widths of window."""
    value = {"attention": "seconds", "reach": "page_views"}.get(kind, "events")
    summed = (
        own.filter(pl.col("kind") == kind)
        .group_by("layer", "x_bin", "y_bin")
        .agg(pl.col(value).sum())
        .sort("layer", "y_bin", "x_bin")
    )
    return {
        str(layer): [list(row) for row in part.select("x_bin", "y_bin", value).rows()]
        for (layer,), part in summed.partition_by("layer", as_dict=True).items()
    }


def _fold(own: pl.DataFrame) -> int | None:
    """Median height of the window in px; None where no window's height is known."""
    heights = own.filter(pl.col("kind") == "fold").group_by("y_bin").agg(pl.col("page_views").sum()).sort("y_bin")
    middle = heights.filter(pl.col("page_views").cum_sum() * 2 >= pl.col("page_views").sum())
    return None if middle.is_empty() else int(middle["y_bin"][0]) * BIN_PX + BIN_PX // 2


def _reach_table(recent: pl.DataFrame) -> Section:
    rows: list[tuple[str, ...]] = []
    where = ["page", "device_type"]
    for (page, device), own in recent.sort(where).partition_by(where, as_dict=True, maintain_order=True).items():
        reach = own.filter(pl.col("kind") == "reach").group_by("y_bin").agg(pl.col("page_views").sum()).sort("y_bin")
        if reach.is_empty():
            continue
        views_measured = int(reach["page_views"].item(0))
        rates = reach.with_columns(rate=pl.col("page_views") / views_measured)
        depths = [_depth(rates, wanted) for wanted in _DEEPEST]
        fold = _fold(own)
        past = [] if fold is None else rates.filter(pl.col("y_bin") * BIN_PX > fold)["rate"].to_list()
        clicks = int(own.filter(pl.col("kind") == "click")["events"].sum())
        rows.append(
            (f"{page} / {device}", count(views_measured), count(clicks), "–" if fold is None else f"{fold:,} px",  # noqa: RUF001
             share(None if fold is None else max(past, default=0.0)), *depths)
        )  # fmt: skip
    return Section(
        "How far pages are scrolled",
        "Of the page views whose scrolling is known: how many got past the fold, and how far three quarters, half and a "
        "quarter of them got.",
        [],
        ("page", "page views", "clicks", "fold", "past the fold", "75 % reach", "50 % reach", "25 % reach"),
        rows,
        provenance="scroll_reach: page page_views_measured heatmaps.events fold_px_approx reach_rate reach_rate reach_rate reach_rate",
    )


def _depth(rates: pl.DataFrame, wanted: float) -> str:
    deepest: Any = rates.filter(pl.col("rate") >= wanted)["y_bin"].max()
    return f"{(deepest + 1) * BIN_PX:,} px"


PAGE = ReportPage(
    "heatmaps", "Heatmaps", "Pages", 70, lambda shown: heatmaps_page(shown.product, shown.marts, shown.home)
)
