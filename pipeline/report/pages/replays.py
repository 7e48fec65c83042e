"""The page of replays: which sessions to watch for what."""

from dataclasses import replace
from typing import Any

import polars as pl

from pipeline.core.product import Product
from pipeline.report.asking import asking_lately
from pipeline.report.page import ReportPage
from pipeline.report.parts import Filter, Marts, Page, Section, count, day_text, duration, label, share, theme_names
from pipeline.report.replay_summary import sentences
from pipeline.report.replays import NO_PLAYER, Replays, watch_links

_SHOWN = 100
_KINDS = {
    "page": "By page", "friction": "By kind of friction", "zone": "Clicks in zones that fail", "broken_link": "Broken links",
    "funnel_drop": "Where people leave a funnel", "theme": "What people said",
}  # fmt: skip
_WHERE = {"theme": "survey", "funnel_drop": "funnel"}
NO_RECORDINGS = (
    "No session of these days was recorded. docs/sources.md says how to record with rrweb, and what is masked."
)


def replays_page(product: Product, marts: Marts, replays: Replays) -> Page:
    """What to watch, and the recorded sessions with most friction."""
    recorded, watch = marts["replays"], marts["watch"]
    if recorded.is_empty():
        return Page("replays", "Replays", sections=[Section("Recorded sessions", "", note=NO_RECORDINGS)])
    names = theme_names(marts)
    sections = [
        _lists(kind, watch.filter(pl.col("kind") == kind), names, replays)
        for kind in _KINDS
        if watch.filter(pl.col("kind") == kind).height
    ]
    sections.append(replace(_recorded(product, marts, replays), ask=asking_lately(marts, show="visits")))
    whole = recorded.filter(pl.col("completeness") == "whole").height / recorded.height
    lead = f"{count(recorded.height)} sessions were recorded; {share(whole)} can be shown whole."
    if not replays.is_built:
        lead += f" {NO_PLAYER}"
    return Page("replays", "Replays", sections=sections, lead=lead)


def _lists(kind: str, watch: pl.DataFrame, names: dict[str, str], replays: Replays) -> Section:
    rows: list[tuple[str, ...]] = []
    ordered = watch.sort("page", "subject", "position").partition_by("page", "subject", maintain_order=True)
    for own in sorted(ordered, key=lambda each: -each.height):
        first = own.row(0, named=True)
        where = () if kind == "page" else (label(first["page"]),)
        rows.append((_what(kind, first, names), *where, watch_links(own, replays)))
    return Section(
        _KINDS[kind],
        "Up to ten sessions of different people over the last 28 days, the ones that show it best first: those that missed the "
        "goal, devices in turn, short ones before long ones. Each opens where it happens.",
        header=("page", "watch") if kind == "page" else ("what", _WHERE.get(kind, "page"), "watch"),
        rows=rows[:_SHOWN],
    )


def _what(kind: str, row: dict[str, Any], names: dict[str, str]) -> str:
    if kind == "page":
        return label(row["page"])
    subject = str(row["subject"])
    return names.get(subject, subject) if kind == "theme" else label(subject)


def _recorded(product: Product, marts: Marts, replays: Replays) -> Section:
    recorded = marts["replays"]
    worst = recorded.sort("friction_score", "started_at", "session_key", descending=True).head(_SHOWN)
    rows = list(worst.rows(named=True))
    told = sentences(worst, marts["replay_moments"], product)
    zone = product.zone_info
    return Section(
        "Recorded sessions",
        f"Those with most friction first, then the latest; {len(rows)} of {count(recorded.height)}. Active: time between acts that "
        "lie at most 10 s apart, which is what the player shows; it skips the rest.",
        header=("session", "what happened", "device", "length", "active", "friction", "recording"),
        rows=[
            (
                replays.link(f"{day_text(began.date())} {began:%H:%M}", r["session_key"]), told[r["session_key"]], r["device_type"],
                duration(r["duration_seconds"]), duration(r["active_seconds"]), count(r["friction_score"]), r["completeness"],
            )
            for r in rows
            for began in (r["started_at"].astimezone(zone),)
        ],
        filters=_filters(rows),
        provenance="replays: started_at - device_type duration_seconds active_seconds friction_score completeness",
    )  # fmt: skip


def _filters(rows: list[dict[str, Any]]) -> list[Filter]:
    """By what recorded sessions are picked; a signal stands in the mart with its second behind it."""
    return [
        Filter("Page", "page", [tuple(filter(None, dict.fromkeys((r["path"] or "").split(" > ")))) for r in rows]),
        Filter("Device", "device", [(r["device_type"],) for r in rows]),
        Filter("Friction", "signal", [_signals(r["signals"]) for r in rows]),
        Filter("Goal", "goal", [("reached" if r["converted"] else "not reached",) for r in rows]),
        Filter("Score given", "score", [() if r["score_given"] is None else (str(r["score_given"]),) for r in rows]),
    ]


def _signals(listed: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.split(" ")[0] for each in (listed or "").split(", ") if each))


PAGE = ReportPage(
    "replays", "Replays", "Why", 140, lambda shown: replays_page(shown.product, shown.marts, shown.replays)
)
