"""Parquet as rows, in memory bounded by what is read at once, however far a file unpacks."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, BinaryIO

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import compute

from pipeline.ingest.faults import FileFault, RecordFault
from pipeline.ingest.reading.base import CHUNK_BYTES, MAX_COLUMNS, MAX_RECORD_BYTES, Content, How, Row
from pipeline.ingest.reading.opening import FREE_BYTES, MAX_RATIO, seekable
from pipeline.ingest.reading.parquet_pages import Pages, pages_of

_BATCH_ROWS = 1_024
# Of pages, held at once; of values, turned into rows at once.
_PAGES_BYTES = 512 * 1_048_576
_ROWS_BYTES = 32 * 1_048_576
_REPEATED_BYTES = 1024 * 1_048_576
_VALUE_BYTES = 8
# Its functions are made when it is imported, unseen by type checkers.
_compute: Any = compute
_REMEDY = "write smaller row groups and pages"
# What Polars and Python say of columns that they can't hold: times out of range, unknown zones, equal names.
_FAULTS = (pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError, OverflowError, TypeError)
_ARROW_FAULTS = (pa.ArrowNotImplementedError, pa.ArrowKeyError, pa.ArrowTypeError)


def parquet(content: Content, how: How) -> Iterator[Row | RecordFault]:
    """The rows; one that is longer than a record may be is rejected."""
    with seekable(content) as stream:
        yield from rows_of(stream, how.max_record_bytes, content.size)


def rows_of(stream: BinaryIO, limit: int, size: int) -> Iterator[Row | RecordFault]:
    """The rows of a Parquet file of `size` bytes, those over `limit` bytes as faults."""
    left = max(FREE_BYTES, size * MAX_RATIO)
    with pq.ParquetFile(stream) as file:
        _check_columns(file)
        about, schema = file.metadata, file.schema_arrow
        reading = [_reading_of(file, stream, group) for group in range(about.num_row_groups)]
    for group, (batch_rows, columns) in enumerate(reading):
        with pq.ParquetFile(
            stream, metadata=about, read_dictionary=columns, pre_buffer=False, buffer_size=CHUNK_BYTES
        ) as file:
            for batch in _batches(file, group, batch_rows):
                left -= sum(map(_size, batch.columns))
                if left < 0:
                    raise FileFault("unpacks_too_far", f"unpacks to over {MAX_RATIO} times its size; {_REMEDY}")
                for part in _parts(batch, limit):
                    if part is None:
                        yield RecordFault("record_too_large", f"longer than {limit} bytes; send less in one record")
                    else:
                        yield from _rows(part, schema)


def _batches(file: pq.ParquetFile, group: int, rows: int) -> Iterator[Any]:
    try:
        yield from file.iter_batches(batch_size=rows, row_groups=[group])
    except _ARROW_FAULTS as fault:
        raise FileFault("unreadable_parquet", f"it can't be read: {fault}; write it with plain encodings") from None


def _check_columns(file: pq.ParquetFile) -> None:
    if file.metadata.num_columns > MAX_COLUMNS:
        raise FileFault("too_many_columns", f"over {MAX_COLUMNS} columns; leave out what isn't needed")
    names = sum(len(file.schema.column(i).path) for i in range(file.metadata.num_columns))
    if names > MAX_RECORD_BYTES:
        raise FileFault("too_many_columns", f"names of columns over {MAX_RECORD_BYTES} bytes; shorten them")


def _reading_of(file: pq.ParquetFile, stream: BinaryIO, group: int) -> tuple[int, list[str]]:
    """How many rows of a row group to read at once, and which columns as dictionaries; FileFault where none fits."""
    about = file.metadata.row_group(group)
    flat: list[tuple[Pages, int]] = []
    as_dictionary: list[str] = []
    repeated = 0
    for i in range(about.num_columns):
        chunk, column = about.column(i), file.schema.column(i)
        begins = [at for at in (chunk.dictionary_page_offset, chunk.data_page_offset) if at]
        pages = pages_of(stream, min(begins, default=0), chunk.total_compressed_size)
        is_text = chunk.physical_type == "BYTE_ARRAY"
        if is_text and pages.fits_dictionary:
            as_dictionary.append(column.path)
            longest = 0
        else:
            longest = pages.longest if is_text else max(column.length, 0)
        if column.max_repetition_level:
            # One row may hold all of them.
            repeated += pages.total + pages.values * max(longest, _VALUE_BYTES)
        flat.append((pages, longest))
    if repeated > _REPEATED_BYTES:
        raise FileFault("row_group_too_large", f"its lists unpack to over {_REPEATED_BYTES} bytes at once; {_REMEDY}")
    return _batch_rows(flat), as_dictionary


def _batch_rows(columns: list[tuple[Pages, int]]) -> int:
    rows = _BATCH_ROWS
    while rows:
        held = sum(
            pages.dictionary
            + min(pages.total, (rows // max(pages.fewest, 1) + 2) * pages.largest)
            + rows * max(longest, _VALUE_BYTES)
            for pages, longest in columns
        )
        if held <= _PAGES_BYTES:
            return rows
        rows //= 2
    raise FileFault("page_too_large", f"its pages unpack to over {_PAGES_BYTES} bytes at once; {_REMEDY}")


def _parts(batch: Any, limit: int) -> Iterator[Any | None]:  # noqa: ANN401  # pyarrow has no stubs
    """The batch in parts that are small enough as rows; None for a row that is larger than a record may be."""
    size = sum(map(_size, batch.columns))
    if size <= min(limit, _ROWS_BYTES) or (batch.num_rows == 1 and size <= limit):
        yield batch
    elif batch.num_rows == 1:
        yield None
    else:
        half = batch.num_rows // 2
        yield from _parts(batch.slice(0, half), limit)
        yield from _parts(batch.slice(half), limit)


def _size(array: Any) -> int:  # noqa: ANN401  # arrays have no common type in pyarrow's stubs
    """Bytes of the values, each repetition counted."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        lengths = _compute.binary_length(array.dictionary).take(array.indices)
        return _compute.sum(lengths).as_py() or 0
    if pa.types.is_struct(kind):
        return sum(map(_size, array.flatten()))
    if pa.types.is_map(kind):
        within = array.offsets[0].as_py(), array.offsets[-1].as_py()
        return sum(_size(each.slice(within[0], within[1] - within[0])) for each in (array.keys, array.items))
    if pa.types.is_nested(kind):
        return _size(array.flatten())
    return array.nbytes


def _rows(batch: Any, schema: Any) -> Iterator[Row]:  # noqa: ANN401  # pyarrow has no stubs
    try:
        plain = pa.Table.from_batches([batch]).cast(schema)
        frame = pl.DataFrame(pl.from_arrow(plain))
        rows = frame.rows(named=True)
    except (*_FAULTS, pa.ArrowException) as fault:
        reason = f"a column can't be read: {str(fault).splitlines()[0]}; send plain types"
        raise FileFault("unreadable_parquet", reason) from None
    size = sum(map(_size, batch.columns)) // max(batch.num_rows, 1) + _VALUE_BYTES * batch.num_columns
    for each in rows:
        row = Row((name, _plain(value)) for name, value in each.items() if value is not None)
        row.size = size
        yield row


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
