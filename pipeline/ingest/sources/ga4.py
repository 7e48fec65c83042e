"""Google Analytics 4: the events_YYYYMMDD tables of its BigQuery export, as NDJSON or Parquet.

Documentation: Google Analytics, "[GA4] BigQuery Export schema", "[GA4] Enhanced measurement events"; BigQuery, "Export
table data to Cloud Storage" (64-bit integers are written as JSON strings).

| field | canonical column |
| --- | --- |
| user_pseudo_id | anonymous_id |
| user_id | user_id |
| event_timestamp | occurred_at |
| event_name | kind and name |
| batch_ordering_id with batch_event_index, else event_bundle_sequence_id | sequence |
| event_params.ga_session_id | session_id |
| event_params.page_location | url |
| event_params.page_referrer | referrer |
| event_params.page_title | page_title |
| event_params.engagement_time_msec | duration_ms |
| ecommerce.transaction_id, event_params.transaction_id | order_id |
| ecommerce.purchase_revenue, event_params.value | revenue_micros of a purchase |
| ecommerce.refund_value, event_params.value | revenue_micros of a refund, negative |
| event_params.currency | currency |
| device.category | device_type |
| device.operating_system, device.operating_system_version | os, os_version |
| device.web_info.browser, device.browser | browser |
| device.web_info.browser_version, device.browser_version | browser_version |
| device.language | language |
| geo.country | country |
| event_params.* | properties.* |
| user_properties.* | properties.user_properties.* |

The export has no event id; one is made from device, time, name, the batch's counters, the parameters and the items, so
a day that is exported again counts once: in the intraday, fresh and daily tables, wherever the counters stand and
whatever a later export adds about traffic, place and user. The user agent isn't in it. Its scroll event tells of 90 % only and gives no
offset, so scroll depth isn't measured. An event that bears a user_id tells who uses the device.
"""

from collections.abc import Iterable
from functools import partial
from typing import Any

from pipeline.core.product_sources import Source
from pipeline.ingest.faults import RecordFault
from pipeline.ingest.sources.base import Format, ToEvents
from pipeline.ingest.sources.fields import Fields, derived_id, first, long, outcome, peek, properties, take, text
from pipeline.ingest.sources.times import Clock

_KINDS = {
    "page_view": "page_view",
    "screen_view": "page_view",
    "user_engagement": "page_leave",
    "scroll": "custom",
    "click": "click",
    "form_submit": "form_submit",
    "purchase": "order",
    "refund": "refund",
    "app_exception": "error",
}
# What tells events of one instant and name apart. The counters are columns of the daily tables, and parameters of all;
# the place within a request is told by the daily ones only, so it tells nothing here.
_TOLD_BY = ("event_timestamp", "event_name", "event_bundle_sequence_id")
_COUNTERS = ("batch_page_id", "batch_ordering_id")
_OF_ITEM = ("item_id", "item_name", "item_list_id", "item_list_name", "promotion_id", "promotion_name")
# Parameters that a later export fills or corrects.
_ENRICHED = frozenset(
    {"batch_event_index", "source", "medium", "campaign", "campaign_id", "term", "content", "gclid", "dclid", "srsltid"}
)
_NOT_SET = (None, "", "(not set)")
_MOST_IN_BATCH, _MOST_REQUESTS = 1_000, 2**31
_VALUES = ("string_value", "int_value", "double_value", "float_value")
_DROPPED = {"device.advertising_id": "advertising id", "device.vendor_id": "advertising id"}


def _begin(_source: Source, clock: Clock) -> ToEvents:
    return partial(_events, clock)


