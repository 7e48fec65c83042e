"""The page of zones: the page's picture with a metric over each zone, before and after a redesign."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.core.days import ONE_DAY
from pipeline.core.product import Product
from pipeline.report.asking import asking_of_all
from pipeline.report.page import ReportPage
from pipeline.report.parts import Marts, Overlay, Page, Section, count, day_text, duration, money, share
from pipeline.report.pictures import pictures, views

# Label, numerator, denominator, how the quotient is shown.
METRICS: dict[str, tuple[str, str, str, str]] = {
    "click_rate": ("Click rate", "page_views_clicked", "page_views", "share"),
    "click_share": ("Share of clicks", "own_clicks", "page_clicks", "share"),
    "click_recurrence": ("Clicks per page view clicked", "clicks", "page_views_clicked", "number"),
    "time_to_click": ("Time before first click", "seconds_to_click_total", "page_views_clicked", "seconds"),
    "hover_rate": ("Hover rate", "page_views_hovered", "page_views_measured_hover", "share"),
    "float_time": ("Float time", "hover_seconds_total", "page_views_hovered", "seconds"),
    "engagement_rate": ("Engagement rate", "page_views_hovered_clicked", "page_views_hovered", "share"),
    "hesitation": ("Hesitation time", "hesitation_seconds_total", "page_views_hesitated", "seconds"),
    "exposure_rate": ("Exposure rate", "page_views_exposed", "page_views_measured_exposure", "share"),
    "exposure_time": ("Exposure time", "exposure_seconds_total", "page_views_exposed_timed", "seconds"),
    "attractiveness_rate": ("Attractiveness rate", "page_views_exposed_clicked", "page_views_exposed", "share"),
    "conversion": ("Conversion per click", "sessions_converted_after_click", "sessions_clicked", "share"),
    "conversion_exposed": ("Conversion per exposure", "sessions_converted_after_exposure", "sessions_exposed", "share"),
    "revenue": ("Revenue per click", "revenue_after_click", "sessions_clicked", "money"),
    "rage_rate": ("Rage click rate", "page_views_raged", "page_views", "share"),
    "dead_rate": ("Dead click rate", "page_views_dead_clicked", "page_views_measured_dead_click", "share"),
    "error_rate": ("Error click rate", "page_views_error_clicked", "page_views_measured_js_error", "share"),
}
_SUMS = sorted({name for _, top, bottom, _ in METRICS.values() for name in (top, bottom)})
_LISTED = ("click_rate", "hover_rate", "exposure_rate", "attractiveness_rate", "time_to_click", "conversion", "revenue")


def zones_page(product: Product, marts: Marts, home: Path) -> Page:
    """Zones over the picture of their page, and a table of all of them."""
    everybody = marts["zone_metrics"].filter(pl.col("segment") == "", pl.col("variant") == "")
    if everybody.is_empty():
        return Page("zones", "Zones")
    first, last = everybody["day"].min(), everybody["day"].max()
    shown = _overlay(product, everybody, home, first, last)  # pyright: ignore[reportArgumentType]
    table = replace(_table(product, everybody), ask=asking_of_all(marts, show="zones"))
    return Page("zones", "Zones", [], [table], shown)


def _overlay(product: Product, everybody: pl.DataFrame, home: Path, first: date, last: date) -> Overlay | None:
    drawn = list(views(product, home, first, last))
    if not drawn:
        return None
    for view in drawn:
        view["zones"] = _of_view(product, everybody, view, last)
        view["from"], view["to"] = f"{view['from']:%d %b %Y}", f"{view['to']:%d %b %Y}"
    kinds = {
        name: {"label": label, "as": kind, "of": f"{top} / {bottom}"}
        for name, (label, top, bottom, kind) in METRICS.items()
    }
    data = {"views": drawn, "metrics": kinds, "pictures": pictures(product, home), "currency": product.currency}
    return Overlay("zones", data, _MEANING)


_MEANING = (
    "Each zone bears the metric that is chosen; the darker, the higher on this page. A dash: not measured, or nobody. "
    "Where the page changed, before and after stand side by side."
)


def _of_view(product: Product, everybody: pl.DataFrame, view: dict[str, Any], last: date) -> list[dict[str, Any]]:
    """The zones of a page and device that were valid at the end of a stretch, their boxes and sums by period."""
    result: list[dict[str, Any]] = []
    for zone in product.zones:
        begins, ends = product.zone_validity(zone)
        box = zone.box(view["device"])
        if zone.page != view["page"] or box is None or not begins <= view["to"] <= ends:
            continue
        own = everybody.filter(
            pl.col("page") == zone.page, pl.col("zone") == zone.name, pl.col("zone_version") == begins,
            pl.col("device_type") == view["device"], pl.col("day").is_between(view["from"], view["to"]),
        )  # fmt: skip
        recent = {n: own.filter(pl.col("day") > last - ONE_DAY * n) for n in (7, 28)}
        periods = {"all": own, **{f"last_{n}": rows for n, rows in recent.items()}}
        sums = {name: rows.select(pl.col(_SUMS).sum()).row(0, named=True) for name, rows in periods.items()}
        values = {
            period: {
                metric: [total[top], total[bottom]] for metric, (_, top, bottom, _) in METRICS.items() if total[bottom]
            }
            for period, total in sums.items()
        }
        position = [box.x, box.y, box.width or view["width"] - box.x, box.height]
        result.append({"name": zone.name, "box": position, "values": values})
    return result


def _table(product: Product, everybody: pl.DataFrame) -> Section:
    key = ["page", "zone", "zone_version"]
    summed = everybody.group_by(key).agg(pl.col(_SUMS).sum()).sort(key)
    rows = [
        (
            f"{row['page']} / {row['zone']}",
            day_text(row["zone_version"], "%d %b %Y"),
            count(row["page_views"]),
            *(_shown(row, name, product) for name in _LISTED),
        )
        for row in summed.rows(named=True)
    ]
    return Section(
        "All zones",
        "Over all days and devices. Click rate: of the page's views those with a click on the zone. Attractiveness: of the "
        "views that had it in the window those with a click. Conversion, revenue: of the sessions that clicked it, after "
        "the click; a session is credited to every zone it clicked.",
        [],
        ("zone", "since", "page views", *(METRICS[name][0].lower() for name in _LISTED)),
        rows,
        provenance="zone_metrics: zone zone_version page_views click_rate hover_rate exposure_rate attractiveness_rate "
        "seconds_to_click conversion_per_click revenue_per_click",
    )


def _shown(row: dict[str, Any], metric: str, product: Product) -> str:
    _, top, bottom, kind = METRICS[metric]
    value = row[top] / row[bottom] if row[bottom] else None
    if kind == "seconds":
        return duration(value)
    if kind == "money":
        return money(value, product.currency)
    return share(value)


PAGE = ReportPage("zones", "Zones", "Pages", 60, lambda shown: zones_page(shown.product, shown.marts, shown.home))
