"""What has become of an opportunity, and which of them are one (docs/definitions/opportunities.md, "State").

`gone`: the last 7 days hold at least half the usual units, and from a day on that lies before them there are none with it,
or a rate under a tenth of that up to then. `new`: a day in the last 7 begins a rate ten times that before it. `growing`: the
last 7 days are beyond each earlier week, by half and beyond chance (p < 0.01). Of the days that may be the change the one
counts that splits the days best into two rates (likelihood).
"""

from collections.abc import Iterator, Mapping
from datetime import date

import numpy as np
import polars as pl

from pipeline.core.days import ONE_DAY
from pipeline.core.product_settings import Release
from pipeline.domains.opportunities.impact import Units
from pipeline.domains.opportunities.units import BY
from pipeline.stats.buckets import in_ranges

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
    made: pl.DataFrame, units: Units, ranges: int, last_days: Mapping[str, date], releases: Mapping[str, Release],
    measured: pl.DataFrame | None = None,
) -> pl.DataFrame:  # fmt: skip
    """Add `state`, `since` (the day of the change; null: open or growing) and the `release` on it to opportunities by BY.

    `last_days` tells by kind the last day that is looked at; drops of funnels aren't in it: who belongs to a group doesn't
    tell whether the group fares worse. `measured` holds page views by `page`, `signal` and `day` whose source tells of the
    signal: what nothing tells of any more isn't gone.
    """
    counted = pl.concat(in_ranges(lambda inside: _by_day(units(inside), list(last_days)), ranges))
    days = counted.group_by(*BY, "day").agg(pl.all().sum()).with_columns(reported=pl.col("units"))
    if measured is not None:
        signal = pl.col("subject").str.split(" in ").list.first()
        joined = days.with_columns(signal=signal).join(measured, on=["page", "signal", "day"], how="left")
        of_views = pl.col("kind").is_in(("friction", "zone"))
        days = joined.with_columns(reported=pl.when(of_views).then(pl.col("measured").fill_null(0)).otherwise("units"))
    rows = [
        (*by, *_state(own, last_days[own["kind"][0]], releases))
        for by, own in days.sort(*BY, "day").group_by(BY, maintain_order=True)
    ]
    return made.join(pl.DataFrame(rows, schema=STATES, orient="row"), on=BY, how="left").with_columns(
        pl.col("state").fill_null(OPEN)
    )


def _by_day(part: pl.DataFrame, kinds: list[str]) -> pl.DataFrame:
    reported = part.filter(pl.col("kind").is_in(kinds))
    return reported.group_by(*BY, "day").agg(units=pl.len().cast(pl.Int64), met=pl.col("is_with").sum().cast(pl.Int64))


def _state(own: pl.DataFrame, last: date, releases: Mapping[str, Release]) -> tuple[str, date | None, str | None]:
    """State, day of the change and release of one opportunity, from its `day`, `units`, `met` and `told`."""
    first: date = own["day"].min()  # pyright: ignore[reportAssignmentType]
    every = pl.DataFrame({"day": pl.date_range(first, last, eager=True)})
    whole = every.join(own, on="day", how="left").select(pl.col("units", "met", "reported").fill_null(0))
    if not _is_as_usual(whole["reported"].to_numpy()):
        return OPEN, None, None
    state, day = state_of(whole["units"].to_numpy(), whole["met"].to_numpy())
    since = None if day is None else first + ONE_DAY * day
    return state, since, None if since is None else _release_on(since, releases)


def _is_as_usual(n: Counts) -> bool:
    """Whether there is a week or more before the last 7 days, and these hold at least half as many as usual."""
    days, before, now = len(n) - _WEEK, int(n[:-_WEEK].sum()), int(n[-_WEEK:].sum())
    return days >= _WEEK and before > 0 and 2 * now * days >= before * _WEEK


