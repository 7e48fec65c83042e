"""Plain lines of the canonical format as columns, without an object of Python for each value (docs/decisions/0034).

What `plain_kernel` declines goes the way of any other record. Both ways give the same rows: tests/pipeline/test_plain_lines.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.core.canonical import INPUT_COLUMNS
from pipeline.core.contract import UTC_MICROSECONDS
from pipeline.ingest.plain_kernel import (
    BOOLEAN,
    DECLINED,
    LARGE,
    LENGTH_MASK,
    OBJECT,
    SMALL,
    TEXT,
    TIME,
    scan,
    slots_of,
    unescaped,
)

_NAMES = [column.name.encode() for column in INPUT_COLUMNS] + [b"properties"]
_KIND_OF: dict[pl.DataType, int] = {
    pl.String(): TEXT,
    pl.Int32(): SMALL,
    pl.Int64(): LARGE,
    pl.Boolean(): BOOLEAN,
    UTC_MICROSECONDS: TIME,
}
_KINDS = np.array([_KIND_OF[column.dtype] for column in INPUT_COLUMNS] + [OBJECT], np.int64)
_JOINED = np.frombuffer(b"".join(_NAMES), np.uint8)
_ENDS = np.cumsum([0, *map(len, _NAMES)]).astype(np.int64)
_SLOTS = slots_of(_NAMES)
_PROPERTIES = len(INPUT_COLUMNS)
_Mask = NDArray[np.bool_]
_object = msgspec.json.Decoder(dict[str, Any])


@dataclass(frozen=True)
class PlainLines:
    """Of some lines those that are plain, by their `places`: their `columns`, as INPUT_COLUMNS, and their `properties`."""

    places: list[int]
    columns: list[pl.Series]
    properties: list[dict[str, Any] | None]


def plain_lines(lines: Sequence[bytes]) -> PlainLines:
    """Read those of `lines` that are plain."""
    data = b"\n".join(lines) + b"\n"
    d = np.frombuffer(data, np.uint8)
    begins = np.concatenate([[0], np.cumsum([len(line) + 1 for line in lines])]).astype(np.int64)
    values = np.empty((len(_NAMES), len(lines)), np.int64)
    given = np.empty(len(lines), np.int64)
    scan(d, begins, _KINDS, _JOINED, _ENDS, _SLOTS, values, given)
    if not _is_text(data):
        given[[i for i, line in enumerate(lines) if not _is_text(line)]] = DECLINED
    properties = _properties(data, values[_PROPERTIES], given)
    plain = given != DECLINED
    own, bits = values[:, plain], given[plain]
    columns = [_column(n, d, own[n], (bits >> n) & 1 == 1) for n in range(_PROPERTIES)]
    places = np.flatnonzero(plain).tolist()
    return PlainLines(places, columns, [properties.get(place) for place in places])


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _properties(data: bytes, values: NDArray[np.int64], given: NDArray[np.int64]) -> dict[int, dict[str, Any]]:
    """The objects of properties by line; a line whose one can't be read is declined."""
    result: dict[int, dict[str, Any]] = {}
    has_some = (given != DECLINED) & ((given >> _PROPERTIES) & 1 == 1)
    for line, value in zip(np.flatnonzero(has_some).tolist(), values[has_some].tolist(), strict=True):
        begin = value >> 24
        try:
            result[line] = _object.decode(data[begin : begin + ((value >> 1) & LENGTH_MASK)])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            given[line] = DECLINED
    return result


def _column(n: int, d: NDArray[np.uint8], values: NDArray[np.int64], mask: _Mask) -> pl.Series:
    column, size = INPUT_COLUMNS[n], len(values)
    if not mask.any():
        return pl.Series(column.name, [None], dtype=column.dtype).new_from_index(0, size)
    validity = None if mask.all() else pa.py_buffer(np.packbits(mask, bitorder="little"))
    if _KINDS[n] == TEXT:
        offsets = np.empty(size + 1, np.int64)
        out = np.empty(int(((values >> 1) & LENGTH_MASK)[mask].sum()), np.uint8)
        unescaped(d, values, mask, offsets, out)
        texts = pa.LargeStringArray.from_buffers(size, pa.py_buffer(offsets), pa.py_buffer(out), validity)
        return pl.Series(column.name, texts)
    numbers = pa.Array.from_buffers(pa.int64(), size, [validity, pa.py_buffer(np.ascontiguousarray(values))])
    series = pl.Series(column.name, numbers)
    return (series == 1).alias(column.name) if _KINDS[n] == BOOLEAN else series.cast(column.dtype)
