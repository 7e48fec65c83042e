"""The business case of one opportunity: what happens, what it costs, what people said, and how sure that is."""

from typing import Any

import polars as pl
from markupsafe import Markup

from pipeline.core.product import Product
from pipeline.domains.opportunities.units import STRATA_OF
from pipeline.report import charts
from pipeline.report.page import Shown
from pipeline.report.parts import Page, Quote, Section, Tile, count, day_text, duration, label, releases_of, share
from pipeline.report.place import place_of
from pipeline.report.provenance import Trust, provenance_text
from pipeline.report.replays import Replays, watch_links

_WEEKS_A_MONTH = 52 / 12
# As many as leave the page printed on two.
_SESSIONS = 6
DASH = "–"  # noqa: RUF001
_SIGNALS = {
    "rage_click": "Rage clicks", "dead_click": "Dead clicks", "error_click": "Clicks that end in an error",
    "broken_link": "A broken link", "quick_back": "People who turn back at once", "page_loop": "Page loops",
    "form_retry": "Forms sent again and again", "slow_page": "Slow page views", "excessive_scroll": "Excessive scrolling",
}  # fmt: skip


def cost(value: float | None, product: Product) -> str:
    """An estimate in whole units: its cents tell nothing."""
    return DASH if value is None else f"{value:,.0f}\u00a0{product.currency}"


def rates(r: dict[str, Any]) -> tuple[float | None, float | None]:
    """The share that reached the goal without it, as strata of those with it have it, and with it."""
    with_it = r.get("rate_with")
    return (None if with_it is None or r["effect"] is None else with_it + r["effect"]), with_it


def case_page(shown: Shown, r: dict[str, Any], title: str) -> Page:
    """The page of one row of the mart `opportunities`, for who decides; it prints on two."""

    def own(mart: str) -> pl.DataFrame:
        return shown.marts[mart].filter(pl.col("opportunity_id") == r["opportunity_id"])

    product, replays = shown.product, shown.replays
    evidence = own("evidence").sort("position")
    sessions = evidence.filter(pl.col("kind") == "session").head(_SESSIONS)
    place = place_of(product, shown.home, r, sessions["device_type"])
    sections = [
        *([Section("Where it happens", "", [place])] if place else []),
        _what_happens(r, title),
        _history(product, own("opportunity_history").sort("as_of")),
        _words(evidence.filter(pl.col("kind") == "quote"), replays),
        _decision(product, r),
        _sessions(product, sessions, own("watch"), replays),
        _doubts(r),
    ]
    tiles = _case_tiles(product, r, shown.trust)
    return Page(f"case-{r['opportunity_id']}", title, tiles, sections, in_navigation=False, lead=ask(product, r))


def ask(product: Product, r: dict[str, Any]) -> str:
    """What waiting costs, and what a fix takes, in a sentence."""
    if r["cost_per_week"] is None:
        return f"It takes about {r['lost_per_week']:.1f} times “{label(r['goal'])}” a week."
    month = [cost(r[k] * _WEEKS_A_MONTH, product) for k in ("cost_per_week", "cost_low", "cost_high")]
    text = f"Waiting one more month costs about {month[0]} (80 % interval: {month[1]} to {month[2]})."
    if r["payback_weeks"] is not None:
        text += f" Fixing it takes {_work(product, r)} and pays back in {r['payback_weeks']:.1f} weeks."
    return text


def _work(product: Product, r: dict[str, Any]) -> str:
    """What a fix takes, in weeks and, where the product file says what a week costs, in money."""
    weeks, a_week = r["weeks_of_work"], product.opportunities.cost_per_week
    said = "" if r["effort_stated"] else ", as assumed where nothing else is said"
    money = "" if a_week is None else f" ({weeks:g} × {cost(a_week, product)} = {cost(weeks * a_week, product)}{said})"  # noqa: RUF001
    return f"{weeks:g} {'week' if weeks == 1 else 'weeks'} of work" + (money or said)


def _case_tiles(product: Product, r: dict[str, Any], trust: Trust) -> list[Tile]:
    without, with_it = rates(r)
    none = Markup()

    def reported(column: str) -> str:
        return provenance_text(
            "opportunities",
            column,
            product,
            trust,
            f"n: {count(r['sessions_with'])} affected, {count(r['sessions_without'])} not.",
        )

    waiting = (
        "Cost of waiting a week", cost(r["cost_per_week"], product),
        f"80 % interval: {cost(r['cost_low'], product)} to {cost(r['cost_high'], product)}",
    )  # fmt: skip
    return [
        Tile(*waiting, none, "Goals lost x what an order brings.", reported("cost_per_week")),
        Tile("Affected a week", count(r["met_per_week"]), f"{count(r['sessions_with_all'])} in the weeks looked at", none, "Mean of the last complete weeks, at most 4.", reported("met_per_week")),
        Tile("Reach the goal", f"{share(with_it)}", f"{share(without)} of those like them without it", none, f"Goal: {label(r['goal'])}.", reported("rate_with")),
        Tile("Lost a week", f"{r['lost_per_week']:.1f}", f"{r['lost_low']:.1f} to {r['lost_high']:.1f}", none, "Times that the goal is missed.", reported("lost_per_week")),
    ]  # fmt: skip


