"""Texts: their encoding by byte order mark or as declared, and whether they are lines, one document or a table."""

import codecs
import io
import re
from functools import partial
from typing import Any, BinaryIO, Literal

import msgspec

from pipeline.ingest.faults import FileFault
from pipeline.ingest.reading.base import CHUNK_BYTES, UTF8, Content, How
from pipeline.ingest.reading.layout import is_table

Form = Literal["lines", "document", "table"]
# Longer marks first: that of UTF-32 begins like that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, UTF8),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_BY_NAME: dict[str, Form] = {
    ".ndjson": "lines", ".jsonl": "lines", ".json": "document", ".csv": "table", ".tsv": "table",
}  # fmt: skip
_PACKED = (".gz", ".gzip", ".zst", ".zstd", ".bz2", ".xz", ".zip")
_MARKUP = re.compile(rb"<(!doctype|html|\?xml|!--)", re.IGNORECASE)
# How a document begins that goes on in the next line, and a list of objects.
_OPENED = re.compile(rb"(\{|\[\s*\{|\[)\s*(\r?\n|\Z)")
_LIST_OF_OBJECTS = re.compile(rb"\[\s*\{")
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def as_utf8(content: Content, declared: str) -> Content:
    """The same text in UTF-8, without a byte order mark; a mark says more than what was declared."""
    head = content.head(4)
    mark, encoding = next(((mark, name) for mark, name in _MARKS if head.startswith(mark)), (b"", declared))
    if encoding == UTF8 and not mark:
        return content
    opened = partial(_open_utf8, content, len(mark), encoding)
    return Content(content.name, opened, content.size, content.depth + 1)


def _open_utf8(content: Content, skipped: int, encoding: str) -> BinaryIO:
    stream = content.open()
    stream.read(skipped)
    return stream if encoding == UTF8 else io.BufferedReader(_Transcoded(stream, encoding), CHUNK_BYTES)


class _Transcoded(io.RawIOBase):
    """Text of another encoding as UTF-8. What can't be decoded becomes bytes that are no UTF-8: its record is rejected."""

    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        self._stream = stream
        self._errors = "surrogatepass" if encoding.startswith(("utf-16", "utf-32")) else "surrogateescape"
        self._decoder = codecs.getincrementaldecoder(encoding)(self._errors)
        self._encoding = encoding
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401  # any writable buffer
        while not self._ready:
            part = self._stream.read(CHUNK_BYTES)
            try:
                self._ready = self._decoder.decode(part, final=not part).encode(UTF8, self._errors)
            except UnicodeError:
                shown = self._encoding.upper()
                raise FileFault("wrong_encoding", f"not {shown} to its end; save the file as UTF-8") from None
            if not part and not self._ready:
                return 0
        count = min(len(buffer), len(self._ready))
        buffer[:count], self._ready = self._ready[:count], self._ready[count:]
        return count

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()


def form_of(head: bytes, name: str, how: How) -> Form:
    """Whether a text is lines, one document or a table; FileFault where it is none of these.

    The bytes say it where they can; then the name; then the format, whose files may be lines without being JSON.
    """
    lower = name.lower()
    while lower.endswith(_PACKED):
        # A name may promise what the bytes, by now unpacked or never packed, don't keep.
        lower = lower.rpartition(".")[0]
    if lower.endswith(how.line_endings) and how.line_endings:
        return "lines"
    named: Form | None = next((form for ending, form in _BY_NAME.items() if lower.endswith(ending)), None)
    begin = head.lstrip()
    if not begin:
        return named or "lines"
    if _MARKUP.match(begin):
        raise FileFault("unknown_format", "a web page or XML, perhaps an error instead of the data; export it again")
    if begin[:1] in (b"{", b"[") and (form := _json_form(begin, named)):
        return form
    if named is not None:
        return "table" if named != "table" and is_table(head, strictly=True) else named
    if _BINARY.search(head):
        raise FileFault("unknown_format", _what_binary(head))
    if how.line_endings:
        return "lines"
    if is_table(head):
        return "table"
    raise FileFault(
        "unknown_format",
        "neither JSON nor CSV, by its first bytes; send NDJSON, JSON, CSV, Parquet or an archive of these",
    )


def _json_form(begin: bytes, named: Form | None) -> Form | None:
    """Whether text that begins like JSON is lines or a document; None where it only looks so."""
    line, _, rest = begin.partition(b"\n")
    if is_json(line):
        if named == "lines" and not (_LIST_OF_OBJECTS.match(line) and not rest.strip()):
            return "lines"
        return "document"
    if named == "lines":
        return "document" if _OPENED.match(begin) else "lines"
    if named == "document":
        return "document"
    looks_so = _OPENED.match(begin) or re.match(rb'\{\s*"|\[\s*[{\[]', begin)
    return "document" if looks_so else None


def is_json(line: bytes) -> bool:
    """Whether the bytes are one JSON value."""
    try:
        msgspec.json.decode(line, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _what_binary(head: bytes) -> str:
    halves = head[:256][::2], head[:256][1::2]
    if any(half.count(0) > len(half) * 0.8 for half in halves):
        return "UTF-16 without a byte order mark; save it as UTF-8, or declare its `encoding` in product.yaml"
    return "bytes of no format that is read; send NDJSON, JSON, CSV, Parquet, gzip, zstd or zip"
