"""Opportunities, ranked, and for the first of them a business case that prints on two pages."""

from typing import Any

import polars as pl
from markupsafe import Markup

from pipeline.product import Product
from pipeline.report import charts
from pipeline.report.parts import (
    Marts,
    Page,
    Quote,
    Section,
    Tile,
    count,
    day_text,
    linked,
    money,
    releases_of,
    said,
    share,
)
from pipeline.report.passports import Trust, said_of
from pipeline.report.replays import Replays, page_name, watch_links
from pipeline.value.impact import CLAIMED_BELOW
from pipeline.value.units import STRATA_OF

_CASES, _SHOWN, _UNCLEAR_SHOWN = 8, 30, 12
_WEEKS_A_MONTH = 52 / 12
_COLOURS = {"claimed": charts.BLUE}
_SIGNALS = {
    "rage_click": "Rage clicks", "dead_click": "Dead clicks", "error_click": "Clicks that end in an error",
    "broken_link": "A broken link", "quick_back": "People who turn back at once", "page_loop": "Page loops",
    "form_retry": "Forms sent again and again", "slow_page": "Slow page views", "excessive_scroll": "Excessive scrolling",
}  # fmt: skip
_DASH = "–"  # noqa: RUF001


def opportunity_pages(product: Product, marts: Marts, replays: Replays, trust: Trust) -> list[Page]:
    """The ranked list, and the business cases."""
    found = marts["opportunities"].sort("rank")
    names = dict(marts["themes"].select("theme", "name").unique("theme").sort("theme").rows())
    titles = {row["id"]: title_of(row, names) for row in found.rows(named=True)}
    open_ = found.filter(pl.col("rank").is_not_null())
    chosen = open_.filter("claimed").head(_CASES)["id"].to_list()
    cases = [
        _case(product, marts, row, titles[row["id"]], replays, trust)
        for row in found.filter(pl.col("id").is_in(chosen)).rows(named=True)
    ]
    lead = _lead(product, open_, titles)
    sections = [
        _ranked(product, open_, titles, _notes(found, titles), set(chosen)),
        _unclear(product, open_, titles),
        _gone(product, found, titles),
        _closed(product, found, titles),
    ]
    return [Page("opportunities", "Opportunities", [], sections, lead=lead), *cases]


def title_of(row: dict[str, Any], themes: dict[str, str]) -> str:
    """What an opportunity is, in words."""
    kind, page, subject = row["kind"], said(row["page"]), row["subject"]
    if kind == "zone":
        signal, _, zone = subject.partition(" in ")
        return f"{_SIGNALS.get(signal, said(signal))} on {said(zone)} ({page})"
    if kind == "funnel_drop":
        step, _, group = subject.rpartition(", ")
        return f"{said(group)}: fewer go on after {step} ({page})"
    if kind == "theme":
        return f"Comments about {themes.get(subject, subject)} ({page})"
    return f"{_SIGNALS.get(subject, said(subject))} ({page})"


def _notes(found: pl.DataFrame, titles: dict[str, str]) -> dict[str, str]:
    """What has happened to each, and those that are one with it, to stand after its title."""
    parts = found.filter(pl.col("part_of").is_not_null()).group_by("part_of", maintain_order=True).agg("id")
    also = {whole: " and ".join(titles[id_] for id_ in ids) for whole, ids in parts.rows()}
    notes: dict[str, str] = {}
    for r in found.rows(named=True):
        state = {"new": f" (new since {day_text(r['since'])})" if r["since"] else "", "growing": " (growing)"}
        same = f"; with it {also[r['id']]}, over half of whose sessions met this too" if r["id"] in also else ""
        notes[r["id"]] = state.get(r["state"], "") + same
    return notes


def _lead(product: Product, open_: pl.DataFrame, titles: dict[str, str]) -> str:
    claimed = open_.filter("claimed")
    if claimed.is_empty():
        return "Nothing that was met in the last four complete weeks can be told from chance to cost anything."
    row = claimed.row(0, named=True)
    if row["cost_per_week"] is None:
        return f"First: {titles[row['id']]}. {_ask(product, row)}"
    ends = f"{_cost(row['cost_low'], product)} to {_cost(row['cost_high'], product)}"
    return f"First: {titles[row['id']]}. A week of waiting costs about {_cost(row['cost_per_week'], product)} ({ends})."


