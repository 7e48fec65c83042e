"""Files to records: NDJSON and CSV (plain, gzip, zstd) and Parquet, one record at a time, in bounded memory.

A record is what a source's module understands: a JSON line as bytes, or a row as a dict. Trouble with one record is a
`RecordFault` in its place; trouble that ends the file is a `FileFault` (design.md: such a file is rejected whole).
"""

import csv
import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.ingest.faults import FileFault, RecordFault

Record = bytes | dict[str, Any] | RecordFault
MAX_RECORD_BYTES = 1_048_576
_BATCH_ROWS = 16_384
_UTF8_MARK = b"\xef\xbb\xbf"
_READ_FAULTS = (EOFError, OSError, zlib.error, pa.ArrowException)
# What Polars and Python say of Parquet columns that they can't hold: times out of range, unknown zones, equal names.
_PARQUET_FAULTS = (pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError, OverflowError, TypeError)


class LooseRow(dict[str, Any]):
    """A row of a text format: every value is text and is turned into its column's type."""


def read_records(path: Path) -> Iterator[Record]:
    """Yield the records of `path` in order; FileFault where the file can't be read to its end."""
    reader = reader_for(path.name)
    if reader is None:
        raise FileFault("unknown_format", f"{path.suffix or 'no ending'} is none of: {', '.join(sorted(_READERS))}")
    try:
        yield from reader(path)
    except (FileNotFoundError, FileFault):
        raise
    except _READ_FAULTS as fault:
        raise FileFault("file_truncated", f"can't be read to its end: {fault}; send it again whole") from fault


def reader_for(name: str) -> Callable[[Path], Iterator[Record]] | None:
    """The reader for a file of that name; None if the ending says nothing that we know."""
    lower = name.lower()
    return next((reader for ending, reader in _READERS.items() if lower.endswith(ending)), None)


def _open(path: Path) -> io.BufferedReader:
    if path.name.lower().endswith(".gz"):
        return io.BufferedReader(gzip.GzipFile(path, "rb"))  # pyright: ignore[reportArgumentType]
    if path.name.lower().endswith(".zst"):
        return io.BufferedReader(pa.input_stream(str(path), compression="zstd"))  # pyright: ignore[reportArgumentType]
    return io.BufferedReader(io.FileIO(path))


def _ndjson(path: Path) -> Iterator[bytes | RecordFault]:
    with _open(path) as stream:
        first = True
        while line := stream.readline(MAX_RECORD_BYTES + 1):
            if first:
                line, first = line.removeprefix(_UTF8_MARK), False
            if len(line) > MAX_RECORD_BYTES:
                while not line.endswith(b"\n") and (more := stream.readline(MAX_RECORD_BYTES)):
                    line = more
                yield RecordFault("record_too_large", f"longer than {MAX_RECORD_BYTES} bytes; send less in one record")
            elif not line.isspace():
                yield line


def _csv(path: Path) -> Iterator[LooseRow | RecordFault]:
    csv.field_size_limit(MAX_RECORD_BYTES)
    with _open(path) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
        rows = csv.reader(text, strict=True)
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
                yield RecordFault("malformed_csv", f'{fault}; quote a cell with " and double the quotes inside')
                continue
            if not header:
                header = _checked_header(cells)
            elif cells:
                yield _row(header, cells)


def _checked_header(cells: list[str]) -> list[str]:
    if not all(_is_utf8(cell) and "\0" not in cell for cell in cells):
        raise FileFault("invalid_utf8", "the header is not UTF-8; save the file as UTF-8")
    if len(set(cells)) != len(cells):
        raise FileFault("repeated_column", "the header names a column twice; rename one")
    return cells


def _row(header: list[str], cells: list[str]) -> LooseRow | RecordFault:
    if len(cells) != len(header):
        return RecordFault("csv_cells", f"{len(cells)} cells under a header of {len(header)}")
    if any(not cell.isascii() and not _is_utf8(cell) for cell in cells):
        return RecordFault("invalid_utf8", "not UTF-8; save the file as UTF-8")
    return LooseRow((name, cell) for name, cell in zip(header, cells, strict=True) if cell)


def _is_utf8(cell: str) -> bool:
    # Bytes that are no UTF-8 were read as lone surrogates, which don't encode.
    try:
        cell.encode()
    except UnicodeEncodeError:
        return False
    return True


def _parquet(path: Path) -> Iterator[dict[str, Any]]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=_BATCH_ROWS):
            try:
                rows = pl.DataFrame(pl.from_arrow(batch)).rows(named=True)
            except _PARQUET_FAULTS as fault:
                reason = f"a column can't be read: {str(fault).splitlines()[0]}; send plain types"
                raise FileFault("unreadable_parquet", reason) from None
            for row in rows:
                # A Parquet time without a zone is UTC, as our own are.
                yield {
                    name: value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value
                    for name, value in row.items()
                    if value is not None
                }


_JSON_ENDINGS = (".ndjson", ".jsonl", ".json")
_PACKINGS = ("", ".gz", ".zst")
_READERS: dict[str, Callable[[Path], Iterator[Record]]] = {
    **{ending + packing: _ndjson for ending in _JSON_ENDINGS for packing in _PACKINGS},
    **{".csv" + packing: _csv for packing in _PACKINGS},
    ".parquet": _parquet,
}
