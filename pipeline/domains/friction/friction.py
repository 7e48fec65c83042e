"""Friction: what happened to people that a product should not do to them, by the signals of docs/definitions/friction.md.

Each signal is a function from a day's acts to incidents. Acts are session_events without bots that lie in a page view,
in total order of session and place; a view is a row of page_views. An incident's columns are those of `INCIDENT`; its
clicks are the ids (source, event_id) of the clicks that it is made of.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from pipeline.core.contract import UTC_MICROSECONDS
from pipeline.core.signals import Signal
from pipeline.domains.friction.rage import rage_clicks
from pipeline.domains.friction.scrolling import scrolled_to_and_fro
from pipeline.domains.friction.section import FrictionRules
from pipeline.events.addresses import page_address, parts_of
from pipeline.events.capabilities import DEAD_CLICKS
from pipeline.events.chains import chains_within, labels
from pipeline.events.matching import path_pattern

INCIDENT = {
    "page_view_key": pl.Int64,
    "source": pl.String,
    "event_id": pl.String,
    "started_at": UTC_MICROSECONDS,
    "ended_at": UTC_MICROSECONDS,
    "element_chain": pl.String,
    "came_from": pl.String,
    "detail": pl.String,
    "clicks": pl.List(pl.String),
}
_RESULT = list(INCIDENT)
# Time first, as joins by time want it; equal instants in their total order.
_IN_TIME = ("occurred_at", "session_key", "event_index")
_NO_TEXT = pl.lit(None, dtype=pl.String)
_NO_CLICKS = pl.lit([], dtype=pl.List(pl.String))
_CLICK = pl.concat_str("source", pl.lit("\x1f"), "event_id")
_NEAR_LEAVE = timedelta(seconds=1)


@dataclass(frozen=True)
class Interactions:
    """A day's acts and page views, for all signals."""

    interactions: pl.DataFrame
    views: pl.DataFrame

    def of(self, *kinds: str) -> pl.DataFrame:
        """Acts of these kinds."""
        return self.interactions.filter(pl.col("kind").is_in(kinds))


def _conform(result: pl.DataFrame, **values: pl.Expr) -> pl.DataFrame:
    """Incidents with the columns of INCIDENT; what isn't given is null."""
    given = result.with_columns(**values)
    missing = [_NO_CLICKS.alias(n) if n == "clicks" else _NO_TEXT.alias(n) for n in _RESULT if n not in given.columns]
    return given.with_columns(missing).select(_RESULT).cast(INCIDENT)  # pyright: ignore[reportArgumentType]


def _rage(a: Interactions, rules: FrictionRules) -> pl.DataFrame:
    """One per run of clicks, by the set's rule; clicks on elements made for repetition are taken out before."""
    clicks = a.of("click")
    chains = clicks["element_chain"].drop_nulls().unique()
    made_for_it = chains_within(chains, rules.repeated)
    meant = clicks.filter(~pl.col("element_chain").is_in(made_for_it).fill_null(value=False))
    reported = meant.with_columns(element=pl.col("element_chain"), label=labels(pl.col("element_chain")))
    result = rage_clicks(
        reported.lazy(), ["page_view_key"], rules.rage, px=rules.rage_px, ms=rules.rage_ms, least=rules.rage_clicks
    )
    runs = result.group_by("incident", maintain_order=True).agg(
        pl.col("page_view_key", "source", "event_id", "element_chain").first(),
        started_at=pl.col("occurred_at").first(),
        ended_at=pl.col("occurred_at").last(),
        clicks=_CLICK,
    )
    return _conform(runs, detail=pl.format("{} clicks", pl.col("clicks").list.len()))


def _dead(a: Interactions, rules: FrictionRules) -> pl.DataFrame:
    """Clicks that nothing followed, as the source tells; the click is the last one before its word.

    One within a second of the page being left or hidden did something: another tab came up, or went.
    """
    reported = a.of("custom").filter(pl.col("name").is_in(DEAD_CLICKS)).sort(*_IN_TIME)
    clicks = (
        a.of("click")
        .sort(*_IN_TIME)
        .select("page_view_key", "occurred_at", click_at="occurred_at", click=_CLICK, click_chain="element_chain")
    )
    joined = reported.join_asof(
        clicks, on="occurred_at", by="page_view_key", strategy="backward", check_sortedness=False
    )
    named = joined.with_columns(
        element_chain=pl.coalesce("element_chain", "click_chain"), at=pl.coalesce("click_at", "occurred_at")
    )
    exempt = chains_within(named["element_chain"].drop_nulls().unique(), rules.exempt)
    left = a.of("page_leave").sort(*_IN_TIME).select("page_view_key", "occurred_at", left_at="occurred_at")
    kept = (
        named.filter(~pl.col("element_chain").is_in(exempt).fill_null(value=False))
        .sort("at", maintain_order=True)
        .join_asof(
            left, left_on="at", right_on="occurred_at", by="page_view_key", strategy="nearest", tolerance=_NEAR_LEAVE,
            check_sortedness=False,
        )
        .filter(pl.col("left_at").is_null())
    )  # fmt: skip
    once = kept.unique(["page_view_key", "at"], keep="first", maintain_order=True)
    return _conform(
        once,
        started_at=pl.col("at"),
        ended_at=pl.col("at"),
        clicks=pl.when(pl.col("click").is_not_null()).then(pl.concat_list("click")).otherwise(_NO_CLICKS),
    )