def _ranked(
    product: Product, open_: pl.DataFrame, titles: dict[str, str], notes: dict[str, str], cases: set[str]
) -> Section:
    claimed = open_.filter("claimed", pl.col("cost_per_week").is_not_null()).head(_CASES)
    drawn = claimed.select(
        what=pl.col("id").replace_strict(titles, default=None, return_dtype=pl.String), effect="cost_per_week", low="cost_low", high="cost_high",
        verdict=pl.lit("claimed"),
    )  # fmt: skip
    title = f"{product.currency} a week"
    return Section(
        "What to fix first",
        "Ranked by the cautious end of the cost of delay (80 % interval) for a week of work. The cost is what sessions like them "
        "reach without the problem and these don't, times how often it is met, times what an order brings: an association "
        "among sessions that are alike. Costs don't add up: one session meets several problems.",
        [charts.intervals(drawn, "Cost of waiting a week", title, _COLOURS, ",d")] if drawn.height else [],
        ("opportunity", "met a week", "reach the goal", "without it", "lost a week", "cost a week", "from", "to", "work", "pays back in", "weeks seen"),
        [_row(product, r, titles[r["id"]] + notes[r["id"]], is_case=r["id"] in cases) for r in open_.filter("claimed").head(_SHOWN).rows(named=True)],
        note="" if open_["claimed"].any() else "Nothing can be told from chance.",
        passport="opportunities: subject met_per_week rate_with effect lost_per_week cost_per_week cost_low cost_high weeks_of_work payback_weeks weeks_claimed",
    )  # fmt: skip


def _unclear(product: Product, open_: pl.DataFrame, titles: dict[str, str]) -> Section:
    unclear = open_.filter(~pl.col("claimed"))
    return Section(
        "What can't be told from chance",
        f"{count(unclear.height)} more were looked at; each may still cost something. The mart `opportunities` has them all.",
        [],
        ("opportunity", "met a week", "reach the goal", "without it", "costs a week", "from", "to", "why not"),
        [
            (titles[r["id"]], count(r["met_per_week"]), *(share(rate) for rate in reversed(_rates(r))),
             *(_cost(r[k], product) for k in ("cost_per_week", "cost_low", "cost_high")), _why_not(r))
            for r in unclear.head(_UNCLEAR_SHOWN).rows(named=True)
        ],
        note="" if unclear.height else "None.",
        passport="opportunities: subject met_per_week rate_with effect cost_per_week cost_low cost_high q_value",
    )  # fmt: skip


def _why_not(r: dict[str, Any]) -> str:
    """Why an opportunity isn't claimed, in a few words."""
    if r["q_value"] is None:
        return "too few met it, or too few like them reached the goal"
    if r["effect"] <= 0:
        return "those who met it reach the goal as often or more"
    if r["p_value"] < CLAIMED_BELOW:
        return f"not beyond chance among all that was looked at (q = {r['q_value']:.2g})"
    return f"not beyond chance (p = {r['p_value']:.2g})"


def _gone(product: Product, found: pl.DataFrame, titles: dict[str, str]) -> Section:
    gone = found.filter(pl.col("state") == "gone", pl.col("closed").is_null(), pl.col("used_to_cost").is_not_null())
    return Section(
        "No longer met",
        "They stopped, or fell under a tenth of what they were, though their pages are seen as before. What they cost is that of "
        "the last week before.",
        [],
        ("opportunity", "stopped on", "release", "used to cost a week"),
        [
            (titles[r["id"]], day_text(r["since"], "%d %b %Y"), said(r["release"] or _DASH), _cost(r["used_to_cost"], product))
            for r in gone.sort("used_to_cost", "id", descending=[True, False]).rows(named=True)
        ],
        note="" if gone.height else "None.",
        passport="opportunities: subject since release used_to_cost",
    )  # fmt: skip


def _cost(value: float | None, product: Product) -> str:
    """An estimate in whole units: its cents tell nothing."""
    return _DASH if value is None else f"{value:,.0f}\u00a0{product.currency}"


