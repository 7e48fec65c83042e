"""The table of all key figures on their page: of the newest periods, for everybody and for the largest groups."""

import json
from typing import Any

import polars as pl
from markupsafe import Markup

from pipeline.core.product import Product
from pipeline.domains.kpis.contract import KPI_MEANINGS
from pipeline.report import charts
from pipeline.report.parts import Body, Picker, Section, day_text, figure_text, label, number_text

EVERYBODY = pl.col("dimension") == ""
_PERIODS = [("week", "last complete week"), ("last_7", "last 7 days"), ("last_28", "last 28 days"), ("day", "last day")]
_PICKED = 6
# Why a figure was restated, by what tells figures apart.
Restated = dict[tuple[str, ...], str]
_FIGURE = ("period", "period_start", "dimension", "value", "kpi")
_CONCLUSIONS = {"up": "up", "down": "down", "unclear": "", "no comparison": "no comparison"}


def restated_figures(restatements: pl.DataFrame) -> Restated:
    """The latest restatement of each key figure."""
    rows = restatements.filter(pl.col("mart") == "kpis", pl.col("column") == "figure")
    result: Restated = {}
    for r in reversed(rows.rows(named=True)):
        result[tuple(json.loads(r["key"])[name] for name in _FIGURE)] = (
            f"Restated {r['restated_at']:%d %b %Y}: {number_text(r['old'])} to {number_text(r['new'])}, because of {r['cause']}."
        )
    return result


def all_figures(product: Product, kpis: pl.DataFrame, charts_of: pl.DataFrame, restated: Restated) -> Section:
    """All key figures of the newest period of each length, for everybody and for the largest groups."""
    newest = kpis.filter("mature").filter(pl.col("period_start") == pl.col("period_start").max().over("period"))
    groups = _groups_of(newest)
    by_choice = newest.sort("kpi").partition_by("period", "dimension", "value", as_dict=True)
    bodies = [
        Body((period, f"{dimension}={value}"), *_rows(product, by_choice[period, dimension, value], restated))
        for period, _ in _PERIODS
        for dimension, value in groups
        if (period, dimension, value) in by_choice
    ]
    lengths = {body.picked[0] for body in bodies}
    named = [(f"{d}={v}", f"{label(d)}: {label(v)}" if d else "everybody") for d, v in groups]
    return Section(
        "All figures",
        "The newest complete period beside the one before of the same length. From, to: the 95 % interval of the change, by the "
        "spread between people; where it holds 0, the difference may be chance. ‡: restated since it was first published.",
        _changes_drawn(charts_of),
        ("figure", "now", "before", "change", "from", "to", "conclusion"),
        provenance="kpis: kpi figure figure_before change change_low change_high conclusion",
        pickers=[Picker("Period", [each for each in _PERIODS if each[0] in lengths]), Picker("Group", named)],
        bodies=bodies,
        meanings={label(name): meaning_of(name) for name in newest["kpi"].unique()},
    )


def _groups_of(newest: pl.DataFrame) -> list[tuple[str, str]]:
    """Everybody, and of each dimension the values with most people."""
    people = newest.filter(pl.col("kpi") == "people", pl.col("period") == "last_28", ~EVERYBODY)
    most = people.sort("dimension", "figure", "value", descending=[False, True, False]).group_by(
        "dimension", maintain_order=True
    ).head(_PICKED)  # fmt: skip
    return [("", ""), *most.select("dimension", "value").rows()]


def _rows(product: Product, own: pl.DataFrame, restated: Restated) -> tuple[list[tuple[str, ...]], list[str]]:
    reported = [restated.get(tuple(str(r[name]) for name in _FIGURE), "") for r in own.rows(named=True)]
    rows = [
        (label(r["kpi"]), figure_text(r["figure"], r["unit"], product.currency) + ("\u00a0‡" if again else ""),
         figure_text(r["figure_before"], r["unit"], product.currency),
         *(figure_text(r[name], r["unit"], product.currency, signed=True) for name in ("change", "change_low", "change_high")),
         _CONCLUSIONS[r["conclusion"]])
        for r, again in zip(own.rows(named=True), reported, strict=True)
    ]  # fmt: skip
    return rows, [
        " ".join(filter(None, (about_figure(r), again)))
        for r, again in zip(own.rows(named=True), reported, strict=True)
    ]


def meaning_of(kpi: str) -> str:
    """What a key figure is, in a sentence."""
    return KPI_MEANINGS.get(kpi, "Score of the survey's answers.")


def about_figure(r: dict[str, Any]) -> str:
    """Its exact sums, of how many people, in which days."""
    parts = [f"{r[name]:,}" for name in ("numerator", "denominator") if r[name] is not None]
    sums = (" of " if r["unit"] == "share" else " / ").join(parts)
    days = f"{r['people']:,} people, {day_text(r['period_start'])} to {day_text(r['period_end'])}."
    return f"{sums}. {days}" if sums else days


def _changes_drawn(rows: pl.DataFrame) -> list[Markup]:
    compared = rows.filter(pl.col("change_share").is_not_null(), pl.col("change_low").is_not_null())
    before = pl.col("figure_before").abs()
    colours = {"up": charts.BLUE, "unclear": charts.GREY, "down": charts.ORANGE}
    drawn = compared.filter(before > 0).select(
        what=pl.col("kpi").str.replace_all("_", " "),
        effect=pl.col("change") / before,
        low=pl.col("change_low") / before,
        high=pl.col("change_high") / before,
        conclusion="conclusion",
    )
    title = "Change of each key figure on the week before, everybody"
    return [charts.intervals(drawn, title, "change on the week before", colours)] if drawn.height else []