def _error_click(a: Interactions, rules: FrictionRules) -> pl.DataFrame:
    """The last click before an error; at most one per error, and errors of one instant are one."""
    errors = a.of("error").sort(*_IN_TIME).unique(["page_view_key", "occurred_at"], keep="first", maintain_order=True)
    clicks = (
        a.of("click")
        .sort(*_IN_TIME)
        .select("page_view_key", "occurred_at", click_at="occurred_at", click=_CLICK, click_chain="element_chain")
    )
    joined = errors.join_asof(
        clicks, on="occurred_at", by="page_view_key", strategy="backward",
        tolerance=timedelta(milliseconds=rules.error_ms), check_sortedness=False,
    ).filter(pl.col("click").is_not_null())  # fmt: skip
    return _conform(
        joined,
        started_at=pl.col("click_at"),
        ended_at=pl.col("occurred_at"),
        element_chain=pl.col("click_chain"),
        clicks=pl.concat_list("click"),
        detail=normalised(pl.coalesce("error_message", "error_type")),
    )


def normalised(message: pl.Expr) -> pl.Expr:
    """An error's message without what differs from one time to the next: numbers, ids, quoted texts, addresses."""
    return (
        message.str.replace_all(r"https?://[^\s'\"]+", "<address>")
        .str.replace_all(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b", "<id>")
        .str.replace_all(r"\b(?:0x)?[0-9a-fA-F]*[0-9][0-9a-fA-F]{7,}\b", "<id>")
        .str.replace_all(r"'[^']*'|\"[^\"]*\"", "<text>")
        .str.replace_all(r"\d+(?:[.,]\d+)*", "<n>")
        .str.strip_chars()
        .str.slice(0, 200)
    )


def _broken_link(a: Interactions, rules: FrictionRules) -> pl.DataFrame:
    """Page views that say not found, with the page and the element that led there."""
    shown = a.of("page_view")
    path = pl.lit(parts_of(shown["url"])["path"])
    tests = [pl.col("http_status") >= 400]  # noqa: PLR2004  # HTTP's own classes
    tests += [path.str.contains(path_pattern(pattern)) for pattern in rules.not_found_urls]
    tests += [pl.col("page_title").str.contains(pattern) for pattern in rules.not_found_titles]
    is_broken = pl.any_horizontal(test.fill_null(value=False) for test in tests)
    before = a.views.select(
        "page_view_key",
        came_from=pl.coalesce("page", "url").shift().over("session_key"),
        led_key=pl.col("page_view_key").shift().over("session_key"),
    )
    clicks = a.of("click").group_by("page_view_key").agg(pl.col("element_chain").last())
    led = clicks.rename({"page_view_key": "led_key"})
    result = (
        shown.filter(is_broken).drop("element_chain")
        .join(before, on="page_view_key", how="left").join(led, on="led_key", how="left")
    )  # fmt: skip
    return _conform(
        result,
        started_at=pl.col("occurred_at"),
        ended_at=pl.col("occurred_at"),
        detail=pl.concat_str(pl.lit(page_address(result["url"])), pl.format(" ({})", "http_status"), ignore_nulls=True),
    )


def _in_tabs(a: Interactions) -> pl.DataFrame:
    """Real page views in order of their tab, each with its address without query."""
    shown = a.of("page_view")
    views = shown.with_columns(page_address(shown["url"]).alias("address"), tab=pl.col("tab_id").fill_null(""))
    return views.filter(pl.col("address").is_not_null()).sort("session_key", "tab", "event_index")


def _quick_back(a: Interactions, rules: FrictionRules) -> pl.DataFrame:
    """A, B and A again in one tab, short on B and no goal there; booked on B."""
    tab = ["session_key", "tab"]
    goals = a.interactions.filter("is_goal")["page_view_key"].unique()
    views = _in_tabs(a).with_columns(
        before=pl.col("address").shift().over(tab),
        after=pl.col("address").shift(-1).over(tab),
        left_at=pl.col("occurred_at").shift(-1).over(tab),
        came_from=pl.coalesce("page", "address").shift().over(tab),
    )
    passed = pl.col("left_at") - pl.col("occurred_at")
    result = views.filter(
        pl.col("before") == pl.col("after"),
        pl.col("address") != pl.col("before"),
        passed < timedelta(seconds=rules.quick_back_s),
        ~pl.col("page_view_key").is_in(goals.implode()),
    )
    return _conform(result, started_at=pl.col("occurred_at"), ended_at=pl.col("left_at"))


def _page_loop(a: Interactions, rules: FrictionRules) -> pl.DataFrame:
    """The same page again and again within a short time; what overlaps is one incident, booked on its last view."""
    own = ["session_key", "address"]
    far = rules.loop_views - 1
    views = _in_tabs(a).sort(*own, "event_index").with_columns(since=pl.col("occurred_at").shift(far).over(own))
    within = (pl.col("occurred_at") - pl.col("since") <= timedelta(seconds=rules.loop_s)).fill_null(value=False)
    result = views.with_columns(is_loop=within).with_columns(
        begins=pl.col("is_loop") & ~pl.col("is_loop").shift().over(own).fill_null(value=False)
    )
    runs = (
        result.with_columns(run=pl.col("begins").cum_sum()).filter("is_loop")
        .group_by("run", maintain_order=True)
        .agg(
            pl.col("page_view_key", "source", "event_id", "address").last(),
            started_at=pl.col("since").first(),
            ended_at=pl.col("occurred_at").last(),
            times=pl.len() + far,
        )
    )  # fmt: skip
    return _conform(runs, detail=pl.format("{} times", "times"))


def _form_retry(a: Interactions, rules: FrictionRules) -> pl.DataFrame:
    """One form submitted again and again without leaving the page, or one field that refuses again and again."""
    interactions = a.of("form_submit", "validation").sort("page_view_key", "event_index")
    grouped = interactions.group_by(
        "page_view_key", "kind", pl.col("element_chain").fill_null(""), maintain_order=True
    ).agg(
        pl.col("source", "event_id").first(),
        started_at=pl.col("occurred_at").first(),
        ended_at=pl.col("occurred_at").last(),
        times=pl.len(),
    )
    result = grouped.filter(pl.col("times") >= rules.form_submits)
    stated = (
        pl.when(pl.col("kind") == "form_submit")
        .then(pl.lit("submitted {} times"))
        .otherwise(pl.lit("refused {} times"))
    )
    return _conform(result, detail=stated.str.replace("{}", pl.col("times").cast(pl.String), literal=True))


def _slow_page(a: Interactions, rules: FrictionRules) -> pl.DataFrame:
    """Page views whose measured vitals are poor."""
    limits = {"lcp_ms": rules.lcp_ms, "inp_ms": rules.inp_ms, "cls_e4": round(rules.cls * 10_000)}
    vitals = a.of("performance").sort("page_view_key", "event_index")
    grouped = vitals.group_by("page_view_key", maintain_order=True).agg(
        pl.col("source", "event_id").first(),
        pl.col(list(limits)).max(),
        started_at=pl.col("occurred_at").first(),
        ended_at=pl.col("occurred_at").last(),
    )
    result = grouped.filter(
        pl.any_horizontal((pl.col(name) > limit).fill_null(value=False) for name, limit in limits.items())
    )
    shown = [
        pl.when(pl.col(name) > limit).then(pl.format(f"{name.split('_')[0].upper()} {{}}", name))
        for name, limit in limits.items()
    ]
    return _conform(result, detail=pl.concat_str(shown, separator=", ", ignore_nulls=True))


def _excessive_scroll(a: Interactions, rules: FrictionRules) -> pl.DataFrame:
    """Page views scrolled up and down over several heights of what there is to scroll."""
    return _conform(scrolled_to_and_fro(a.of("scroll"), rules.scroll_reversals, rules.scroll_pages))


SIGNALS: Mapping[Signal, Callable[[Interactions, FrictionRules], pl.DataFrame]] = {
    "rage_click": _rage,
    "dead_click": _dead,
    "error_click": _error_click,
    "broken_link": _broken_link,
    "quick_back": _quick_back,
    "page_loop": _page_loop,
    "form_retry": _form_retry,
    "slow_page": _slow_page,
    "excessive_scroll": _excessive_scroll,
}
# The kinds of events that the signals look at, besides goals; of moves and pings there are many.
KINDS = (
    "page_view", "page_leave", "click", "scroll", "error", "custom", "form_submit", "validation", "performance",
)  # fmt: skip
# What a source must measure for a signal to be told at all; the others follow from page views, clicks and forms.
NEEDS: Mapping[Signal, str] = {
    "dead_click": "dead_click",
    "error_click": "js_error",
    "slow_page": "web_vitals",
    "excessive_scroll": "scroll",
}


def incidents(a: Interactions, rules: FrictionRules, signals: Sequence[Signal] = tuple(SIGNALS)) -> pl.DataFrame:
    """All incidents under a rule set, with their `signal` and `weight`."""
    parts = [
        SIGNALS[signal](a, rules).with_columns(
            signal=pl.lit(signal), weight=pl.lit(rules.weights.of(signal), dtype=pl.Int64)
        )
        for signal in signals
    ]
    return pl.concat(parts)
