"""rrweb recordings of some of the demo shop's sessions, made from their events and the pages of `layout.py`.

One session in 30, drawn apart from the walks: a snapshot of each page seen, and what was done there
(pointer, clicks, scrolls, the card's number typed, the script's error). They come through a source of their own that
brings no events, so that nothing counts twice. What is typed is a test card's number, which the pipeline must mask.
"""

import gzip
import json
import re
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

from interactions import REDESIGN
from layout import PAGES, WIDTHS, box, page_height

Event = dict[str, Any]
SHARE = 1 / 30
CARD = "4111 1111 1111 1111"
_TAG = re.compile(r"<(\w+)([^>]*)>")
_ATTRIBUTE = re.compile(r'([\w-]+)="([^"]*)"')
_COLOURS = {"header": "#20324a", "footer": "#20324a", "a": "#dfe8f3", "button": "#2f6db5", "img": "#c3ccd6", "form": "#f4f6f9",
            "aside": "#f4f6f9", "section": "#f4f6f9", "fieldset": "#e9edf2", "input": "#ffffff", "nav": "#f4f6f9"}  # fmt: skip
_DOCUMENT, _DOCTYPE, _ELEMENT, _TEXT = 0, 1, 2, 3
_SNAPSHOT, _INCREMENTAL, _META, _PLUGIN = 2, 3, 4, 6
_MOVE, _INTERACTION, _SCROLL, _INPUT = 1, 2, 3, 5


def is_recorded(session: str, seed: int) -> bool:
    """Whether a session is recorded; it changes nothing of what happens in it."""
    return Random(f"{seed}-recorded-{session}").random() < SHARE


def recording(events: Iterable[Event]) -> Iterator[Event]:
    """The rrweb events of one session from its canonical events."""
    page, ids, device = "", {}, "desktop"
    for event in events:
        at = round(event["occurred_at"].timestamp() * 1000)
        about = {"sessionId": event.get("session_id"), "distinct_id": event.get("anonymous_id")}
        if event["kind"] == "page_view":
            device, page = event["device_type"], _page_of(event)
            size = {"width": event["window_width"], "height": event["window_height"]}
            ids, snapshot = _snapshot(page, device)
            yield {**about, "type": _META, "timestamp": at, "data": {"href": event["url"], **size}}
            yield {
                **about,
                "type": _SNAPSHOT,
                "timestamp": at + 1,
                "data": {"node": snapshot, "initialOffset": {"left": 0, "top": 0}},
            }
        elif page:
            for offset, kind, data in _interactions(event, page, ids):
                yield {**about, "type": kind, "timestamp": at + offset, "data": data}


def write_recordings(folder: Path, by_day: dict[date, list[list[Event]]]) -> int:
    """Write a file for each day of arrival below `folder`/replays; returns the number of recorded sessions."""
    total = 0
    for day, sessions in sorted(by_day.items()):
        target = folder / "replays" / day.isoformat() / "recordings.ndjson.gz"
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as packed:
            for events in sessions:
                total += 1
                for each in recording(events):
                    packed.write(json.dumps(each, separators=(",", ":")).encode() + b"\n")
    return total


def _page_of(event: Event) -> str:
    path = event["url"].split("?")[0].removeprefix("https://shop.example")
    if path.startswith("/p/"):
        return "product_after" if event["occurred_at"].date() >= REDESIGN else "product_before"
    if path.startswith("/c/"):
        return "category"
    name = path.strip("/") or "home"
    return name if name in PAGES else "missing"


def _interactions(event: Event, page: str, ids: dict[str, int]) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """(ms after the event, rrweb's type, its data) of one act on a page."""
    scrolled = event.get("scroll_y", 0)
    target = ids.get(event.get("element_chain", ""), ids["page"])
    kind = event["kind"]
    if kind == "move":
        yield (
            0,
            _INCREMENTAL,
            {
                "source": _MOVE,
                "positions": [{"x": event["x"], "y": event["y"] - ids["scrolled"], "id": target, "timeOffset": 0}],
            },
        )
    elif kind == "click":
        x, y = event["x"], event["y"] - ids["scrolled"]
        yield -60, _INCREMENTAL, {"source": _MOVE, "positions": [{"x": x, "y": y, "id": target, "timeOffset": 0}]}
        for offset, interaction in ((-20, 1), (-5, 0), (0, 2)):
            yield offset, _INCREMENTAL, {"source": _INTERACTION, "type": interaction, "id": target, "x": x, "y": y}
        if page == "checkout" and "card" in event.get("element_chain", ""):
            for i in range(4, len(CARD) + 1, 5):
                yield (
                    200 * i,
                    _INCREMENTAL,
                    {"source": _INPUT, "id": target, "text": CARD[:i], "isChecked": False, "userTriggered": True},
                )
    elif kind == "scroll":
        ids["scrolled"] = scrolled
        yield 0, _INCREMENTAL, {"source": _SCROLL, "id": 1, "x": 0, "y": scrolled}
    elif kind == "error":
        payload = {"level": "error", "payload": [json.dumps(event["error_message"])], "trace": []}
        yield 0, _PLUGIN, {"plugin": "rrweb/console@1", "payload": payload}


def _snapshot(page: str, device: str) -> tuple[dict[str, int], dict[str, Any]]:
    """Node ids by chain, and the document: each element a box in its place."""
    ids, number = {"scrolled": 0}, 1

    def node(**fields: Any) -> dict[str, Any]:  # noqa: ANN401  # JSON
        nonlocal number
        number += 1
        return {"id": number, **fields}

    def element(tag: str, attributes: dict[str, Any], children: list[Any]) -> dict[str, Any]:
        return node(type=_ELEMENT, tagName=tag, attributes=attributes, childNodes=children)

    boxes: list[dict[str, Any]] = []
    areas = {name: box(page, name, device) for name in PAGES[page]}
    for name in sorted(areas, key=lambda each: -areas[each].width * areas[each].height):
        chain, area = PAGES[page][name].chain, areas[name]
        tag, rest = _TAG.findall(chain)[-1]
        words = "" if area.height > 300 or tag in ("img", "input") else name.replace("_", " ")
        style = (
            f"position:absolute;box-sizing:border-box;left:{area.x}px;top:{area.y}px;width:{area.width}px;height:{area.height}px;"
            f"background:{_COLOURS.get(tag, '#eef1f5')};color:{'#fff' if tag in ('button', 'header', 'footer') else '#223'};"
            "border:1px solid #c9d1da;border-radius:4px;font:14px sans-serif;padding:8px;overflow:hidden"
        )
        children = [node(type=_TEXT, textContent=words)] if words else []
        made = element(tag, {**dict(_ATTRIBUTE.findall(rest)), "style": style}, children)
        ids[chain] = made["id"]
        boxes.append(made)
    height, width = page_height(page, device), WIDTHS[device]
    style = f"margin:0;position:relative;background:#fff;width:{width}px;height:{height}px"
    body = element("body", {"style": style}, boxes)
    ids["page"] = body["id"]
    html = element("html", {"lang": "en"}, [element("head", {}, []), body])
    doctype = node(type=_DOCTYPE, name="html", publicId="", systemId="")
    return ids, {"id": 1, "type": _DOCUMENT, "childNodes": [doctype, html]}
