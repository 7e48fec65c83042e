"""What readers share: records, limits, and what a format says about its files."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

from pipeline.ingest.faults import RecordFault

MAX_RECORD_BYTES = 1_048_576
# A JSON document is read whole, so it is bounded; longer files are to be written line by line.
MAX_DOCUMENT_BYTES = 64 * 1_048_576
MAX_COLUMNS = 10_000
# Of a record that can't be read.
KEPT_OF_FAULTY = 65_536
HEAD_BYTES = 65_536
CHUNK_BYTES = 262_144
UTF8 = "utf-8"


class Row(dict[str, Any]):
    """A record by the names of its fields; `size` is about what it takes in bytes."""

    __slots__ = ("size",)
    size: int


class LooseRow(Row):
    """A row of a text format: every value is text and is turned into its column's type."""

    __slots__ = ()


# A JSON line as bytes, or a row; trouble with one record stands in its place.
Record = bytes | Row | RecordFault


@dataclass(frozen=True)
class How:
    """What a source says about its files: record size, wrappers of documents, text that is read line by line.

    `encoding` is that of texts that bear no byte order mark; `workbooks` says that sheets are read.
    """

    max_record_bytes: int = MAX_RECORD_BYTES
    unwrap: Callable[[Any], list[Any] | None] = lambda _document: None
    line_endings: tuple[str, ...] = ()
    repeated_headers: bool = False
    encoding: str = UTF8
    workbooks: bool = False


@dataclass(frozen=True)
class Content:
    """Bytes that can be opened more than once: a landing file, a member of an archive, or what either unpacks to.

    `name` is of the file or member, without the endings of what was unpacked; `size` what it takes in landing;
    `depth` how often it was unpacked.
    """

    name: str
    open: Callable[[], BinaryIO]
    size: int
    depth: int = 0

    def head(self, size: int = HEAD_BYTES) -> bytes:
        """The first bytes."""
        with self.open() as stream:
            return stream.read(size)