def _what_happens(r: dict[str, Any], title: str) -> Section:
    without, with_it = rates(r)
    bars = pl.DataFrame(
        {"step": [0, 1], "step_name": ["with it", "like them, without it"], "people_converted": [100 * (with_it or 0), 100 * (without or 0)],
         "shown": [share(with_it), share(without)]}
    )  # fmt: skip
    return Section(
        "What happens",
        f"{title}. Of {count(r['sessions_with'])} affected sessions {share(with_it)} reached “{label(r['goal'])}” afterwards; of those "
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
    reported = [
        Quote(
            r["detail"], "", Markup(" · ").join(filter(None, (
                None if r["score"] is None else f"score {r['score']}", day_text(r["day"]), r["device_type"],
                replays.link("watch", r["session_key"]) if replays.address(r["session_key"]) else None,
            ))),
        )
        for r in quotes.rows(named=True)
    ]  # fmt: skip
    return Section(
        "In their words",
        "Said afterwards in affected sessions, praise left out. Verbatim, personal data removed.",
        quotes=reported,
        note="" if reported else "Nobody affected said anything about it.",
    )


def _decision(product: Product, r: dict[str, Any]) -> Section:
    """What is asked of who reads it."""
    gain = f"{r['lost_per_week']:.1f} times “{label(r['goal'])}” a week"
    if r["cost_per_week"] is not None:
        gain = f"{cost(r['cost_per_week'], product)} a week ({cost(r['cost_low'], product)} to {cost(r['cost_high'], product)})"
    return Section(
        "What is asked for",
        "",
        note=f"{_capital(_work(product, r))}, to win back about {gain}. Four weeks after the fix the list of opportunities says what it "
        "brought.",
    )


def _sessions(product: Product, sessions: pl.DataFrame, watch: pl.DataFrame, replays: Replays) -> Section:
    recorded = watch_links(watch, replays)
    rows: list[tuple[str, ...]] = []
    for r in sessions.rows(named=True):
        when = f"{r['happened_at'].astimezone(product.zone_info):%d %b, %H:%M}"
        after = DASH if r["offset_seconds"] is None else duration(r["offset_seconds"])
        rows.append(
            (replays.link(when, r["session_key"], r["happened_at"]), r["device_type"], after, r["detail"] or "")
        )
    return Section(
        "Sessions to watch",
        "The latest ones of different people, those that didn't reach the goal first, and how long into the session it happened.",
        [],
        ("when", "device", "after", "what shows it"),
        rows,
        note=Markup("Recorded, the ones that show it best first: {}").format(recorded) if recorded else "",
        provenance="evidence: happened_at device_type offset_seconds detail",
    )


def _doubts(r: dict[str, Any]) -> Section:
    if r["effect"] is None:
        return Section("How sure we are", "", note="Too few were affected to say how much it changes.")
    points = [f"{100 * r[k]:.1f}" for k in ("effect", "low", "high")]
    certain = "; it is significant, also after allowing for all that was looked at" if r["claimed"] else ""
    return Section(
        "How sure we are",
        "",
        note=f"The difference is {points[0]} points (95 % interval: {points[1]} to {points[2]}){certain}. These sessions are alike but "
        "no experiment was made: something else that they share may be behind it. Don't add it to other opportunities: one session "
        "meets several.",
    )


def _capital(text: str) -> str:
    """As at the begin of a sentence; names such as iOS keep their other letters."""
    return text[:1].upper() + text[1:]


def title_of(row: dict[str, Any], themes: dict[str, str]) -> str:
    """What an opportunity is, in words."""
    kind, page, subject = row["kind"], label(row["page"]), row["subject"]
    if kind == "zone":
        signal, _, zone = subject.partition(" in ")
        return f"{_SIGNALS.get(signal, label(signal))} on {label(zone)} ({page})"
    if kind == "funnel_drop":
        step, _, group = subject.rpartition(", ")
        return f"{_capital(label(group))}: fewer go on after {step} ({page})"
    if kind == "theme":
        return f"Comments about {themes.get(subject, subject)} ({page})"
    return f"{_SIGNALS.get(subject, label(subject))} ({page})"
