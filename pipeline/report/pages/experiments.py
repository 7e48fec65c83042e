"""The page of experiments and hypotheses: conclusions with their intervals, the division of people, groups."""

from dataclasses import replace
from typing import Any

import polars as pl

from pipeline.ask.variants import PREFIX
from pipeline.core.product import Product
from pipeline.report import charts
from pipeline.report.asking import asking_of_all
from pipeline.report.page import ReportPage
from pipeline.report.parts import Marts, Page, Section, count, figure_text, label

_UNITS = {
    "conversion": "share", "retention": "share", "revenue": "currency", "orders": "count", "friction": "count", "score": "points",
}  # fmt: skip
_COLOURS = {
    "better": charts.GREEN, "worse": charts.RED, "no difference found": charts.GREY, "too early": charts.BLUE,
    "too few": charts.GREY, "hidden: sample ratio": charts.GREY,
}  # fmt: skip
_EVERYBODY = pl.col("dimension") == ""
_HIDDEN = "hidden: sample ratio"
_SAID = {"better": "Ship {}", "worse": "Don't ship {}", "too early": "Too early to tell for {}"}


def experiments_page(product: Product, marts: Marts) -> Page:
    """Each experiment with its conclusion, and what became of hypotheses."""
    results, groups = marts["experiments"], marts["experiment_groups"]
    sections: list[Section] = []
    for name in sorted(groups["experiment"].unique()):
        own = results.filter(pl.col("experiment") == name)
        division = _division(groups.filter(pl.col("experiment") == name), name)
        sections.append(replace(division, ask=_asking(product, marts, name)))
        if own.height:
            sections += [_results(product, own.filter(_EVERYBODY), name), _groups(product, own, name)]
    if product.hypotheses:
        sections.append(_hypotheses(product, marts["hypotheses"], results))
    return Page("experiments", "Experiments", [], sections, lead=_lead(product, results))


def _asking(product: Product, marts: Marts, name: str) -> str:
    """The question how far each variant's people get, where there is a funnel."""
    if name not in product.experiments or not product.funnels:
        return ""
    return asking_of_all(marts, show="funnel", of=next(iter(product.funnels)), by=[PREFIX + name])


def _lead(product: Product, results: pl.DataFrame) -> str:
    """What to do with each variant, by the deciding metric: both figures, and the difference with its interval."""
    reported: list[str] = []
    for r in results.filter(_EVERYBODY, "is_primary").sort("experiment", "variant").rows(named=True):
        ends = ("always_low", "always_high") if r["always_low"] is not None else ("low", "high")
        unit = _UNITS[r["metric_kind"]]
        figures = [figure_text(r[k], unit, product.currency, signed=True) for k in ("effect", *ends)]
        both = [figure_text(r[k], unit, product.currency) for k in ("treatment", "control")]
        sure = (
            f": {label(r['metric'])} {both[0]} against {both[1]} ({figures[0]}, {figures[1]} to {figures[2]})"
            if r["conclusion"] != _HIDDEN and r["effect"] is not None
            else ""
        )
        worse = _worse(results, r)
        stated = _SAID.get(r["conclusion"], f"{{}}: {r['conclusion']}")
        stated = "Look twice at {}" if worse and r["conclusion"] == "better" else stated
        said = stated.format(f"{r['variant']} ({label(r['experiment'])})")
        reported.append(f"{said}{sure}{worse}.")
    return " ".join(reported)


def _worse(results: pl.DataFrame, r: dict[str, Any]) -> str:
    """What else the variant makes worse."""
    others = results.filter(_EVERYBODY, ~pl.col("is_primary"), pl.col("conclusion") == "worse")
    own = others.filter(pl.col("experiment") == r["experiment"], pl.col("variant") == r["variant"]).sort("metric")
    return f"; worse: {', '.join(map(label, own['metric']))}" if own.height else ""


def _division(rows: pl.DataFrame, name: str) -> Section:
    first = rows.row(0, named=True)
    reported = "not in the product file: shown, but not judged"
    if rows["is_configured"].any():
        p, evidence = first["ratio_p_value"], first["ratio_e_value"]
        reported = (
            "nobody counts yet"
            if p is None
            else f"a division as uneven comes by chance with p = {p:.3g}, for one look at the end"
        )
        if evidence is not None:
            reported += f"; evidence against the weights at any look so far: {evidence:.3g}"
        if first["ratio_alarm"]:
            reported += ". At 100 or more something is wrong with the division, and conclusions are hidden"
    return Section(
        f"{label(name)}: who saw what",
        f"People are divided by person; who saw two variants is set aside. By the weights in force, {reported}.",
        [],
        ("variant", "exposed", "set aside", "counted", "expected"),
        [
            (r["variant"] + (" (control)" if r["is_control"] else ""), *(count(r[k]) for k in ("people_exposed", "people_set_aside", "people_counted", "people_expected")))
            for r in rows.sort("is_control", "variant", descending=[True, False]).rows(named=True)
        ],
        provenance="experiment_groups: variant people_exposed people_set_aside people_counted people_expected",
    )  # fmt: skip


