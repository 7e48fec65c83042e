"""A clean day that doesn't fit into memory: what `clean_day` makes, range by range of people.

What is decided of a device (duplicates, clicks made twice, whose it is, its pace) is decided where all of its rows are, so
raw rows are first dealt out by device, and decided ones by person. Both lie on disk meanwhile.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from pipeline.core.canonical import EVENTS
from pipeline.core.product import Product
from pipeline.events.bots import crowds
from pipeline.events.clean import CleanDay, carried, clean_part, finished
from pipeline.events.duplicates import first_of_each_id, of_several_devices, place_of_device
from pipeline.events.identity import Identities
from pipeline.stats.buckets import begin_of_range

# A group of rows of the objects that are read.
_BATCH_ROWS = 131_072


def clean_in_ranges(
    raw: Sequence[pl.LazyFrame],
    product: Product,
    identities: Identities,
    repeated: pl.DataFrame,
    ranges: int,
    folder: Path,
) -> Iterator[CleanDay]:
    """The day in `ranges` parts that follow each other in the order of events.

    `raw` are the accepted rows by the objects that hold them; `folder` is for what waits.
    """
    first, repetitions = _dealt_by_device(raw, product, ranges, folder / "raw")
    singles, columns = list[pl.DataFrame](), pl.DataFrame()
    counts = [repetitions, 0, 0]
    for place in range(ranges):
        mine = first.filter(pl.col("place") == place).drop("place")
        part = clean_part(_waiting(folder / "raw", place, mine), product, identities, repeated)
        singles.append(part.one_event_devices)
        columns = part.rows.clear()
        for n, number in enumerate((part.duplicates, part.duplicates_of_earlier_days, part.clicks_merged)):
            counts[n] += number
        keys = part.rows["person_key"].drop_nulls()
        ends = [keys.search_sorted(begin_of_range(n, ranges)) for n in range(1, ranges)]
        _deal_out(part.rows, [*ends, part.rows.height], folder / "decided", place)
    crowd = crowds(pl.concat(singles), product.bots)
    for n in range(ranges):
        decided = _waiting(folder / "decided", n, columns).sort(EVENTS.order, nulls_last=True)
        yield CleanDay(finished(decided, crowd, product), *(counts if n == 0 else (0, 0, 0)))


def _dealt_by_device(
    raw: Sequence[pl.LazyFrame], product: Product, ranges: int, folder: Path
) -> tuple[pl.DataFrame, int]:
    """Deal out rows by device, but those whose id came with devices of several places.

    Of these the first of each id, with its `place`, and how many repeated it.
    """
    place = place_of_device(ranges)
    rows = carried(pl.concat(raw, how="diagonal_relaxed"), product)
    is_met = of_several_devices(rows, place)
    several = rows.filter(is_met).collect()
    first = first_of_each_id(several).with_columns(place)
    for number, batch in enumerate(_batches(raw)):
        ordered = carried(batch, product).filter(~is_met).with_columns(place).collect().sort("place")
        ends = np.cumsum(np.bincount(ordered["place"].to_numpy(), minlength=ranges)).tolist()
        _deal_out(ordered.drop("place"), ends, folder, number)
    return first, several.height - first.height


def _batches(objects: Sequence[pl.LazyFrame]) -> Iterator[pl.LazyFrame]:
    for rows in objects:
        for first in range(0, rows.select(pl.len()).collect().item(), _BATCH_ROWS):
            yield rows.slice(first, _BATCH_ROWS)


def _deal_out(rows: pl.DataFrame, ends: Sequence[int], folder: Path, number: int) -> None:
    """Write `rows` into the folders of their ranges, as the file of that number; each range ends before its place in `ends`."""
    begin = 0
    for n, end in enumerate(ends):
        if end > begin:
            target = folder / str(n) / f"{number}.arrow"
            target.parent.mkdir(parents=True, exist_ok=True)
            rows.slice(begin, end - begin).write_ipc(target, compression="lz4", compat_level=pl.CompatLevel.newest())
        begin = end


def _waiting(folder: Path, n: int, beside: pl.DataFrame) -> pl.DataFrame:
    """The rows that were dealt out to a range, and those `beside`."""
    dealt = [pl.scan_ipc(path) for path in sorted((folder / str(n)).glob("*"))]
    return pl.concat([beside.lazy(), *dealt]).collect()
