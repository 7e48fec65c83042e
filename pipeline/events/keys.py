"""Stable 64-bit keys: xxh3_64 as a signed integer, over distinct texts only.

Never `Series.hash` or DuckDB's `hash()`: they change between versions, and keys lie in published files.
"""

import polars as pl
import xxhash

_TWO_63 = 2**63
_TWO_64 = 2**64


def stable_key(text: str) -> int:
    """Signed xxh3_64 of the UTF-8 bytes of `text`."""
    unsigned = xxhash.xxh3_64_intdigest(text.encode())
    return unsigned - _TWO_64 if unsigned >= _TWO_63 else unsigned


def stable_keys(texts: pl.Series) -> pl.Series:
    """`stable_key` of each text, null for null; each distinct text is hashed once."""
    distinct = texts.drop_nulls().unique()
    keys = pl.Series([stable_key(text) for text in distinct], dtype=pl.Int64)
    return texts.replace_strict(distinct, keys, default=None, return_dtype=pl.Int64)
