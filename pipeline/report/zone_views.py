"""What the page of zones draws over the pictures of pages: each zone's sums by group and period, its weeks, its recordings."""

from datetime import date
from typing import Any

import polars as pl

from pipeline.core.days import ONE_DAY
from pipeline.core.product import Product
from pipeline.core.product_pages import Zone
from pipeline.report.page import Shown
from pipeline.report.parts import Overlay, day_text, duration, label
from pipeline.report.pictures import pictures, views
from pipeline.stats.periods import week_begin

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
SUMS = sorted({name for _, top, bottom, _ in METRICS.values() for name in (top, bottom)})
# Whose weeks are drawn: shares of page views, which every week has many of.
_BY_WEEK = ("click_rate", "hover_rate", "exposure_rate", "attractiveness_rate", "rage_rate", "dead_rate", "error_rate")
_MEANING = (
    "Each zone bears the metric that is chosen; the darker, the higher on this page. A dash: not measured, or nobody. Compare the "
    "page before and after it changed, devices, segments or variants: both sides have one scale. A click on a zone shows its "
    "metrics, its weeks and recordings. Intervals take page views for independent, though one person has several: they are a little narrow, and "
    "what an experiment says of its variants, by people, goes before them."
)
_RECORDINGS = 5


def zone_overlay(shown: Shown, first: date, last: date) -> Overlay | None:
    """What the script draws, of the days `first` to `last`; None where no page has a picture."""
    product, zones = shown.product, shown.marts["zone_metrics"]
    drawn = list(views(product, shown.home, first, last))
    if not drawn:
        return None
    groups = _groups(zones)
    for view in drawn:
        view["zones"] = [_of_zone(shown, zones, groups, zone, view, last) for zone in _zones_of(product, view)]
        view["from"], view["to"] = f"{view['from']:%d %b %Y}", f"{view['to']:%d %b %Y}"
    kinds = {
        name: {"label": title, "as": kind, "of": f"{top} / {bottom}", "pair": [SUMS.index(top), SUMS.index(bottom)]}
        for name, (title, top, bottom, kind) in METRICS.items()
    }
    data = {
        "views": drawn, "metrics": kinds, "pictures": pictures(product, shown.home), "currency": product.currency,
        "compared": _compared(product, groups), "by_week": _BY_WEEK,
    }  # fmt: skip
    return Overlay("zones", data, _MEANING)


def _groups(zones: pl.DataFrame) -> dict[str, pl.Expr]:
    """Segments and variants that the mart has, by a name of their own, and the rows of each."""
    segment, variant = pl.col("segment"), pl.col("variant")
    named = zones.select("segment", "variant").unique().sort("segment", "variant").rows()
    return {f"segment {s}" if s else f"variant {v}": (segment == s) & (variant == v) for s, v in named if s or v}


def _compared(product: Product, groups: dict[str, pl.Expr]) -> dict[str, dict[str, Any]]:
    """What can be laid side by side: a segment and everybody else, a variant and its control."""
    result: dict[str, dict[str, Any]] = {
        name: {"groups": [f"-{name}", name], "names": ["everybody else", label(name)]}
        for name in groups
        if name.startswith("segment ")
    }
    # The mart has whatever variants sources tell of, by the experiment's id; only the product file knows the control.
    for experiment, each in product.experiments.items():
        for variant in each.variants:
            both = [f"variant {each.id or experiment}/{name}" for name in (each.control, variant)]
            if variant != each.control and groups.keys() >= set(both):
                names = [f"{label(experiment)}: {label(name)}" for name in (each.control, variant)]
                result[both[1]] = {"groups": both, "names": names}
    return result


def _zones_of(product: Product, view: dict[str, Any]) -> list[Zone]:
    """The zones of a page and device that were valid at the end of a stretch and have a box there."""
    return [
        zone
        for zone in product.zones
        if zone.page == view["page"] and zone.box(view["device"]) is not None
        for begins, ends in (product.zone_validity(zone),)
        if begins <= view["to"] <= ends
    ]


def _of_zone(
    shown: Shown, zones: pl.DataFrame, groups: dict[str, pl.Expr], zone: Zone, view: dict[str, Any], last: date
) -> dict[str, Any]:
    """A zone's box, its sums by group and period, everybody's by week in all versions, and recordings of clicks that failed."""
    begins, _ = shown.product.zone_validity(zone)
    named = zones.filter(
        pl.col("page") == zone.page, pl.col("zone") == zone.name, pl.col("device_type") == view["device"]
    )
    own = named.filter(pl.col("zone_version") == begins, pl.col("day").is_between(view["from"], view["to"]))
    is_everybody = (pl.col("segment") == "") & (pl.col("variant") == "")
    everybody = own.filter(is_everybody)
    values = {"": _periods(everybody, last)}
    for name, rows in groups.items():
        of_group = own.filter(rows)
        if of_group.is_empty():
            continue
        values[name] = _periods(of_group, last)
        if name.startswith("segment "):
            values[f"-{name}"] = _rest(values[""], values[name])
    box = zone.box(view["device"])
    if box is None:
        raise ValueError(zone.name)
    position = [box.x, box.y, box.width or view["width"] - box.x, box.height]
    return {
        "name": zone.name, "box": position, "values": values,
        "weeks": _weeks(named.filter(is_everybody), shown.product), "recordings": _recordings(shown, zone),
    }  # fmt: skip


# By period, in the order of SUMS.
Sums = dict[str, list[float]]


def _periods(rows: pl.DataFrame, last: date) -> Sums:
    recent = {f"last_{n}": rows.filter(pl.col("day") > last - ONE_DAY * n) for n in (7, 28)}
    periods = {"all": rows, **recent}
    return {name: [round(each, 3) for each in rows.select(pl.col(SUMS).sum()).row(0)] for name, rows in periods.items()}


def _rest(whole: Sums, part: Sums) -> Sums:
    return {name: [round(a - b, 3) for a, b in zip(sums, part[name], strict=True)] for name, sums in whole.items()}


def _weeks(everybody: pl.DataFrame, product: Product) -> list[list[Any]]:
    """Each week: its name, then numerator and denominator of each metric of `_BY_WEEK`."""
    week = week_begin(pl.col("day"), product.week_start)
    summed = everybody.group_by(week=week).agg(pl.col(SUMS).sum()).sort("week")
    return [
        [day_text(row["week"]), *([row[METRICS[name][1]], row[METRICS[name][2]]] for name in _BY_WEEK)]
        for row in summed.rows(named=True)
    ]  # fmt: skip


def _recordings(shown: Shown, zone: Zone) -> list[list[str]]:
    """Recorded sessions in which a click on the zone failed: what is said of each, and its address."""
    watch = shown.marts["watch"].filter(
        pl.col("kind") == "zone", pl.col("page") == zone.page, pl.col("subject").str.ends_with(f" in {zone.name}")
    )
    return [
        [f"{label(r['subject'].partition(' in ')[0])}, {r['device_type']} {duration(r['duration_seconds'])}", address]
        for r in watch.sort("position", "subject").head(_RECORDINGS).rows(named=True)
        if (address := shown.replays.address(r["session_key"], r["happened_at"]))
    ]
