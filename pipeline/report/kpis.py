"""The page of key figures: the north star and its guardrails, what changed and why, by group, and after releases."""

from typing import Any

import polars as pl
from markupsafe import Markup

from pipeline.contracts.base import MICROS
from pipeline.product import Product
from pipeline.report import charts
from pipeline.report.parts import (
    Marts,
    Page,
    Section,
    Tile,
    count,
    day_text,
    figure_text,
    money,
    releases_of,
    said,
    share,
)

_PARTS_SHOWN, _GROUPS_SHOWN = 12, 12
_TREE_ORDER = ("people", "orders per person", "revenue per order")
_EVERYBODY = pl.col("dimension") == ""
_BY_GROUP = ("people", "sessions", "conversion", "revenue_per_person", "average_order", "bounce_rate", "frustration")
_VERDICTS = {"up": "up", "down": "down", "unclear": "", "no comparison": "no comparison"}


def kpis_page(product: Product, marts: Marts) -> Page:
    """Key figures of the last complete week beside the week before, and what their changes are made of."""
    kpis = marts["kpis"]
    weeks = kpis.filter(pl.col("period") == "week", pl.col("mature"))
    if weeks.is_empty():
        return Page("kpis", "Key figures")
    last = weeks["period_start"].max()
    now = weeks.filter(pl.col("period_start") == last)
    sections = [
        _figures(product, now.filter(_EVERYBODY)),
        _tree(product, marts["kpi_changes"]),
        *_changes(product, now, marts["kpi_changes"]),
        _groups(product, kpis),
        _releases(product, marts["releases"], marts["kpis"]),
    ]
    return Page("kpis", f"Key figures: Week from {last:%d %B %Y}", _tiles(product, kpis, now), sections)


