"""Opportunities, ranked; report/business_case.py makes the page of each of the first of them."""

from typing import Any

import polars as pl

from pipeline.core.product import Product
from pipeline.domains.opportunities.impact import CLAIMED_BELOW
from pipeline.report import charts
from pipeline.report.business_case import DASH, ask, case_page, cost, rates, title_of
from pipeline.report.page import ReportPage, Shown
from pipeline.report.parts import Page, Section, count, day_text, label, linked, money, share, theme_names

_CASES, _SHOWN, _UNCLEAR_SHOWN = 8, 30, 12
_COLOURS = {"claimed": charts.BLUE}


def opportunity_pages(shown: Shown) -> list[Page]:
    """The ranked list, and the business cases."""
    product, marts = shown.product, shown.marts
    result = marts["opportunities"].sort("rank")
    names = theme_names(marts)
    titles = {row["opportunity_id"]: title_of(row, names) for row in result.rows(named=True)}
    open_ = result.filter(pl.col("rank").is_not_null())
    chosen = open_.filter("claimed").head(_CASES)["opportunity_id"].to_list()
    cases = [
        case_page(shown, row, titles[row["opportunity_id"]])
        for row in result.filter(pl.col("opportunity_id").is_in(chosen)).rows(named=True)
    ]
    lead = _lead(product, open_, titles)
    sections = [
        _ranked(product, open_, titles, _notes(result, titles), set(chosen)),
        _unclear(product, open_, titles),
        _gone(product, result, titles),
        _closed(product, result, titles),
    ]
    return [Page("opportunities", "Opportunities", [], sections, lead=lead), *cases]


def _notes(result: pl.DataFrame, titles: dict[str, str]) -> dict[str, str]:
    """What has happened to each, and those that are one with it, to stand after its title."""
    parts = (
        result.filter(pl.col("part_of").is_not_null()).group_by("part_of", maintain_order=True).agg("opportunity_id")
    )
    also = {whole: " and ".join(titles[id_] for id_ in ids) for whole, ids in parts.rows()}
    notes: dict[str, str] = {}
    for r in result.rows(named=True):
        state = {"new": f" (new since {day_text(r['since'])})" if r["since"] else "", "growing": " (growing)"}
        same = (
            f"; with it {also[r['opportunity_id']]}, over half of whose sessions have this too"
            if r["opportunity_id"] in also
            else ""
        )
        notes[r["opportunity_id"]] = state.get(r["state"], "") + same
    return notes


def _lead(product: Product, open_: pl.DataFrame, titles: dict[str, str]) -> str:
    claimed = open_.filter("claimed")
    if claimed.is_empty():
        return "Nothing in the last four complete weeks can be told from chance to cost anything."
    row = claimed.row(0, named=True)
    if row["cost_per_week"] is None:
        return f"First: {titles[row['opportunity_id']]}. {ask(product, row)}"
    ends = f"{cost(row['cost_low'], product)} to {cost(row['cost_high'], product)}"
    return f"First: {titles[row['opportunity_id']]}. A week of waiting costs about {cost(row['cost_per_week'], product)} ({ends})."


def _ranked(
    product: Product, open_: pl.DataFrame, titles: dict[str, str], notes: dict[str, str], cases: set[str]
) -> Section:
    claimed = open_.filter("claimed", pl.col("cost_per_week").is_not_null()).head(_CASES)
    drawn = claimed.select(
        what=pl.col("opportunity_id").replace_strict(titles, default=None, return_dtype=pl.String), effect="cost_per_week", low="cost_low", high="cost_high",
        conclusion=pl.lit("claimed"),
    )  # fmt: skip
    title = f"{product.currency} a week"
    return Section(
        "What to fix first",
        "Ranked by the cautious end of the cost of delay (80 % interval) for a week of work. The cost is what sessions like them "
        "reach without the problem and these don't, times how often it happens, times what an order brings: an association "
        "among sessions that are alike. Costs don't add up: one session meets several problems.",
        [charts.intervals(drawn, "Cost of waiting a week", title, _COLOURS, ",d")] if drawn.height else [],
        ("opportunity", "affected a week", "reach the goal", "without it", "lost a week", "cost a week", "from", "to", "work", "pays back in", "weeks seen"),
        [_row(product, r, titles[r["opportunity_id"]] + notes[r["opportunity_id"]], is_case=r["opportunity_id"] in cases) for r in open_.filter("claimed").head(_SHOWN).rows(named=True)],
        note="" if open_["claimed"].any() else "Nothing can be told from chance.",
        provenance="opportunities: subject met_per_week rate_with effect lost_per_week cost_per_week cost_low cost_high weeks_of_work payback_weeks weeks_claimed",
    )  # fmt: skip


