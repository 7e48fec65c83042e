"""Raw rows of a large day dealt out, so that what is decided of a device is decided where all of its rows are.

Which row of an id counts is decided where its device is, unless the id came with devices of several places: such ids are
found before, range by range of their hashes, and their rows decided together. All rows lie in a scratch meanwhile, so each
step can be taken by any process.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import polars as pl

from pipeline.core.engine import Engine, run_parts
from pipeline.core.scratch import Scratch, deal_out, waiting_rows
from pipeline.events.duplicates import first_of_each_id, hash_of_id, ids_of, met_with_several, place_of_device
from pipeline.stats.buckets import begin_of_range

# Reads the raw rows of an object.
Rows = Callable[[], pl.LazyFrame]
# A group of rows of the objects that are read.
_BATCH_ROWS = 131_072
# What one process reads of ids at a time.
_PLACES_PER_ID_RANGE = 16


@dataclass(frozen=True)
class Dealing:
    """What is dealt out: `prepare` of raw rows, into so many places, a power of two."""

    prepare: Callable[[pl.LazyFrame], pl.LazyFrame]
    places: int
    scratch: Scratch

    @property
    def id_ranges(self) -> int:
        """In how many ranges of hashes ids are looked at."""
        return max(1, self.places // _PLACES_PER_ID_RANGE)


class _Group(NamedTuple):
    """Objects that one process reads."""

    dealing: Dealing
    number: int
    objects: Sequence[Rows]
    met: pl.Series


@dataclass(frozen=True)
class Dealt:
    """Rows that wait by the place of their device: how many in each, and of ids that came with several the first row, with its `place`."""

    rows: list[int]
    several: pl.DataFrame
    repetitions: int

    def of(self, place: int) -> "Dealt":
        """What concerns one place."""
        return replace(self, several=self.several.filter(pl.col("place") == place))


def deal_by_device(dealing: Dealing, objects: Sequence[Sequence[Rows]], on: Engine) -> Dealt:
    """Deal all rows out by device, but those whose id came with devices of several places.

    Of these the first of each id is kept, and counted how many repeated it. `objects` come in groups that one process reads.
    """
    nothing = pl.Series("id_hash", [], dtype=pl.Int64)
    groups = [_Group(dealing, number, group, nothing) for number, group in enumerate(objects)]
    ids = sums_of(run_parts(_deal_places, groups, on), dealing.id_ranges)
    met = pl.concat([nothing, *run_parts(_met, [(dealing, n, number) for n, number in enumerate(ids)], on)])
    dealt = list(run_parts(_deal_rows, [group._replace(met=met) for group in groups], on))
    several = pl.concat(rows for rows, _ in dealt)
    first = first_of_each_id(several).with_columns(place_of_device(dealing.places))
    return Dealt(sums_of((counts for _, counts in dealt), dealing.places), first, several.height - first.height)


def sums_of(counts: Iterable[Sequence[int]], number: int) -> list[int]:
    """Place by place the sum of so many counts."""
    return [sum(of_place) for of_place in zip([0] * number, *counts, strict=True)]


def deal_ids(group: tuple[Scratch, int, int, Sequence[Rows]]) -> list[int]:
    """Deal the ids of group `n` of objects out into the scratch's `ids/0`, `ids/1`, ...: so many ranges of their hashes."""
    scratch, ranges, n, objects = group
    counts: list[list[int]] = []
    for number, read in enumerate(objects):
        ordered = ids_of(read()).collect().sort("id_hash")
        counts.append(_deal_by_hash(scratch, ordered, ranges, f"{n:06}-{number:06}"))
    return sums_of(counts, ranges)


def waiting(scratch: Scratch, place: int, dealt: Dealt) -> pl.DataFrame:
    """The rows of a place, those of ids that came with devices of several among them."""
    mine = dealt.several.filter(pl.col("place") == place).drop("place")
    return pl.concat([mine, waiting_rows(scratch, f"raw/{place}", mine.clear(), dealt.rows[place])])


def _batches(objects: Sequence[Rows]) -> Iterator[pl.LazyFrame]:
    for read in objects:
        rows = read()
        for first in range(0, rows.select(pl.len()).collect().item(), _BATCH_ROWS):
            yield rows.slice(first, _BATCH_ROWS)


def _deal_places(group: _Group) -> list[int]:
    dealing, has_id = group.dealing, pl.col("event_id").is_not_null()
    counts: list[list[int]] = []
    for number, batch in enumerate(_batches(group.objects)):
        ids = dealing.prepare(batch).filter(has_id).select(place_of_device(dealing.places), id_hash=hash_of_id())
        ordered = ids.collect().sort("id_hash")
        counts.append(_deal_by_hash(dealing.scratch, ordered, dealing.id_ranges, f"{group.number:06}-{number:06}"))
    return sums_of(counts, dealing.id_ranges)


def _deal_by_hash(scratch: Scratch, ordered: pl.DataFrame, ranges: int, name: str) -> list[int]:
    ends = [int(ordered["id_hash"].search_sorted(begin_of_range(n, ranges))) for n in range(1, ranges)]
    return deal_out(scratch, ordered, [*ends, ordered.height], "ids", name)


def _met(which: tuple[Dealing, int, int]) -> pl.Series:
    dealing, n, number = which
    empty = pl.DataFrame(schema={"place": pl.UInt64, "id_hash": pl.Int64})
    return met_with_several(waiting_rows(dealing.scratch, f"ids/{n}", empty, number))


def _deal_rows(group: _Group) -> tuple[pl.DataFrame, list[int]]:
    """Deal out the rows of some objects; those whose id was met with devices of several places are returned."""
    dealing, several, counts = group.dealing, list[pl.DataFrame](), list[list[int]]()
    is_met = (hash_of_id().is_in(group.met.implode()) if len(group.met) else pl.lit(value=False)).fill_null(value=False)
    place = place_of_device(dealing.places)
    for number, batch in enumerate(_batches(group.objects)):
        rows = dealing.prepare(batch).with_columns(place, is_met=is_met).collect()
        several.append(rows.filter("is_met").drop("is_met", "place"))
        ordered = rows.filter(~pl.col("is_met")).drop("is_met").sort("place")
        ends = np.cumsum(np.bincount(ordered["place"].to_numpy(), minlength=dealing.places)).tolist()
        counts.append(deal_out(dealing.scratch, ordered.drop("place"), ends, "raw", f"{group.number:06}-{number:06}"))
    none = dealing.prepare(group.objects[0]()).head(0).collect()
    return pl.concat([none, *several]), sums_of(counts, dealing.places)
