"""Stable 64-bit keys: xxh3_64 as a signed integer.

Never `Series.hash` or DuckDB's `hash()`: they change between versions, and keys lie in published files.
"""

import polars as pl
import polars_hash as plh
import xxhash

_TWO_63 = 2**63
_TWO_64 = 2**64


def stable_key(text: str) -> int:
    """Signed xxh3_64 of the UTF-8 bytes of `text`."""
    unsigned = xxhash.xxh3_64_intdigest(text.encode())
    return unsigned - _TWO_64 if unsigned >= _TWO_63 else unsigned


def stable_keys(texts: pl.Expr) -> pl.Expr:
    """`stable_key` of each text, null for null, Int64."""
    return plh.NonCryptographicHashingNameSpace(texts).xxh3_64().reinterpret(signed=True)
