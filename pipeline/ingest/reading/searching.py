"""Whether a landing file holds given texts, whatever it is packed in: what `erase` asks of files that it can't change."""

import html
import json
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from pipeline.ingest.reading.archive import check_open, open_member, opened
from pipeline.ingest.reading.base import CHUNK_BYTES, UTF8, Content
from pipeline.ingest.reading.opening import PARQUET, ZIP, landed, packing, reported_faults, seekable, unpacked
from pipeline.ingest.reading.parquet import rows_of

_ENCODINGS = (UTF8, "cp1252", "latin-1", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
_MAGIC_BYTES = 16
_ANY_SIZE = 2**40


def contains(path: Path, wanted: Sequence[bytes], encoding: str = UTF8) -> bool:
    """Whether the file, or anything packed in it, holds one of `wanted` (UTF-8), however it is written there.

    Looked for is each as text of the usual encodings and the source's own, escaped as in JSON and XML too. Raises as
    `read_records` does where the file can't be read to its end.
    """
    texts = [each.decode(errors="replace") for each in wanted if each]
    written = {form for text in texts for form in _written(text)}
    forms = {form for text, name in product(written, {*_ENCODINGS, encoding}) if (form := _encoded(text, name))}
    with reported_faults():
        return bool(texts) and _holds(landed(path), texts, sorted(forms))


def _written(text: str) -> set[str]:
    return {text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], html.escape(text)}


def _encoded(text: str, encoding: str) -> bytes:
    try:
        return text.encode(encoding)
    except UnicodeEncodeError:
        # So no text of that encoding holds it.
        return b""


def _holds(content: Content, texts: Sequence[str], forms: Sequence[bytes]) -> bool:
    head = content.head(_MAGIC_BYTES)
    if kind := packing(head):
        return _holds(unpacked(content, kind), texts, forms)
    if head.startswith(ZIP):
        return _archive_holds(content, texts, forms)
    if head.startswith(PARQUET):
        with seekable(content) as stream:
            return any(
                text in leaf
                for row in rows_of(stream, _ANY_SIZE, content.size)
                for leaf in _leaves(row)
                for text in texts
            )
    return _bytes_hold(content, forms)


def _archive_holds(content: Content, texts: Sequence[str], forms: Sequence[bytes]) -> bool:
    """Whether any member does, also one that is passed over in reading, or its name."""
    with seekable(content) as stream, opened(stream) as archive:
        for member in archive.infolist():
            check_open(member)
            own = Content("", partial(open_member, archive, member), member.compress_size, content.depth + 1)
            if any(text in member.filename for text in texts) or _holds(own, texts, forms):
                return True
    return False


def _bytes_hold(content: Content, forms: Sequence[bytes]) -> bool:
    longest = max(map(len, forms))
    with content.open() as stream:
        kept = b""
        while part := stream.read(CHUNK_BYTES):
            kept += part
            if any(form in kept for form in forms):
                return True
            kept = kept[-longest:]
    return False


def _leaves(value: Any) -> Iterator[str]:  # noqa: ANN401  # Parquet holds anything
    if isinstance(value, dict):
        for name, inner in value.items():
            yield str(name)
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    elif value is not None:
        yield str(value)
