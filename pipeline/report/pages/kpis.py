"""The page of key figures: the north star and its guardrails, what changed and why, by group, and after releases."""

from dataclasses import replace
from typing import Any

import polars as pl
from markupsafe import Markup

from pipeline.core.product import Product
from pipeline.report import charts
from pipeline.report.asking import asking_of_all
from pipeline.report.key_figures import EVERYBODY, about_figure, all_figures, meaning_of, restated_figures
from pipeline.report.page import ReportPage
from pipeline.report.parts import (
    Marts,
    Page,
    Section,
    Tile,
    count,
    day_text,
    figure_text,
    label,
    money,
    releases_of,
    share,
)
from pipeline.report.provenance import Trust, provenance_text
from pipeline.report.targets import targets_section

_PARTS_SHOWN, _GROUPS_SHOWN = 12, 12
_TREE_ORDER = ("people", "orders per person", "revenue per order", "unexplained")
_BY_GROUP = ("people", "sessions", "conversion", "revenue_per_person", "average_order", "bounce_rate", "frustration")


def kpis_page(product: Product, marts: Marts, restatements: pl.DataFrame, trust: Trust) -> Page:
    """Key figures of the last complete week beside the week before, and what their changes are made of."""
    kpis = marts["kpis"]
    weeks = kpis.filter(pl.col("period") == "week", pl.col("mature"))
    if weeks.is_empty():
        return Page("kpis", "Key figures")
    last = weeks["period_start"].max()
    now = weeks.filter(pl.col("period_start") == last)
    sections = [
        *targets_section(product, marts["kpi_targets"]),
        replace(
            all_figures(product, kpis, now.filter(EVERYBODY), restated_figures(restatements)),
            ask=asking_of_all(marts, trend={"measure": "sessions"}),
        ),
        _tree(product, marts["kpi_changes"]),
        *_changes(product, now, marts["kpi_changes"]),
        _groups(product, kpis),
        _releases(product, marts["releases"], marts["kpis"]),
    ]
    title = f"Key figures: Week from {last:%d %B %Y}"
    return Page("kpis", title, _tiles(product, kpis, now, trust), sections, lead=_lead(product, now))


def _lead(product: Product, now: pl.DataFrame) -> str:
    """The north star of the week, and whether it moved by more than chance."""
    own = now.filter(EVERYBODY, pl.col("kpi") == product.kpis.north_star).drop_nulls("figure")
    if own.is_empty():
        return ""
    r = own.row(0, named=True)
    figure, change = (
        figure_text(r[k], r["unit"], product.currency, signed=k == "change") for k in ("figure", "change")
    )
    if r["change"] is None:
        return f"{label(r['kpi']).capitalize()} is {figure}."
    sure = "beyond chance" if r["conclusion"] in {"up", "down"} else "not beyond chance"
    return f"{label(r['kpi']).capitalize()} is {figure}, {change} on the week before ({sure})."


def _tiles(product: Product, kpis: pl.DataFrame, now: pl.DataFrame, trust: Trust) -> list[Tile]:
    daily = kpis.filter(EVERYBODY, pl.col("period") == "day").sort("period_start")
    roles = {product.kpis.north_star: "North star"} | dict.fromkeys(product.kpis.guardrails, "Guardrail")
    rows = {row["kpi"]: row for row in now.filter(EVERYBODY).rows(named=True)}
    tiles: list[Tile] = []
    for name, role in roles.items():
        row = rows.get(name)
        if row is None:
            continue
        days = daily.filter(pl.col("kpi") == name, pl.col("figure").is_not_null())
        spark = (
            charts.spark(days, "period_start", "figure", f"{label(name)} by day", releases_of(product))
            if days.height
            else Markup()
        )
        tiles.append(
            Tile(
                f"{role}: {label(name)}",
                figure_text(row["figure"], row["unit"], product.currency),
                _change_text(row, product),
                spark,
                "Of the last complete week; the line shows days.",
                provenance_text("kpis", "figure", product, trust, f"{meaning_of(row['kpi'])} {about_figure(row)}"),
            )
        )
    return tiles


def _change_text(row: dict[str, Any], product: Product) -> str:
    if row["change"] is None:
        return "no week before"
    ends = (
        figure_text(row[name], row["unit"], product.currency, signed=True) for name in ("change_low", "change_high")
    )
    change = figure_text(row["change"], row["unit"], product.currency, signed=True)
    return f"{change} on the week before ({' to '.join(ends)})"


def _tree(product: Product, changes: pl.DataFrame) -> Section:
    rows = changes.filter(pl.col("kind") == "tree", pl.col("period") == "week")
    by_part = {row["part"]: row for row in rows.rows(named=True)}
    ordered = [by_part[name] for name in _TREE_ORDER if name in by_part]
    total = sum(row["contribution_exact"] for row in ordered)
    drawn = pl.DataFrame({"what": [row["part"] for row in ordered], "amount": [row["contribution"] for row in ordered]})
    return Section(
        "Why revenue changed",
        f"Revenue = people x orders per person x revenue per order. The parts add up to the change of "
        f"{money(total, product.currency)} on the week before."
        + (" Unexplained is what was given back in a week without an order." if "unexplained" in by_part else ""),
        [charts.parts(drawn, "Parts of the change of revenue", product.currency)] if ordered else [],
        ("factor", "before", "now", "adds"),
        [
            (row["part"], *(_factor(row["part"], row[name], product) for name in ("before", "after")),
             money(row["contribution_exact"], product.currency))
            for row in ordered
        ],
        provenance="kpi_changes: part before after contribution",
    )  # fmt: skip


