"""The page of zones: the page's picture with a metric over each zone, before and after a redesign."""

from dataclasses import replace
from typing import Any

import polars as pl

from pipeline.core.product import Product
from pipeline.report.asking import asking_of_all
from pipeline.report.page import ReportPage, Shown
from pipeline.report.parts import Page, Section, count, day_text, duration, label, money, share
from pipeline.report.zone_views import METRICS, SUMS, zone_overlay
from pipeline.stats.intervals import wilson

_LEAST_VIEWS = 100
_LISTED = ("click_rate", "hover_rate", "exposure_rate", "attractiveness_rate", "time_to_click", "conversion", "revenue")


def zones_page(shown: Shown) -> Page:
    """Zones over the picture of their page, and a table of all of them."""
    everybody = shown.marts["zone_metrics"].filter(pl.col("segment") == "", pl.col("variant") == "")
    if everybody.is_empty():
        return Page("zones", "Zones")
    first, last = everybody["day"].min(), everybody["day"].max()
    overlay = zone_overlay(shown, first, last)  # pyright: ignore[reportArgumentType]  # there are days
    table = replace(_table(shown.product, everybody), ask=asking_of_all(shown.marts, show="zones"))
    return Page("zones", "Zones", [], [table], overlay, lead=_lead(everybody))


def _lead(everybody: pl.DataFrame) -> str:
    """The greatest change in clicks between the last two versions of a zone, else what is clicked most on the page seen most."""
    rates = (
        everybody.group_by("page", "zone", "zone_version")
        .agg(pl.col("page_views_clicked", "page_views").sum())
        .filter(pl.col("page_views") > 0)
        .with_columns(rate=pl.col("page_views_clicked") / pl.col("page_views"))
        .sort("page", "zone", "zone_version")
    )
    before = pl.col("rate").shift().over("page", "zone")
    seen = pl.col("page_views").shift().over("page", "zone")
    changed = rates.with_columns(before=before, seen=seen).group_by("page", "zone", maintain_order=True).last()
    sure = [r for r in changed.drop_nulls("before").rows(named=True) if _is_told_from_chance(r)]
    if sure:
        r = max(sure, key=lambda each: abs(each["rate"] - each["before"]))
        change = f"{100 * (r['rate'] - r['before']):+.1f} points"
        return (
            f"Since {r['zone_version']:%d %B}, {label(r['zone'])} ({label(r['page'])}) is clicked in {share(r['rate'])} of page views, "
            f"{share(r['before'])} before ({change})."
        )
    r = rates.sort("page_views", "rate", descending=True).row(0, named=True)
    return f"On {label(r['page'])}, {label(r['zone'])} is clicked most: in {share(r['rate'])} of page views."


def _is_told_from_chance(r: dict[str, Any]) -> bool:
    """Whether both versions were seen often, and their intervals don't meet."""
    one, other = wilson(r["rate"] * r["page_views"], r["page_views"]), wilson(r["before"] * r["seen"], r["seen"])
    enough = min(r["page_views"], r["seen"]) >= _LEAST_VIEWS
    return bool(enough and one and other and (one[0] > other[1] or other[0] > one[1]))


def _table(product: Product, everybody: pl.DataFrame) -> Section:
    key = ["page", "zone", "zone_version"]
    summed = everybody.group_by(key).agg(pl.col(SUMS).sum()).sort(key)
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


PAGE = ReportPage("zones", "Zones", "Pages", 60, zones_page)
