"""Who comes after how long: what retention, lifecycle and people by day are counted from (docs/definitions/activity.md).

Of each person active on a day two things tell all of these: the day on which they first came, and the day on which they
last came before. Counted by both, a day is a few hundred numbers however many people it has.
"""

from typing import Any

import numba
import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.core.registry import TABLES
from pipeline.declare import PeriodSources, State, carried
from pipeline.stats.buckets import by_bucket
from pipeline.stats.ordering import in_order

_SEEN = {"person_key": pl.Int64(), "first_day": pl.Int32(), "last_day": pl.Int32()}
_COUNTS = {"day": pl.Date(), "from_day": pl.Date(), "people_first": pl.Int64(), "people_last": pl.Int64()}
NOBODY = pl.DataFrame(schema=_SEEN)
_NEVER = -1
Days = NDArray[np.signedinteger[Any]]


def activity_returns(sources: PeriodSources) -> pl.DataFrame:
    """Of each day its people by the day of their first and of their last activity before; see the contract."""
    empty = {"seen": NOBODY, "counts": pl.DataFrame(schema=_COUNTS)}
    state, rest = carried(sources, empty, _month)
    return TABLES["activity_returns"].conform(_month(state, rest)["counts"])


def _month(state: State, month: PeriodSources) -> State:
    seen = state["seen"]
    rows = month.rows.select("person_key", day=pl.col("day").to_physical())
    parts = list(by_bucket(rows, lambda part: returned(part.collect(), seen)))
    counts = pl.concat([each for each, _ in parts]).group_by("day", "from_day").agg(pl.all().sum())
    active = pl.concat([each for _, each in parts])
    others = seen.join(active, on="person_key", how="anti")
    return {"seen": pl.concat([others, active]).sort("person_key"), "counts": pl.concat([state["counts"], counts])}


def returned(rows: pl.DataFrame, seen: pl.DataFrame = NOBODY) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Counts of some people's days (`person_key`, `day` as days since 1970), and when they were seen first and last then.

    `seen` says so of everybody before these days; the counts have the columns of `activity_returns`.
    """
    keys, days = rows["person_key"].to_numpy(), rows["day"].to_numpy()
    positions, days, _, begins = in_order(keys, days, np.zeros(0, np.int8))
    ends = np.append(begins[1:], len(days))[: len(begins)]
    people = keys[positions[begins]]
    known = pl.DataFrame({"person_key": people}).join(seen, on="person_key", how="left", maintain_order="left")
    last = known["last_day"].fill_null(_NEVER).to_numpy()
    first = np.where(last == _NEVER, days[begins], known["first_day"].fill_null(_NEVER).to_numpy())
    active = pl.DataFrame({"person_key": people, "first_day": first, "last_day": days[ends - 1]}, schema=_SEEN)
    if not len(days):
        return pl.DataFrame(schema=_COUNTS), active
    day, other = int(days.min()), int(first.min())
    size = (int(days.max()) - day + 1, int(days.max()) - other + 1)
    firsts, lasts = np.zeros(size, np.int64), np.zeros(size, np.int64)
    _count(begins, ends, days, first, last, day, other, firsts, lasts)
    at, start = np.nonzero(firsts + lasts)
    counts = {
        "day": at + day,
        "from_day": start + other,
        "people_first": firsts[at, start],
        "people_last": lasts[at, start],
    }
    return pl.DataFrame(counts).select(
        pl.col(n).cast(pl.Int32).cast(t) if t == pl.Date() else pl.col(n) for n, t in _COUNTS.items()
    ), active


@numba.njit(cache=True, nogil=True)
def _count(  # noqa: PLR0913, PLR0917  # arrays in, arrays filled
    begins: Days, ends: Days, days: Days, first: Days, last: Days, day: int, other: int, firsts: Days, lasts: Days
) -> None:
    for e in range(len(begins)):
        before = last[e]
        for i in range(begins[e], ends[e]):
            firsts[days[i] - day, first[e] - other] += 1
            if before != _NEVER:
                lasts[days[i] - day, before - other] += 1
            before = days[i]