def state_of(n: Counts, met: Counts) -> tuple[str, int | None]:
    """State from units and those with it by day, the latest last; of gone and new ones the day of the change, from 0."""
    if not _is_as_usual(n):
        return OPEN, None
    last = len(n) - _WEEK
    stopped = [day for day in range(1, last + 1) if _is_tenth(n[day:], met[day:], n[:day], met[:day])]
    if stopped:
        return GONE, max(stopped, key=lambda day: _fit(n, met, day))
    began = [day for day in range(last, len(n)) if _is_tenth(n[:day], met[:day], n[day:], met[day:])]
    if began:
        return NEW, max(began, key=lambda day: _fit(n, met, day))
    return (GROWING if _is_growing(n, met) else OPEN), None


def _is_tenth(n: Counts, met: Counts, other: Counts, other_met: Counts) -> bool:
    """Whether a rate is under a tenth of another; as integers: a tenth is a tenth."""
    return _TENTH * int(met.sum()) * int(other.sum()) < int(other_met.sum()) * int(n.sum())


def _is_growing(n: Counts, met: Counts) -> bool:
    """Whether the last 7 days beat each whole week before them: half as often again, and beyond chance."""
    weeks = [(int(n[:end][-_WEEK:].sum()), int(met[:end][-_WEEK:].sum())) for end in range(len(n), _WEEK - 1, -_WEEK)]
    (now, met_now), *earlier = weeks
    return all(
        2 * met_now * before >= 3 * met_before * now
        and _chance_of_more(met_now, now, met_before, before) < _BEYOND_CHANCE
        for before, met_before in earlier
        if before
    )


def _chance_of_more(met_now: int, now: int, met_before: int, before: int) -> float:
    """Fisher's exact test, one-sided: how likely it is that of all who met it so many did in the last days."""
    # With its only use: all of it takes half a second to load, in every process.
    from scipy.stats import hypergeom  # noqa: PLC0415

    return float(hypergeom.sf(met_now - 1, before + now, met_before + met_now, now))


def _fit(n: Counts, met: Counts, day: int) -> float:
    """Log likelihood of a rate up to a day and another from it on."""
    parts = ((int(n[:day].sum()), int(met[:day].sum())), (int(n[day:].sum()), int(met[day:].sum())))
    return sum(k * np.log(k / total) for total, had in parts for k in (had, total - had) if k)


def _release_on(day: date, releases: Mapping[str, Release]) -> str | None:
    near = sorted((abs((each.day - day).days), name) for name, each in releases.items())
    return near[0][1] if near and near[0][0] <= _RELEASE_DAYS else None


def overlaps(units: Units, ranges: int) -> tuple[pl.DataFrame, int]:
    """Of each two opportunities how many sessions met both (BY twice, the other's with the suffix `_other`, `sessions`).

    And of how many sessions all units are.
    """
    parts = list(in_ranges(lambda inside: _both(units(inside)), ranges))
    return pl.concat([pairs for pairs, _ in parts]).group_by(*BY, *_OTHER).agg(pl.all().sum()), sum(n for _, n in parts)


_OTHER = [f"{name}_other" for name in BY]


def _both(part: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    reported = part.filter(pl.col("session_key").is_not_null())
    met = reported.filter("is_with").select(*BY, "session_key").unique()
    pairs = met.join(met, on="session_key", suffix="_other")
    return pairs.group_by(*BY, *_OTHER).agg(sessions=pl.len().cast(pl.Int64)), reported["session_key"].n_unique()


def parts_of(ordered: list[str], shared: Mapping[tuple[str, str], int], sessions: int) -> Iterator[tuple[str, str]]:
    """Each opportunity that is part of a stronger one, and that one.

    It is where over half of its sessions are among the other's, and at least twice as many as chance would put there: what
    most sessions meet holds most of anything. `ordered` are ids, the strongest first; `shared` tells sessions of two ids,
    and of an id with itself all that it has; `sessions` how many there are.
    """
    whole: list[str] = []
    for id_ in ordered:
        own = shared.get((id_, id_), 0)
        for each in whole:
            both, other = shared.get((id_, each), 0), shared.get((each, each), 0)
            if 2 * both > own and both * sessions >= 2 * own * other:
                yield id_, each
                break
        else:
            whole.append(id_)
