"""Amplitude: the events of its Export API, one event a line.

Documentation: Amplitude, "Export API", "Track unique users", "Autocapture events and properties", "Web Autocapture
schema", "Revenue tracking", "Experiment event tracking", "HTTP V2 API, event deduplication".

| field | canonical column |
| --- | --- |
| $insert_id with device_id, else uuid | event_id |
| event_type | name and kind |
| client_event_time, else event_time (already corrected by Amplitude) | occurred_at |
| client_upload_time | sent_at |
| server_received_time, server_upload_time | received_at |
| event_id | sequence |
| device_id | anonymous_id |
| user_id | user_id |
| session_id | session_id; -1 is none |
| event_properties.[Amplitude] Page Location, [Amplitude] Page URL, also without the prefix | url |
| event_properties.referrer | referrer |
| event_properties.[Amplitude] Page Title | page_title |
| event_properties.[Amplitude] Element Hierarchy, else Element Tag, ID, Class | element_chain |
| event_properties.[Amplitude] Viewport Width, Viewport Height | window_width, window_height |
| event_properties.order_id, Order ID, transaction_id | order_id of an order or a refund |
| event_properties.$revenue, else $price times $quantity; revenue, total | revenue_micros |
| event_properties.$currency, currency | currency |
| event_properties.flag_key, key with variant | experiment_id, variant of [Experiment] Exposure |
| event_properties.Error Type, Error Message | error_type, error_message |
| country | country |
| language | language |
| platform, device_type, device_family, os_name | device_type |
| os_name, os_version | os, os_version; on the web browser, browser_version |
| device_type, on the web | os, where it names one |
| event_properties.* | properties.* |
| user_properties.* | properties.user_properties.* |

All times are UTC. Where the client's own are there the clock is corrected here, from client_upload_time and
server_received_time; event_time is corrected already, so nothing is sent with it. Revenue below 0 is a refund. The
element's place in the window is told, but not the pointer's, so clicks have no position.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import msgspec

from pipeline.core.product_sources import Source
from pipeline.ingest.faults import RecordFault
from pipeline.ingest.sources.base import Format, ToEvents
from pipeline.ingest.sources.fields import (
    Fields,
    derived_id,
    element_chain,
    first,
    long,
    number,
    outcome,
    parsed_as,
    peek,
    properties,
    take,
    text,
    whole,
)
from pipeline.ingest.sources.times import Clock

_PREFIX = "[amplitude] "
_KINDS = {
    "page viewed": "page_view",
    "screen viewed": "page_view",
    "element clicked": "click",
    "element tapped": "click",
    "element changed": "input",
    "form submitted": "form_submit",
    "error logged": "error",
    "$identify": "identify",
    "[experiment] exposure": "experiment",
    "$exposure": "experiment",
    "revenue_amount": "order",
    "order completed": "order",
    "order refunded": "refund",
}
_DROPPED = {
    "ip_address": "address",
    "event_properties.ip": "address",
    "idfa": "advertising id",
    "adid": "advertising id",
    "idfv": "advertising id",
    "user_properties.ip_address": "address",
    "location_lat": "exact place",
    "location_lng": "exact place",
}
_NO_SESSION = "-1"
_OBJECTS = ("event_properties", "user_properties", "groups", "group_properties", "data")
_PURPOSE = {"order_id": ("order_id", "Order ID", "transaction_id"), "revenue": ("$revenue", "revenue", "total"),
            "currency": ("$currency", "currency")}  # fmt: skip
_SYSTEMS = frozenset({"windows", "mac os x", "mac os", "linux", "chrome os", "ios", "android"})
_WIDE = _SYSTEMS - {"ios", "android"}
_MOBILE = frozenset({"ios", "android", "mobile"})


def _begin(source: Source, clock: Clock) -> ToEvents:
    return partial(_events, clock, _KINDS | {name.lower(): kind for name, kind in source.kinds.items()})


def _events(clock: Clock, kinds: Mapping[str, str], row: Fields) -> Iterable[Fields]:
    for name in _OBJECTS:
        if isinstance(row.get(name), str):
            # Warehouses hold nested data as JSON text.
            row[name] = parsed_as(row[name].encode(), dict[str, Any] | None)
    for path in _DROPPED:
        take(row, path)
    name = take(row, "event_type", text)
    if name is None:
        raise RecordFault("missing_event_name", "the record has no `event_type`; export whole events")
    own = row.pop("event_properties", None) or {}
    if not isinstance(own, dict):
        raise RecordFault("wrong_type", "`event_properties` is no object; export events as they are")
    event: Fields = {"name": name, "kind": kinds.get(name.lower(), kinds.get(_plain(name), "custom"))}
    event |= _common(clock, row)
    event |= _of_page(own)
    _special(event, own)
    people = row.pop("user_properties", None)
    if people:
        own["user_properties"] = people
    return [{**event, "properties": properties(own, row)}]


def _plain(name: str) -> str:
    """Autocapture wrote its prefix before names at first, and does without it now."""
    return name.lower().removeprefix(_PREFIX)


def _common(clock: Clock, row: Fields) -> Fields:
    device, inserted = take(row, "device_id", text), text(peek(row, "$insert_id"))
    at, path = clock.first(row, ("client_event_time", "event_time"))
    received = (clock.take_if_read(row, name) for name in ("server_received_time", "server_upload_time"))
    user = take(row, "user_id", text)
    return {
        "event_id": take(row, "uuid", text) if inserted is None else derived_id(device or user, inserted),
        "anonymous_id": device,
        "user_id": user,
        "occurred_at": at,
        "sent_at": clock.take_if_read(row, "client_upload_time") if path == "client_event_time" else None,
        "received_at": next((each for each in received if each is not None), None),
        "sequence": take(row, "event_id", long),
        "session_id": take(row, "session_id", lambda value: None if text(value) == _NO_SESSION else text(value)),
        "country": take(row, "country", text),
        "language": take(row, "language", text),
        "device_type": _device_type(row),
        **_system(row),
    }


def _device_type(row: Fields) -> str | None:
    """The family of the device as far as its platform and system tell; their own words stay in the rest."""
    names = ("device_type", "device_family", "os_name", "platform")
    words = [(text(peek(row, name)) or "").lower() for name in names]
    if any("ipad" in word or "tablet" in word for word in words):
        return "tablet"
    if any(word in _MOBILE or "phone" in word for word in words):
        return "mobile"
    return "desktop" if any(word in _WIDE for word in words) else None


def _system(row: Fields) -> Fields:
    """On the web `os_name` is the browser and `device_type` the system; their own words stay in the rest."""
    name, version = (text(peek(row, each)) for each in ("os_name", "os_version"))
    if (text(peek(row, "platform")) or "").lower() != "web":
        return {"os": name, "os_version": version}
    device = text(peek(row, "device_type"))
    is_system = device is not None and device.lower() in _SYSTEMS
    return {"browser": name, "browser_version": version, "os": device if is_system else None}


def _of(own: Fields, *names: str, convert: Any = text) -> Any:  # noqa: ANN401  # a conversion and its value
    """The first of Autocapture's properties, with its prefix or without."""
    return first(own, [f"{prefix}{name}" for name in names for prefix in ("[Amplitude] ", "")], convert)


