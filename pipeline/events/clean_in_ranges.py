"""A clean day that doesn't fit into memory: what `clean_day` makes, range by range of people.

What is decided of a device (duplicates, clicks made twice, whose it is, its pace) is decided where all of its rows are, so
raw rows are first dealt out by device, and decided ones by person. Both lie on disk meanwhile.
"""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from pipeline.core.canonical import EVENTS
from pipeline.core.product import Product
from pipeline.events.bots import crowds
from pipeline.events.clean import CleanDay, carried, clean_part, finished
from pipeline.events.duplicates import first_of_each_id
from pipeline.events.identity import Identities
from pipeline.stats.buckets import key_range

# Rows without any id go by their time: equal ones must meet, for they are numbered.
_DEVICE = pl.coalesce("anonymous_id", "user_id", pl.col("occurred_at").cast(pl.String))
_ID_HASH = pl.struct("source", "event_id").hash()


def clean_in_ranges(
    raw: pl.LazyFrame, product: Product, identities: Identities, repeated: pl.DataFrame, ranges: int, folder: Path
) -> Iterator[CleanDay]:
    """The day in `ranges` parts that follow each other in the order of events; `folder` is for what waits."""
    place_of = (_DEVICE.hash() % ranges).alias("place")
    rows = carried(raw, product)
    met = _of_several_devices(rows.with_columns(place_of))
    is_met = _ID_HASH.is_in(met.implode()) & pl.col("event_id").is_not_null()
    several = rows.filter(is_met if len(met) else pl.lit(value=False)).collect()
    first = first_of_each_id(several).with_columns(place_of)
    by_place = pl.PartitionBy(folder / "raw", key="place", include_key=False)
    rows.filter(~is_met if len(met) else pl.lit(value=True)).with_columns(place_of).sink_ipc(by_place, mkdir=True)
    singles: list[pl.DataFrame] = []
    counts = [several.height - first.height, 0, 0]
    for place in range(ranges):
        waiting = [pl.scan_ipc(path) for path in sorted((folder / "raw" / f"place={place}").glob("*"))]
        mine = first.lazy().filter(pl.col("place") == place).drop("place")
        part = clean_part(pl.concat([mine, *waiting]).collect(), product, identities, repeated)
        singles.append(part.one_event_devices)
        for n, number in enumerate((part.duplicates, part.duplicates_of_earlier_days, part.clicks_merged)):
            counts[n] += number
        _deal_out(part.rows, ranges, folder / "decided", place)
    crowd = crowds(pl.concat(singles), product.bots)
    for n in range(ranges):
        waiting = [pl.scan_ipc(path) for path in sorted((folder / "decided" / str(n)).glob("*"))]
        decided = pl.concat(waiting).collect().sort(EVENTS.order, nulls_last=True)
        yield CleanDay(finished(decided, crowd, product), *(counts if n == 0 else (0, 0, 0)))


def _of_several_devices(rows: pl.LazyFrame) -> pl.Series:
    """Hashes of the ids that came with devices of several places: which row of them counts, no place can tell alone."""
    ids = rows.filter(pl.col("event_id").is_not_null()).select(id_hash=_ID_HASH, place="place").collect()
    ids = ids.sort("id_hash", "place")
    is_same, is_elsewhere = (pl.col(name) == pl.col(name).shift() for name in ("id_hash", "place"))
    return ids.filter(is_same & ~is_elsewhere)["id_hash"].unique()


def _deal_out(rows: pl.DataFrame, ranges: int, folder: Path, place: int) -> None:
    """Write `rows`, which stand in order of their people, into the folders of their ranges; nobody's to the last."""
    begin = 0
    for n in range(ranges):
        is_last = n == ranges - 1
        end = (
            rows.height
            if is_last
            else begin + rows.lazy().slice(begin).select(key_range(n, ranges).sum()).collect().item()
        )
        target = folder / str(n) / f"{place}.arrow"
        target.parent.mkdir(parents=True, exist_ok=True)
        rows.slice(begin, end - begin).write_ipc(target)
        begin = end
