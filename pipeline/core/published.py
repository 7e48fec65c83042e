"""How a column of the lake is called and counted in a mart (docs/decisions/0037): names of the field, units of people, ids as text.

The lake holds whole numbers: milliseconds, millionths of a currency, 64-bit keys. Who reads a mart gets seconds and money as
exact decimals, and keys that no tool sums. SQL models speak the lake's names; this is laid around them once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal

import numpy as np
import polars as pl
import pyarrow as pa

from pipeline.core.contract import Column, Table

# Exact: money, and shares that must not depend on how rows stand together; seconds.
DECIMAL_6, DECIMAL_3 = pl.Decimal(20, 6), pl.Decimal(20, 3)
_NAMES = {"session_day": "day", "group": "breakdown_value", "arrived": "day", "week": "week_start"}
# What one small unit is of the large one, by the small one's name in contracts.
_UNITS: dict[str, tuple[str, pl.Decimal, str]] = {
    "ms": ("s", DECIMAL_3, "0.001::decimal(4, 3)"),
    "micro-units": ("currency", DECIMAL_6, "0.000001::decimal(7, 6)"),
}
_LEAST = f"(-{2**63})::bigint"
_IDS = ("session_key", "person_key", "page_view_key", "incident_key", "response_key")


def mart(  # noqa: PLR0913  # as of a table
    name: str,
    grain: str,
    columns: Iterable[Column],
    key: tuple[str, ...],
    at_most: tuple[tuple[str, str], ...] = (),
    names: Mapping[str, str] | None = None,
    *,
    sort: tuple[str, ...] = (),
    version: int = 1,
    depends_on_measuring: bool = False,
    matures: bool = False,
) -> Table:
    """A mart of columns of the lake; `names` says what some are called here, besides what `published_name` says."""

    def named(of: Iterable[str]) -> tuple[str, ...]:
        return tuple(published_name(each, names) for each in of)

    pairs = tuple((published_name(small, names), published_name(large, names)) for small, large in at_most)
    return Table(
        name,
        "mart",
        grain,
        tuple(published(column, names) for column in columns),
        named(key),
        sort=named(sort),
        at_most=pairs,
        version=version,
        depends_on_measuring=depends_on_measuring,
        matures=matures,
    )


def published_name(name: str, names: Mapping[str, str] | None = None) -> str:
    """What a column of the lake is called in a mart."""
    if names and name in names:
        return names[name]
    if name.endswith("_ms"):
        return f"{name.removesuffix('_ms')}_seconds"
    return _NAMES.get(name, name.replace("revenue_micros", "revenue"))


def published(column: Column, names: Mapping[str, str] | None = None) -> Column:
    """A column of the lake as a mart has it; `was` where it is called or counted otherwise."""
    name, over = published_name(column.name, names), tuple(published_name(each, names) for each in column.adds_over)
    if column.dtype == pl.Int64() and column.unit in _UNITS:
        unit, dtype, _ = _UNITS[column.unit]
        return replace(column, name=name, dtype=dtype, unit=unit, adds_over=over, was=column.name)
    if column.dtype == pl.Int64() and column.name in _IDS:
        return replace(column, name=name, dtype=pl.String(), adds_over=over, was=column.name)
    return replace(column, name=name, adds_over=over, was=column.name if name != column.name else "")


def in_sql(column: Column) -> str:
    """A mart's column from what its model gives, in DuckDB's SQL."""
    if not column.was:
        return f'"{column.name}"'
    given = f'"{column.was}"'
    for _, dtype, factor in _UNITS.values():
        if column.dtype == dtype:
            given = f"{given} * {factor}"
    if column.was in _IDS:
        given = f"lpad(lower(to_hex(xor({given}, {_LEAST}))), 16, '0')"
    return f'cast({given} as {column.sql_type}) as "{column.name}"'


def as_it_was_in_sql(column: Column) -> str:
    """The column of one version ago from a mart's, in DuckDB's SQL."""
    if not column.was:
        return f'"{column.name}"'
    given = f'"{column.name}"'
    if column.dtype in (DECIMAL_6, DECIMAL_3):
        given = f"cast({given} * {'1000000' if column.dtype == DECIMAL_6 else '1000'} as bigint)"
    if column.was in _IDS:
        given = f"cast(cast('0x' || {given} as ubigint)::hugeint - {2**63}::hugeint as bigint)"
    return f'{given} as "{column.was}"'


def id_of(key: int) -> str:
    """A 64-bit key as marts and facts bear it: sixteen hexadecimal digits, in the order of the keys."""
    return f"{key + 2**63:016x}"


def id_text(keys: str) -> pl.Expr:
    """`id_of` a column of keys; null stays null."""
    return pl.col(keys).map_batches(_hex, return_dtype=pl.String)


def _hex(keys: pl.Series) -> pl.Series:
    digits = (keys.fill_null(0).to_numpy() ^ np.int64(-(2**63))).astype(">i8").tobytes()
    rows = pa.Array.from_buffers(pa.binary(8), len(keys), [None, pa.py_buffer(digits)])
    # Not read out of the bytes: whole columns are.
    named = pl.Series(pl.from_arrow(rows.cast(pa.binary()))).bin.encode("hex")
    return pl.select(pl.when(keys.is_not_null()).then(named)).to_series().alias(keys.name)


def in_currency(micros: pl.Expr) -> pl.Expr:
    """Millionths as the currency's unit, exact: a quotient would be a float."""
    return micros.cast(pl.Decimal(38, 6)) * pl.lit(Decimal("0.000001"))


def in_seconds(ms: pl.Expr) -> pl.Expr:
    """Milliseconds as seconds, exact."""
    return ms.cast(pl.Decimal(38, 3)) * pl.lit(Decimal("0.001"))
