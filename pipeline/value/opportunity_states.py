"""What has become of an opportunity, and which of them are one (metrics.md, "cost of delay": State).

`gone`: its last 7 days hold at least half the usual units and none with it, or a rate under a tenth of that of the days
before. `new` is the same the other way round. `growing`: half as often again, beyond chance (Fisher's exact test,
one-sided, p < 0.01). The day of the change is the one that splits the days best into two rates (likelihood).
"""

from collections.abc import Iterator, Mapping
from datetime import date

import numpy as np
import polars as pl
from scipy import stats

from pipeline.days import ONE_DAY
from pipeline.metrics.buckets import in_ranges
from pipeline.product_value import Release
from pipeline.value.impact import Units
from pipeline.value.units import BY

OPEN, GONE, NEW, GROWING = "open", "gone", "new", "growing"
_WEEK = 7
_TENTH, _BEYOND_CHANCE = 10, 0.01
# A release changes a rate on its day, but what is rare may be met a few days later or no more a few days before.
_RELEASE_DAYS = 3
STATES: dict[str, pl.DataType] = {
    **dict.fromkeys(BY, pl.String()),
    "state": pl.String(),
    "since": pl.Date(),
    "release": pl.String(),
}
Counts = np.ndarray[tuple[int], np.dtype[np.int64]]


def with_states(
    made: pl.DataFrame, units: Units, ranges: int, last_days: Mapping[str, date], releases: Mapping[str, Release]
) -> pl.DataFrame:
    """Add `state`, `since` (the day of the change; null: open or growing) and the `release` on it to opportunities by BY.

    `last_days` tells by kind the last day that is looked at; drops of funnels aren't in it: who belongs to a group doesn't
    tell whether the group fares worse.
    """
    counted = pl.concat(in_ranges(lambda inside: _by_day(units(inside), list(last_days)), ranges))
    days = counted.group_by(*BY, "day").agg(pl.all().sum()).sort(*BY, "day")
    rows = [
        (*by, *_state(own, last_days[own["kind"][0]], releases)) for by, own in days.group_by(BY, maintain_order=True)
    ]
    return made.join(pl.DataFrame(rows, schema=STATES, orient="row"), on=BY, how="left").with_columns(
        pl.col("state").fill_null(OPEN)
    )


def _by_day(part: pl.DataFrame, kinds: list[str]) -> pl.DataFrame:
    told = part.filter(pl.col("kind").is_in(kinds))
    return told.group_by(*BY, "day").agg(units=pl.len().cast(pl.Int64), met=pl.col("is_with").sum().cast(pl.Int64))


def _state(own: pl.DataFrame, last: date, releases: Mapping[str, Release]) -> tuple[str, date | None, str | None]:
    """State, day of the change and release of one opportunity, from its `day`, `units` and `met`."""
    first: date = own["day"].min()  # pyright: ignore[reportAssignmentType]
    every = pl.DataFrame({"day": pl.date_range(first, last, eager=True)})
    whole = every.join(own, on="day", how="left").select(pl.col("units", "met").fill_null(0))
    n, met = whole["units"].to_numpy(), whole["met"].to_numpy()
    state = state_of(n, met)
    if state not in (GONE, NEW):
        return state, None, None
    since = first + ONE_DAY * changed_at(n, met, state)
    return state, since, _release_on(since, releases)


def state_of(n: Counts, met: Counts) -> str:
    """State from units and those with it by day, the latest last."""
    days_before = len(n) - _WEEK
    # Rates are compared as integers: a tenth is a tenth.
    before, now = int(n[:-_WEEK].sum()), int(n[-_WEEK:].sum())
    met_before, met_now = int(met[:-_WEEK].sum()), int(met[-_WEEK:].sum())
    # Where either time holds too little, nothing is known of a change.
    if days_before < _WEEK or not before or 2 * now * days_before < before * _WEEK:
        return OPEN
    if met_before and _TENTH * met_now * before < met_before * now:
        return GONE
    if met_now and _TENTH * met_before * now < met_now * before:
        return NEW
    is_more = 2 * met_now * before >= 3 * met_before * now
    # Fisher's exact test: of all that met it so many in the last days, whatever the days.
    p = stats.hypergeom.sf(met_now - 1, before + now, met_before + met_now, now)
    return GROWING if is_more and p < _BEYOND_CHANCE else OPEN


def changed_at(n: Counts, met: Counts, state: str) -> int:
    """The day of the change, from 0: what it splits off holds the last 7 days, of what is new at the most."""
    last = len(n) - _WEEK
    possible = range(last, len(n)) if state == NEW else range(1, last + 1)

    def fit(day: int) -> float:
        return _fit(n[:day].sum(), met[:day].sum()) + _fit(n[day:].sum(), met[day:].sum())

    return max(possible, key=fit)


def _fit(n: int, met: int) -> float:
    """Log likelihood of so many at their own rate."""
    return sum(k * np.log(k / n) for k in (met, n - met) if k) if n else 0.0


def _release_on(day: date, releases: Mapping[str, Release]) -> str | None:
    near = sorted((abs((each.day - day).days), name) for name, each in releases.items())
    return near[0][1] if near and near[0][0] <= _RELEASE_DAYS else None


def overlaps(units: Units, ranges: int) -> pl.DataFrame:
    """Of each two opportunities how many sessions met both: BY twice, the other's with the suffix `_other`, `sessions`."""
    return pl.concat(in_ranges(lambda inside: _both(units(inside)), ranges)).group_by(*BY, *_OTHER).agg(pl.all().sum())


_OTHER = [f"{name}_other" for name in BY]


def _both(part: pl.DataFrame) -> pl.DataFrame:
    met = part.filter("is_with", pl.col("session_key").is_not_null()).select(*BY, "session_key").unique()
    pairs = met.join(met, on="session_key", suffix="_other")
    return pairs.group_by(*BY, *_OTHER).agg(sessions=pl.len().cast(pl.Int64))


def parts_of(ordered: list[str], shared: Mapping[tuple[str, str], int]) -> Iterator[tuple[str, str]]:
    """Each opportunity that is part of a stronger one, and that one: over half of its sessions are among the other's.

    `ordered` are ids, the strongest first; `shared` tells sessions of two ids, and of an id with itself all that it has.
    """
    whole: list[str] = []
    for id_ in ordered:
        least = shared.get((id_, id_), 0) / 2
        stronger = next((each for each in whole if shared.get((id_, each), 0) > least), None)
        if stronger is None:
            whole.append(id_)
        else:
            yield id_, stronger