def _unclear(product: Product, open_: pl.DataFrame, titles: dict[str, str]) -> Section:
    unclear = open_.filter(~pl.col("claimed"))
    return Section(
        "What can't be told from chance",
        f"{count(unclear.height)} more were looked at; each may still cost something. The mart `opportunities` has them all.",
        [],
        ("opportunity", "affected a week", "reach the goal", "without it", "costs a week", "from", "to", "why not"),
        [
            (titles[r["opportunity_id"]], count(r["met_per_week"]), *(share(rate) for rate in reversed(rates(r))),
             *(cost(r[k], product) for k in ("cost_per_week", "cost_low", "cost_high")), _why_not(r))
            for r in unclear.head(_UNCLEAR_SHOWN).rows(named=True)
        ],
        note="" if unclear.height else "None.",
        provenance="opportunities: subject met_per_week rate_with effect cost_per_week cost_low cost_high q_value",
    )  # fmt: skip


def _why_not(r: dict[str, Any]) -> str:
    """Why an opportunity isn't claimed, in a few words."""
    if r["q_value"] is None:
        return "too few were affected, or too few like them reached the goal"
    if r["effect"] <= 0:
        return "those affected reach the goal as often or more"
    if r["p_value"] < CLAIMED_BELOW:
        return f"not beyond chance among all that was looked at (q = {r['q_value']:.2g})"
    return f"not beyond chance (p = {r['p_value']:.2g})"


def _gone(product: Product, result: pl.DataFrame, titles: dict[str, str]) -> Section:
    gone = result.filter(pl.col("state") == "gone", pl.col("closed").is_null(), pl.col("used_to_cost").is_not_null())
    return Section(
        "No longer seen",
        "They stopped, or fell under a tenth of what they were, though their pages are seen as before. What they cost is that of "
        "the last week before.",
        [],
        ("opportunity", "stopped on", "release", "used to cost a week"),
        [
            (titles[r["opportunity_id"]], day_text(r["since"], "%d %b %Y"), label(r["release"] or DASH), cost(r["used_to_cost"], product))
            for r in gone.sort("used_to_cost", "opportunity_id", descending=[True, False]).rows(named=True)
        ],
        note="" if gone.height else "None.",
        provenance="opportunities: subject since release used_to_cost",
    )  # fmt: skip


def _row(product: Product, r: dict[str, Any], title: str, *, is_case: bool) -> tuple[str, ...]:
    without, with_it = rates(r)
    work = f"{r['weeks_of_work']:g}\u00a0weeks" + ("" if r["effort_stated"] else " (assumed)")
    back = DASH if r["payback_weeks"] is None else f"{r['payback_weeks']:.1f}\u00a0weeks"
    numbered = f"{r['rank']}. {title}"
    return (
        linked(numbered, f"case-{r['opportunity_id']}") if is_case else numbered, count(r["met_per_week"]), share(with_it), share(without),
        f"{r['lost_per_week']:.1f}", *(cost(r[k], product) for k in ("cost_per_week", "cost_low", "cost_high")), work, back,
        count(r["weeks_claimed"]),
    )  # fmt: skip


def _closed(product: Product, result: pl.DataFrame, titles: dict[str, str]) -> Section:
    closed = result.filter(pl.col("closed").is_not_null()).sort("closed", "opportunity_id", descending=[True, False])
    return Section(
        "Closed ones: promised and realised",
        "What fixing was to bring, by the last week before it, beside what is no longer lost once four weeks have passed. The "
        "product file says what is closed.",
        [],
        ("opportunity", "closed", "promised a week", "realised a week", "from", "to"),
        [
            (titles[r["opportunity_id"]], day_text(r["closed"], "%d %b %Y"),
             *(money(r[k], product.currency) for k in ("promised_per_week", "realised_per_week", "realised_low", "realised_high")))
            for r in closed.rows(named=True)
        ],
        note="" if closed.height else "None yet.",
        provenance="opportunities: subject closed promised_per_week realised_per_week realised_low realised_high",
    )  # fmt: skip


PAGE = ReportPage("opportunities", "Opportunities", "Decide", 30, opportunity_pages)
