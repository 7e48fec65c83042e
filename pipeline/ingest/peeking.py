"""Look into landing files without taking them: records as their format parses them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.ingest.faults import RecordFault
from pipeline.ingest.reading import How, read_records
from pipeline.ingest.sources.base import Format


def how_of(form: Format, encoding: str, *, workbooks: bool) -> How:
    """How files of a format are read."""
    return How(
        form.max_record_bytes, form.unwrap, form.line_endings, form.repeated_headers, encoding, workbooks=workbooks
    )


def parsed_records(file: Path, form: Format, encoding: str = "utf-8") -> Iterator[Any]:
    """The records of `file` that can be parsed, in order, workbooks too.

    Raises FileFault where it can't be read to its end, and CannotRead where its bytes can't be had.
    """
    for record in read_records(file, how_of(form, encoding, workbooks=True)):
        if isinstance(record, RecordFault):
            continue
        try:
            yield form.parse(record) if isinstance(record, bytes) else record
        except RecordFault:
            continue
