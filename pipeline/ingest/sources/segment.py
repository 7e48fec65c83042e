"""Segment and RudderStack: track, page, screen, identify, alias, group; single calls, batches and archived files.

Documentation: Segment, "Spec: Common Fields", "Spec: Page", "Spec: Identify", "Spec: Alias", "Spec: V2 Ecommerce
Events", "Spec: A/B Testing Events"; RudderStack, "Common Fields", "Session Tracking in RudderStack SDKs".

| field | canonical column |
| --- | --- |
| messageId | event_id |
| anonymousId | anonymous_id |
| userId | user_id |
| previousId | previous_user_id; of an alias whose previousId is the device's: identify |
| originalTimestamp, else timestamp | occurred_at |
| sentAt | sent_at |
| receivedAt | received_at |
| type | kind |
| event | name, and kind of Order Completed, Order Refunded, Experiment Viewed |
| name | name |
| context.sessionId | session_id |
| context.page.url, properties.url of page and screen | url |
| context.page.referrer, properties.referrer of page and screen | referrer |
| context.page.title, properties.title of page and screen | page_title |
| context.userAgent | user_agent |
| context.locale | language |
| context.location.country | country |
| context.device.type | device_type; of phones' libraries, which write ios and android, by the model |
| context.os.name, context.os.version | os, os_version |
| context.screen.innerWidth | window_width |
| context.screen.innerHeight | window_height |
| properties.order_id | order_id |
| properties.revenue, properties.total, properties.value | revenue_micros, in whole currency units; negative for refunds |
| properties.currency | currency |
| properties.experiment_id, properties.experiment_name | experiment_id |
| properties.variation_id, properties.variation_name | variant |
| properties.* | properties.* |

Segment's own `timestamp` is the device's time already corrected by receivedAt - sentAt; where originalTimestamp is
there we take that and correct it ourselves; where it isn't, sentAt stays in the rest, so that no clock is corrected
twice. A call of a batch that can't be read is rejected alone.
"""

from collections.abc import Iterable
from functools import partial
from typing import Any

from pipeline.core.product_sources import MAX_EVENTS_PER_RECORD, Source
from pipeline.ingest.faults import RecordFault
from pipeline.ingest.sources.base import Format, ToEvents
from pipeline.ingest.sources.fields import Fields, boolean, copied, first, outcome, peek, properties, take, text, whole
from pipeline.ingest.sources.times import Clock

_KINDS = {"page": "page_view", "screen": "page_view", "identify": "identify", "alias": "alias"}
_TRACKED = {
    "order completed": "order",
    "order refunded": "refund",
    "experiment viewed": "experiment",
}
_TYPES = ("track", "page", "screen", "identify", "alias", "group")
# What a batch says for itself and not for its calls; contexts are merged name by name.
_OF_ONE_CALL = frozenset(
    {"context", "messageId", "type", "event", "name", "properties", "originalTimestamp", "timestamp"}
)
_DROPPED = {
    "writeKey": "secret",
    "context.ip": "address",
    "request_ip": "address",
    "requestIP": "address",
    "context.device.advertisingId": "advertising id",
    "context.device.token": "secret",
    "context.location.latitude": "exact place",
    "context.location.longitude": "exact place",
}


def _begin(_source: Source, clock: Clock) -> ToEvents:
    return partial(_events, clock)


def _events(clock: Clock, call: Fields) -> Iterable[Fields | RecordFault]:
    batch = call.pop("batch", None)
    if batch is None:
        return [_event(clock, call)]
    if not isinstance(batch, list) or len(batch) > MAX_EVENTS_PER_RECORD:
        raise RecordFault("malformed_batch", f"`batch` must be a list of at most {MAX_EVENTS_PER_RECORD} calls")
    return [_of_batch(clock, call, each) for each in batch]


def _of_batch(clock: Clock, outer: Fields, inner: Any) -> Fields | RecordFault:  # noqa: ANN401  # JSON holds anything
    try:
        return _event(clock, _merged(outer, inner))
    except RecordFault as fault:
        return fault


