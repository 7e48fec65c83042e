"""Who comes after how long: what retention, lifecycle and people by day are counted from (docs/definitions/activity.md).

Of each person active on a day two things tell all of these: the day on which they first came, and the day on which they
last came before. Counted by both, a day is a few hundred numbers however many people it has.
"""

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.core.registry import TABLES
from pipeline.declare import PeriodSources, State, carried
from pipeline.stats.buckets import by_bucket
from pipeline.stats.ordering import in_order

_SEEN = {"person_key": pl.Int64(), "first_day": pl.Int32(), "last_day": pl.Int32()}
_COUNTS = {"day": pl.Date(), "from_day": pl.Date(), "people_first": pl.Int64(), "people_last": pl.Int64()}
_NEVER = -1
Days = NDArray[np.signedinteger[Any]]


def activity_returns(sources: PeriodSources) -> pl.DataFrame:
    """Of each day its people by the day of their first and of their last activity before; see the contract."""
    empty = {"seen": pl.DataFrame(schema=_SEEN), "counts": pl.DataFrame(schema=_COUNTS)}
    state, rest = carried(sources, empty, _month)
    return TABLES["activity_returns"].conform(_month(state, rest)["counts"])


def _month(state: State, month: PeriodSources) -> State:
    seen = state["seen"]
    rows = month.rows.select("person_key", day=pl.col("day").to_physical())
    parts = list(by_bucket(rows, lambda part: _range(part.collect(), seen)))
    counts = pl.concat([each for each, _ in parts]).group_by("day", "from_day").agg(pl.all().sum())
    active = pl.concat([each for _, each in parts])
    others = seen.join(active, on="person_key", how="anti")
    return {"seen": pl.concat([others, active]).sort("person_key"), "counts": pl.concat([state["counts"], counts])}


def _range(rows: pl.DataFrame, seen: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The same of a range of people: counts, and those active, as they are seen then."""
    keys, days = rows["person_key"].to_numpy(), rows["day"].to_numpy()
    positions, days, _, begins = in_order(keys, days, np.zeros(0, np.int8))
    ends = np.append(begins[1:], len(days))[: len(begins)]
    people = keys[positions[begins]]
    known = pl.DataFrame({"person_key": people}).join(seen, on="person_key", how="left", maintain_order="left")
    before = np.empty_like(days)
    before[1:] = days[:-1]
    before[begins] = known["last_day"].fill_null(_NEVER).to_numpy()
    first = np.where(known["first_day"].is_null().to_numpy(), days[begins], known["first_day"].fill_null(0).to_numpy())
    counts = [
        _pairs(days, np.repeat(first, ends - begins), "people_first"),
        _pairs(days[before != _NEVER], before[before != _NEVER], "people_last"),
    ]
    active = pl.DataFrame({"person_key": people, "first_day": first, "last_day": days[ends - 1]}, schema=_SEEN)
    return pl.concat(counts, how="diagonal").select(pl.col(n).cast(t) for n, t in _COUNTS.items()), active


def _pairs(days: Days, others: Days, name: str) -> pl.DataFrame:
    """How many stand for each day and other day."""
    if not len(days):
        return pl.DataFrame(schema={"day": pl.Int32, "from_day": pl.Int32, name: pl.Int64})
    day, other = int(days.min()), int(others.min())
    width = int(others.max()) - other + 1
    numbers = np.bincount((days - day).astype(np.int64) * width + (others - other))
    found = np.flatnonzero(numbers)
    return pl.DataFrame(
        {"day": found // width + day, "from_day": found % width + other, name: numbers[found]},
        schema={"day": pl.Int32, "from_day": pl.Int32, name: pl.Int64},
    )
