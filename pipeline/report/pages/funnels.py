"""The page of funnels (docs/marts.md says what the numbers mean)."""

from itertools import pairwise
from typing import Any

import polars as pl

from pipeline.core.product import Product
from pipeline.report import charts
from pipeline.report.asking import asking_of_all
from pipeline.report.page import ReportPage
from pipeline.report.parts import Body, Marts, Page, Picker, Section, count, duration, label, releases_of, share

_FUNNEL_WEEKS = 8


def _funnels(product: Product, marts: Marts) -> Page:
    sections: list[Section] = []
    for name in product.funnels:
        own = marts["funnel_steps"].filter(pl.col("funnel") == name).sort("step")
        whole = own.filter(pl.col("period") == "all")
        everybody = whole.filter(pl.col("breakdown_value") == "")
        if everybody.is_empty():
            continue
        bars = everybody.with_columns(
            shown=pl.struct("people_converted", "step_rate", "step").map_elements(_bar_text, return_dtype=pl.String)
        )
        trend = marts["funnel_trends"].filter(pl.col("funnel") == name, "mature").sort("week_start")
        drawn = [charts.steps(bars, f"{name}: people by step, whole history")]
        if trend.height > 1:
            title = f"{name}: conversion by week of entry"
            drawn.append(charts.rates(trend, "week_start", "conversion_rate", title, releases_of(product)))
        length = product.funnels[name].length_text
        sections += [
            Section(
                f"Funnel: {name}",
                f"People who took each step within {length} of the first; times are from the step before. The line: of the "
                "people who entered in a week, those who took the last step, once their window is over.",
                drawn,
                ("step", "people", "of the step before", "of all", "median time", "mean time"),
                provenance="funnel_steps: step_name people_converted step_rate conversion_rate median_seconds_from_previous "
                "mean_seconds_from_previous",
                mature=f"People who entered less than {length} before the last day ends may still go on; `conversion_rate_of_mature` leaves them out.",
                pickers=_funnel_pickers(own),
                bodies=_funnel_bodies(own),
                ask=asking_of_all(marts, show="funnel", of=name),
            ),
            *_groups(name, whole.filter(pl.col("breakdown_value") != ""), _ask_by_group(product, marts, name)),
        ]
    return Page("funnels", "Funnels", [], sections, lead=_lead(marts))


def _lead(marts: Marts) -> str:
    """Of each funnel how many get through, and after which step most are lost."""
    whole = (
        marts["funnel_steps"].filter(pl.col("period") == "all", pl.col("breakdown_value") == "").sort("funnel", "step")
    )
    told: list[str] = []
    for (name,), steps in whole.partition_by("funnel", as_dict=True, maintain_order=True).items():
        rows = list(steps.rows(named=True))
        if len(rows) < 2 or not rows[0]["people_converted"]:  # noqa: PLR2004  # of one step nobody is lost
            continue
        lost = [before["people_converted"] - after["people_converted"] for before, after in pairwise(rows)]
        worst = lost.index(max(lost))
        told.append(
            f"{label(str(name))}: {share(rows[-1]['conversion_rate'])} of {count(rows[0]['people_converted'])} people get through; most "
            f"are lost between {rows[worst]['step_name']} and {rows[worst + 1]['step_name']} ({count(lost[worst])})."
        )
    return " ".join(told)


def _funnel_pickers(own: pl.DataFrame) -> list[Picker]:
    weeks = own.filter(pl.col("period") == "week")["period_start"].unique().sort(descending=True).head(_FUNNEL_WEEKS)
    people = own.filter(pl.col("step") == 1, pl.col("period") == "all").sort("people_converted", descending=True)
    groups = [(g, g or "everybody") for g in ("", *(g for g in people["breakdown_value"] if g))]
    periods = [("all", "whole history"), *((str(week), f"entered in the week from {week:%d %b}") for week in weeks)]
    return [Picker("Period", periods), Picker("Group", groups)]


def _funnel_bodies(own: pl.DataFrame) -> list[Body]:
    periods, groups = ([value for value, _ in picker.options] for picker in _funnel_pickers(own))
    chosen = pl.when(pl.col("period") == "all").then(pl.lit("all")).otherwise(pl.col("period_start").cast(pl.String))
    by_choice = own.with_columns(chosen=chosen).partition_by("chosen", "breakdown_value", as_dict=True)
    return [
        Body(
            (period, group),
            [
                (r["step_name"], count(r["people_converted"]), share(r["step_rate"]), share(r["conversion_rate"]),
                 duration(r["median_seconds_from_previous"]), duration(r["mean_seconds_from_previous"]))
                for r in by_choice[period, group].rows(named=True)
            ],
            [f"n: {count(r['people_entered'])} people entered, of {count(r['people_mature'])} the window is over." for r in by_choice[period, group].rows(named=True)],
        )
        for period in periods for group in groups if (period, group) in by_choice
    ]  # fmt: skip


def _bar_text(row: dict[str, Any]) -> str:
    return count(row["people_converted"]) + ("" if row["step"] == 1 else f"  ({share(row['step_rate'])})")


def _ask_by_group(product: Product, marts: Marts, name: str) -> str:
    chosen = product.funnels[name].breakdown
    # On the Ask page two columns are the most.
    return asking_of_all(marts, show="funnel", of=name, by=chosen.by) if chosen and len(chosen.by) < 3 else ""  # noqa: PLR2004


def _groups(name: str, groups: pl.DataFrame, ask: str) -> list[Section]:
    if groups.is_empty():
        return []
    last = groups["step"].max()
    ends = groups.filter(pl.col("step") == last).sort("people_entered", descending=True)
    rows = [
        (r["breakdown_value"], count(r["people_entered"]), count(r["people_converted"]), share(r["conversion_rate"]))
        for r in ends.rows(named=True)
    ]
    return [
        Section(
            f"{name} by group",
            "The same funnel by the breakdown of the product file.",
            [],
            ("group", "entered", "took the last step", "conversion"),
            rows,
            provenance="funnel_steps: breakdown_value people_entered people_converted conversion_rate",
            ask=ask,
        )
    ]


PAGE = ReportPage("funnels", "Funnels", "Growth", 100, lambda shown: _funnels(shown.product, shown.marts))
