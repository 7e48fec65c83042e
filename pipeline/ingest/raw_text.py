"""What is kept of a rejected record: enough to mend it, nothing personal (docs/design.md, "Security")."""

import json
import re
from collections.abc import Iterable
from typing import Any

from pipeline.ingest.erased import ERASED, Erased
from pipeline.ingest.faults import RecordFault
from pipeline.ingest.scrub import is_dropped, json_within, plain_name, scrub_unread, without_personal
from pipeline.ingest.sources.base import Format
from pipeline.ingest.sources.fields import copied, take

MAX_RAW_TEXT = 65_536
_TOO_DEEP = "[nested too deeply to be shown]"
# A name and its value in JSON that broke off somewhere.
_ENTRY = re.compile(r'"([^"\\]{1,64})"\s*:\s*("(?:[^"\\]|\\.)*(?:"|\Z)|[^,}\]\s]+)')


def raw_text(record: bytes | dict[str, Any], form: Format | None, denied: frozenset[str], erased: Erased) -> str:
    """A record as text, at most 64 KB, without what its format drops, denied names, secrets and addresses.

    Of a record that can't be read the begin is shown, bytes that are no UTF-8 as escapes. One that names an erased
    person is not shown.
    """
    dropped = (*form.dropped, *form.typed) if form else ()
    try:
        result = form.parse(record) if form and isinstance(record, bytes) else copied(record)
        if isinstance(result, bytes):
            return _unread(result, denied, dropped, erased)
        is_erased = erased.names_one(result)
        text = json.dumps(without_personal(_without(result, dropped), denied), default=str, ensure_ascii=False)
    except RecordFault:
        return _unread(record, denied, dropped, erased) if isinstance(record, bytes) else _TOO_DEEP
    except RecursionError:
        return _TOO_DEEP
    return ERASED if is_erased else text[:MAX_RAW_TEXT]


def drops_one(names: Iterable[str], form: Format, denied: frozenset[str]) -> bool:
    """Whether a column of one of these names is never stored."""
    gone = frozenset(plain_name(path) for path in form.dropped)
    return any(is_dropped(name, denied) or plain_name(name) in gone for name in names)


def _unread(record: bytes, denied: frozenset[str], dropped: Iterable[str], erased: Erased) -> str:
    text = record[:MAX_RAW_TEXT].decode("utf-8", errors="backslashreplace").rstrip("\r\n")
    if erased.names_one(text):
        return ERASED
    names = frozenset(plain_name(path.rpartition(".")[2]) for path in dropped)
    kept, at = "", 0
    for entry in _ENTRY.finditer(text):
        if is_dropped(entry[1], denied) or plain_name(entry[1]) in names:
            kept += text[at : entry.start(2)] + '"[dropped]"'
            at = entry.end(2)
            if entry[2][0] in "{[":
                # Where its entries end can't be told.
                return scrub_unread(kept)
    return scrub_unread(kept + text[at:])[:MAX_RAW_TEXT]


def _without(value: Any, dropped: tuple[str, ...]) -> Any:  # noqa: ANN401  # JSON holds anything
    """`value`, changed: the format's dropped paths are looked for from every object on, as in batches."""
    if isinstance(value, dict):
        names = frozenset(plain_name(path) for path in dropped if "." not in path)
        for path in dropped:
            take(value, path)
        return {name: _without(inner, dropped) for name, inner in value.items() if plain_name(str(name)) not in names}
    if isinstance(value, list):
        return [_without(inner, dropped) for inner in value]
    within = json_within(value) if isinstance(value, str) else None
    return value if within is None else _without(within, dropped)
