"""The ways people take: visits cut at pauses, runs of equal items as one, edges from item to item (docs/definitions/journeys.md).

A stream is a frame with the entity's columns, `occurred_at` (UTC) and `item`: a page's address or name, a screen's or an
event's name. A pause of half an hour or more begins another visit; ids of sessions aren't used.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

PAUSE = timedelta(minutes=30)
GAP = "..."


@dataclass(frozen=True)
class JourneyRules:
    """Which items make a journey and how much of it is looked at.

    `excluded` items are dropped before pauses and repeats are judged; `groupings` are patterns (`*` = anything) that
    items which hold them are folded into, the first that fits. `start` cuts a visit to its first occurrence, `end` after
    it; visits without it are left out. `steps`: the first so many, with an `end` the last; with both, half of each.
    """

    start: str | None = None
    end: str | None = None
    steps: int = 5
    excluded: tuple[str, ...] = ()
    groupings: tuple[str, ...] = ()


def without_slash(item: pl.Expr) -> pl.Expr:
    """An address without one slash at its end, unless it is the slash alone."""
    return pl.when(item == "/").then(item).otherwise(item.str.strip_suffix("/"))


def visits(stream: pl.LazyFrame, rules: JourneyRules, by: Sequence[str] = ("person_key",)) -> pl.DataFrame:
    """The steps looked at, in order.

    Returns: `by`, `visit` (number), `place` (from 1), `item`, `occurred_at` and `wait_us` since the step before, null
    for a visit's first.
    """
    named = stream.select(*by, "occurred_at", item=without_slash(pl.col("item")))
    kept = named.filter(~pl.col("item").is_in([_plain(item) for item in rules.excluded]), pl.col("item").is_not_null())
    folded = kept.with_columns(item=_folded(rules.groupings)).sort(*by, "occurred_at", maintain_order=True)
    begins = _changes(by) | (pl.col("occurred_at") - pl.col("occurred_at").shift() >= PAUSE).fill_null(value=True)
    numbered = folded.with_columns(visit=begins.cum_sum().cast(pl.Int64))
    # Of a run of equal items the last one's time counts.
    is_last = (pl.col("item") != pl.col("item").shift(-1)) | (pl.col("visit") != pl.col("visit").shift(-1))
    runs = numbered.filter(is_last.fill_null(value=True))
    cut = _cut(_cut(runs, rules.start, is_start=True), rules.end, is_start=False)
    steps = _limited(cut, rules).collect()
    wait = (pl.col("occurred_at") - pl.col("occurred_at").shift()).dt.total_microseconds()
    return steps.with_columns(
        event_index=pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("visit"),
        wait_us=pl.when(pl.col("visit") == pl.col("visit").shift()).then(wait),
    )


def _plain(item: str) -> str:
    return item if item == "/" else item.removesuffix("/")


def _changes(by: Sequence[str]) -> pl.Expr:
    return pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift()) for name in by)


def _folded(groupings: Sequence[str]) -> pl.Expr:
    item = pl.col("item")
    patterns = {name: ".*".join(re.escape(part) for part in name.split("*")) for name in groupings}
    return pl.coalesce(*(pl.when(item.str.contains(p)).then(pl.lit(name)) for name, p in patterns.items()), item)


def _cut(steps: pl.LazyFrame, point: str | None, *, is_start: bool) -> pl.LazyFrame:
    """Visits from the first occurrence of `point` on, or up to it."""
    if point is None:
        return steps
    placed = steps.with_columns(at=pl.int_range(pl.len()).over("visit"))
    hits = placed.filter(pl.col("item") == _plain(point)).group_by("visit").agg(hit=pl.col("at").min())
    joined = placed.join(hits, on="visit", maintain_order="left")
    inside = pl.col("at") >= pl.col("hit") if is_start else pl.col("at") <= pl.col("hit")
    return joined.filter(inside).drop("at", "hit")


def _limited(steps: pl.LazyFrame, rules: JourneyRules) -> pl.LazyFrame:
    from_start = pl.int_range(pl.len()).over("visit")
    number = pl.len().over("visit").cast(pl.Int64)
    if rules.end is None:
        return steps.filter(from_start < rules.steps)
    if rules.start is None:
        return steps.filter(from_start >= number - rules.steps)
    half = rules.steps // 2
    placed = steps.with_columns(at=from_start, number=number)
    is_long = pl.col("number") > rules.steps
    kept = placed.filter(~is_long | (pl.col("at") <= half) | (pl.col("at") >= pl.col("number") - half))
    # The first step left out stands for all of them.
    named = pl.when(is_long & (pl.col("at") == half)).then(pl.lit(GAP)).otherwise("item")
    return kept.with_columns(item=named).drop("at", "number")


def edges(
    steps: pl.DataFrame,
    by: Sequence[str] = ("person_key",),
    *,
    least: int = 1,
    most: int | None = None,
    limit: int = 50,
) -> pl.DataFrame:
    """From item to item: `source`, `target` (place and item, as `2_/cart`), `transitions`, `people`, `mean_wait_us`.

    Largest first, then by source and target; at most `limit`, of `least` to `most` transitions, and of these only what
    can be reached from a first step.
    """
    node = pl.format("{}_{}", "event_index", "item")
    moved = steps.with_columns(target=node, source=node.shift()).filter(pl.col("wait_us").is_not_null())
    counted = (
        moved.group_by("source", "target")
        .agg(
            transitions=pl.len().cast(pl.Int64),
            people=pl.struct(by).n_unique().cast(pl.Int64),
            mean_wait_us=pl.col("wait_us").mean(),
        )
        .filter(
            pl.col("transitions") >= least,
            pl.col("transitions") <= (most if most is not None else pl.col("transitions")),
        )
        .sort("transitions", "source", "target", descending=[True, False, False])
        .head(limit)
    )
    reached = {name for name in counted["source"] if name.startswith("1_")}
    pairs = sorted(counted.select("source", "target").rows(), key=lambda pair: int(pair[0].split("_", 1)[0]))
    for source, target in pairs:
        if source in reached:
            reached.add(target)
    return counted.filter(pl.col("source").is_in(list(reached)))


def sequences(steps: pl.DataFrame, by: Sequence[str] = ("person_key",), limit: int = 50) -> pl.DataFrame:
    """Whole ways: `items` in their order, `visits`, `people`; the most frequent first, then by items."""
    paths = steps.group_by("visit", maintain_order=True).agg(*(pl.first(name) for name in by), items=pl.col("item"))
    return (
        paths.group_by("items")
        .agg(visits=pl.len().cast(pl.Int64), people=pl.struct(by).n_unique().cast(pl.Int64))
        .sort("visits", pl.col("items").list.join("\x00"), descending=[True, False])
        .head(limit)
    )
