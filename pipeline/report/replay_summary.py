"""What happened in a recorded session, in one sentence, made of its row of `replays` and its rows of `replay_moments`."""

from collections.abc import Iterable
from typing import Any

import polars as pl

from pipeline.core.product import Product
from pipeline.report.parts import label, money

# How many pages and how many kinds of moments a sentence names.
_PAGES, _MOMENTS = 4, 2
_CAME = {
    "direct": "Came directly", "search": "Came from a search engine", "social": "Came from a social network", "paid": "Came from an ad",
    "display": "Came from an ad", "affiliate": "Came from a partner", "email": "Came from an e-mail", "referral": "Came from another site",
    "assistant": "Came from an AI assistant", "unknown": "", "not measured": "",
}  # fmt: skip
# What is said of a moment at a place, and what, where it happened more than once, is put behind it.
_HAPPENED = {
    "rage_click": "clicked {} again and again", "rage_dead_click": "clicked {} again and again without any effect", "dead_click": "clicked {} without any effect", "error_click": "got an error from a click on {}",
    "broken_link": "met a page that isn't there", "quick_back": "turned back from {} at once", "page_loop": "went back and forth between pages",
    "form_retry": "sent the form on {} again and again", "slow_page": "waited long for {}", "excessive_scroll": "scrolled up and down on {}",
    "error": "met a script error on {}",
}  # fmt: skip
# What is told first: what weighs most on people.
_FIRST = tuple(_HAPPENED)


def sentences(replays: pl.DataFrame, moments: pl.DataFrame, product: Product) -> dict[str, str]:
    """The sentence of each of these rows of `replays`, by session."""
    by_session = moments.filter(pl.col("session_key").is_in(replays["session_key"].implode())).partition_by(
        "session_key", as_dict=True
    )
    return {
        row["session_key"]: summary(row, by_session.get((row["session_key"],), moments.clear()), product)
        for row in replays.rows(named=True)
    }


def summary(row: dict[str, Any], moments: pl.DataFrame, product: Product) -> str:
    """A sentence: where the session came from, what was seen, what went wrong, how it ended.

    `row` is of the mart `replays`, `moments` are the rows of `replay_moments` of its session.
    """
    came = _CAME.get(row["channel"], f"Came by {label(row['channel'])}")
    parts = [came, _seen(row["views_by_page"]), *_troubles(moments), _end(row, product)]
    text = ", ".join(filter(None, parts))
    return f"{text[:1].upper()}{text[1:]}."


def _seen(views: str | None) -> str:
    """`home 1, product 3` as people say it."""
    pages = [each.rpartition(" ") for each in (views or "").split(", ") if each]
    named = [label(page) if n == "1" else f"{label(page)} {n} times" for page, _, n in pages[:_PAGES]]
    rest = len(pages) - _PAGES
    if rest > 0:
        named.append("one page more" if rest == 1 else f"{rest} pages more")
    return f"saw {_listed(named)}" if named else ""


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _troubles(moments: pl.DataFrame) -> Iterable[str]:
    """What went wrong, the heaviest first; each place and each error is told of once."""
    own = moments.filter(pl.col("kind").is_in(_FIRST))
    counted = own.group_by("kind", "page", "zone").agg(
        times=pl.col("moments").sum(), first=pl.col("offset_seconds").min()
    )
    ordered = counted.sort("first", "page", "zone")
    times = {(r["kind"], r["page"], r["zone"]): r["times"] for r in ordered.rows(named=True)}
    for kind, page, zone in list(times):
        if kind == "rage_click" and times.pop(("dead_click", page, zone), None):
            times["rage_dead_click", page, zone] = times.pop((kind, page, zone))
        # The error of a script is that of the click which ended in it.
        if kind == "error_click":
            times = {each: n for each, n in times.items() if each[:2] != ("error", page)}
    for kind, page, zone in sorted(times, key=lambda each: _FIRST.index(each[0]))[:_MOMENTS]:
        said, n = _HAPPENED[kind].format(label(zone or page) or "the page"), times[kind, page, zone]
        yield said if n == 1 else f"{said} ({n} times)"


def _end(row: dict[str, Any], product: Product) -> str:
    """How it ended: an order, a goal, or where it was left."""
    score = "" if row["score_given"] is None else f", scored it {row['score_given']}"
    if row["revenue"]:
        return f"ordered for {money(row['revenue'], product.currency)}{score}"
    if row["converted"]:
        return f"reached a goal{score}"
    last = (row["path"] or "").rpartition(" > ")[2]
    return f"left at {label(last)}{score}" if last else f"left{score}"