def _row(product: Product, r: dict[str, Any], title: str, *, is_case: bool) -> tuple[str, ...]:
    without, with_it = _rates(r)
    work = f"{r['weeks_of_work']:g}\u00a0weeks" + ("" if r["effort_said"] else " (assumed)")
    back = _DASH if r["payback_weeks"] is None else f"{r['payback_weeks']:.1f}\u00a0weeks"
    numbered = f"{r['rank']}. {title}"
    return (
        linked(numbered, f"case-{r['id']}") if is_case else numbered, count(r["met_per_week"]), share(with_it), share(without),
        f"{r['lost_per_week']:.1f}", *(_cost(r[k], product) for k in ("cost_per_week", "cost_low", "cost_high")), work, back,
        count(r["weeks_claimed"]),
    )  # fmt: skip


def _rates(r: dict[str, Any]) -> tuple[float | None, float | None]:
    """The share that reached the goal without it, as strata of those with it have it, and with it."""
    with_it = r.get("rate_with")
    return (None if with_it is None or r["effect"] is None else with_it + r["effect"]), with_it


def _closed(product: Product, found: pl.DataFrame, titles: dict[str, str]) -> Section:
    closed = found.filter(pl.col("closed").is_not_null()).sort("closed", "id", descending=[True, False])
    return Section(
        "Closed ones: promised and realised",
        "What fixing was to bring, by the last week before it, beside what is no longer lost once four weeks have passed. The "
        "product file says what is closed.",
        [],
        ("opportunity", "closed", "promised a week", "realised a week", "from", "to"),
        [
            (titles[r["id"]], day_text(r["closed"], "%d %b %Y"),
             *(money(r[k], product.currency) for k in ("promised_per_week", "realised_per_week", "realised_low", "realised_high")))
            for r in closed.rows(named=True)
        ],
        note="" if closed.height else "None yet.",
        passport="opportunities: subject closed promised_per_week realised_per_week realised_low realised_high",
    )  # fmt: skip


def _case(product: Product, marts: Marts, r: dict[str, Any], title: str, replays: Replays, trust: Trust) -> Page:
    evidence = marts["evidence"].filter(pl.col("id") == r["id"]).sort("place")
    sections = [
        _what_happens(r, title),
        _history(product, marts["opportunity_history"].filter(pl.col("id") == r["id"]).sort("as_of")),
        _words(evidence.filter(pl.col("kind") == "quote"), replays),
        _sessions(
            evidence.filter(pl.col("kind") == "session"), marts["watch"].filter(pl.col("id") == r["id"]), replays
        ),
        _doubts(r),
    ]
    lead = _ask(product, r)
    return Page(f"case-{r['id']}", title, _case_tiles(product, r, trust), sections, in_navigation=False, lead=lead)


def _ask(product: Product, r: dict[str, Any]) -> str:
    if r["cost_per_week"] is None:
        return f"It takes about {r['lost_per_week']:.1f} times “{said(r['goal'])}” a week."
    month = [_cost(r[k] * _WEEKS_A_MONTH, product) for k in ("cost_per_week", "cost_low", "cost_high")]
    text = f"Waiting one more month costs about {month[0]} (80 % interval: {month[1]} to {month[2]})."
    if r["payback_weeks"] is not None:
        work = f"{r['weeks_of_work']:g} weeks of work" + (
            "" if r["effort_said"] else ", as assumed where nothing else is said,"
        )
        text += f" Fixing it takes {work} and pays back in {r['payback_weeks']:.1f} weeks."
    return text


def _case_tiles(product: Product, r: dict[str, Any], trust: Trust) -> list[Tile]:
    without, with_it = _rates(r)
    none = Markup()

    def told(column: str) -> str:
        return said_of(
            "opportunities",
            column,
            product,
            trust,
            f"n: {count(r['sessions_with'])} that met it, {count(r['sessions_without'])} without.",
        )

    cost = (
        "Cost of waiting a week", _cost(r["cost_per_week"], product),
        f"80 % interval: {_cost(r['cost_low'], product)} to {_cost(r['cost_high'], product)}",
    )  # fmt: skip
    return [
        Tile(*cost, none, "Goals lost x what an order brings.", told("cost_per_week")),
        Tile("Met a week", count(r["met_per_week"]), f"{count(r['sessions_with_all'])} in the weeks looked at", none, "Mean of the last complete weeks, at most 4.", told("met_per_week")),
        Tile("Reach the goal", f"{share(with_it)}", f"{share(without)} of those like them without it", none, f"Goal: {said(r['goal'])}.", told("rate_with")),
        Tile("Lost a week", f"{r['lost_per_week']:.1f}", f"{r['lost_low']:.1f} to {r['lost_high']:.1f}", none, "Times that the goal is missed.", told("lost_per_week")),
    ]  # fmt: skip


