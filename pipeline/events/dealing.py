"""Raw rows of a large day dealt out, so that what is decided of a device is decided where all of its rows are.

Which row of an id counts is decided where its device is, unless the id came with devices of several places: such ids are
found before, range by range of their hashes, and their rows decided together. All rows lie in a scratch meanwhile, so each
step can be taken by any process.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl

from pipeline.core.engine import Engine, run_parts
from pipeline.core.scratch import Scratch, deal_out
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


def deal_by_device(dealing: Dealing, objects: Sequence[Sequence[Rows]], on: Engine) -> tuple[pl.DataFrame, int]:
    """Deal all rows out by device, but those whose id came with devices of several places.

    Of these the first of each id, with its `place`, and how many repeated it. `objects` come in groups that one process reads.
    """
    nothing = pl.Series("id_hash", [], dtype=pl.Int64)
    groups = [_Group(dealing, number, group, nothing) for number, group in enumerate(objects)]
    for _ in run_parts(_deal_places, groups, on):
        pass
    ranges = [(dealing, n) for n in range(dealing.id_ranges)]
    met = pl.concat([nothing, *run_parts(_met, ranges, on)])
    several = pl.concat(run_parts(_deal_rows, [group._replace(met=met) for group in groups], on))
    first = first_of_each_id(several).with_columns(place_of_device(dealing.places))
    return first, several.height - first.height


def deal_ids(group: tuple[Scratch, int, int, Sequence[Rows]]) -> None:
    """Deal the ids of group `n` of objects out into the scratch's `ids/0`, `ids/1`, ...: so many ranges of their hashes."""
    scratch, ranges, n, objects = group
    for number, read in enumerate(objects):
        ordered = ids_of(read()).collect().sort("id_hash")
        _deal_by_hash(scratch, ordered, ranges, f"{n:06}-{number:06}")


def waiting(scratch: Scratch, place: int, several: pl.DataFrame) -> pl.DataFrame:
    """The rows of a place, those of `several` (the first of ids that came with devices of several places) among them."""
    mine = several.filter(pl.col("place") == place).drop("place")
    return pl.concat([mine.lazy(), *scratch.rows(f"raw/{place}")]).collect()


def _batches(objects: Sequence[Rows]) -> Iterator[pl.LazyFrame]:
    for read in objects:
        rows = read()
        for first in range(0, rows.select(pl.len()).collect().item(), _BATCH_ROWS):
            yield rows.slice(first, _BATCH_ROWS)


def _deal_places(group: _Group) -> None:
    dealing, has_id = group.dealing, pl.col("event_id").is_not_null()
    for number, batch in enumerate(_batches(group.objects)):
        ids = dealing.prepare(batch).filter(has_id).select(place_of_device(dealing.places), id_hash=hash_of_id())
        ordered = ids.collect().sort("id_hash")
        _deal_by_hash(dealing.scratch, ordered, dealing.id_ranges, f"{group.number:06}-{number:06}")


def _deal_by_hash(scratch: Scratch, ordered: pl.DataFrame, ranges: int, name: str) -> None:
    ends = [int(ordered["id_hash"].search_sorted(begin_of_range(n, ranges))) for n in range(1, ranges)]
    deal_out(scratch, ordered, [*ends, ordered.height], "ids", name)


def _met(which: tuple[Dealing, int]) -> pl.Series:
    dealing, n = which
    empty = pl.LazyFrame(schema={"place": pl.UInt64, "id_hash": pl.Int64})
    return met_with_several(pl.concat([empty, *dealing.scratch.rows(f"ids/{n}")]).collect())


def _deal_rows(group: _Group) -> pl.DataFrame:
    """Deal out the rows of some objects; those whose id was met with devices of several places are returned."""
    dealing, several = group.dealing, list[pl.DataFrame]()
    is_met = (hash_of_id().is_in(group.met.implode()) if len(group.met) else pl.lit(value=False)).fill_null(value=False)
    place = place_of_device(dealing.places)
    for number, batch in enumerate(_batches(group.objects)):
        rows = dealing.prepare(batch).with_columns(place, is_met=is_met).collect()
        several.append(rows.filter("is_met").drop("is_met", "place"))
        ordered = rows.filter(~pl.col("is_met")).drop("is_met").sort("place")
        ends = np.cumsum(np.bincount(ordered["place"].to_numpy(), minlength=dealing.places)).tolist()
        deal_out(dealing.scratch, ordered.drop("place"), ends, "raw", f"{group.number:06}-{number:06}")
    if not several:
        return dealing.prepare(group.objects[0]()).head(0).collect()
    return pl.concat(several)
