"""rrweb session recordings: what a visitor did, with the element found in snapshot plus mutations.

Documentation: rrweb, "Dive into events" and the types of its package @rrweb/types (EventType, IncrementalSource,
MouseInteractions); PostHog, "Session replay architecture" for its wrappers.

| field | canonical column |
| --- | --- |
| timestamp, positions.timeOffset | occurred_at |
| sessionId, session_id | session_id |
| distinct_id, anonymous_id, else the session | anonymous_id |
| user_id | user_id |
| window_id, windowId | tab_id |
| Meta: data.href | page_view, url |
| Meta, ViewportResize: data.width, data.height | window_width, window_height; a resize is a custom event |
| MouseMove, TouchMove, Drag: data.positions | move: x, y, element_chain |
| MouseInteraction Click: data.x, data.y, data.id | click: x, y, element_chain |
| Scroll of the page: data.y | scroll: scroll_y |
| Custom `footfall:page`: data.payload.height | page_height, until the window shows another page |
| Input: data.id | input: element_chain; what was typed is dropped |
| console plugin, level error: data.payload | error: error_message |
| other Custom: data.tag, data.payload | custom: name, properties |
| a click that nothing follows (dead_clicks.py) | custom `dead_click`: element_chain, x, y and time of the click |

rrweb doesn't know how high a page is. A recorder that says so, after the start and whenever it changes, by
`rrweb.record.addCustomEvent('footfall:page', {height: document.documentElement.scrollHeight})` makes scroll depth known.

Positions are those of the window; x and y of the page follow from the last scroll before them. In a frame they aren't known.
Snapshots, mutations and other interactions hold no event and are counted as filtered, unless they show that a click
before them was dead. All of them are kept for replays, masked as the source's `replay` says (masking.py). Events are read in
order of time, however they stand in their file. A recording without ids is a visit of its own, named by the hash of its
first event: send it in one file. Of equal events one counts.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec

from pipeline.core.product_sources import MAX_EVENTS_PER_RECORD, Source
from pipeline.ingest.faults import RecordFault, RecordLeftOut
from pipeline.ingest.sources.base import Format, Recorded
from pipeline.ingest.sources.dead_clicks import DeadClicks
from pipeline.ingest.sources.dom import Dom
from pipeline.ingest.sources.fields import (
    Fields,
    derived_id,
    element_chain,
    epoch_ms,
    first,
    number,
    parsed_as,
    peek,
    properties,
    take,
    text,
    whole,
)
from pipeline.ingest.sources.masking import Masker
from pipeline.ingest.sources.rrweb_wrappers import IDS, moment, unpacked, unwrap, unwrapped_line
from pipeline.ingest.sources.sameness import Sameness
from pipeline.ingest.sources.scrolled import Scrolled

_SNAPSHOT, _INCREMENTAL, _META, _CUSTOM, _PLUGIN = 2, 3, 4, 5, 6
_MUTATION, _INTERACTION, _SCROLL, _RESIZE, _INPUT = 0, 2, 3, 4, 5
_MOVES = (1, 6, 12)
_CLICK = 2
_PAGE_TAG = "footfall:page"
_SMALL = 1_000


@dataclass
class _Window:
    """What is known of one window so far."""

    masker: Masker
    sameness: Sameness = field(default_factory=Sameness)
    dom: Dom = field(default_factory=Dom)
    scrolled: Scrolled = field(default_factory=Scrolled)
    dead_clicks: DeadClicks = field(default_factory=DeadClicks)
    url: str | None = None
    page_view_id: str | None = None
    width: int | None = None
    height: int | None = None
    page_height: int | None = None


class _Recording:
    """Reads the records of one landing file in order of time."""

    def __init__(self, source: Source) -> None:
        self._rules = source.replay
        self.recorded: list[Recorded] = []
        self.dropped_names: frozenset[str] = frozenset()
        self._windows: dict[tuple[str | None, str | None], _Window] = {}
        self._nameless: str | None = None

    def __call__(self, record: Any) -> Iterable[Fields | RecordFault]:  # noqa: ANN401  # JSON holds anything
        result: list[Fields | RecordFault] = []
        left_out: RecordLeftOut | None = None
        for event in unwrapped_line(record):
            try:
                result += self._events(event)
            except RecordLeftOut as reason:
                left_out = reason
            except RecordFault as fault:
                result.append(fault)
        if not result:
            raise left_out or RecordLeftOut("no_event")
        if len(result) > MAX_EVENTS_PER_RECORD:
            raise RecordFault("too_many_events", f"more than {MAX_EVENTS_PER_RECORD} events in one record")
        return result

    def _events(self, event: Fields | RecordFault) -> list[Fields]:
        if isinstance(event, RecordFault):
            raise event
        ids = {column: first(event, names, text) for column, names in IDS.items()}
        if ids["session_id"] is None:
            self._nameless = self._nameless or derived_id("recording", event)
            ids["session_id"] = self._nameless
        ids["anonymous_id"] = ids["anonymous_id"] or ids["session_id"]
        name = (ids["session_id"], ids["tab_id"])
        if name not in self._windows:
            self._windows[name] = _Window(Masker(self._rules, self.dropped_names))
        window = self._windows[name]
        at = take(event, "timestamp", number)
        data = unpacked(event)
        if at is None or not isinstance(data, dict):
            raise RecordFault(
                "no_rrweb_event", "the record has no `timestamp` and `data`; send rrweb's events as they are"
            )
        kind = event.get("type")
        data = window.masker.addresses(kind, data)
        dead = window.dead_clicks.passed(at, kind, data, window.url)
        try:
            rows = _rows(window, at, event, data, ids)
        except RecordLeftOut:
            if not dead:
                raise
            rows = []
        finally:
            # What holds no event of ours belongs to the recording all the same.
            self._record(window, at, kind, data, ids)
        if not self._rules.events:
            raise RecordLeftOut("only_replay")
        if rows and rows[0]["kind"] == "click":
            window.dead_clicks.clicked(at, rows[0])
        return [*rows, *dead]

    def _record(self, window: _Window, at: Decimal, kind: Any, data: Fields, ids: Fields) -> None:  # noqa: ANN401
        if not isinstance(kind, int) or not 0 <= kind < _SMALL:
            return
        kept = {"type": kind, "data": window.masker.event(window.dom, kind, data), "timestamp": int(at)}
        source, interaction = (_small(data.get(name)) if kind == _INCREMENTAL else None for name in ("source", "type"))
        text = msgspec.json.encode(kept).decode()
        self.recorded.append(
            Recorded(
                ids["session_id"], ids["anonymous_id"], ids["user_id"], ids["tab_id"], int(at),
                kind, source, interaction, window.sameness.of(int(at), kind, data, text), text,
            )
        )  # fmt: skip


def _small(value: Any) -> int | None:  # noqa: ANN401  # JSON holds anything
    return value if isinstance(value, int) and abs(value) < _SMALL else None


def _rows(window: _Window, at: Decimal, event: Fields, data: Fields, ids: Fields) -> list[Fields]:
    """The canonical events that one rrweb event holds by itself."""
    own_id = derived_id(ids["session_id"], ids["tab_id"], at, event.get("type"), data)
    result: list[Fields] = []
    for i, part in enumerate(_parts(window, at, event.pop("type", None), data, own_id)):
        offset = part.pop("offset", 0)
        # The view first: it may be the page view that this very event begins.
        seen = {"url": window.url, "page_view_id": window.page_view_id, "page_height": window.page_height}
        sizes = {"window_width": window.width, "window_height": window.height}
        rest = properties(part.pop("properties", None), {n: v for n, v in event.items() if n != "data"})
        own = {"event_id": own_id if i == 0 else derived_id(own_id, i), "occurred_at": epoch_ms(at + offset)}
        result.append({**ids, **seen, **sizes, **part, **own, "properties": rest})
    return result


def _parts(window: _Window, at: Decimal, kind: Any, data: Fields, own_id: str) -> Iterator[Fields]:  # noqa: ANN401
    """Canonical columns of the events in one rrweb event; RecordLeftOut where it holds none."""
    if kind == _META:
        yield from _meta(window, data, own_id)
    elif kind == _SNAPSHOT:
        window.dom.load(data.get("node"))
        left, top = (whole(peek(data, f"initialOffset.{side}")) or 0 for side in ("left", "top"))
        window.scrolled.to(at, left, top)
        raise RecordLeftOut("snapshot")
    elif kind == _INCREMENTAL:
        yield from _incremental(window, at, data)
    elif kind == _CUSTOM:
        yield _custom(window, text(data.get("tag")), data.get("payload"))
    elif kind == _PLUGIN and peek(data, "payload.level") == "error":
        stated = peek(data, "payload.payload")
        message = text(stated[0]) if isinstance(stated, list) and stated else text(stated)
        yield {"kind": "error", "name": "console", "error_message": message}
    else:
        raise RecordLeftOut("page_state" if kind in (0, 1) else "no_act")


def _meta(window: _Window, data: Fields, own_id: str) -> Iterator[Fields]:
    window.width, window.height = whole(data.get("width")), whole(data.get("height"))
    url = text(data.get("href"))
    if window.page_view_id is not None and url == window.url:
        raise RecordLeftOut("same_page")
    window.url, window.page_view_id = url, own_id
    window.page_height = None
    window.scrolled.forget()
    yield {"kind": "page_view"}


def _custom(window: _Window, tag: str | None, payload: Any) -> Fields:  # noqa: ANN401
    own = payload if isinstance(payload, dict) else {"payload": payload}
    if tag != _PAGE_TAG:
        return {"kind": "custom", "name": tag, "properties": own}
    height = whole(own.get("height"))
    window.page_height = height if height and height > 0 else window.page_height
    raise RecordLeftOut("page_size")


def _incremental(window: _Window, at: Decimal, data: Fields) -> Iterator[Fields]:
    source, node = data.get("source"), data.get("id")
    if source == _MUTATION:
        window.dom.mutate(data)
        raise RecordLeftOut("mutation")
    if source in _MOVES:
        reported = data.get("positions")
        for position in reported if isinstance(reported, list) else []:
            if isinstance(position, dict):
                offset = number(position.get("timeOffset")) or 0
                where = _pointed(window, at + offset, position.get("id"), position)
                yield {"kind": "move", "offset": offset, **where}
    elif source == _INTERACTION and data.get("type") == _CLICK:
        yield {"kind": "click", **_pointed(window, at, node, data)}
    elif source == _SCROLL and window.dom.is_top_document(node):
        left, top = whole(data.get("x")) or 0, whole(data.get("y")) or 0
        window.scrolled.to(at, left, top)
        yield {"kind": "scroll", "scroll_y": top}
    elif source == _RESIZE:
        window.width, window.height = whole(data.get("width")), whole(data.get("height"))
        yield {"kind": "custom", "name": "resize"}
    elif source == _INPUT:
        yield {"kind": "input", "element_chain": element_chain(window.masker.ancestry(window.dom, node))}
    else:
        raise RecordLeftOut("no_act")


def _pointed(window: _Window, at: Decimal, node: Any, point: Fields) -> Fields:  # noqa: ANN401
    """Element and page position of a pointer at a time; a frame's positions say nothing about the page."""
    chain = {"element_chain": element_chain(window.masker.ancestry(window.dom, node))}
    x, y, scrolled = whole(point.get("x")), whole(point.get("y")), window.scrolled.when(at)
    if x is None or y is None or scrolled is None or window.dom.is_framed(node):
        return chain
    return {**chain, "x": x + scrolled[0], "y": y + scrolled[1], "scroll_y": scrolled[1]}


FORMAT = Format(
    documentation="rrweb, Dive into events; @rrweb/types",
    begin=lambda source, _clock: _Recording(source),
    capabilities=frozenset({"hover", "dead_click"}),
    dropped={"data.text": "typed text", "data.isChecked": "typed text", "data.payload.trace": "stack trace"},
    typed=("value", "text", "textContent", "isChecked"),
    unwrap=unwrap,
    moment=moment,
    parse=partial(parsed_as, kind=Any),
    max_record_bytes=64 * 1_048_576,
)
