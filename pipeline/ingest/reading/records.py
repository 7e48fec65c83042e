"""The records of a landing file: what it is is told by its first bytes, layer by layer."""

from collections.abc import Iterator
from pathlib import Path

from pipeline.ingest.faults import FileFault
from pipeline.ingest.reading.archive import archived
from pipeline.ingest.reading.base import Content, How, Record
from pipeline.ingest.reading.lines import document, ndjson
from pipeline.ingest.reading.opening import PARQUET, ZIP, landed, packing, reported_faults, unpacked
from pipeline.ingest.reading.parquet import parquet
from pipeline.ingest.reading.tables import table
from pipeline.ingest.reading.texts import as_utf8, form_of

_FORMS = {"lines": ndjson, "document": document, "table": table}
_MAGIC_BYTES = 512
_TAR = (257, b"ustar")
_CONVERT = "send NDJSON, JSON, CSV or Parquet"
# First bytes of what is known and not read, and what to do.
_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"\xd0\xcf\x11\xe0", "an old Excel or Office file; save it as .xlsx or CSV"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; send it as zip or gzip"),
    (b"Rar!", "a RAR archive; send it as zip or gzip"),
    (b"\x04\x22\x4d\x18", "packed with lz4; send it as gzip or zstd"),
    (b"\xff\x06\x00\x00sNaPpY", "packed with snappy; send it as gzip or zstd"),
    (b"PARE", "an encrypted Parquet file; send it decrypted"),
    (b"Obj\x01", f"an Avro file; {_CONVERT}"),
    (b"ORC", f"an ORC file; {_CONVERT}"),
    (b"ARROW1", f"an Arrow file; {_CONVERT}"),
    (b"SQLite format 3\x00", f"a database; {_CONVERT}"),
    (b"%PDF-", f"a PDF; {_CONVERT}"),
    (b"\x89PNG", f"a picture; {_CONVERT}"),
    (b"\xff\xd8\xff", f"a picture; {_CONVERT}"),
)


def read_records(path: Path, how: How | None = None) -> Iterator[Record]:
    """Yield the records of `path` in order.

    Raises FileFault where it can't be read to its end, with what to do; CannotRead where the system doesn't give us
    its bytes at the moment, which says nothing of the file.
    """
    with reported_faults():
        yield from _records(landed(path), how or How())


def _records(content: Content, how: How) -> Iterator[Record]:
    head = content.head(_MAGIC_BYTES)
    if kind := packing(head):
        yield from _records(unpacked(content, kind), how)
    elif head.startswith(ZIP):
        yield from archived(content, how, _records)
    elif head.startswith(PARQUET):
        yield from parquet(content, how)
    else:
        yield from _texts(content, head, how)


def _texts(content: Content, head: bytes, how: How) -> Iterator[Record]:
    for magic, what in _OTHERS:
        if head.startswith(magic):
            raise FileFault("unknown_format", what)
    if head[_TAR[0] :].startswith(_TAR[1]):
        raise FileFault("unknown_format", "a tar archive; send its files, or a zip of them")
    if not head and content.name.lower().endswith(".parquet"):
        raise FileFault("file_truncated", "empty, which no Parquet file is; send it again whole")
    text = as_utf8(content, how.encoding)
    yield from _FORMS[form_of(text.head(), content.name, how)](text, how)