def _merged(outer: Fields, inner: Any) -> Fields:  # noqa: ANN401  # JSON holds anything
    """A call of a batch with what the batch says for all: the call's own word counts."""
    if not isinstance(inner, dict):
        raise RecordFault("malformed_batch", "an entry of `batch` is no object")
    merged = {**{name: value for name, value in outer.items() if name not in _OF_ONE_CALL}, **copied(inner)}
    contexts = [context for context in (outer.get("context"), inner.get("context")) if isinstance(context, dict)]
    if contexts:
        # A copy: what one call takes out of it must be there for the next.
        merged["context"] = copied({name: value for context in contexts for name, value in context.items()})
    return merged


def _event(clock: Clock, call: Fields) -> Fields:
    for path in _DROPPED:
        take(call, path)
    kind = take(call, "type", text)
    if kind not in _TYPES:
        raise RecordFault("unknown_type", f"`type` is none of {', '.join(_TYPES)}")
    event = _common(clock, call, in_page=kind in ("page", "screen"))
    tracked = take(call, "event", text)
    name = tracked if tracked is not None else take(call, "name", text)
    event["name"] = name if name is not None or kind in _KINDS else kind
    event["kind"] = _KINDS.get(kind) or _TRACKED.get((tracked or "").lower(), "custom")
    if event["kind"] == "alias":
        _alias(event, call)
    if event["kind"] in ("order", "refund", "experiment"):
        _result(event, call)
    own = call.pop("properties", None)
    if own is not None and not isinstance(own, dict):
        call["properties"] = own
        own = None
    event["properties"] = properties(own, call)
    return event


def _common(clock: Clock, call: Fields, *, in_page: bool) -> Fields:
    occurred_at, path = clock.first(call, ("originalTimestamp", "timestamp"))
    return {
        "event_id": take(call, "messageId", text),
        "anonymous_id": take(call, "anonymousId", text),
        "user_id": take(call, "userId", text),
        "occurred_at": occurred_at,
        # `timestamp` is corrected already: with sentAt it would be once more.
        "sent_at": clock.take_if_read(call, "sentAt") if path != "timestamp" else None,
        "received_at": clock.take_if_read(call, "receivedAt"),
        "session_id": take(call, "context.sessionId", text),
        "url": _of_page(call, "url", in_page=in_page),
        "referrer": _of_page(call, "referrer", in_page=in_page),
        "page_title": _of_page(call, "title", in_page=in_page),
        "user_agent": take(call, "context.userAgent", text),
        "language": take(call, "context.locale", text),
        "country": take(call, "context.location.country", text),
        "device_type": _device_type(call),
        "os": take(call, "context.os.name", text),
        "os_version": take(call, "context.os.version", text),
        "window_width": take(call, "context.screen.innerWidth", whole),
        "window_height": take(call, "context.screen.innerHeight", whole),
    }


def _of_page(call: Fields, name: str, *, in_page: bool) -> str | None:
    """A fact of the page stands in the context, and once more in the properties of a page call.

    In those of other calls a word like title or url is another thing's.
    """
    context, own = f"context.page.{name}", f"properties.{name}"
    result = take(call, context, text)
    if result is None:
        return take(call, own, text) if in_page else None
    if in_page and peek(call, own) == result:
        take(call, own)
    return result


def _device_type(call: Fields) -> str | None:
    mobile = peek(call, "context.userAgentData.mobile")
    named = take(call, "context.device.type", text)
    if named is not None and named.lower() in ("ios", "android"):
        model = f"{peek(call, 'context.device.model')} {peek(call, 'context.device.name')}".lower()
        return "tablet" if "ipad" in model else "mobile"
    if named is not None or boolean(mobile) is None:
        return named
    return "mobile" if mobile else "desktop"


def _alias(event: Fields, call: Fields) -> None:
    previous = take(call, "previousId", text)
    if previous is not None and previous == event["anonymous_id"]:
        event["kind"] = "identify"
    else:
        event["previous_user_id"] = previous


def _result(event: Fields, call: Fields) -> None:
    if event["kind"] == "experiment":
        event["experiment_id"] = first(call, ("properties.experiment_id", "properties.experiment_name"), text)
        event["variant"] = first(call, ("properties.variation_id", "properties.variation_name"), text)
        return
    outcome(
        event,
        call,
        order_id=("properties.order_id",),
        revenue=("properties.revenue", "properties.total", "properties.value"),
        currency=("properties.currency",),
    )


FORMAT = Format(
    documentation="Segment, Spec: Common Fields; RudderStack, Common Fields",
    begin=_begin,
    dropped=_DROPPED,
)