def _what_happens(r: dict[str, Any], title: str) -> Section:
    without, with_it = _rates(r)
    bars = pl.DataFrame(
        {"step": [0, 1], "step_name": ["with it", "like them, without it"], "people_converted": [100 * (with_it or 0), 100 * (without or 0)],
         "shown": [share(with_it), share(without)]}
    )  # fmt: skip
    return Section(
        "What happens",
        f"{title}. Of {count(r['sessions_with'])} that met it, {share(with_it)} reached “{said(r['goal'])}” afterwards; of those "
        f"without it that are alike in {_strata(r['kind'])}, {share(without)}.",
        [charts.steps(bars, f"{title}: who reached the goal", "% who reached the goal")]
        if r["effect"] is not None
        else [],
    )


_STRATA = {
    "device_type": "device",
    "is_new": "whether they are new or returning",
    "views_before": "page views before it",
}


def _strata(kind: str) -> str:
    """What those who are compared have in common, in words."""
    return " and ".join(", ".join(_STRATA[name] for name in STRATA_OF[kind]).rsplit(", ", 1))


def _history(product: Product, rows: pl.DataFrame) -> Section:
    shown = rows.filter(pl.col("cost_per_week").is_not_null()).select(
        start="as_of", score="cost_per_week", low_end="cost_low", high_end="cost_high"
    )
    title = f"{product.currency} a week"
    releases = releases_of(product)
    return Section(
        "Week by week",
        "Cost of delay over the four weeks that end with each week, with its 80 % interval.",
        [charts.band(shown, "Cost of delay by week", title, releases)] if shown.height > 1 else [],
        note="" if shown.height > 1 else "There is one week so far.",
    )


def _words(quotes: pl.DataFrame, replays: Replays) -> Section:
    told = [
        Quote(
            r["detail"], "", Markup(" · ").join(filter(None, (
                None if r["score"] is None else f"score {r['score']}", day_text(r["day"]), r["device_type"],
                replays.of_session(r["session_key"]),
            ))),
        )
        for r in quotes.rows(named=True)
    ]  # fmt: skip
    return Section(
        "In their words",
        "Said after it was met, in those sessions, praise left out. Verbatim, personal data removed.",
        quotes=told,
        note="" if told else "Nobody who met it said anything about it.",
    )


def _sessions(sessions: pl.DataFrame, watch: pl.DataFrame, replays: Replays) -> Section:
    recorded = watch_links(watch, replays)
    return Section(
        "Sessions to watch",
        "The latest ones of different people, those that didn't reach the goal first, and when in the session it happened.",
        [],
        ("session", "when", "device", "after", "what shows it"),
        [
            (replays.link(page_name(r["session_key"])[:8], r["session_key"], r["happened_at"]), f"{r['happened_at']:%d %b %H:%M} UTC", r["device_type"],
             _DASH if r["offset_ms"] is None else f"{r['offset_ms'] / 1000:.0f} s", r["detail"] or "")
            for r in sessions.rows(named=True)
        ],
        note=Markup("Recorded, the ones that show it best first: {}").format(recorded) if recorded else "",
        passport="evidence: session_key happened_at device_type offset_ms detail",
    )  # fmt: skip


def _doubts(r: dict[str, Any]) -> Section:
    least, most = (share(r[k]) for k in ("low", "high"))
    p = "" if r["q_value"] is None else f" After allowing for all that was looked at, q = {r['q_value']:.2g}."
    return Section(
        "How sure we are",
        "",
        note=f"The difference is {share(r['effect'])}, with a 95 % interval from {least} to {most}, clustered by person.{p} It is an "
        "association among sessions that are alike, no experiment: something else that these sessions share may be behind it. It "
        "doesn't add up with other opportunities.",
    )
