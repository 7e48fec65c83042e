"""Mixpanel: its raw event export, one event a line.

Documentation: Mixpanel, "Raw Event Export", "Events and Profiles: default properties", "Event deduplication", "Identity
management: Simplified ID Merge, Original ID Merge", "Create Identity, Create Alias, Merge Identities", "Autocapture",
"Experiments: add experiment exposure".

| field | canonical column |
| --- | --- |
| event | name and kind |
| properties.time | occurred_at, in seconds or milliseconds |
| properties.$mp_api_timestamp_ms, properties.mp_processing_time_ms | received_at |
| properties.$insert_id with time, event and the id as it was sent | event_id |
| properties.$device_id, $anon_id, $anon_distinct_id, an id that begins with $device: | anonymous_id |
| properties.$user_id, $identified_id, $distinct_id_before_identity, distinct_id | user_id, where it isn't the device |
| properties.alias, the second of $distinct_ids | previous_user_id; the device's: identify |
| properties.$current_url, current_domain with current_url_path and current_url_search | url |
| properties.$referrer | referrer |
| properties.current_page_title, $title | page_title |
| properties.$elements, $target | element_chain |
| properties.$pageX, $pageY | x, y |
| properties.$innerWidth, $innerHeight | window_width, window_height |
| properties.mp_country_code | country |
| properties.$device_type | device_type |
| properties.$os, properties.$os_version | os, os_version |
| properties.$browser, properties.$browser_version | browser, browser_version |
| properties.$user_agent | user_agent |
| properties.order_id, Order ID, transaction_id | order_id of an order or a refund |
| properties.revenue, Revenue, total, amount, Amount, value | revenue_micros of an order or a refund |
| properties.currency, Currency | currency |
| properties.Experiment name, Variant name | experiment_id, variant of $experiment_started |
| properties.* | properties.* |

The export resolves ids when it is made: a visit before a login bears the user's id in `distinct_id` later on. What was
sent is `$distinct_id_before_identity` then, so an event that is exported again is the same, and who is who is told by our
own rules (docs/sources.md). Projects of before 2023 export `time` by their own zone's clock: name it as `time_zone`.
Mixpanel knows no event for purchases: `kinds` says which of the team's are orders, besides those of common names.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from pipeline.core.product_sources import Source
from pipeline.ingest.faults import RecordFault
from pipeline.ingest.sources.base import Format, ToEvents
from pipeline.ingest.sources.fields import (
    Fields,
    derived_id,
    element_chain,
    first,
    number,
    outcome,
    peek,
    properties,
    take,
    text,
    whole,
)
from pipeline.ingest.sources.times import Clock
from pipeline.ingest.sources.written_times import in_utc

_KINDS = {
    "$mp_web_page_view": "page_view",
    "mp_page_view": "page_view",
    "page view": "page_view",
    "pageview": "page_view",
    "page viewed": "page_view",
    "$mp_click": "click",
    "$mp_input_change": "input",
    "$mp_submit": "form_submit",
    "$identify": "identify",
    "$create_alias": "alias",
    "$merge": "alias",
    "$experiment_started": "experiment",
    "order completed": "order",
    "purchase": "order",
    "purchase completed": "order",
    "order refunded": "refund",
}
_DROPPED = {
    "properties.ip": "address",
    "properties.$ip": "address",
    "properties.token": "secret",
    "properties.$latitude": "exact place",
    "properties.$longitude": "exact place",
    "properties.$email": "e-mail",
    "properties.$name": "name",
    "properties.$phone": "telephone number",
}
_DEVICE = "$device:"
_ATTRIBUTE = "$attr-"
_PURPOSE = {"order_id": ("order_id", "Order ID", "transaction_id"), "currency": ("currency", "Currency"),
            "revenue": ("revenue", "Revenue", "total", "amount", "Amount", "value")}  # fmt: skip


def _begin(source: Source, clock: Clock) -> ToEvents:
    return partial(_events, source, clock, _KINDS | {name.lower(): kind for name, kind in source.kinds.items()})


def _events(source: Source, clock: Clock, kinds: Mapping[str, str], row: Fields) -> Iterable[Fields]:
    name = take(row, "event", text)
    own = row.pop("properties", None)
    if name is None or not isinstance(own, dict):
        raise RecordFault("missing_event_name", "the record has no `event` with `properties`; export raw events")
    whole_row: Fields = {"properties": own}
    for path in _DROPPED:
        take(whole_row, path)
    event: Fields = {"name": name, "kind": kinds.get(name.lower(), "custom")}
    event["event_id"] = _event_id(name, own)
    event["occurred_at"] = _time(source, clock, own)
    received = (clock.take_if_read(own, path) for path in ("$mp_api_timestamp_ms", "mp_processing_time_ms"))
    event["received_at"] = next((at for at in received if at is not None), None)
    event |= _who(event["kind"], own)
    event |= {
        "url": take(own, "$current_url", text) or _address(own),
        "referrer": take(own, "$referrer", lambda value: None if value == "$direct" else text(value)),
        "page_title": first(own, ("current_page_title", "$title"), text),
        "element_chain": _chain(own),
        "window_width": take(own, "$innerWidth", whole),
        "window_height": take(own, "$innerHeight", whole),
        "country": take(own, "mp_country_code", text),
        "device_type": take(own, "$device_type", lambda value: value.lower() if isinstance(value, str) else None),
        "user_agent": take(own, "$user_agent", text),
        **{name: take(own, f"${name}", text) for name in ("os", "os_version", "browser", "browser_version")},
    }
    if event["kind"] == "click":
        event |= {"x": take(own, "$pageX", whole), "y": take(own, "$pageY", whole)}
    elif event["kind"] == "experiment":
        event["experiment_id"] = take(own, "Experiment name", text)
        event["variant"] = take(own, "Variant name", text)
    elif event["kind"] in ("order", "refund"):
        outcome(event, own, **_PURPOSE)
    return [{**event, "properties": properties(own, row)}]


def _time(source: Source, clock: Clock, own: Fields) -> Any:  # noqa: ANN401  # an instant or none
    is_counted = not source.time_format and number(peek(own, "time")) is not None
    at = clock.take(own, "time")
    # A project's own clock written as if it were UTC's.
    return in_utc(at.replace(tzinfo=None), ZoneInfo(source.time_zone)) if at is not None and is_counted else at


def _event_id(name: str, own: Fields) -> str | None:
    """As Mixpanel tells events apart, with the id that was sent: `distinct_id` is another once somebody logs in."""
    inserted = text(peek(own, "$insert_id"))
    if inserted is None:
        return None
    sent = text(peek(own, "$distinct_id_before_identity")) or text(peek(own, "distinct_id"))
    counted = number(peek(own, "time"))
    # Seconds or milliseconds, as the export was asked for.
    second = None if counted is None else int(counted if abs(counted) < 10**11 else counted / 1_000)
    return derived_id(name, second, sent, inserted)


def _who(kind: str, own: Fields) -> Fields:
    """Device and user of an event, or what one of the three events about ids joins."""
    distinct, before = take(own, "distinct_id", text), take(own, "$distinct_id_before_identity", text)
    sent = before or distinct
    if kind == "identify":
        user = take(own, "$identified_id", text) or sent
        other = first(own, ("$anon_id", "$anon_distinct_id"), text)
        device = take(own, "$device_id", text)
        if other is None or device is not None or other.startswith(_DEVICE):
            return {"anonymous_id": device or _bare(other), "user_id": user}
        # Without ids of devices an anonymous id stood where a user's does.
        return {"kind": "alias", "user_id": user, "previous_user_id": other}
    if kind == "alias":
        return _joined(own, sent)
    device = take(own, "$device_id", text)
    user = take(own, "$user_id", text)
    if sent is not None and sent.startswith(_DEVICE):
        device = device or _bare(sent)
    elif user is None and sent != device:
        user = sent
    if distinct not in (None, device, user) and _bare(distinct) != device:
        own["distinct_id"] = distinct
    return {"anonymous_id": _bare(device), "user_id": user}


def _joined(own: Fields, sent: str | None) -> Fields:
    pair = take(own, "$distinct_ids")
    reported = [text(each) for each in pair] if isinstance(pair, list) else [sent, take(own, "alias", text)]
    kept, other = (*reported, None, None)[:2]
    device = take(own, "$device_id", text)
    if kept is None or other is None:
        # It joins nothing that can be told.
        return {"kind": "custom", "anonymous_id": _bare(device), "user_id": kept if kept != device else None}
    devices = {known for known in (kept, other) if known.startswith(_DEVICE) or known == device}
    if len(devices) == 1:
        (result,) = devices
        return {"kind": "identify", "anonymous_id": _bare(result), "user_id": other if result == kept else kept}
    return {"user_id": kept, "previous_user_id": other}


def _bare(known: str | None) -> str | None:
    return None if known is None else known.removeprefix(_DEVICE) or None


def _address(own: Fields) -> str | None:
    """Page views name the parts of their address."""
    domain, path = text(peek(own, "current_domain")), text(peek(own, "current_url_path"))
    if domain is None or path is None:
        return None
    protocol = text(peek(own, "current_url_protocol")) or "https:"
    return f"{protocol}//{domain}{path}{text(peek(own, 'current_url_search')) or ''}"


def _chain(own: Fields) -> str | None:
    reported = own.pop("$elements", None)
    target = own.pop("$target", None)
    entries = reported if isinstance(reported, list) and reported else [target]
    return element_chain([_element(entry) for entry in entries if isinstance(entry, dict)])


def _element(entry: Fields) -> tuple[str, Fields]:
    classes = entry.get("$classes")
    attributes = {str(k).removeprefix(_ATTRIBUTE): v for k, v in entry.items() if str(k).startswith(_ATTRIBUTE)}
    attributes |= {"id": entry.get("$id"), "class": " ".join(map(str, classes)) if isinstance(classes, list) else None}
    return str(entry.get("$tag_name") or "div"), attributes


FORMAT = Format(
    documentation="Mixpanel, Raw Event Export; Identity management",
    begin=_begin,
    identified_by="user_id",
    dropped=_DROPPED,
)