def _results(product: Product, rows: pl.DataFrame, name: str) -> Section:
    ordered = rows.sort("is_primary", "metric", "variant", descending=[True, False, False])
    days = product.experiments[name].window_days
    shown = ordered.filter(pl.col("control") != 0, pl.col("low").is_not_null(), pl.col("conclusion") != _HIDDEN)
    scale = pl.col("control").abs()
    low, high = pl.coalesce("always_low", "low"), pl.coalesce("always_high", "high")
    drawn = shown.select(
        what=pl.concat_str(pl.col("metric").str.replace_all("_", " "), pl.lit(", "), "variant"),
        effect=pl.col("effect") / scale, low=low / scale, high=high / scale, conclusion="conclusion",
    )  # fmt: skip
    return Section(
        f"{label(name)}: results",
        f"What people did in the {days} days after they first saw their variant, once these are over. The interval is good at every "
        "look where a minimum effect is planned, and else for one look at the end.",
        [charts.intervals(drawn, f"{label(name)}: change against the control", "change against the control", _COLOURS)] if drawn.height else [],
        ("metric", "variant", "conclusion", "people", "control", "variant's", "effect", "from", "to", "with CUPED", "planned end in"),
        [_result(product, r) for r in ordered.rows(named=True)],
        provenance="experiments: metric variant conclusion people_variant control treatment effect low high cuped_low days_to_go",
    )  # fmt: skip


def _result(product: Product, r: dict[str, Any]) -> tuple[str, ...]:
    unit, hidden = _UNITS[r["metric_kind"]], r["conclusion"] == _HIDDEN
    ends = ("always_low", "always_high") if r["always_low"] is not None else ("low", "high")
    # Where people weren't divided as planned no number may be looked at.
    known: dict[str, Any] = {} if hidden else r

    def shown(name: str, *, signed: bool = True) -> str:
        return figure_text(known.get(name), unit, product.currency, signed=signed)

    cuped = f"{shown('cuped_low')} to {shown('cuped_high')}" if known.get("cuped_low") is not None else ""
    return (
        label(r["metric"]) + (" (decides)" if r["is_primary"] else ""), r["variant"], r["conclusion"], _sides(r),
        shown("control", signed=False), shown("treatment", signed=False), *(shown(name) for name in ("effect", *ends)), cuped,
        "" if r["days_to_go"] is None else f"{r['days_to_go']}\u00a0days",
    )  # fmt: skip


def _sides(r: dict[str, Any]) -> str:
    return f"{count(r['people_control'])}\u00a0/\u00a0{count(r['people_variant'])}"


def _groups(product: Product, rows: pl.DataFrame, name: str) -> Section:
    own = rows.filter(~_EVERYBODY, "is_primary", pl.col("effect").is_not_null(), pl.col("conclusion") != _HIDDEN)
    ordered = own.sort("dimension", "people_variant", "value", "variant", descending=[False, True, False, False])
    return Section(
        f"{label(name)}: the deciding metric by group",
        "Groups are looked at together, and their conclusions allow for it; a group's difference to another is a question for the "
        "next experiment.",
        [],
        ("group", "variant", "people", "effect", "from", "to", "conclusion"),
        [
            (f"{label(r['dimension'])}: {label(r['value'])}", r["variant"], _sides(r),
             *(figure_text(r[k], _UNITS[r["metric_kind"]], product.currency, signed=True) for k in ("effect", "low", "high")), r["conclusion"])
            for r in ordered.rows(named=True)
        ],
        provenance="experiments: value variant people_variant effect low high conclusion",
    )  # fmt: skip


def _hypotheses(product: Product, rows: pl.DataFrame, results: pl.DataFrame) -> Section:
    kinds = {(r["experiment"], r["metric"]): _UNITS[r["metric_kind"]] for r in results.rows(named=True)}
    shares = ("conversion", "bounce_rate", "retention", "churn")

    def unit(r: dict[str, Any]) -> str:
        experiment = product.hypotheses[r["hypothesis"]].experiment
        return (
            kinds.get((experiment, r["metric"]), "count")
            if experiment
            else "share"
            if r["metric"] in shares
            else "count"
        )

    return Section(
        "Hypotheses",
        "What the team believes, and what its experiment or release says of it. Supported: the whole interval lies where it was "
        "expected; refuted: all of it lies short of that.",
        [],
        ("hypothesis", "conclusion", "metric", "expected", "before", "effect", "from", "to", "tested by"),
        [
            (r["statement"], r["conclusion"], label(r["metric"]), r["expected"] + (f" by {r['expected_size']:.0%}" if r["expected_size"] else ""),
             figure_text(r["before"], unit(r), product.currency),
             *(figure_text(r[k], unit(r), product.currency, signed=True) for k in ("effect", "low", "high")), label(r["tested_by"]))
            for r in rows.sort("hypothesis").rows(named=True)
        ],
        provenance="hypotheses: statement conclusion metric expected before effect low high tested_by",
    )  # fmt: skip


PAGE = ReportPage(
    "experiments", "Experiments", "Decide", 40, lambda shown: experiments_page(shown.product, shown.marts)
)
