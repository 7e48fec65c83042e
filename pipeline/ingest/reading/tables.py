"""CSV and its kin: one record at a time, whatever its lines hold, with the text of those that can't be read."""

import csv
import io
import itertools
from collections.abc import Iterable, Iterator
from typing import TextIO

from pipeline.ingest.faults import FileFault, RecordFault
from pipeline.ingest.reading.base import KEPT_OF_FAULTY, MAX_COLUMNS, MAX_RECORD_BYTES, Content, How, LooseRow
from pipeline.ingest.reading.layout import LOOKED_AT, layout

_CELL_BYTES = 64
_QUOTES = 'quote a cell with " and double the quotes inside'


def table(content: Content, how: How) -> Iterator[LooseRow | RecordFault]:
    """The rows of a CSV file below its header."""
    csv.field_size_limit(MAX_RECORD_BYTES)
    with io.TextIOWrapper(content.open(), encoding="utf-8-sig", errors="surrogateescape", newline="") as text:  # pyright: ignore[reportArgumentType]
        head = list(itertools.islice(_logical(text), LOOKED_AT))
        result = layout(head)
        tape = _Tape(itertools.chain(head[result.skipped :], _physical(text)))
        yield from _rows(tape, result.delimiter, how)


class _Tape(Iterator[str]):
    """Lines as they are given to the parser; `taken` are those of the record that it is at."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self.taken: list[str] = []
        self._size = 0

    def begin(self) -> None:
        """The next line belongs to another record."""
        self.taken.clear()
        self._size = 0

    def __next__(self) -> str:
        line = next(self._lines)
        self.taken.append(line)
        self._size += len(line)
        if self._size > MAX_RECORD_BYTES:
            raise RecordFault(
                "record_too_large", f"longer than {MAX_RECORD_BYTES} characters; send less in one record", self.raw
            )
        return line

    @property
    def raw(self) -> bytes:
        """The record's text as far as it was read."""
        return _bytes("".join(self.taken)[:KEPT_OF_FAULTY].rstrip("\r\n"))


def _physical(text: TextIO) -> Iterator[str]:
    """Lines; of one that is too long so much that it is known to be."""
    limit = MAX_RECORD_BYTES + 1
    while line := text.readline(limit):
        is_whole = len(line) < limit or line.endswith("\n")
        yield line
        while not is_whole and (more := text.readline(limit)):
            is_whole = more.endswith("\n")


def _logical(text: TextIO) -> Iterator[str]:
    """Lines, joined where a quoted cell goes on in the next one."""
    lines = _physical(text)
    for line in lines:
        joined = line
        while joined.count('"') % 2 and len(joined) < KEPT_OF_FAULTY and (more := next(lines, "")):
            joined += more
        yield joined


def _rows(tape: _Tape, delimiter: str, how: How) -> Iterator[LooseRow | RecordFault]:
    rows = csv.reader(tape, strict=True, delimiter=delimiter)
    header: list[str] = []
    while True:
        tape.begin()
        try:
            cells = next(rows)
        except StopIteration:
            return
        except (csv.Error, RecordFault) as fault:
            result = _faulty(fault, tape, header)
            if not header:
                raise FileFault("malformed_csv", f"the header: {result.reason}") from None
            yield result
            continue
        if not header:
            header = checked_header(cells, how) if cells else []
        elif cells:
            yield row(header, cells, tape.raw)


def _faulty(fault: csv.Error | RecordFault, tape: _Tape, header: list[str]) -> RecordFault:
    if isinstance(fault, RecordFault):
        return RecordFault(fault.rule, fault.reason, fault.raw, header)
    if "unexpected end" in str(fault):
        # A quote that nobody closed took in all that follows: nobody knows what was in it.
        raise FileFault("unclosed_quote", "a quote is never closed; quote the cell and send it again") from None
    return RecordFault("malformed_csv", f"{fault}; {_QUOTES}", tape.raw, header)


def checked_header(cells: list[str], how: How) -> list[str]:
    """Names of the columns; FileFault where they can't be told apart."""
    if len(cells) > MAX_COLUMNS:
        raise FileFault("too_many_columns", f"over {MAX_COLUMNS} columns; leave out what isn't needed")
    if not all(is_utf8(cell) and "\0" not in cell for cell in cells):
        remedy = "save the file as UTF-8, or declare the source's `encoding` in product.yaml"
        raise FileFault("invalid_utf8", f"the header is not UTF-8; {remedy}")
    cells = [cell.strip() or f"column_{i}" for i, cell in enumerate(cells, start=1)]
    if how.repeated_headers:
        before = _counted_before(cells)
        return [f"{cell} ({n + 1})" if n else cell for cell, n in zip(cells, before, strict=True)]
    if len(set(cells)) != len(cells):
        raise FileFault("repeated_column", "the header names a column twice; rename one")
    return cells


def _counted_before(cells: Iterable[str]) -> list[int]:
    seen: dict[str, int] = {}
    result: list[int] = []
    for cell in cells:
        result.append(seen.get(cell, 0))
        seen[cell] = result[-1] + 1
    return result


def row(header: list[str], cells: list[str], raw: bytes) -> LooseRow | RecordFault:
    """A record of its cells that hold something; `raw` is its text."""
    if len(cells) != len(header):
        return RecordFault("csv_cells", f"{len(cells)} cells under a header of {len(header)}", raw, header)
    if any(not cell.isascii() and not is_utf8(cell) for cell in cells):
        remedy = "save the file as UTF-8, or declare the source's `encoding` in product.yaml"
        return RecordFault("invalid_utf8", f"not UTF-8; {remedy}", raw, header)
    result = LooseRow((name, cell) for name, cell in zip(header, cells, strict=True) if cell)
    result.size = len(raw) + _CELL_BYTES * len(result)
    return result


def is_utf8(cell: str) -> bool:
    """Whether all bytes of the cell were UTF-8: others were read as lone surrogates, which don't encode."""
    try:
        cell.encode()
    except UnicodeEncodeError:
        return False
    return True


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", errors="surrogateescape")
