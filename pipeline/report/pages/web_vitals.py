"""The page of speed: Core Web Vitals by page, how they went, and what is poor."""

import polars as pl

from pipeline.core.product import Product
from pipeline.report import charts
from pipeline.report.page import ReportPage
from pipeline.report.parts import Body, Marts, Page, Picker, Section, count, releases_of, share

_NAMES = {"lcp": "Largest contentful paint", "inp": "Interaction to next paint", "cls": "Cumulative layout shift"}
_MEANING = {
    "lcp": "how long until the largest part of the page was drawn; good up to 2.5 s, poor over 4 s",
    "inp": "how long the page took to answer the slowest click or key; good up to 200 ms, poor over 500 ms",
    "cls": "how far things jumped while the page was used; good up to 0.1, poor over 0.25",
}
_UNITS = {"lcp": ", seconds", "inp": ", milliseconds", "cls": ""}
# Fewer page views say little of a quarter of them.
_FEW = 30
_DAYS = 28


def vitals_page(product: Product, marts: Marts) -> Page:
    """Speed of the last 28 days, and by day."""
    vitals = marts["web_vitals"]
    if vitals.is_empty():
        return Page("speed", "Speed")
    sections = [_by_page(vitals), *(_over_time(vitals, metric, product) for metric in _NAMES)]
    return Page("speed", "Speed", [], [each for each in sections if each is not None], lead=_lead(vitals))


def _lead(vitals: pl.DataFrame) -> str:
    """What is slow, in one sentence."""
    of_pages = vitals.filter(
        pl.col("period") == "last_28",
        pl.col("page") != "",
        pl.col("device_type") != "",
        pl.col("page_views_measured") >= _FEW,
    )
    if of_pages.is_empty():
        return f"No page has {_FEW} measured page views on a device in the last 28 days: nothing can be rated yet."
    slow = of_pages.filter(pl.col("rating") != "good").sort(
        "poor_rate", "page", "device_type", descending=[True, False, False]
    )
    if slow.is_empty():
        there = of_pages["metric"].to_list()
        measured = " and ".join(name.lower() for metric, name in _NAMES.items() if metric in there)
        return f"No page is slow: three quarters of the page views of each page and device are good by {measured}."
    worst = slow.row(0, named=True)
    measure = _NAMES[worst["metric"]].lower()
    others = slow.select("page", "device_type").n_unique() - 1
    more = f" {others} more {'page needs' if others == 1 else 'pages need'} improvement." if others else ""
    return (
        f"{worst['page']} on {worst['device_type']} is slowest: {measure} {_text(worst['p75'], worst['metric'])} at the "
        f"75th percentile, {share(worst['poor_rate'])} of page views poor.{more}"
    )


def _text(value: int, metric: str) -> str:
    if metric == "cls":
        return f"{value / 10_000:.2f}"
    return f"{value / 1000:.1f} s" if value >= 1000 else f"{value} ms"  # noqa: PLR2004  # as people say it


def _by_page(vitals: pl.DataFrame) -> Section:
    recent = vitals.filter(pl.col("period") == "last_28")
    devices = ["", *recent.filter(pl.col("device_type") != "")["device_type"].unique().sort()]
    bodies = [Body((device,), _rows(recent.filter(pl.col("device_type") == device))) for device in devices]
    return Section(
        "Pages of the last 28 days",
        "Of three quarters of the page views the value is at most p75: that is what a page is rated by. "
        + _all_meanings(),
        [],
        ("page", "measure", "rating", "p75", "p50", "p95", "good", "poor", "page views measured"),
        pickers=[Picker("Device", [(device, device or "all devices") for device in devices])],
        bodies=bodies,
        provenance="web_vitals: page metric rating p75 p50 p95 good_rate poor_rate page_views_measured",
    )


def _all_meanings() -> str:
    return " ".join(f"{name}: {_MEANING[metric]}." for metric, name in _NAMES.items())


def _rows(rows: pl.DataFrame) -> list[tuple[str, ...]]:
    ordered = rows.sort("poor_rate", "page", "metric", descending=[True, False, False])
    return [
        (row["page"] or "all pages", _NAMES[row["metric"]], row["rating"],
         *(_text(row[name], row["metric"]) for name in ("p75", "p50", "p95")),
         share(row["good_rate"]), share(row["poor_rate"]), count(row["page_views_measured"]))
        for row in ordered.rows(named=True)
    ]  # fmt: skip


def _over_time(vitals: pl.DataFrame, metric: str, product: Product) -> Section | None:
    own = vitals.filter(pl.col("metric") == metric, pl.col("device_type") == "")
    daily = own.filter(
        pl.col("period") == "day", pl.col("page_views_measured") >= _FEW,
        pl.col("period_start") > pl.col("period_start").max() - pl.duration(days=_DAYS),
    )  # fmt: skip
    # A line through a few days tells of days that nobody measured.
    often = daily.group_by("page").len().filter(pl.col("len") >= _DAYS // 2)["page"]
    slowest = (
        own.filter(pl.col("period") == "last_28", pl.col("page") != "", pl.col("page").is_in(often.implode()))
        .sort("p75", "page", descending=[True, False])["page"]
        .head(3)
    )
    unit = {"cls": 10_000, "lcp": 1_000}.get(metric, 1)
    shown = (
        daily.filter(pl.col("page").is_in(slowest.implode()))
        .with_columns(value=pl.col("p75") / unit)
        .sort("page", "period_start")
    )
    if shown.is_empty():
        return None
    title = f"75th percentile by day{_UNITS[metric]}, the three slowest pages that are seen often"
    form = ",d" if metric == "inp" else ".2f"
    chart = charts.line(shown, ("period_start", "value", "page"), title, form, releases_of(product))
    return Section(_NAMES[metric], f"{_MEANING[metric][0].upper()}{_MEANING[metric][1:]}.", [chart])


PAGE = ReportPage(
    "speed", "Speed", "Pages", 84, lambda shown: vitals_page(shown.product, shown.marts) if shown.product.pages else []
)
