"""Properties that the product file promotes: typed columns of their own beside the JSON of the others."""

import re
from collections.abc import Callable
from typing import Any

import polars as pl

from pipeline.core.canonical import PROMOTED_PREFIX
from pipeline.core.product import Product, PropertyType

_PROMOTED_TYPES: dict[PropertyType, pl.DataType] = {
    "string": pl.String(),
    "integer": pl.Int64(),
    "boolean": pl.Boolean(),
}
# Without zeros in front, which would be lost.
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,18}")
_INT64 = 2**63


def promoted_schema(product: Product) -> dict[str, pl.DataType]:
    """Column name and type of each property that the product file promotes."""
    return {PROMOTED_PREFIX + name: _PROMOTED_TYPES[kind] for name, kind in product.properties.items()}


def with_promoted(rows: pl.LazyFrame, product: Product) -> pl.LazyFrame:
    """Rows with a column for each promoted property, of its type of today; a value that doesn't fit it is null."""
    present = rows.collect_schema().names()
    return rows.with_columns(
        (pl.col(name).cast(dtype, strict=False) if name in present else pl.lit(None, dtype=dtype).alias(name))
        for name, dtype in promoted_schema(product).items()
    )


def promote(rest: list[dict[str, Any]], name: str, kind: PropertyType) -> pl.Series:
    """Move a property out of `rest` into a typed column; a value of another type stays where it is."""
    cells: list[Any] = []
    for mapping in rest:
        value = _READ_AS[kind](mapping.get(name))
        if value is not None:
            del mapping[name]
        cells.append(value)
    return pl.Series(PROMOTED_PREFIX + name, cells, dtype=_PROMOTED_TYPES[kind])


def _as_string(value: Any) -> str | None:  # noqa: ANN401  # JSON holds anything
    return value if isinstance(value, str) else None


def _as_integer(value: Any) -> int | None:  # noqa: ANN401  # JSON holds anything
    """An integer, or the text of one as CSV and BigQuery write it."""
    result = int(value) if isinstance(value, str) and _INTEGER.fullmatch(value) else value
    if isinstance(result, bool) or not isinstance(result, int):
        return None
    return result if -_INT64 <= result < _INT64 else None


def _as_boolean(value: Any) -> bool | None:  # noqa: ANN401  # JSON holds anything
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    return value if isinstance(value, bool) else None


_READ_AS: dict[PropertyType, Callable[[Any], Any]] = {
    "string": _as_string,
    "integer": _as_integer,
    "boolean": _as_boolean,
}