def _of_page(own: Fields) -> Fields:
    return {
        "url": _of(own, "Page Location", "Page URL"),
        "referrer": take(own, "referrer", text),
        "page_title": _of(own, "Page Title"),
        "window_width": _of(own, "Viewport Width", convert=whole),
        "window_height": _of(own, "Viewport Height", convert=whole),
        "element_chain": _chain(own),
    }


def _chain(own: Fields) -> str | None:
    reported = _of(own, "Element Hierarchy", convert=_entries)
    if reported is not None:
        return element_chain([_element(entry) for entry in reported if isinstance(entry, dict)])
    tag = _of(own, "Element Tag")
    known = {"id": _of(own, "Element ID"), "class": _of(own, "Element Class"), "href": _of(own, "Element Href")}
    return None if tag is None else element_chain([(tag, known)])


def _entries(value: Any) -> list[Any] | None:  # noqa: ANN401  # JSON holds anything
    """The element and its ancestors, innermost first; long ones come as JSON text."""
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return None
    return value if isinstance(value, list) else None


def _element(entry: Fields) -> tuple[str, Fields]:
    classes, attributes = entry.get("classes"), entry.get("attrs")
    known = {"id": entry.get("id"), "class": " ".join(map(str, classes)) if isinstance(classes, list) else None}
    return str(entry.get("tag") or "div"), {**(attributes if isinstance(attributes, dict) else {}), **known}


def _special(event: Fields, own: Fields) -> None:
    kind = event["kind"]
    if kind == "identify" and event["user_id"] is None:
        # Properties of somebody who isn't known.
        event["kind"] = "custom"
    elif kind == "experiment":
        event["experiment_id"] = first(own, ("flag_key", "key"), text)
        event["variant"] = take(own, "variant", text)
    elif kind == "error":
        event["error_type"] = _of(own, "Error Type")
        event["error_message"] = _of(own, "Error Message")
    elif kind in ("order", "refund") or peek(own, "$revenue") is not None or peek(own, "$price") is not None:
        _money(event, own)


def _money(event: Fields, own: Fields) -> None:
    """Any event may bear revenue; the SDKs' own is `revenue_amount`."""
    price, pieces = number(peek(own, "$price")), number(peek(own, "$quantity"))
    if peek(own, "$revenue") is None and price is not None:
        own["$revenue"] = price * (1 if pieces is None else pieces)
    revenue = number(peek(own, "$revenue"))
    if event["kind"] != "refund":
        event["kind"] = "refund" if revenue is not None and revenue < 0 else "order"
    outcome(event, own, **_PURPOSE)


FORMAT = Format(
    documentation="Amplitude, Export API; Revenue tracking; Web Autocapture schema",
    begin=_begin,
    identified_by="user_id",
    dropped=_DROPPED,
)
