"""Files to records: NDJSON, JSON and CSV (plain, gzip, zstd) and Parquet, one record at a time, in bounded memory.

A record is what a source's module understands: a JSON line as bytes, or a row as a dict. Trouble with one record is a
`RecordFault` in its place; trouble that ends the file is a `FileFault` (design.md: such a file is rejected whole).
"""

import csv
import gzip
import io
import itertools
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.ingest.faults import FileFault, RecordFault

Record = bytes | dict[str, Any] | RecordFault
MAX_RECORD_BYTES = 1_048_576
# A JSON document is read whole, so it is bounded; longer files are to be written line by line.
MAX_DOCUMENT_BYTES = 64 * 1_048_576
_KEPT_OF_FAULTY = 65_536
_CHUNK_BYTES = 8 * 1_048_576
_DELIMITERS = ",;\t|"
_BATCH_ROWS = 16_384
_QUOTED = re.compile(r'"[^"]*"')
_UTF8_MARK = b"\xef\xbb\xbf"
_READ_FAULTS = (EOFError, OSError, zlib.error, pa.ArrowException)
# What Polars and Python say of Parquet columns that they can't hold: times out of range, unknown zones, equal names.
_PARQUET_FAULTS = (pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError, OverflowError, TypeError)


class LooseRow(dict[str, Any]):
    """A row of a text format: every value is text and is turned into its column's type."""


@dataclass(frozen=True)
class How:
    """What a format says about its files: record size, wrappers of documents, text that is read line by line."""

    max_record_bytes: int = MAX_RECORD_BYTES
    unwrap: Callable[[Any], list[Any] | None] = lambda _document: None
    line_endings: tuple[str, ...] = ()
    repeated_headers: bool = False


def read_records(path: Path, how: How | None = None) -> Iterator[Record]:
    """Yield the records of `path` in order; FileFault where the file can't be read to its end."""
    chosen = how or How()
    reader = _reader_for(path.name, chosen)
    if reader is None:
        known = ", ".join(sorted({*_READERS, *chosen.line_endings}))
        raise FileFault("unknown_format", f"{path.suffix or 'no ending'} is none of: {known}")
    try:
        yield from reader(path, chosen)
    except (FileNotFoundError, FileFault):
        raise
    except _READ_FAULTS as fault:
        raise FileFault("file_truncated", f"can't be read to its end: {fault}; send it again whole") from fault


Reader = Callable[[Path, How], Iterator[Record]]


def _reader_for(name: str, how: How) -> Reader | None:
    """The reader for a file of that name; None if the ending says nothing that we know."""
    lower = name.lower()
    if lower.endswith(tuple(ending + packing for ending in how.line_endings for packing in _PACKINGS)):
        return _ndjson
    return next((reader for ending, reader in _READERS.items() if lower.endswith(ending)), None)


def _open(path: Path) -> io.BufferedReader:
    if path.name.lower().endswith(".gz"):
        return io.BufferedReader(gzip.GzipFile(path, "rb"))  # pyright: ignore[reportArgumentType]
    if path.name.lower().endswith(".zst"):
        return io.BufferedReader(pa.input_stream(str(path), compression="zstd"))  # pyright: ignore[reportArgumentType]
    return io.BufferedReader(io.FileIO(path))


def _ndjson(path: Path, how: How) -> Iterator[bytes | RecordFault]:
    with _open(path) as stream:
        yield from _lines(stream, how.max_record_bytes)


def _lines(stream: io.BufferedReader, limit: int) -> Iterator[bytes | RecordFault]:
    first = True
    while line := stream.readline(limit + 1):
        if first:
            line, first = line.removeprefix(_UTF8_MARK), False
        if len(line) > limit:
            begin = line[:_KEPT_OF_FAULTY]
            while not line.endswith(b"\n") and (more := stream.readline(limit)):
                line = more
            yield RecordFault("record_too_large", f"longer than {limit} bytes; send less in one record", begin)
        elif not line.isspace():
            yield line


def contains(path: Path, wanted: Sequence[bytes]) -> bool:
    """Whether the file holds one of `wanted`, packed or not."""
    if path.name.lower().endswith(".parquet"):
        texts = [each.decode(errors="replace") for each in wanted]
        return any(text in str(row) for row in _parquet(path, How()) for text in texts)
    longest = max(map(len, wanted), default=0)
    with _open(path) as stream:
        kept = b""
        while part := stream.read(_CHUNK_BYTES):
            kept += part
            if any(each in kept for each in wanted):
                return True
            kept = kept[-longest:]
    return False


def _json(path: Path, how: How) -> Iterator[Record]:
    """A document, or lines for all that: where the first line is whole JSON and more follow, they are records."""
    with _open(path) as stream:
        head = list(itertools.islice(_lines(stream, MAX_DOCUMENT_BYTES), 2))
        is_lines = len(head) > 1 and isinstance(head[0], bytes) and _is_json(head[0])
    if is_lines or not head:
        yield from _ndjson(path, how)
        return
    with _open(path) as stream:
        data = stream.read(MAX_DOCUMENT_BYTES + 1).removeprefix(_UTF8_MARK)
    try:
        if len(data) > MAX_DOCUMENT_BYTES:
            raise FileFault(
                "document_too_large", f"over {MAX_DOCUMENT_BYTES} bytes in one document; write one record a line"
            )
        document = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        if data.lstrip()[:1] == b"[":
            raise FileFault("malformed_json", f"{fault}; send the list whole, or one record a line") from None
        yield from _ndjson(path, how)
        return
    yield from _entries(document, data, how)


