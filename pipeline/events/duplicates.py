"""An event counts once: on one day at any age, and across days within the product's `dedup_days`.

Definition: docs/definitions/events.md, "Duplicates". The row with the smallest (occurred_at, received_at, rest of the
row) wins, so the earliest day keeps the event and a later day asks which of its ids came before.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import polars as pl
import xxhash
from numpy.typing import NDArray

from pipeline.core.registry import TABLES
from pipeline.events.keys import stable_keys

_WITHOUT_ID = "none:"
_ID = ["source", "event_id"]
# Rows without any id go by their time: equal ones must meet, for they are numbered.
_DEVICE = pl.coalesce("anonymous_id", "user_id", pl.col("occurred_at").cast(pl.String))


def with_ids(rows: pl.DataFrame) -> pl.DataFrame:
    """Give rows of sources without ids one made from their content and their number among equal rows: all are kept."""
    without = rows.filter(pl.col("event_id").is_null())
    if without.is_empty():
        return rows
    content = without.select(pl.struct(sorted(without.columns)).struct.json_encode()).to_series()
    hashes = pl.Series("hash", [xxhash.xxh3_128_hexdigest(text.encode()) for text in content], dtype=pl.String)
    numbered = without.with_columns(hashes).with_columns(
        event_id=pl.concat_str(pl.lit(_WITHOUT_ID), "hash", pl.lit(":"), pl.int_range(pl.len()).over("hash"))
    )
    return pl.concat([rows.filter(pl.col("event_id").is_not_null()), numbered.drop("hash")])


def first_of_each_id(rows: pl.DataFrame) -> pl.DataFrame:
    """Of rows with one id keep the smallest (occurred_at, received_at, the rest of the row)."""
    later = later_of_an_id(rows)
    return rows if later.is_empty() else rows.filter(~pl.int_range(pl.len()).is_in(later.implode()))


def later_of_an_id(rows: pl.DataFrame) -> pl.Series:
    """Places of the rows that repeat the id of another, which is smaller or stands before."""
    key = rows.select(id_hash=hash_of_id()).to_series()
    # Few ids repeat: only rows whose hash does are compared by the full id.
    ordered = key.sort()
    hashes = ordered.filter((ordered == ordered.shift()).fill_null(value=False)).unique()
    if hashes.is_empty():
        return pl.Series("event_index", [], dtype=pl.Int64)
    order = [*_ID, "occurred_at", "received_at"]
    rest = sorted(set(rows.columns) - set(order))
    position = pl.int_range(pl.len(), dtype=pl.Int64).alias("event_index")
    twice = rows.select(pl.all(), position).filter(key.is_in(hashes.implode()))
    ordered_rows = twice.sort([*order, *rest], nulls_last=True, maintain_order=True)
    return ordered_rows.filter(~pl.struct(_ID).is_first_distinct())["event_index"]


def place_of_device(places: int) -> pl.Expr:
    """`place`: in which of so many parts of a day, a power of two, all rows of the row's device are; on any machine the same."""
    return (stable_keys(_DEVICE).reinterpret(signed=False) % places).alias("place")


def hash_of_id() -> pl.Expr:
    """A hash of (source, event_id); null without an id."""
    return stable_keys(pl.concat_str("source", pl.lit("\x1f"), "event_id"))


def met_with_several(ids: pl.DataFrame) -> pl.Series:
    """Hashes of the ids (`id_hash`) that came with devices of several places (`place`): which row counts, no place can tell alone."""
    ordered = ids.sort("id_hash", "place")
    is_same, is_elsewhere = (pl.col(name) == pl.col(name).shift() for name in ("id_hash", "place"))
    return ordered.filter(is_same & ~is_elsewhere)["id_hash"].unique()


def ids_of(raw: pl.LazyFrame) -> pl.LazyFrame:
    """Ids of accepted rows and their hashes; rows without an id have none."""
    return raw.select(_ID).filter(pl.col("event_id").is_not_null()).with_columns(id_hash=hash_of_id())


def event_ids(ids: pl.LazyFrame) -> pl.DataFrame:
    """The distinct ids among `ids_of` a day's accepted rows, or a range of their hashes, sorted by them."""
    named = ids.collect()
    # Sorted by an integer, equal ids stand side by side; texts are compared only where hashes meet.
    ordered = named.sort("id_hash").select(TABLES["event_ids"].schema.names())
    meets = (ordered["id_hash"] == ordered["id_hash"].shift()).fill_null(value=False)
    if not meets.any():
        return ordered
    place = pl.int_range(pl.len(), dtype=pl.UInt32).alias("place")
    met = ordered["id_hash"].filter(meets).unique()
    twice = ordered.select(pl.all(), place).filter(pl.col("id_hash").is_in(met.implode()))
    again = twice.filter(~pl.struct(_ID).is_first_distinct())["place"]
    if twice.height - len(again) > len(met):
        # Two ids of one hash: their order must not be that in which they came.
        return TABLES["event_ids"].conform(ordered.unique(_ID))
    return ordered.filter(~place.is_in(again.implode()))


class IdsOfDay(NamedTuple):
    """The `event_ids` of a day: their hashes, sorted, and what reads all of them."""

    hashes: NDArray[np.int64]
    rows: pl.LazyFrame


def hashes_of_ids(ids: pl.LazyFrame) -> NDArray[np.int64]:
    """The hashes of a day's `event_ids`, sorted as these are."""
    return ids.select("id_hash").collect().to_series().to_numpy()


def repeated_ids(own: NDArray[np.int64], ids: pl.LazyFrame, before: Iterable[IdsOfDay]) -> pl.DataFrame:
    """Those of a day's `event_ids` that came on one of the days `before`, as (source, event_id), sorted.

    Hashes are compared day by day, both sorted, so memory stays that of one day; matches are compared by the full id.
    """
    result = [ids.select(_ID).head(0).collect()]
    for theirs, earlier in before:
        # Two sorted runs are merged in one pass.
        both = np.concatenate([own, theirs])
        both.sort(kind="stable")
        met = pl.Series(both[1:][both[1:] == both[:-1]], dtype=pl.Int64).unique()
        if len(met):
            is_met = pl.col("id_hash").is_in(met.implode())
            mine, known = (each.filter(is_met).select(_ID) for each in (ids, earlier))
            result.append(mine.join(known, on=_ID, how="semi").collect())
    return pl.concat(result).unique().sort(_ID)


def without_repeated(rows: pl.DataFrame, repeated: pl.DataFrame) -> pl.DataFrame:
    """Rows whose id didn't come on an earlier day."""
    return rows if repeated.is_empty() else rows.join(repeated, on=_ID, how="anti", maintain_order="left")
