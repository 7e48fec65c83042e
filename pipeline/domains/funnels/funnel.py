"""Funnels: who got how far, and when each step was taken (docs/definitions/funnels.md).

A funnel runs over a stream of events of an entity: a person, a session, a group, or a person with a property's value.
The stream is a frame with the entity's columns and

- `occurred_at`: UTC, microseconds,
- `steps`: bit k is set where the event fits step k,
- `excluded` (where the funnel has exclusions): bit i is set where the event fits exclusion i.

Events that fit nothing can be left out, but not from a strict funnel, whose chains they break.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import numpy as np
import polars as pl

from pipeline.core.contract import UTC_MICROSECONDS
from pipeline.domains.funnels.funnel_kernel import funnel_pass
from pipeline.stats.bits import has_bit
from pipeline.stats.ordering import Ints, in_order

Order = Literal["ordered", "strict", "unordered"]
_FORMS: dict[Order, int] = {"ordered": 0, "strict": 1, "unordered": 2}
MAX_STEPS = 60
_EVER = np.iinfo(np.int64)
# From when until when first steps count.
Entries = tuple[datetime, datetime]


@dataclass(frozen=True)
class FunnelRules:
    """What counts as getting on.

    `exclusions` are (from_step, to_step), 0-based: such an event between these steps takes the entity out of the funnel,
    or with `exclusion_ends="attempt"` ends only the attempt. `first_entry`: the entity's first event of step 0 opens its
    only attempt. `strict_increase`: events of one instant don't follow each other.

    Raises ValueError where the rules contradict each other.
    """

    steps: int
    window: timedelta
    order: Order = "ordered"
    exclusions: tuple[tuple[int, int], ...] = ()
    exclusion_ends: Literal["entity", "attempt"] = "entity"
    first_entry: bool = False
    strict_increase: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= MAX_STEPS:
            raise ValueError(f"{self.steps} steps; a funnel has 1 to {MAX_STEPS}")
        last = self.steps - 1
        for begin, end in self.exclusions:
            if not 0 <= begin < end <= last:
                raise ValueError(f"an exclusion from step {begin} to {end}; write 0 <= from < to <= {last}")
            if self.order == "unordered" and (begin, end) != (0, last):
                raise ValueError(f"an exclusion of an unordered funnel spans it whole: from 0 to {last}")
        if self.order == "unordered" and (self.first_entry or self.strict_increase):
            raise ValueError("first_entry and strict_increase are for ordered funnels")


@dataclass(frozen=True)
class Streams:
    """Events in order of entity and time: `order` are their places in `frame`, the other arrays are in that order.

    `active` has bit d set where an exclusion ends attempts of depth d, and is empty where the funnel has none; `begins`
    and `ends` hold each entity's part. `frame` holds the entity's columns and the others that were asked for.
    """

    frame: pl.DataFrame
    order: Ints
    t: Ints
    steps: Ints
    active: Ints
    begins: Ints
    ends: Ints

    def entities(self, by: Sequence[str]) -> pl.DataFrame:
        """The columns `by` of each entity."""
        return self.frame.select(by)[self.order[self.begins]]


def micros(at: datetime) -> int:
    """An instant as streams have it: microseconds since 1970."""
    return int(pl.Series([at], dtype=UTC_MICROSECONDS).to_physical().item())


def step_bits(fits: Sequence[pl.Expr]) -> pl.Expr:
    """Which of `fits` hold, as the bits of an Int64; computed in the narrowest type that holds them."""
    narrow = pl.Int8() if len(fits) < 8 else pl.Int64()  # noqa: PLR2004  # bits of the type
    bits = (fit.cast(narrow) * (1 << k) for k, fit in enumerate(fits))
    return pl.sum_horizontal(pl.lit(0, dtype=narrow), *bits).cast(pl.Int64)


def funnel_people(
    stream: pl.LazyFrame, rules: FunnelRules, by: Sequence[str] = ("person_key",), entries: Entries | None = None
) -> pl.DataFrame:
    """The reported attempt of each entity that entered and wasn't excluded.

    Returns: the columns `by`, `depth` (steps taken, from 1) and `t0` .. `t{steps - 1}`, null beyond the depth; sorted
    by `by`. Reported is the deepest attempt; of equals the first to get there, then the latest entry (of unordered
    funnels the earliest). Of an unordered funnel `t{k}` is when the k-th further step was taken, whichever it was.
    Attempts count whose first step lies within `entries`, from the first instant to before the second.
    """
    events = streams(stream, rules, by)
    return attempts(events, rules, events.entities(by), entries)


def attempts(
    events: Streams, rules: FunnelRules, entities: pl.DataFrame, entries: Entries | None = None
) -> pl.DataFrame:
    """`funnel_people` of streams in order; `entities` has a row for each."""
    begin, end = (_EVER.min, _EVER.max) if entries is None else map(micros, entries)
    everybody = len(events.begins)
    depths, times = run(events, rules, events.begins, events.ends, np.full(everybody, begin), np.full(everybody, end))
    return _reported(entities, depths, times)


def streams(stream: pl.LazyFrame, rules: FunnelRules, by: Sequence[str], others: Sequence[str] = ()) -> Streams:
    """Put the events of a stream in order; `others` are columns to be kept besides."""
    active = pl.lit(0, dtype=pl.Int64)
    for i, (begin, end) in enumerate(rules.exclusions):
        depths = sum(1 << d for d in range(begin + 1, end + 1))
        active |= pl.when(has_bit("excluded", i)).then(depths).otherwise(0).cast(pl.Int64)
    steps = pl.col("steps").cast(pl.Int64)
    at = pl.col("occurred_at").cast(UTC_MICROSECONDS)
    acting = [active.alias("active")] if rules.exclusions else []
    frame = stream.select(*by, at, steps, *others, *acting).collect()
    t, fits = frame["occurred_at"].to_physical().to_numpy(), frame["steps"].to_numpy()
    if len(by) == 1 and frame.schema[by[0]] == pl.Int64 and not rules.first_entry and not frame[by[0]].null_count():
        order, t, fits, begins = in_order(frame[by[0]].to_numpy(), t, fits)
    else:
        ties = ("steps", "active") if rules.exclusions else ("steps",)
        order = frame.select(pl.arg_sort_by(*by, "occurred_at", *ties)).to_series().cast(pl.Int64).to_numpy()
        changes = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift()) for name in by)
        is_first = changes | (pl.int_range(pl.len()) == 0)
        t, fits = t[order], fits[order]
        begins = frame[order].select(is_first).to_series().arg_true().cast(pl.Int64).to_numpy()
    return Streams(
        frame=frame.select(*by, *others),
        order=order,
        t=t,
        steps=fits,
        active=frame["active"].to_numpy()[order] if rules.exclusions else np.zeros(0, np.int64),
        begins=begins,
        ends=np.append(begins[1:], len(order)).astype(np.int64)[: len(begins)],
    )


def run(  # arrays as the compiled pass takes them
    events: Streams, rules: FunnelRules, begins: Ints, ends: Ints, entry_from: Ints, entry_to: Ints
) -> tuple[Ints, Ints]:
    """Depth and times of the parts [begins, ends) of `events`; only entries within [entry_from, entry_to) count."""
    depths = np.zeros(len(begins), np.int64)
    times = np.zeros((len(begins), rules.steps), np.int64)
    funnel_pass(
        begins,
        ends,
        events.t,
        events.steps,
        events.active,
        rules.steps,
        rules.window // timedelta(microseconds=1),
        _FORMS[rules.order],
        rules.first_entry,
        not rules.strict_increase,
        rules.exclusion_ends == "attempt",
        entry_from,
        entry_to,
        depths,
        times,
    )
    return depths, times


def _reported(entities: pl.DataFrame, depths: Ints, times: Ints) -> pl.DataFrame:
    number = times.shape[1]
    columns = [pl.Series(f"t{k}", times[:, k], dtype=pl.Int64).cast(UTC_MICROSECONDS) for k in range(number)]
    result = entities.with_columns(pl.Series("depth", depths, dtype=pl.Int64), *columns)
    reached = (pl.when(pl.col("depth") > k).then(f"t{k}").alias(f"t{k}") for k in range(number))
    return result.filter(pl.col("depth") > 0).with_columns(reached)


def step_counts(people: pl.DataFrame, rules: FunnelRules) -> pl.DataFrame:
    """Per step (0-based): who took it, and the time from the step before.

    Returns: `step`, `converted` (entities), `timed` (those whose time isn't zero), `mean_us` and `median_us` over
    the timed ones, null for step 0 and where nobody is timed.
    """
    return pl.concat(_step(people, k) for k in range(rules.steps))


def _step(people: pl.DataFrame, k: int) -> pl.DataFrame:
    passed = (pl.col(f"t{k}") - pl.col(f"t{max(k - 1, 0)}")).dt.total_microseconds()
    timed = passed.filter((pl.col("depth") > k) & (passed > 0))
    return people.select(
        step=pl.lit(k, dtype=pl.Int64),
        converted=(pl.col("depth") > k).sum().cast(pl.Int64),
        timed=timed.len().cast(pl.Int64),
        mean_us=timed.mean(),
        median_us=timed.median(),
    )
