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
from pipeline.ingest.sources.masked_texts import scrub

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
_CHOSEN = frozenset({"checked", "selected"})
_SHOWN = frozenset({"title", "alt", "placeholder", "label"})
_UNSEEN = frozenset({"content", "srcdoc"})
# Short ones are states that style sheets name; long ones are data.
_LONGEST_DATA = 64
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
    # What is no object can't be read as properties, and isn't lost.
    kept_whole = {} if own is None else {"properties": own}
    more: dict[str, Any] = {**(own if isinstance(own, dict) else kept_whole), **added}
    record: dict[str, Any] = {}
    for name, value in {**sent, **shared}.items():
        if name in _COLUMNS:
            if name not in _OURS or name in shared:
                record[name] = _scrubbed(name, value, denied)
        elif name != "properties":
            more[name] = value
    kept = {
        name: entry_without_personal(value, name, "", denied)
        for name, value in more.items()
        if is_kept(name, value, "", denied)
    }
    return {**record, "properties": kept} if kept else record


def _scrubbed(name: str, value: Any, denied: frozenset[str]) -> Any:  # noqa: ANN401  # JSON holds anything
    reading = READINGS.get(name)
    if reading and isinstance(value, str):
        return scrub_text(value, reading)
    # Ingest will reject it, and keeps it to show why.
    return entry_without_personal(value, name, "", denied) if isinstance(value, dict | list) else value


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
        is_editable = is_editable or "data-ff-mask" in attributes
        hides = tag is None or (tag in _INPUTS and attributes.get("type") not in _SHOWN_INPUTS)
        value = {**value, "attributes": _masked_attributes(attributes, hides=hides, is_masked=is_editable)}
    # What an input event tells of its field.
    if value.get("source") == 5 and isinstance(value.get("text"), str):  # noqa: PLR2004  # rrweb's own number
        value = {**value, "text": _stars(value["text"]), "isChecked": False}
    is_editable = is_editable or tag == "textarea"
    return {key: _masked(each, key, is_editable=is_editable) for key, each in value.items()}


def _masked_attributes(attributes: Mapping[str, Any], *, hides: bool, is_masked: bool) -> dict[str, Any]:
    """Without what was chosen, what frameworks keep in the page unseen, and the texts of what is masked."""
    made: dict[str, Any] = {}
    for name, value in attributes.items():
        if name in _CHOSEN:
            continue
        is_unseen = name in _UNSEEN or (name.startswith(("data-", "wire:")) and len(str(value)) > _LONGEST_DATA)
        is_own = (
            is_unseen or (name == "value" and hides) or (is_masked and (name in _SHOWN or name.startswith("aria-")))
        )
        made[name] = _stars(value) if is_own and isinstance(value, str) else value
    return made


def _masked_text(text: str, name: str, *, is_editable: bool) -> str:
    if is_editable and name == "textContent":
        return _stars(text)
    if name in _ADDRESSES and not text.startswith("data:"):
        return scrub_text(text, "address")
    return scrub_text(text, "words") if name in ("textContent", "value") else scrub(text)


def _stars(text: str) -> str:
    return _SEEN.sub("*", text)
