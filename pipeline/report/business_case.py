"""The business case of one opportunity: what happens, what it costs, what people said, and how sure that is."""

from typing import Any

import polars as pl
from markupsafe import Markup

from pipeline.core.product import Product
from pipeline.domains.opportunities.units import STRATA_OF
from pipeline.report import charts
from pipeline.report.parts import Marts, Page, Quote, Section, Tile, count, day_text, label, releases_of, share
from pipeline.report.provenance import Trust, provenance_text
from pipeline.report.replays import Replays, watch_links

_WEEKS_A_MONTH = 52 / 12
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


def case_page(product: Product, marts: Marts, r: dict[str, Any], title: str, replays: Replays, trust: Trust) -> Page:
    """The page of one row of the mart `opportunities`; it prints on two."""
    evidence = marts["evidence"].filter(pl.col("opportunity_id") == r["opportunity_id"]).sort("position")
    sections = [
        _what_happens(r, title),
        _history(
            product, marts["opportunity_history"].filter(pl.col("opportunity_id") == r["opportunity_id"]).sort("as_of")
        ),
        _words(evidence.filter(pl.col("kind") == "quote"), replays),
        _sessions(
            evidence.filter(pl.col("kind") == "session"),
            marts["watch"].filter(pl.col("opportunity_id") == r["opportunity_id"]),
            replays,
        ),
        _doubts(r),
    ]
    lead = ask(product, r)
    return Page(
        f"case-{r['opportunity_id']}", title, _case_tiles(product, r, trust), sections, in_navigation=False, lead=lead
    )


def ask(product: Product, r: dict[str, Any]) -> str:
    """What waiting costs, and what a fix takes, in a sentence."""
    if r["cost_per_week"] is None:
        return f"It takes about {r['lost_per_week']:.1f} times “{label(r['goal'])}” a week."
    month = [cost(r[k] * _WEEKS_A_MONTH, product) for k in ("cost_per_week", "cost_low", "cost_high")]
    text = f"Waiting one more month costs about {month[0]} (80 % interval: {month[1]} to {month[2]})."
    if r["payback_weeks"] is not None:
        work = f"{r['weeks_of_work']:g} weeks of work" + (
            "" if r["effort_stated"] else ", as assumed where nothing else is said,"
        )
        text += f" Fixing it takes {work} and pays back in {r['payback_weeks']:.1f} weeks."
    return text


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
                replays.of_session(r["session_key"]),
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


def _sessions(sessions: pl.DataFrame, watch: pl.DataFrame, replays: Replays) -> Section:
    recorded = watch_links(watch, replays)
    return Section(
        "Sessions to watch",
        "The latest ones of different people, those that didn't reach the goal first, and when in the session it happened.",
        [],
        ("session", "when", "device", "after", "what shows it"),
        [
            (replays.link(r["session_key"][:8], r["session_key"], r["happened_at"]), f"{r['happened_at']:%d %b %H:%M} UTC", r["device_type"],
             DASH if r["offset_seconds"] is None else f"{r['offset_seconds']:.0f} s", r["detail"] or "")
            for r in sessions.rows(named=True)
        ],
        note=Markup("Recorded, the ones that show it best first: {}").format(recorded) if recorded else "",
        provenance="evidence: session_key happened_at device_type offset_seconds detail",
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


def title_of(row: dict[str, Any], themes: dict[str, str]) -> str:
    """What an opportunity is, in words."""
    kind, page, subject = row["kind"], label(row["page"]), row["subject"]
    if kind == "zone":
        signal, _, zone = subject.partition(" in ")
        return f"{_SIGNALS.get(signal, label(signal))} on {label(zone)} ({page})"
    if kind == "funnel_drop":
        step, _, group = subject.rpartition(", ")
        return f"{label(group)}: fewer go on after {step} ({page})"
    if kind == "theme":
        return f"Comments about {themes.get(subject, subject)} ({page})"
    return f"{_SIGNALS.get(subject, label(subject))} ({page})"
