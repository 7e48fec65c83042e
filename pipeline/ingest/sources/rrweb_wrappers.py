"""How rrweb's events come wrapped: bare, by window, or many in one, and packed, as recorders and PostHog export them."""

import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from pipeline.ingest.faults import RecordFault
from pipeline.ingest.sources.fields import Fields, number, peek

# Whose an event is, by canonical column; a wrapper may say it for all that is in it.
IDS: Mapping[str, tuple[str, ...]] = {
    "session_id": ("sessionId", "session_id", "$session_id"),
    "anonymous_id": ("distinct_id", "anonymous_id"),
    "user_id": ("user_id", "userId"),
    "tab_id": ("window_id", "windowId", "$window_id"),
}
_MAX_UNPACKED = 64 * 1_048_576
_SNAPSHOT, _META = 2, 4
# Within one millisecond: what loads a page comes before its snapshot, and that before what changes it.
_RANKS = {0: 0, 1: 0, _META: 1, _SNAPSHOT: 2}
_LAST = 3


class _Line(msgspec.Struct):
    """As much of a line as tells when it is to be read."""

    timestamp: Any = None
    type: Any = None
    data: msgspec.Raw = msgspec.Raw(b"")
    events: list["_Line"] | None = None


_DECODER = msgspec.json.Decoder(_Line | list[msgspec.Raw])
_EVENT, _EVENTS = msgspec.json.Decoder(_Line), msgspec.json.Decoder(list[_Line])


def rank(kind: Any) -> int:  # noqa: ANN401  # JSON holds anything
    """An event's rank within its millisecond, from its type."""
    return _RANKS.get(kind, _LAST) if isinstance(kind, int) else _LAST


def moment(line: bytes) -> tuple[float, int] | None:
    """When a line is to be read: time (ms) and rank of its first event; None where it tells no time."""
    try:
        result = _DECODER.decode(line)
        if isinstance(result, list):
            result = _EVENT.decode(result[-1]) if result else _Line()
        inner = (
            result.events if result.events is not None else _EVENTS.decode(result.data) if _is_list(result) else None
        )
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    events = [result] if inner is None else inner
    return min(
        ((float(at), rank(each.type)) for each in events if (at := number(each.timestamp)) is not None), default=None
    )


def _is_list(line: _Line) -> bool:
    return bytes(memoryview(line.data)[:1]) == b"["


def unwrapped_line(line: Any) -> Iterator[Fields | RecordFault]:  # noqa: ANN401  # JSON holds anything
    """The rrweb events of one line: the event itself, [window, event], or {window_id, data or events: [events]}."""
    name = _list_of(line)
    if isinstance(line, list) and len(line) == 2 and isinstance(line[1], dict):  # noqa: PLR2004
        yield {**line[1], "window_id": line[0]}
    elif name is not None and isinstance(line, dict):
        ids = {own: value for own, value in line.items() if own != name}
        for event in sorted(line[name], key=_time):
            if isinstance(event, dict):
                yield {**ids, **event}
            else:
                yield RecordFault(
                    "no_rrweb_event", f"an entry of `{name}` is no object; send rrweb's events as they are"
                )
    elif isinstance(line, dict):
        yield dict(line)
    else:
        raise RecordFault("no_rrweb_event", "the record is no object; send rrweb's events as they are")


def _list_of(line: Any) -> str | None:  # noqa: ANN401  # JSON holds anything
    return next((n for n in ("data", "events") if isinstance(line, dict) and isinstance(line.get(n), list)), None)


def unpacked(event: Fields) -> Any:  # noqa: ANN401  # JSON holds anything
    """The event's data; PostHog packs large ones (`cv`) by gzip into a string of bytes."""
    data = event.get("data")
    if "cv" not in event:
        return data
    return {name: _unzipped(value) for name, value in data.items()} if isinstance(data, dict) else _unzipped(data)


def _unzipped(value: Any) -> Any:  # noqa: ANN401  # JSON holds anything
    if not isinstance(value, str) or not value.startswith("\x1f\x8b"):
        return value
    try:
        plain = zlib.decompressobj(31).decompress(value.encode("latin-1"), _MAX_UNPACKED)
        return msgspec.json.decode(plain)
    except (zlib.error, UnicodeEncodeError, msgspec.DecodeError, RecursionError) as fault:
        raise RecordFault("packed_data", f"`data` can't be unpacked: {fault}; export the recording again") from None


def unwrap(document: Any) -> list[Any] | None:  # noqa: ANN401  # JSON holds anything
    """The events of a whole document, in order of time: PostHog's wrappers, {events: [...]}, or a plain list.

    Ids that stand beside the list are those of each event that has none.
    """
    inner = document.get("result", document) if isinstance(document, dict) else document
    result = inner
    if isinstance(inner, dict):
        lists = (peek(inner, path) for path in ("snapshots", "data.snapshots", "events", "data.events"))
        result = next((each for each in lists if isinstance(each, list)), None)
    windows = inner.get("snapshot_data_by_window_id") if isinstance(inner, dict) else None
    if isinstance(windows, dict):
        result = [
            {**event, "window_id": name} if isinstance(event, dict) else event
            for name, events in windows.items()
            for event in events
        ]
    if not isinstance(result, list):
        return None
    names = [name for own in IDS.values() for name in own]
    ids = {name: inner[name] for name in names if name in inner} if isinstance(inner, dict) else {}
    reported = [{**ids, **event} if isinstance(event, dict) else event for event in result]
    return sorted(reported, key=_time)


def _time(event: Any) -> tuple[float, int]:  # noqa: ANN401  # JSON holds anything
    at = number(event.get("timestamp")) if isinstance(event, dict) else None
    return (float(at), rank(event.get("type"))) if at is not None else (0, 0)
