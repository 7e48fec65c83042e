"""How long people take from step to step, and how funnels go from one entry period to the next.

Definitions: docs/definitions/funnels.md, "Time to convert", "Conversion over time".
"""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np
import polars as pl

from pipeline.core.contract import UTC_MICROSECONDS
from pipeline.domains.funnels.funnel import FunnelRules, micros, run, streams
from pipeline.stats.periods import Calendar

_SECOND_US = 1_000_000
_MOST_BINS, _MOST_BINS_BY_HAND = 60, 90
_WIDTH_OF_ONE_VALUE = 60


class TimeToConvert(NamedTuple):
    """`bins`: `from_s` (seconds) and `people`; `mean_s` over all people, null where nobody converted."""

    bins: pl.DataFrame
    mean_s: float | None


def bin_boundaries(min_s: float, max_s: float, number: int, bins: int | None = None) -> list[int]:
    """Lower ends, in seconds, of the bins of `number` values between `min_s` and `max_s`; one more than there are bins."""
    cubic = round(number ** (1 / 3))
    root = cubic if cubic**3 == number else math.ceil(number ** (1 / 3))
    chosen = min(max(root, 1), _MOST_BINS) if bins is None else min(max(bins, 1), _MOST_BINS_BY_HAND)
    low, high = math.floor(min_s), math.ceil(max_s)
    width = math.ceil((high - low) / chosen) or _WIDTH_OF_ONE_VALUE
    return [low + i * width for i in range(chosen + 1)]


def time_to_convert(
    people: pl.DataFrame, from_step: int = 0, to_step: int | None = None, bins: int | None = None
) -> TimeToConvert:
    """Times from one step (0-based) to another of the people whom `funnel_people` gave, as a histogram."""
    last = sum(name.startswith("t") and name[1:].isdigit() for name in people.columns) - 1
    end = last if to_step is None else to_step
    if not 0 <= from_step < end <= last:
        raise ValueError(f"from step {from_step} to {end}; write 0 <= from < to <= {last}")
    passed = (pl.col(f"t{end}") - pl.col(f"t{from_step}")).dt.total_microseconds()
    values = people.filter(pl.col("depth") > end).select(passed / _SECOND_US).to_series().to_numpy()
    if not len(values):
        return TimeToConvert(pl.DataFrame(schema={"from_s": pl.Int64, "people": pl.Int64}), None)
    lows = bin_boundaries(float(values.min()), float(values.max()), len(values), bins)
    positions = np.floor((values - lows[0]) / (lows[1] - lows[0])).astype(np.int64)
    counts = np.bincount(positions, minlength=len(lows))[: len(lows)]
    return TimeToConvert(
        pl.DataFrame({"from_s": lows, "people": counts.astype(np.int64)}), math.fsum(values) / len(values)
    )


def funnel_trends(  # noqa: PLR0913  # what the definition names
    stream: pl.LazyFrame,
    rules: FunnelRules,
    calendar: Calendar,
    first: datetime,
    last: datetime,
    *,
    from_step: int = 0,
    to_step: int | None = None,
    by: Sequence[str] = ("person_key",),
) -> pl.DataFrame:
    """Per period of entry from that of `first` to that of `last`: who got from one step (0-based) to another.

    Returns: `period` (its number), `entered` (entities with an attempt that entered in the period and took
    `from_step`), `converted` (with one that took `to_step`). An entity counts once a period, in every one it enters.
    """
    end = rules.steps - 1 if to_step is None else to_step
    if not 0 <= from_step <= end < rules.steps:
        raise ValueError(f"from step {from_step} to {end}; write 0 <= from <= to <= {rules.steps - 1}")
    ordered = streams(stream, rules, by)
    events = ordered.frame[ordered.order].with_row_index("event_index")
    at = pl.Series("occurred_at", ordered.t).cast(UTC_MICROSECONDS)
    events = events.with_columns(at, pl.Series("steps", ordered.steps)).with_columns(period=calendar.number())
    opens = pl.col("steps") > 0 if rules.order == "unordered" else (pl.col("steps") & 1) > 0
    last_positions = events.group_by(by).agg(end=pl.col("event_index").max() + 1)
    begins = events.group_by(*by, "period").agg(begin=pl.col("event_index").min(), opens=opens.any()).filter("opens")
    entries = begins.join(last_positions, on=by, nulls_equal=True)
    numbers = range(calendar.number_of(first), calendar.number_of(last) + 1)
    entries = entries.filter(pl.col("period").is_in(list(numbers)))
    bounds = {n: micros(calendar.start(n)) for n in (*numbers, numbers[-1] + 1)}
    of = entries["period"].to_list()
    depths, _ = run(
        ordered,
        rules,
        entries["begin"].cast(pl.Int64).to_numpy(),
        entries["end"].cast(pl.Int64).to_numpy(),
        np.array([bounds[n] for n in of], np.int64),
        np.array([bounds[n + 1] for n in of], np.int64),
    )
    counted = (
        entries.with_columns(pl.Series("depth", depths, dtype=pl.Int64))
        .group_by("period")
        .agg(entered=(pl.col("depth") > from_step).sum(), converted=(pl.col("depth") > end).sum())
    )
    whole = pl.DataFrame({"period": list(numbers)}, schema={"period": pl.Int64})
    return whole.join(counted, on="period", how="left").with_columns(
        pl.col("entered", "converted").fill_null(0).cast(pl.Int64)
    )
