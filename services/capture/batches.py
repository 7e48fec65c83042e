"""What browsers send, as lines of landing files: canonical events and chunks of recordings, scrubbed before they are written.

Nothing is judged here but the body: a record that ingest would reject is written, so that it is counted and kept with its reason.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from pipeline.core.canonical import INPUT_COLUMNS
from pipeline.ingest.scrub import READINGS, entry_without_personal, is_kept, scrub_text

MOST_EVENTS, MOST_RECORDED = 1_000, 10_000
API_VERSION = 1
_COLUMNS = frozenset(column.name for column in INPUT_COLUMNS)
# Said by the collector, whatever a browser sends.
_OURS = frozenset({"received_at", "sent_at", "user_agent", "country"})
_COMMON = ("device_type", "language")
# Of the browser, told with each page view.
_OF_VIEWS = ("time_zone", "screen_width")
_COUNTRY = re.compile(r"[A-Z]{2}")
_INPUTS = frozenset({"input", "textarea", "option"})
_SHOWN_INPUTS = frozenset({"button", "submit", "reset", "image"})
_ADDRESSES = frozenset({"href", "src", "action"})
_SEEN = re.compile(r"\S")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class BodyError(ValueError):
    """Not a body that a tag sends; sending it again won't help."""


def decoded(body: bytes) -> dict[str, Any]:
    """The JSON object of a body; BodyError where it is none, of another version, or too deep."""
    try:
        told = _decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as fault:
        raise BodyError(str(fault)) from None
    if told.get("v") != API_VERSION:
        raise BodyError(f"v: this collector knows {API_VERSION}")
    return told


def event_lines(
    told: Mapping[str, Any], headers: Mapping[str, str], denied: frozenset[str], now: datetime
) -> list[bytes]:
    """A line for each event of a batch. `headers`: `user_agent`, and `country` if a CDN named it."""
    events, common = told.get("events"), told.get("common")
    if not isinstance(events, list) or len(events) > MOST_EVENTS or not isinstance(common, dict | None):
        raise BodyError(f"events: a list of at most {MOST_EVENTS}")
    shared = {name: common[name] for name in _COMMON if common and name in common}
    shared |= {"received_at": now.astimezone(UTC).isoformat(), "sent_at": told.get("sent_at")}
    if agent := headers.get("user_agent"):
        shared["user_agent"] = agent
    if _COUNTRY.fullmatch(country := headers.get("country", "").upper()):
        shared["country"] = country
    views = {name: common[name] for name in _OF_VIEWS if common and name in common}
    said = {name: told[name] for name in ("tag", "lost") if told.get(name)}
    lines: list[bytes] = []
    for number, each in enumerate(events):
        if not isinstance(each, dict):
            raise BodyError("events: each is an object")
        added = {**(said if number == 0 else {}), **(views if each.get("kind") == "page_view" else {})}
        lines.append(_encode(_event(each, shared, added, denied)))
    return lines


def _event(
    sent: Mapping[str, Any], shared: Mapping[str, Any], added: Mapping[str, Any], denied: frozenset[str]
) -> dict[str, Any]:
    own = sent.get("properties")
    more: dict[str, Any] = {**(own if isinstance(own, dict) else {}), **added}
    record: dict[str, Any] = {}
    for name, value in {**sent, **shared}.items():
        if name in _COLUMNS:
            if name not in _OURS or name in shared:
                reading = READINGS.get(name)
                record[name] = scrub_text(value, reading) if reading and isinstance(value, str) else value
        elif name != "properties":
            more[name] = value
    kept = {
        name: entry_without_personal(value, name, "", denied)
        for name, value in more.items()
        if is_kept(name, value, "", denied)
    }
    return {**record, "properties": kept} if kept else record


def recorded_line(told: Mapping[str, Any]) -> bytes:
    """A line for a chunk of a recording; what fields hold, and secrets in texts and addresses, are masked."""
    data = told.get("data")
    if not isinstance(data, list) or len(data) > MOST_RECORDED or not all(isinstance(each, dict) for each in data):
        raise BodyError(f"data: a list of at most {MOST_RECORDED} events")
    ids = {
        name: told[name]
        for name in ("session_id", "distinct_id", "user_id", "window_id")
        if isinstance(told.get(name), str)
    }
    try:
        return _encode({**ids, "data": [_masked(each) for each in data]})
    except RecursionError as fault:
        raise BodyError(str(fault)) from None


def _masked(value: Any, name: str = "", *, is_editable: bool = False) -> Any:  # noqa: ANN401
    """What rrweb recorded, without what was typed: fields of any kind, and what lies in an element that can be edited."""
    if isinstance(value, str):
        return _masked_text(value, name, is_editable=is_editable)
    if isinstance(value, list):
        return [_masked(each, name, is_editable=is_editable) for each in value]
    if not isinstance(value, dict):
        return value
    attributes, tag = value.get("attributes"), value.get("tagName")
    if isinstance(attributes, dict):
        editable = attributes.get("contenteditable")
        is_editable = is_editable or editable in ("", "true", "plaintext-only", True)
        hides = tag is None or (tag in _INPUTS and attributes.get("type") not in _SHOWN_INPUTS)
        if hides and isinstance(attributes.get("value"), str):
            value = {**value, "attributes": {**attributes, "value": _stars(attributes["value"])}}
    # What an input event tells of its field.
    if value.get("source") == 5 and isinstance(value.get("text"), str):  # noqa: PLR2004  # rrweb's own number
        value = {**value, "text": _stars(value["text"])}
    is_editable = is_editable or tag == "textarea"
    return {key: _masked(each, key, is_editable=is_editable) for key, each in value.items()}


def _masked_text(text: str, name: str, *, is_editable: bool) -> str:
    if is_editable and name == "textContent":
        return _stars(text)
    if name in _ADDRESSES:
        return scrub_text(text, "address")
    return scrub_text(text, "words") if name in ("textContent", "value") else scrub_text(text)


def _stars(text: str) -> str:
    return _SEEN.sub("*", text)
