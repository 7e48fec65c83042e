"""Ranges of `person_key`: each holds whole people, so what is counted per person is counted range by range.

Keys are hashes, so equal ranges hold about as many people each; daily files are sorted by key, so a range is read
without the rest. Results are equal for any number of ranges, in whatever order or place they are computed.
"""

from collections.abc import Callable, Iterator
from typing import TypeVar

import polars as pl

T = TypeVar("T")
# Rows at a time: a funnel over so many takes about 800 MB.
BUCKET_ROWS = 12_000_000
_LOWEST, _KEYS = -(2**63), 2**64


def key_range(bucket: int, buckets: int, key: str = "person_key") -> pl.Expr:
    """Whether a key lies in the range number `bucket` of `buckets`."""
    bounds = [_LOWEST + _KEYS * n // buckets for n in (bucket, bucket + 1)]
    inside = pl.col(key) >= bounds[0]
    return inside if bucket == buckets - 1 else inside & (pl.col(key) < bounds[1])


def by_bucket(
    stream: pl.LazyFrame, compute: Callable[[pl.LazyFrame], T], buckets: int | None = None, key: str = "person_key"
) -> Iterator[T]:
    """`compute` of each range of people, one at a time, so that memory is that of one range.

    Without a number there are as many ranges as keep each near `BUCKET_ROWS` rows.
    """
    number = buckets or 1 + stream.select(pl.len()).collect().item() // BUCKET_ROWS
    for bucket in range(number):
        yield compute(stream.filter(key_range(bucket, number, key)))
