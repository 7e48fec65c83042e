"""How rrweb's events come wrapped: bare, by window, or many in one, and packed, as recorders and PostHog export them."""

import zlib
from collections.abc import Iterator
from typing import Any

import msgspec

from pipeline.ingest.faults import RecordFault
from pipeline.ingest.sources.fields import Fields, peek

_MAX_UNPACKED = 64 * 1_048_576


def unwrapped_line(line: Any) -> Iterator[Fields | RecordFault]:  # noqa: ANN401  # JSON holds anything
    """The rrweb events of one line: the event itself, [window, event], or {window_id, data: [events]}."""
    if isinstance(line, list) and len(line) == 2 and isinstance(line[1], dict):  # noqa: PLR2004
        yield {**line[1], "window_id": line[0]}
    elif isinstance(line, dict) and isinstance(line.get("data"), list):
        ids = {name: value for name, value in line.items() if name != "data"}
        for event in line["data"]:
            if isinstance(event, dict):
                yield {**ids, **event}
            else:
                yield RecordFault("no_rrweb_event", "an entry of `data` is no object; send rrweb's events as they are")
    elif isinstance(line, dict):
        yield dict(line)
    else:
        raise RecordFault("no_rrweb_event", "the record is no object; send rrweb's events as they are")


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
    """The events of a whole document, in order of time: PostHog's wrappers, or a plain list."""
    inner = document.get("result", document) if isinstance(document, dict) else document
    found = peek(inner, "snapshots") or peek(inner, "data.snapshots") if isinstance(inner, dict) else inner
    windows = inner.get("snapshot_data_by_window_id") if isinstance(inner, dict) else None
    if isinstance(windows, dict):
        found = [
            {**event, "window_id": name} if isinstance(event, dict) else event
            for name, events in windows.items()
            for event in events
        ]
    return sorted(found, key=_time) if isinstance(found, list) else None


def _time(event: Any) -> float:  # noqa: ANN401  # JSON holds anything
    at = event.get("timestamp") if isinstance(event, dict) else None
    return at if isinstance(at, int | float) else 0