def _is_json(line: bytes) -> bool:
    try:
        msgspec.json.decode(line, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _entries(document: Any, data: bytes, how: How) -> Iterator[Record]:  # noqa: ANN401  # JSON holds anything
    try:
        found: Iterable[Any] | None = how.unwrap(document)
    except (TypeError, AttributeError, ValueError, KeyError, RecursionError) as fault:
        raise FileFault(
            "malformed_json", f"its wrapper can't be read ({type(fault).__name__}); export it again"
        ) from None
    if found is None and not isinstance(document, list):
        is_small = len(data) <= how.max_record_bytes
        yield data if is_small else RecordFault("record_too_large", f"longer than {how.max_record_bytes} bytes")
        return
    for entry in document if found is None else found:
        if isinstance(entry, dict):
            yield entry
        else:
            yield RecordFault(
                "malformed_json", "an entry of the list is no object", msgspec.json.encode(entry)[:_KEPT_OF_FAULTY]
            )


def _csv(path: Path, how: How) -> Iterator[LooseRow | RecordFault]:
    csv.field_size_limit(MAX_RECORD_BYTES)
    with _open(path) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
        begin = text.readline()
        while begin.count('"') % 2 and len(begin) < _KEPT_OF_FAULTY and (more := text.readline(_KEPT_OF_FAULTY)):
            # A header's words may go on in the next line.
            begin += more
        bare = _QUOTED.sub("", begin)
        delimiter = max(_DELIMITERS, key=bare.count) if bare.strip() else ","
        rows = csv.reader(itertools.chain([begin], text), strict=True, delimiter=delimiter)
        header: list[str] = []
        while True:
            try:
                cells = next(rows)
            except StopIteration:
                return
            except csv.Error as fault:
                if "unexpected end" in str(fault):
                    # A quote that nobody closed took in all that follows: nobody knows what was in it.
                    raise FileFault(
                        "unclosed_quote", "a quote is never closed; quote the cell and send it again"
                    ) from None
                reason = f'{fault}; quote a cell with " and double the quotes inside'
                if not header:
                    raise FileFault("malformed_csv", f"the header: {reason}") from None
                yield RecordFault("malformed_csv", reason)
                continue
            if not header:
                header = _checked_header(cells, how)
            elif cells:
                yield _row(header, cells)


def _checked_header(cells: list[str], how: How) -> list[str]:
    if not all(_is_utf8(cell) and "\0" not in cell for cell in cells):
        raise FileFault("invalid_utf8", "the header is not UTF-8; save the file as UTF-8")
    cells = [cell.strip() or f"column_{i}" for i, cell in enumerate(cells, start=1)]
    if how.repeated_headers:
        before = [cells[:i].count(cell) for i, cell in enumerate(cells)]
        return [f"{cell} ({n + 1})" if n else cell for cell, n in zip(cells, before, strict=True)]
    if len(set(cells)) != len(cells):
        raise FileFault("repeated_column", "the header names a column twice; rename one")
    return cells


def _row(header: list[str], cells: list[str]) -> LooseRow | RecordFault:
    if len(cells) != len(header):
        return RecordFault("csv_cells", f"{len(cells)} cells under a header of {len(header)}", _raw(cells), header)
    if any(not cell.isascii() and not _is_utf8(cell) for cell in cells):
        return RecordFault("invalid_utf8", "not UTF-8; save the file as UTF-8", _raw(cells))
    return LooseRow((name, cell) for name, cell in zip(header, cells, strict=True) if cell)


def _raw(cells: list[str]) -> bytes:
    return ",".join(cells).encode("utf-8", errors="surrogateescape")[:_KEPT_OF_FAULTY]


def _is_utf8(cell: str) -> bool:
    # Bytes that are no UTF-8 were read as lone surrogates, which don't encode.
    try:
        cell.encode()
    except UnicodeEncodeError:
        return False
    return True


def _parquet(path: Path, _how: How) -> Iterator[dict[str, Any]]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=_BATCH_ROWS):
            try:
                rows = pl.DataFrame(pl.from_arrow(batch)).rows(named=True)
            except _PARQUET_FAULTS as fault:
                reason = f"a column can't be read: {str(fault).splitlines()[0]}; send plain types"
                raise FileFault("unreadable_parquet", reason) from None
            for row in rows:
                yield {name: _plain(value) for name, value in row.items() if value is not None}


def _plain(value: Any) -> Any:  # noqa: ANN401  # Parquet holds anything
    """A time without a zone is UTC; bytes are text where they are UTF-8, as writers without strings leave them."""
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value.hex()
    return value


_PACKINGS = ("", ".gz", ".zst")
_READERS: dict[str, Reader] = {
    **{ending + packing: _ndjson for ending in (".ndjson", ".jsonl") for packing in _PACKINGS},
    **{".json" + packing: _json for packing in _PACKINGS},
    **{ending + packing: _csv for ending in (".csv", ".tsv") for packing in _PACKINGS},
    ".parquet": _parquet,
}