def _tiles(product: Product, kpis: pl.DataFrame, now: pl.DataFrame) -> list[Tile]:
    daily = kpis.filter(_EVERYBODY, pl.col("period") == "day").sort("period_start")
    roles = {product.kpis.north_star: "North star"} | dict.fromkeys(product.kpis.guardrails, "Guardrail")
    rows = {row["kpi"]: row for row in now.filter(_EVERYBODY).rows(named=True)}
    tiles: list[Tile] = []
    for name, role in roles.items():
        row = rows.get(name)
        if row is None:
            continue
        days = daily.filter(pl.col("kpi") == name, pl.col("figure").is_not_null())
        spark = (
            charts.spark(days, "period_start", "figure", f"{said(name)} by day", releases_of(product))
            if days.height
            else Markup()
        )
        tiles.append(
            Tile(
                f"{role}: {said(name)}",
                figure_text(row["figure"], row["unit"], product.currency),
                _change_text(row, product),
                spark,
                "Of the last complete week; the line shows days.",
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


def _figures(product: Product, rows: pl.DataFrame) -> Section:
    compared = rows.filter(pl.col("change_share").is_not_null(), pl.col("change_low").is_not_null())
    before = pl.col("figure_before").abs()
    colours = {"up": charts.BLUE, "unclear": charts.GREY, "down": charts.ORANGE}
    drawn = compared.filter(before > 0).select(
        what=pl.col("kpi").str.replace_all("_", " "),
        effect=pl.col("change") / before,
        low=pl.col("change_low") / before,
        high=pl.col("change_high") / before,
        verdict="verdict",
    )
    return Section(
        "All figures",
        "The last complete week beside the week before. The line is the 95 % interval of the change, by the spread between "
        "people: where it holds 0, the week's difference may be chance.",
        [charts.intervals(drawn, "Change of each key figure on the week before", "change on the week before", colours)]
        if drawn.height
        else [],
        ("figure", "now", "before", "change", "from", "to", ""),
        [
            (said(r["kpi"]), figure_text(r["figure"], r["unit"], product.currency),
             figure_text(r["figure_before"], r["unit"], product.currency),
             *(figure_text(r[name], r["unit"], product.currency, signed=True) for name in ("change", "change_low", "change_high")),
             _VERDICTS[r["verdict"]])
            for r in rows.sort("kpi").rows(named=True)
        ],
    )  # fmt: skip


def _tree(product: Product, changes: pl.DataFrame) -> Section:
    rows = changes.filter(pl.col("kind") == "tree", pl.col("period") == "week")
    by_part = {row["part"]: row for row in rows.rows(named=True)}
    ordered = [by_part[name] for name in _TREE_ORDER if name in by_part]
    total = sum(row["contribution_micros"] for row in ordered) / MICROS
    drawn = pl.DataFrame({"what": [row["part"] for row in ordered], "amount": [row["contribution"] for row in ordered]})
    return Section(
        "Why revenue changed",
        f"Revenue = people x orders per person x revenue per order. The parts add up to the change of "
        f"{money(total, product.currency)} on the week before.",
        [charts.parts(drawn, "Parts of the change of revenue", product.currency)] if ordered else [],
        ("factor", "before", "now", "adds"),
        [
            (row["part"], *(_factor(row["part"], row[name], product) for name in ("before", "after")),
             money(row["contribution_micros"] / MICROS, product.currency))
            for row in ordered
        ],
    )  # fmt: skip


def _factor(part: str, value: float, product: Product) -> str:
    return (
        money(value, product.currency) if part == "revenue per order" else figure_text(value, "count", product.currency)
    )


def _changes(product: Product, now: pl.DataFrame, changes: pl.DataFrame) -> list[Section]:
    """For the figures that changed beyond chance, and for the north star: which groups made it."""
    told = now.filter(_EVERYBODY)
    units = dict(told.select("kpi", "unit").rows())
    moved = [name for name in told.filter(pl.col("verdict").is_in(["up", "down"]))["kpi"].sort() if name in units]
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
                f"What changed {said(name)}",
                "Each dimension's rows add up to the whole change. Rate: the group's own figure changed. Mix: the group became "
                "a larger or smaller part of all. People count in the group of their first session of the week.",
                [],
                ("group", "part", "before", "now", "share before", "share now", "adds"),
                [
                    (f"{said(r['dimension'])}: {said(r['part'])}", r["kind"],
                     *(figure_text(r[k], unit, product.currency) for k in ("before", "after")),
                     *(share(r[k]) for k in ("share_before", "share_after")),
                     figure_text(r["contribution"], unit, product.currency, signed=True))
                    for r in largest.head(_PARTS_SHOWN).rows(named=True)
                ],
            )
        )  # fmt: skip
    return sections


def _groups(product: Product, kpis: pl.DataFrame) -> Section:
    recent = kpis.filter(pl.col("period") == "last_28", ~_EVERYBODY, pl.col("kpi").is_in(_BY_GROUP))
    rows: list[tuple[str, ...]] = []
    for (dimension,), own in sorted(recent.partition_by("dimension", as_dict=True).items()):
        figures: dict[str, dict[str, tuple[float | None, str]]] = {}
        for r in own.rows(named=True):
            figures.setdefault(r["value"], {})[r["kpi"]] = r["figure"], r["unit"]
        most = sorted(figures, key=lambda value: (-(figures[value].get("people", (0, ""))[0] or 0), value))
        rows += [
            (
                f"{said(str(dimension))}: {said(value)}",
                *(figure_text(*figures[value].get(name, (None, "")), product.currency) for name in _BY_GROUP),
            )
            for value in most[:_GROUPS_SHOWN]
        ]
    return Section(
        "By group",
        "The last 28 days. People may count in several groups of a dimension; a page's sessions are those that saw it.",
        [],
        ("group", *(said(name) for name in _BY_GROUP)),
        rows,
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
            (said(r["release"]), day_text(r["day"]), said(r["kpi"]),
             *(figure_text(r[k], units.get(r["kpi"], "count"), product.currency) for k in ("before", "after")),
             *(figure_text(r[k], units.get(r["kpi"], "count"), product.currency, signed=True) for k in ("change", "low", "high")),
             f"{count(r['days_before'])} / {count(r['days_after'])}")
            for r in shown.rows(named=True)
        ],
        note="" if shown.height else "No release has enough days on both sides; the product file names releases.",
    )  # fmt: skip
