"""Ranges of `person_key`: each holds whole people, so what is counted per person is counted range by range, here or on a cluster.

Keys are hashes, so equal ranges hold about as many people each; daily files are sorted by key, so a range is read
without the rest. Results are equal for any number of ranges, in whatever order or place they are computed.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import polars as pl

from pipeline.core.engine import cluster, run_parts

T = TypeVar("T")
# Rows at a time, in all threads together: a funnel over so many takes about 800 MB.
BUCKET_ROWS = 12_000_000
# What isn't parallel in a range (compiled passes) runs beside the reading of another.
_THREADS = min(os.cpu_count() or 1, 4)
_LOWEST, _KEYS = -(2**63), 2**64


def key_range(bucket: int, buckets: int, key: str = "person_key") -> pl.Expr:
    """Whether a key lies in the range number `bucket` of `buckets`."""
    inside = pl.col(key) >= begin_of_range(bucket, buckets)
    return inside if bucket == buckets - 1 else inside & (pl.col(key) < begin_of_range(bucket + 1, buckets))


def added_up(parts: Sequence[pl.DataFrame], keys: Sequence[str]) -> pl.DataFrame:
    """Sums of disjoint ranges as those of all of them: a row per `keys`, all other columns added."""
    return parts[0] if len(parts) == 1 else pl.concat(parts).group_by(keys).agg(pl.exclude(*keys).sum())


def begin_of_range(bucket: int, buckets: int) -> int:
    """The least key of the range number `bucket` of `buckets`."""
    return _LOWEST + _KEYS * bucket // buckets


def by_bucket(
    stream: pl.LazyFrame, compute: Callable[[pl.LazyFrame], T], buckets: int | None = None, key: str = "person_key"
) -> Iterator[T]:
    """`compute` of each range of people, in order, a few at a time, so that memory is that of a few ranges.

    Without a number there are as many ranges as keep those of a time near `BUCKET_ROWS` rows.
    """
    number = buckets or ranges_of(stream.select(pl.len()).collect().item())
    yield from in_ranges(lambda inside: compute(stream.filter(inside)), number, key)


def in_ranges(compute: Callable[[pl.Expr], T], number: int, key: str = "person_key") -> Iterator[T]:
    """`compute` of the filter of each of `number` ranges, in order, a few at a time."""
    if number == 1:
        yield compute(pl.lit(value=True))
        return
    ranges = [key_range(n, number, key) for n in range(number)]
    if on := cluster():
        yield from run_parts(_computed, [(compute, each) for each in ranges], on)
        return
    with ThreadPoolExecutor(_THREADS) as threads:
        yield from threads.map(compute, ranges)


def _computed(part: tuple[Callable[[pl.Expr], T], pl.Expr]) -> T:
    compute, inside = part
    return compute(inside)


def ranges_of(rows: int) -> int:
    """How many ranges `rows` are cut into; few rows into one."""
    return 1 if rows <= BUCKET_ROWS // _THREADS else -(-rows * _THREADS // BUCKET_ROWS)
