"""Our number and theirs on the team's own data, and which rule makes the difference (`footfall explain`).

Rules of another product are laid over ours one after the other; after each the number is computed anew from the same
events, so the last one is what they would show and each difference belongs to one rule. A rule stands here only where its
source is known: docs/definitions/ (rage clicks, averages of retention, PostHog's cohorts and weeks), Amplitude's
"How time works in retention analysis" and "Track sessions", PostHog's manual on sessions. What the other product lets its
user choose (steps, windows, goals) is taken as ours.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import polars as pl

from pipeline.core.lake import Lake
from pipeline.core.product import Product
from pipeline.core.states import scan_days
from pipeline.domains.friction.friction_tables import friction_incidents
from pipeline.domains.friction.section import Selectors
from pipeline.domains.funnels.funnel_tables import funnel_results
from pipeline.domains.retention.retention import averages
from pipeline.domains.retention.tables import return_cells

Vendor = Literal["posthog", "mixpanel", "amplitude"]
VENDORS: tuple[Vendor, ...] = ("posthog", "mixpanel", "amplitude")
METRICS = ("rage_clicks", "sessions", "retention:NAME", "funnel:NAME")
Changes = Mapping[str, Any]


@dataclass(frozen=True)
class Rule:
    """One rule of theirs in a sentence, and what it changes of ours."""

    says: str
    changes: Changes


@dataclass(frozen=True)
class Explanation:
    """What the number is, and after each rule (the first row: ours) what it comes to."""

    what: str
    unit: Literal["count", "share"]
    rows: Sequence[tuple[str, float | None]]
    note: str = ""


_NO_SELECTORS = Selectors(replace=True)
_RAGE: dict[str, tuple[Rule, ...]] = {
    vendor: (
        Rule("elements made for being clicked again (steppers, fields, zoom) count too", {"repetition": _NO_SELECTORS}),
        Rule(says, {"rage": vendor}),
    )
    for vendor, says in (
        ("posthog", "3 clicks, each under 1,000 ms after and under 30 px (across plus down) from the one before; told at the third"),
        ("mixpanel", "4 clicks, each under 1,000 ms after and under 30 px from the one before; then it begins anew"),
        ("amplitude", "4 clicks on one element, each under 1,000 ms after the third before it, all in a box of 50 x 50 px"),
    )
}  # fmt: skip
_RETENTION: dict[Vendor, tuple[Rule, ...]] = {
    "posthog": (
        Rule("a person is in the cohort of every period in which they start, not only of the first", {"cohort": "recurring"}),
        Rule("weeks begin on Sunday", {"week_start": "sunday"}),
    ),
    "mixpanel": (Rule("the mean over cohorts weighs each by its size twice: sum(P x C) / sum(P x P)", {"average": "mixpanel"}),),
    "amplitude": (Rule("periods are stretches of 24 hours from a person's own first start, counted by the hour", {"elapsed": True}),),
}  # fmt: skip
_SESSIONS: dict[Vendor, tuple[Rule, ...]] = {
    "posthog": (
        Rule("no session is cut at midnight", {"midnight": False}),
        Rule("a session ends after 24 hours", {"longest_h": 24}),
    ),
    "mixpanel": (
        Rule("ids that the source gave its sessions are not used: 30 minutes without an event end one", {"use_ids": False}),
        Rule("each session ends at midnight of the project's zone", {"midnight": True, "may_pass": False}),
    ),
    "amplitude": (
        Rule("no session is cut at midnight", {"midnight": False}),
        Rule("ids that the source gave its sessions are not used: 30 minutes without an event end one", {"use_ids": False}),
    ),
}  # fmt: skip
_FUNNEL: dict[Vendor, tuple[Rule, ...]] = {
    "posthog": (),
    "mixpanel": (
        Rule("an exclusion ends the attempt, and doesn't take the person out", {"exclusion_ends": "attempt"}),
    ),
    "amplitude": (),
}
_SAME = "No rule of theirs whose source is known differs here"


def explain(lake: Lake, product: Product, metric: str, vendor: Vendor, days: Sequence[date]) -> Explanation:
    """The number over `days` under our rules and under theirs, rule by rule.

    Raises KeyError for a metric, or a funnel or retention, that isn't there.
    """
    kind, _, name = metric.partition(":")
    makers: dict[str, Callable[[], Explanation]] = {
        "rage_clicks": lambda: _rage(lake, product, vendor, days),
        "sessions": lambda: _sessions(lake, product, vendor, days),
        "retention": lambda: _retention(lake, product, vendor, days, _chosen(product.retention, name)),
        "funnel": lambda: _funnel(lake, product, vendor, days, _chosen(product.funnels, name)),
    }
    if kind not in makers:
        raise KeyError(metric)
    return makers[kind]()


def _chosen(known: Mapping[str, object], name: str) -> str:
    """The one named, or the only one."""
    if not name and len(known) == 1:
        return next(iter(known))
    if name not in known:
        raise KeyError(f"{name or '(none named)'}; there are {', '.join(known) or 'none'}")
    return name


def _laid_over(rules: Iterable[Rule], number: Callable[[Changes], float | None]) -> Iterator[tuple[str, float | None]]:
    changes: dict[str, Any] = {}
    yield "ours", number(changes)
    for rule in rules:
        changes |= rule.changes
        yield rule.says, number(changes)


def _rage(lake: Lake, product: Product, vendor: Vendor, days: Sequence[date]) -> Explanation:
    own = product.friction.rule_sets[product.friction.first]
    numbers: dict[str, int] = {}

    def number(changes: Changes) -> float:
        rules = own.model_copy(update=changes)
        if rules.version not in numbers:
            counts = [
                friction_incidents(scan_days(lake, "session_events", [day]), scan_days(lake, "page_views", [day]), day, product, {"a": rules})
                .filter(pl.col("signal") == "rage_click")
                .height
                for day in days
            ]  # fmt: skip
            numbers[rules.version] = sum(counts)
        return numbers[rules.version]

    return Explanation("rage clicks", "count", list(_laid_over(_RAGE[vendor], number)))


def _retention(lake: Lake, product: Product, vendor: Vendor, days: Sequence[date], name: str) -> Explanation:
    own = product.retention[name]
    rows = scan_days(lake, "return_events", days)

    def number(changes: Changes) -> float | None:
        stated = {key: value for key, value in changes.items() if key in ("cohort", "elapsed")}
        chosen = own.model_copy(update={**stated, "breakdown": None})
        theirs = product.model_copy(
            update={"retention": {name: chosen}, "week_start": changes.get("week_start", product.week_start)}
        )
        cells = return_cells(rows, list(days), theirs, scan_days(lake, "conditions_met", days))
        first = averages(cells).filter(pl.col("offset") == 1)
        return first[changes.get("average", "pooled")].item() if first.height else None

    note = "" if own.period != "week" or product.week_start == "monday" else "Weeks begin on Sunday here too."
    what = f"share of people who came back in the first {own.period} after theirs, mean over cohorts"
    return Explanation(what, "share", list(_laid_over(_RETENTION[vendor], number)), note)


def _funnel(lake: Lake, product: Product, vendor: Vendor, days: Sequence[date], name: str) -> Explanation:
    own = product.funnels[name]
    rows = scan_days(lake, "step_events", days)

    def number(changes: Changes) -> float | None:
        chosen = own.model_copy(update={**changes, "breakdown": None})
        theirs = product.model_copy(update={"funnels": {name: chosen}})
        result = funnel_results(rows, list(days), theirs, met=scan_days(lake, "conditions_met", days))
        whole = result.filter(pl.col("period") == "all").sort("step")
        entered = whole["people_entered"][0] if whole.height else 0
        return whole["people_converted"][-1] / entered if entered else None

    rules = [rule for rule in _FUNNEL[vendor] if own.exclusions or "exclusion_ends" not in rule.changes]
    note = "" if rules else f"{_SAME}: set the same steps, window and order there."
    return Explanation("share of people who took the last step", "share", list(_laid_over(rules, number)), note)


def _sessions(lake: Lake, product: Product, vendor: Vendor, days: Sequence[date]) -> Explanation:
    own = scan_days(lake, "sessions", days).filter(~pl.col("is_bot")).select(pl.len()).collect().item()
    events = (
        scan_days(lake, "events", days)
        .filter(pl.col("person_key").is_not_null(), ~pl.col("is_bot"))
        .select("person_key", "anonymous_id", "source", "session_id", "occurred_at")
        .sort("person_key", "anonymous_id", "source", "occurred_at", nulls_last=True)
        .collect()
    )

    def number(changes: Changes) -> float:
        return _cut(events, product, changes) if changes else own

    return Explanation("sessions", "count", list(_laid_over(_SESSIONS[vendor], number)))


def _cut(events: pl.DataFrame, product: Product, changes: Changes) -> int:
    """How many stretches events fall into: by unit, by the source's id if it is used, by pauses, and as `changes` say."""
    unit = ("person_key", "anonymous_id", "source")
    use_ids = changes.get("use_ids", product.sessions.use_source_ids)
    day = pl.col("occurred_at").dt.convert_time_zone(product.time_zone).dt.date()
    rows = events.with_columns(session_id=pl.col("session_id") if use_ids else pl.lit(None, pl.String), day=day)
    rows = rows.sort(*unit, "session_id", "occurred_at", nulls_last=True)
    is_new = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift()) for name in (*unit, "session_id"))
    pause = pl.col("occurred_at").diff() > pl.duration(minutes=product.sessions.pause_minutes)
    begins = is_new | (pause & pl.col("session_id").is_null())
    if changes.get("may_pass") is False:
        begins |= pl.col("day") != pl.col("day").shift()
    cut = rows.with_columns(piece=begins.fill_null(value=True).cum_sum())
    longest = changes.get("longest_h")
    if longest is None:
        return cut["piece"].n_unique()
    since = pl.col("occurred_at") - pl.col("occurred_at").first().over("piece")
    return cut.select("piece", part=since.dt.total_hours() // longest).n_unique()
