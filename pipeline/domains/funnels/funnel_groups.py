"""Funnels by groups: breakdowns with their attributions, and properties held constant.

Definitions: docs/definitions/funnels.md, "Breakdown and attribution", "Hold constant". A stream here has, besides what
pipeline.domains.funnels.funnel names, the columns `values`: texts, "" where an event has none.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import polars as pl

from pipeline.domains.funnels.funnel import Entries, FunnelRules, Streams, attempts, funnel_people, streams
from pipeline.stats.ordering import touched

Attribution = Literal["first_touch", "last_touch", "all_events", "step"]
OTHER = "Other"


def grouped_people(  # noqa: PLR0913  # what the definition names
    stream: pl.LazyFrame,
    rules: FunnelRules,
    values: Sequence[str],
    *,
    attribution: Attribution = "first_touch",
    step: int = 0,
    limit: int | None = None,
    by: Sequence[str] = ("person_key",),
    entries: Entries | None = None,
) -> pl.DataFrame:
    """`funnel_people` per group of `values`; an entity may be in several groups, except by first and last touch.

    With a `limit` all but the largest groups are called "Other", in which an entity can be more than once. A property
    of people is a value that all events of an entity share.
    """
    given = stream.with_columns(pl.col(values).cast(pl.String).fill_null(""))
    if attribution in ("first_touch", "last_touch"):
        events = streams(given, rules, by, values)
        named = _by_touch(events, rules, values, is_last=attribution == "last_touch")
        people = attempts(events, rules, named.hstack(events.entities(by)), entries)
    else:
        attributed = _attributed(given, rules, values, attribution, step, by)
        people = funnel_people(attributed, rules, (*values, *by), entries)
    return people if limit is None else with_other(people, rules, values, limit)


def _by_touch(events: Streams, rules: FunnelRules, values: Sequence[str], *, is_last: bool) -> pl.DataFrame:
    """The group of each entity, all of whose events are one funnel: that of the first or last that matters and bears a value."""
    bears = events.frame.select(pl.any_horizontal(pl.col(values) != "")).to_series()
    reported = np.ones(len(bears), np.bool_) if bears.all() else bears.to_numpy()[events.order]
    if rules.order != "strict":
        reported = reported & ((events.steps > 0) | (events.active > 0) if rules.exclusions else events.steps > 0)
    positions = touched(events.begins, events.ends, reported, is_last)
    labels = events.frame.select(values)[events.order[positions]]
    return labels.select(
        pl.when(pl.Series(positions) >= 0).then(name).otherwise(pl.lit("")).alias(name) for name in values
    )


def _attributed(
    given: pl.LazyFrame,
    rules: FunnelRules,
    values: Sequence[str],
    attribution: Attribution,
    step: int,
    by: Sequence[str],
) -> pl.LazyFrame:
    if attribution == "all_events":
        return given
    if not 0 <= step < rules.steps or (rules.order == "unordered" and step):
        raise ValueError(f"attribution by step {step}; unordered funnels have 0 only, others 0 to {rules.steps - 1}")
    return _by_step(given, values, 1 << step, by)


def _by_step(given: pl.LazyFrame, values: Sequence[str], bit: int, by: Sequence[str]) -> pl.LazyFrame:
    """The entity's whole stream once per value of an event that fits the step, which others may not take then."""
    groups = given.filter((pl.col("steps") & bit) > 0).select(*by, *values).unique()
    own = {name: f"_own_{name}" for name in values}
    joined = given.rename(own).join(groups, on=list(by), nulls_equal=True)
    is_other = pl.any_horizontal(pl.col(name) != pl.col(own[name]) for name in values)
    allowed = pl.when(is_other).then(pl.col("steps") & ~bit).otherwise("steps")
    return joined.with_columns(steps=allowed).drop(own.values())


def with_other(people: pl.DataFrame, rules: FunnelRules, values: Sequence[str], limit: int) -> pl.DataFrame:
    """All but the `limit` largest groups under one name; ranked by who took the last step, then the one before."""
    sizes = [(pl.col("depth") > k).sum().alias(f"size_{k}") for k in reversed(range(rules.steps))]
    ranked = (
        people.group_by(values)
        .agg(*sizes)
        .sort(
            *(f"size_{k}" for k in reversed(range(rules.steps))),
            *values,
            descending=[True] * rules.steps + [False] * len(values),
        )
    )
    kept = ranked.head(limit).select(values).with_columns(is_kept=pl.lit(value=True))
    joined = people.join(kept, on=list(values), how="left")
    named = (pl.when("is_kept").then(name).otherwise(pl.lit(OTHER)).alias(name) for name in values)
    return joined.with_columns(named).drop("is_kept")


def constant_people(
    stream: pl.LazyFrame,
    rules: FunnelRules,
    values: Sequence[str],
    by: Sequence[str] = ("person_key",),
    entries: Entries | None = None,
) -> pl.DataFrame:
    """`funnel_people` where all steps must bear the same `values`; an event that lacks one fits no step.

    Of an entity's tuples the deepest is reported, of equals the one that entered first.
    """
    complete = stream.filter(pl.all_horizontal(pl.col(values).is_not_null() & (pl.col(values) != "")))
    people = funnel_people(complete, rules, (*by, *values), entries)
    best = people.sort("depth", "t0", *values, descending=[True, False] + [False] * len(values))
    return best.unique(by, keep="first", maintain_order=True).sort(by)
