"""NDJSON and JSON documents."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

import msgspec

from pipeline.ingest.faults import FileFault, RecordFault
from pipeline.ingest.reading.base import KEPT_OF_FAULTY, MAX_DOCUMENT_BYTES, Content, How, Record, Row
from pipeline.ingest.reading.texts import is_json

_DECODE_FAULTS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_LINE_ENDINGS = (".ndjson", ".jsonl")


def ndjson(content: Content, how: How) -> Iterator[bytes | RecordFault]:
    """The lines of a text that hold something."""
    with content.open() as stream:
        yield from _lines(stream, how.max_record_bytes)


def _lines(stream: BinaryIO, limit: int) -> Iterator[bytes | RecordFault]:
    while line := stream.readline(limit + 1):
        if len(line) > limit:
            begin = line[:KEPT_OF_FAULTY]
            while not line.endswith(b"\n") and (more := stream.readline(limit)):
                line = more
            yield RecordFault("record_too_large", f"longer than {limit} bytes; send less in one record", begin)
        elif not line.isspace():
            yield line


def document(content: Content, how: How) -> Iterator[Record]:
    """A document, or lines for all that: where the first line is whole JSON and more follow, they are records."""
    with content.open() as stream:
        head = list(itertools.islice(_lines(stream, MAX_DOCUMENT_BYTES), 2))
        is_lines = len(head) > 1 and isinstance(head[0], bytes) and is_json(head[0])
    if is_lines or not head:
        yield from ndjson(content, how)
        return
    with content.open() as stream:
        data = stream.read(MAX_DOCUMENT_BYTES + 1)
    are_lines = content.name.lower().endswith(_LINE_ENDINGS)
    if len(data) > MAX_DOCUMENT_BYTES and not are_lines:
        raise FileFault(
            "document_too_large", f"over {MAX_DOCUMENT_BYTES} bytes in one document; write one record a line"
        )
    try:
        decoded = msgspec.json.decode(data)
    except _DECODE_FAULTS as fault:
        if data.lstrip()[:1] == b"[" and not are_lines:
            raise FileFault("malformed_json", f"{fault}; send the list whole, or one record a line") from None
        yield from ndjson(content, how)
        return
    yield from _entries(decoded, data, how)


def _entries(decoded: Any, data: bytes, how: How) -> Iterator[Record]:  # noqa: ANN401  # JSON holds anything
    try:
        result: Iterable[Any] | None = how.unwrap(decoded)
    except (TypeError, AttributeError, ValueError, KeyError, RecursionError) as fault:
        raise FileFault(
            "malformed_json", f"its wrapper can't be read ({type(fault).__name__}); export it again"
        ) from None
    if result is None and not isinstance(decoded, list):
        is_small = len(data) <= how.max_record_bytes
        yield data if is_small else RecordFault("record_too_large", f"longer than {how.max_record_bytes} bytes")
        return
    entries: list[Any] = list(decoded if result is None else result)
    for entry in entries:
        if isinstance(entry, dict):
            row = Row(entry)
            row.size = len(data) // len(entries)
            yield row
        else:
            shown = msgspec.json.encode(entry)[:KEPT_OF_FAULTY]
            yield RecordFault("malformed_json", "an entry of the list is no object", shown)
