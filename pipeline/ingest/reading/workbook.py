"""Excel workbooks (.xlsx): the first visible sheet with a header, as rows; python-calamine reads them.

Calamine lays a sheet out as one dense block, so how far its cells reach is looked at before: a file of two cells, one
in the last row and column, would ask for 17 billion.
"""

import re
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any, BinaryIO

from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from pipeline.ingest.faults import FileFault, RecordFault
from pipeline.ingest.reading.base import CHUNK_BYTES, KEPT_OF_FAULTY, How, LooseRow, Record
from pipeline.ingest.reading.tables import checked_header

MAX_UNPACKED_BYTES = 256 * 1_048_576
MAX_CELLS = 5_000_000
_CELL_BYTES = 64
_PLACE = re.compile(rb"""\sr\s*=\s*["']([A-Za-z]{0,7})(\d{1,10})["']""")
_CELL = re.compile(rb"<(?:\w+:)?c[\s/>]")
_LONGEST = 64
_AT_LEAST = 2


def workbook(archive: zipfile.ZipFile, stream: BinaryIO, how: How) -> Iterator[Record]:
    """The rows of the first visible sheet with a header; titles above it and empty rows are passed over."""
    if not how.workbooks:
        raise FileFault("workbook", "an Excel workbook, read for `format: surveys` and `mapping` only; save it as CSV")
    _check_size(archive)
    stream.seek(0)
    try:
        with CalamineWorkbook.from_filelike(stream) as opened:
            for sheet in opened.sheets_metadata:
                if sheet.visible != SheetVisibleEnum.Visible or sheet.typ != SheetTypeEnum.WorkSheet:
                    continue
                rows = [row for row in opened.get_sheet_by_name(sheet.name).to_python() if any(map(_holds, row))]
                if rows:
                    yield from _rows(rows, how)
                    return
    except (CalamineError, ValueError, OSError) as fault:
        raise FileFault("file_truncated", f"the workbook can't be read: {fault}; save it again, or as CSV") from None


def _check_size(archive: zipfile.ZipFile) -> None:
    if sum(member.file_size for member in archive.infolist()) > MAX_UNPACKED_BYTES:
        raise FileFault("workbook_too_large", f"over {MAX_UNPACKED_BYTES} bytes unpacked; save it as CSV")
    for member in archive.infolist():
        rows = columns = unplaced = 0
        with archive.open(member) as stream:
            kept = b""
            while part := stream.read(CHUNK_BYTES):
                # What is cut by the end of a part is seen whole with the next one.
                kept += part
                cut = max(0, len(kept) - _LONGEST)
                whole, kept = (kept[:cut], kept[cut:]) if len(part) == CHUNK_BYTES else (kept, b"")
                positions = _PLACE.findall(whole + kept[:_LONGEST])
                rows = max([rows, *(int(row) for _, row in positions)])
                columns = max([columns, *(_column(letters) for letters, _ in positions)])
                unplaced += len(_CELL.findall(whole)) - sum(bool(letters) for letters, _ in positions)
        if rows * max(columns, unplaced, 1) > MAX_CELLS:
            raise FileFault("workbook_too_large", f"its cells reach over {MAX_CELLS} places; save it as CSV")


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


def _rows(rows: Sequence[Sequence[Any]], how: How) -> Iterator[Record]:
    begin = next((i for i, cells in enumerate(rows) if sum(map(_holds, cells)) >= _AT_LEAST), 0)
    above = [str(cell) for cell in rows[begin]]
    width = max(i for i, cell in enumerate(above, start=1) if cell.strip())
    header = checked_header(above[:width], how)
    for cells in rows[begin + 1 :]:
        yield _row(header, cells)


def _row(header: list[str], cells: Sequence[Any]) -> Record:
    if any(map(_holds, cells[len(header) :])):
        raw = ",".join(str(_plain(cell)) for cell in cells).encode(errors="replace")[:KEPT_OF_FAULTY]
        return RecordFault("csv_cells", f"cells right of the header's {len(header)}", raw, header)
    result = LooseRow((name, _plain(cell)) for name, cell in zip(header, cells, strict=False) if _holds(cell))
    result.size = sum(len(value) if isinstance(value, str) else 0 for value in result.values()) + _CELL_BYTES * len(
        result
    )
    return result


def _holds(cell: object) -> bool:
    return not isinstance(cell, str) or bool(cell.strip())


def _plain(cell: Any) -> Any:  # noqa: ANN401  # a cell holds anything
    """Text as in CSV, but for times: a sheet holds them as such, without a zone."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, date) and not isinstance(cell, datetime):
        return datetime(cell.year, cell.month, cell.day)  # noqa: DTZ001  # the source's zone is told by the product file
    return cell if isinstance(cell, datetime) else str(cell)