def _events(clock: Clock, row: Fields) -> Iterable[Fields]:
    for path in _DROPPED:
        take(row, path)
    for name in ("event_params", "user_properties"):
        row[name] = _by_key(row.get(name), name)
    event: Fields = {
        "event_id": _event_id(row),
        "anonymous_id": take(row, "user_pseudo_id", text),
        "user_id": take(row, "user_id", text),
        "occurred_at": clock.take(row, "event_timestamp"),
        "sequence": _sequence(row),
        "session_id": take(row, "event_params.ga_session_id", text),
        "url": take(row, "event_params.page_location", text),
        "referrer": take(row, "event_params.page_referrer", text),
        "page_title": take(row, "event_params.page_title", text),
        "duration_ms": take(row, "event_params.engagement_time_msec", long),
        "device_type": take(row, "device.category", text),
        "os": take(row, "device.operating_system", text),
        "os_version": take(row, "device.operating_system_version", text),
        "browser": first(row, ("device.web_info.browser", "device.browser"), text),
        "browser_version": first(row, ("device.web_info.browser_version", "device.browser_version"), text),
        "language": take(row, "device.language", text),
        "country": take(row, "geo.country", text),
        "name": take(row, "event_name", text),
    }
    if event["name"] is None:
        raise RecordFault("missing_event_name", "the row has no `event_name`; export whole rows")
    event["kind"] = _KINDS.get(event["name"], "custom")
    if event["kind"] in ("order", "refund"):
        _money(event, row)
    event["properties"] = _rest(row)
    return [event]


def _by_key(entries: Any, name: str) -> Fields:  # noqa: ANN401  # JSON holds anything
    """Repeated key and value records as a mapping; of a key given twice the last counts."""
    if entries is None:
        return {}
    if isinstance(entries, dict):
        return {key: _of_value(value) for key, value in entries.items()}
    if not isinstance(entries, list):
        raise RecordFault("wrong_type", f"`{name}` is no list of keys and values; export it as it is")
    result: Fields = {}
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("key"), str):
            raise RecordFault("wrong_type", f"an entry of `{name}` has no key; export it as it is")
        result[entry["key"]] = _of_value(entry.get("value"))
    return result


def _of_value(value: Any) -> Any:  # noqa: ANN401  # JSON holds anything
    """The one of the typed values that is set; tools that flatten the export write the value itself."""
    if not isinstance(value, dict):
        return value
    return next((value[v] for v in _VALUES if value.get(v) is not None), None)


def _event_id(row: Fields) -> str:
    """Equal for an event in whichever export it stands."""
    who = text(peek(row, "user_pseudo_id")) or text(peek(row, "user_id"))
    reported = {name: _counter(row, name) for name in _COUNTERS}
    reported["order"] = text(peek(row, "ecommerce.transaction_id"))
    params = {name: value for name, value in row["event_params"].items() if name not in _ENRICHED} | reported
    items = row.get("items")
    of_items = (
        [[_comparable(peek(item, name)) for name in _OF_ITEM] for item in items] if isinstance(items, list) else []
    )
    told = {name: _comparable(value) for name, value in params.items()}
    known = {name: value for name, value in told.items() if value not in _NOT_SET}
    return derived_id(who, *(text(peek(row, name)) for name in _TOLD_BY), known, of_items)


def _comparable(value: Any) -> Any:  # noqa: ANN401  # JSON holds anything
    """As it tells one event from another: Parquet holds the number 3, JSON the text "3"."""
    shown = text(value)
    return value if shown is None else None if shown in _NOT_SET else shown


def _counter(row: Fields, name: str) -> str | None:
    """A counter of the batch, from its column or its parameter."""
    return text(peek(row, name)) or text(row["event_params"].get(name))


def _sequence(row: Fields) -> int | None:
    """Order within one time: requests of a page, and events within a request; older exports number bundles."""
    request, event = (long(_counter(row, name)) for name in ("batch_ordering_id", "batch_event_index"))
    if request is None or abs(request) > _MOST_REQUESTS:
        return long(peek(row, "event_bundle_sequence_id"))
    return request * _MOST_IN_BATCH + min(event or 0, _MOST_IN_BATCH - 1)


def _money(event: Fields, row: Fields) -> None:
    own = "ecommerce.refund_value" if event["kind"] == "refund" else "ecommerce.purchase_revenue"
    outcome(
        event,
        row,
        order_id=("ecommerce.transaction_id", "event_params.transaction_id"),
        revenue=(own, "event_params.value"),
        currency=("event_params.currency",),
    )


def _rest(row: Fields) -> Fields:
    own = row.pop("event_params", {})
    people = row.pop("user_properties", {})
    if people:
        own["user_properties"] = people
    return properties(own, row)


FORMAT = Format(
    documentation="Google Analytics, [GA4] BigQuery Export schema",
    begin=_begin,
    identified_by="user_id",
    orders="once_per_order_id",
    dropped=_DROPPED,
)
