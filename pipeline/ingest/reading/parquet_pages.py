"""What the pages of a Parquet file claim to hold, read from their headers alone.

A few kilobytes can stand for gigabytes: a page of zeros, a long value that a dictionary repeats. The footer could
lie about it, the page headers can't: they are what a decoder allocates by. Definition: apache/parquet-format,
parquet.thrift (PageHeader), in Thrift's compact protocol.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from pipeline.ingest.faults import FileFault

_HEADER_BYTES = 4_096
_MAX_HEADER_BYTES = 16 * 1_048_576
# Numbers of fields in PageHeader, and of encodings.
_TYPE, _UNPACKED, _PACKED, _DATA, _DICTIONARY, _DATA_V2 = 1, 2, 3, 5, 7, 8
_VALUES, _ENCODING, _ENCODING_V2 = 1, 2, 4
_DELTA_BYTE_ARRAY = 7
_IN_DICTIONARY = frozenset({0, 2, 8})
_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(1, 13)


@dataclass
class Pages:
    """Of a column chunk: bytes of its dictionary, of its largest data page and of all; the fewest values of a page.

    A value that is written as part of others, by a dictionary or as a prefix, costs nothing in its page.
    """

    dictionary: int = 0
    largest: int = 0
    total: int = 0
    values: int = 0
    fewest: int = 2**31
    encodings: set[int] = field(default_factory=set[int])

    @property
    def longest(self) -> int:
        """Bytes that one value can take."""
        return max(self.dictionary, self.largest if _DELTA_BYTE_ARRAY in self.encodings else 0)

    @property
    def fits_dictionary(self) -> bool:
        """Whether Arrow can read it without repeating what the dictionary holds."""
        return self.dictionary > 0 and self.encodings <= _IN_DICTIONARY


def pages_of(file: BinaryIO, begin: int, size: int) -> Pages:
    """What the column chunk at `begin`, of `size` bytes in the file, unpacks to."""
    result = Pages()
    at, end = begin, begin + size
    before: int | None = None
    while at < end:
        header, length = _header(file, at)
        packed, unpacked = header.get(_PACKED, -1), header.get(_UNPACKED, -1)
        if packed < 0 or unpacked < 0:
            raise FileFault("unreadable_parquet", "a page has no size; write it again")
        at += length + packed
        result.total += unpacked
        if _DICTIONARY in header:
            result.dictionary = max(result.dictionary, unpacked)
            continue
        data: dict[int, Any] = header.get(_DATA) or header.get(_DATA_V2) or {}
        result.largest = max(result.largest, unpacked)
        result.values += data.get(_VALUES, 0)
        result.encodings.add(data.get(_ENCODING if _DATA in header else _ENCODING_V2, 0))
        if before is not None:
            # The last page may hold as few values as are left.
            result.fewest = min(result.fewest, before)
        before = data.get(_VALUES, 0)
    return result


def _header(file: BinaryIO, at: int) -> tuple[dict[int, Any], int]:
    size = _HEADER_BYTES
    while True:
        file.seek(at)
        data = file.read(size)
        try:
            read = _Compact(data)
            return read.struct(), read.at
        except IndexError:
            if len(data) < size or size >= _MAX_HEADER_BYTES:
                raise FileFault("file_truncated", "a page header breaks off; send it again whole") from None
            size *= 16


class _Compact:
    """Thrift's compact protocol, as far as page headers need it; IndexError where the bytes end too early."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:  # noqa: PLR2004  # the last byte of a number
                return value
            shift += 7
            if shift > 63:  # noqa: PLR2004  # no number is longer
                raise FileFault("unreadable_parquet", "a page header can't be read; write it again")

    def integer(self) -> int:
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def struct(self, depth: int = 0) -> dict[int, Any]:
        return dict(self._fields(depth))

    def _fields(self, depth: int) -> Iterator[tuple[int, Any]]:
        if depth > 8:  # noqa: PLR2004  # page headers are two deep
            raise FileFault("unreadable_parquet", "a page header can't be read; write it again")
        number = 0
        while head := self.byte():
            number = number + (head >> 4) if head >> 4 else self.integer()
            yield number, self._value(head & 0x0F, depth)

    def _value(self, kind: int, depth: int) -> Any:  # noqa: ANN401  # a number, a structure, or nothing of interest
        if kind in (_TRUE, _FALSE):
            return kind == _TRUE
        if kind in (_I16, _I32, _I64):
            return self.integer()
        if kind == _STRUCT:
            return self.struct(depth + 1)
        if kind in (_BYTE, _DOUBLE):
            self._skip(1 if kind == _BYTE else 8)
        elif kind == _BINARY:
            self._skip(self.varint())
        else:
            # Page headers hold no lists, sets and maps.
            raise FileFault("unreadable_parquet", "a page header can't be read; write it again")
        return None

    def _skip(self, count: int) -> None:
        self.at += count
        if self.at > len(self.data):
            raise IndexError
