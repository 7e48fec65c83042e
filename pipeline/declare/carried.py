"""What is carried from month to month: a night reads what was known by the last closed month, and the days since.

A history of years is so read once, and then costs a night no more than a few weeks do.
"""

from collections.abc import Callable, Mapping
from datetime import date, timedelta

import polars as pl

from pipeline.core.days import ONE_DAY
from pipeline.declare.period_tables import PeriodSources

# Days of a month change that long after its end, for events come late; later ones are read anew with all that follow.
CLOSED_AFTER = timedelta(days=35)
State = Mapping[str, pl.DataFrame]


def carried(
    sources: PeriodSources, empty: State, fold: Callable[[State, PeriodSources], State]
) -> tuple[State, PeriodSources]:
    """The state by the end of the last closed month, kept for the next run, and the sources of the days after it.

    `fold` takes a state and the sources of a month to the state at that month's end; `empty` is the one before all days. A
    state is some frames by name.
    """
    if not sources.days:
        return empty, sources
    begin, months = sources.days[0], _closed_months(sources.days)
    state, done = empty, 0
    for number in (len(months), len(months) - 1):
        known = sources.within(begin, months[number - 1][1]) if number > 0 else None
        found = {name: frame for name in empty if known and (frame := known.recall(name)) is not None}
        if len(found) == len(empty):
            state, done = found, number
            break
    for first, last in months[done:]:
        state = fold(state, sources.within(first, last))
    if done < len(months):
        until = sources.within(begin, months[-1][1])
        for name, frame in state.items():
            until.keep(name, frame)
    return state, sources.within(months[-1][1] + ONE_DAY if months else begin, sources.days[-1])


def _closed_months(days: list[date]) -> list[tuple[date, date]]:
    """First and last day of each month with data that ended long enough before the last of `days`."""
    starts = sorted({day.replace(day=1) for day in days})
    ends = [(start.replace(day=28) + timedelta(days=4)).replace(day=1) - ONE_DAY for start in starts]
    return [(start, end) for start, end in zip(starts, ends, strict=True) if end + CLOSED_AFTER <= days[-1]]
