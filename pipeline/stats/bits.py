"""Which goals, segments, steps and signals a row bears: bits of a whole number, goals and segments in order of their names."""

from collections.abc import Iterable

import polars as pl


def has_bit(column: str | pl.Expr, index: int) -> pl.Expr:
    """Whether the bit of that index, from 0, is set."""
    bits = pl.col(column) if isinstance(column, str) else column
    return bits.cast(pl.Int64) & (1 << index) != 0


def has_name(column: str | pl.Expr, name: str, names: Iterable[str]) -> pl.Expr:
    """Whether the goal or segment of that name, one of `names`, is among a row's; ValueError where it is none of them."""
    return has_bit(column, sorted(names).index(name))