def _factor(part: str, value: float, product: Product) -> str:
    return (
        money(value, product.currency)
        if part in ("revenue per order", "unexplained")
        else figure_text(value, "count", product.currency)
    )


def _changes(product: Product, now: pl.DataFrame, changes: pl.DataFrame) -> list[Section]:
    """For the figures that changed beyond chance, and for the north star: which groups made it."""
    reported = now.filter(EVERYBODY)
    units = dict(reported.select("kpi", "unit").rows())
    moved = [
        name for name in reported.filter(pl.col("conclusion").is_in(["up", "down"]))["kpi"].sort() if name in units
    ]
    parts = changes.filter(pl.col("period") == "week", pl.col("kind") != "tree")
    sections: list[Section] = []
    for name in dict.fromkeys([product.kpis.north_star, *moved]):
        own = parts.filter(pl.col("kpi") == name)
        if own.is_empty():
            continue
        largest = own.sort(
            pl.col("contribution").abs(), "dimension", "part", "kind", descending=[True, False, False, False]
        )
        unit = units[name]
        sections.append(
            Section(
                f"What changed {label(name)}",
                "Each dimension's rows add up to the whole change. Rate: the group's own figure changed. Mix: the group became "
                "a larger or smaller part of all. People count in the group of their first session of the week.",
                [],
                ("group", "part", "before", "now", "share before", "share now", "adds"),
                [
                    (f"{label(r['dimension'])}: {label(r['part'])}", r["kind"],
                     *(figure_text(r[k], unit, product.currency) for k in ("before", "after")),
                     *(share(r[k]) for k in ("share_before", "share_after")),
                     figure_text(r["contribution"], unit, product.currency, signed=True))
                    for r in largest.head(_PARTS_SHOWN).rows(named=True)
                ],
        provenance="kpi_changes: part kind before after share_before share_after contribution",
    )
        )  # fmt: skip
    return sections


def _groups(product: Product, kpis: pl.DataFrame) -> Section:
    recent = kpis.filter(pl.col("period") == "last_28", ~EVERYBODY, pl.col("kpi").is_in(_BY_GROUP))
    rows: list[tuple[str, ...]] = []
    for (dimension,), own in sorted(recent.partition_by("dimension", as_dict=True).items()):
        figures: dict[str, dict[str, tuple[float | None, str]]] = {}
        for r in own.rows(named=True):
            figures.setdefault(r["value"], {})[r["kpi"]] = r["figure"], r["unit"]
        most = sorted(figures, key=lambda value: (-(figures[value].get("people", (0, ""))[0] or 0), value))
        rows += [
            (
                f"{label(str(dimension))}: {label(value)}",
                *(figure_text(*figures[value].get(name, (None, "")), product.currency) for name in _BY_GROUP),
            )
            for value in most[:_GROUPS_SHOWN]
        ]
    return Section(
        "By group",
        "The last 28 days. People may count in several groups of a dimension; a page's sessions are those that saw it.",
        [],
        ("group", *(label(name) for name in _BY_GROUP)),
        rows,
        provenance="kpis: value " + "figure " * len(_BY_GROUP),
    )


def _releases(product: Product, releases: pl.DataFrame, kpis: pl.DataFrame) -> Section:
    units = dict(kpis.select("kpi", "unit").unique().sort("kpi").rows())
    whole = releases.filter(pl.col("segment") == "", pl.col("low").is_not_null()).sort("day", "release", "kpi")
    shown = whole.filter((pl.col("low") > 0) | (pl.col("high") < 0) | (pl.col("kpi") == product.kpis.north_star))
    return Section(
        "After releases",
        "Up to 28 days from a release on, beside the same weekdays of up to 28 days before. What stands here changed beyond "
        "the spread between days, and the north star. Other things may have changed on that day too.",
        [],
        ("release", "since", "figure", "before", "after", "change", "from", "to", "days"),
        [
            (label(r["release"]), day_text(r["day"]), label(r["kpi"]),
             *(figure_text(r[k], units.get(r["kpi"], "count"), product.currency) for k in ("before", "after")),
             *(figure_text(r[k], units.get(r["kpi"], "count"), product.currency, signed=True) for k in ("change", "low", "high")),
             f"{count(r['days_before'])} / {count(r['days_after'])}")
            for r in shown.rows(named=True)
        ],
        note="" if shown.height else "No release has enough days on both sides; the product file names releases.",
        provenance="releases: release day kpi before after change low high days_after",
    )  # fmt: skip


PAGE = ReportPage(
    "kpis",
    "Key figures",
    "Today",
    20,
    lambda shown: kpis_page(shown.product, shown.marts, shown.restatements, shown.trust),
)
