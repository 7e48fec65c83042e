"""Snowplow: the enriched stream as TSV of 131 columns, and the flattened events table as CSV, Parquet or NDJSON.

Documentation: Snowplow, "Enriched stream TSV file format", "Snowplow atomic event properties", "Track page element
visibility and lifecycle on web", "Page activity tracking"; the column order is that of its analytics SDKs.

| field | canonical column |
| --- | --- |
| event_id | event_id |
| domain_userid, network_userid | anonymous_id |
| user_id | user_id |
| domain_sessionid | session_id |
| dvce_created_tstamp, else derived_tstamp, collector_tstamp | occurred_at |
| dvce_sent_tstamp | sent_at |
| collector_tstamp | received_at |
| event_name, event | kind and name |
| web_page.id | page_view_id |
| page_url | url |
| page_referrer | referrer |
| page_title | page_title |
| useragent | user_agent |
| dvce_type | device_type |
| without a useragent ua_parser_context, else os_family, br_family, br_version | os, os_version, browser, browser_version |
| geo_country | country |
| br_lang | language |
| br_viewwidth, br_viewheight | window_width, window_height |
| doc_width, doc_height | page_width, page_height |
| pp_yoffset_max | scroll_y |
| tr_orderid, tr_total, tr_currency | order_id, revenue_micros, currency |
| snowplow_ecommerce_action + transaction entity | kind, order_id, revenue_micros, currency |
| link_click, button_click | element_chain |
| application_error | error_type, error_message |
| element, element_statistics entities | element_chain, duration_ms |
| web_vitals | lcp_ms, inp_ms, cls_e4 |
| contexts, derived_contexts, unstruct_event, contexts_*, unstruct_event_* | properties by schema name |

An event that bears a user_id tells who uses the device. Addresses are dropped.
"""

import re
from collections.abc import Iterable
from functools import partial
from typing import Any

import msgspec

from pipeline.core.product_sources import Source
from pipeline.ingest.faults import RecordFault
from pipeline.ingest.sources.base import Format, ToEvents
from pipeline.ingest.sources.fields import (
    Fields,
    e4,
    element_chain,
    first,
    long,
    outcome,
    parsed,
    peek,
    properties,
    take,
    text,
    whole,
)
from pipeline.ingest.sources.times import Clock

# In the order of the enriched format.
_TSV = """
app_id platform etl_tstamp collector_tstamp dvce_created_tstamp event event_id txn_id name_tracker v_tracker
v_collector v_etl user_id user_ipaddress user_fingerprint domain_userid domain_sessionidx network_userid
geo_country geo_region geo_city geo_zipcode geo_latitude geo_longitude geo_region_name ip_isp ip_organization
ip_domain ip_netspeed page_url page_title page_referrer page_urlscheme page_urlhost page_urlport page_urlpath
page_urlquery page_urlfragment refr_urlscheme refr_urlhost refr_urlport refr_urlpath refr_urlquery
refr_urlfragment refr_medium refr_source refr_term mkt_medium mkt_source mkt_term mkt_content mkt_campaign
contexts se_category se_action se_label se_property se_value unstruct_event tr_orderid tr_affiliation tr_total
tr_tax tr_shipping tr_city tr_state tr_country ti_orderid ti_sku ti_name ti_category ti_price ti_quantity
pp_xoffset_min pp_xoffset_max pp_yoffset_min pp_yoffset_max useragent br_name br_family br_version br_type
br_renderengine br_lang br_features_pdf br_features_flash br_features_java br_features_director
br_features_quicktime br_features_realplayer br_features_windowsmedia br_features_gears br_features_silverlight
br_cookies br_colordepth br_viewwidth br_viewheight os_name os_family os_manufacturer os_timezone dvce_type
dvce_ismobile dvce_screenwidth dvce_screenheight doc_charset doc_width doc_height tr_currency tr_total_base
tr_tax_base tr_shipping_base ti_currency ti_price_base base_currency geo_timezone mkt_clickid mkt_network etl_tags
dvce_sent_tstamp refr_domain_userid refr_dvce_tstamp derived_contexts domain_sessionid derived_tstamp event_vendor
event_name event_format event_version event_fingerprint true_tstamp
"""
TSV_COLUMNS = tuple(_TSV.split())
_KINDS = {
    "page_view": "page_view",
    "screen_view": "page_view",
    "page_ping": "page_ping",
    "link_click": "click",
    "object_click": "click",
    "button_click": "click",
    "expose_element": "exposure",
    "obscure_element": "exposure",
    "change_form": "input",
    "submit_form": "form_submit",
    "application_error": "error",
    "transaction": "order",
    "web_vitals": "performance",
}
_DROPPED = {
    "user_ipaddress": "address",
    "ip_isp": "address",
    "ip_organization": "address",
    "ip_domain": "address",
    "ip_netspeed": "address",
    "user_fingerprint": "advertising id",
    "geo_latitude": "exact place",
    "geo_longitude": "exact place",
    "geo_zipcode": "exact place",
}
_DEVICES = {"computer": "desktop", "mobile": "mobile", "tablet": "tablet"}
# Warehouses write all three numbers of a version, or the first alone.
_FLAT_VERSION = re.compile(r"(?:_\d+){1,3}$")
_FLAT = (("unstruct_event_", "unstruct_event"), ("contexts_", "contexts"))
# A value that a form's visitor typed is nobody's business here.
_TYPED = frozenset({"change_form", "submit_form", "focus_form"})


def _begin(_source: Source, clock: Clock) -> ToEvents:
    return partial(_events, clock)


def _events(clock: Clock, row: Fields) -> Iterable[Fields]:
    for path in _DROPPED:
        row.pop(path, None)
    schemas = _schemas(row)
    name = first(row, ("event_name", "event"), text)
    if name is None and "web_vitals" in schemas:
        name = "web_vitals"
    event = {
        "event_id": take(row, "event_id", text),
        "anonymous_id": first(row, ("domain_userid", "network_userid"), text),
        "user_id": take(row, "user_id", text),
        "session_id": take(row, "domain_sessionid", text),
        "received_at": clock.take_if_read(row, "collector_tstamp"),
        "sent_at": clock.take_if_read(row, "dvce_sent_tstamp"),
        "occurred_at": clock.take_if_read(row, "dvce_created_tstamp"),
        "name": name,
        "url": take(row, "page_url", text),
        "referrer": take(row, "page_referrer", text),
        "page_title": take(row, "page_title", text),
        "user_agent": take(row, "useragent", text),
        "country": take(row, "geo_country", text),
        "language": take(row, "br_lang", text),
        "window_width": take(row, "br_viewwidth", whole),
        "window_height": take(row, "br_viewheight", whole),
        "page_width": take(row, "doc_width", whole),
        "page_height": take(row, "doc_height", whole),
        "device_type": take(row, "dvce_type", lambda value: _DEVICES.get(str(value).lower()) or text(value)),
    }
    if event["user_agent"] is None:
        event |= _from_agent(row, schemas)
    if event["occurred_at"] is None:
        _without_device_time(clock, event, row)
    event["kind"] = _KINDS.get(name or "", "custom") if name else None
    if event["kind"] in ("page_view", "page_ping"):
        event["scroll_y"] = take(row, "pp_yoffset_max", whole) or 0
    _from_schemas(event, schemas)
    if event["kind"] == "order" and "order_id" not in event:
        outcome(event, row, order_id=("tr_orderid",), revenue=("tr_total",), currency=("tr_currency",))
    event["properties"] = properties(schemas, row)
    return [event]


def _parsed(line: bytes) -> Fields:
    if line.lstrip()[:1] == b"{":
        return parsed(line)
    try:
        cells = line.decode().rstrip("\r\n").split("\t")
    except UnicodeDecodeError:
        raise RecordFault("invalid_utf8", "not UTF-8; save the file as UTF-8") from None
    if len(cells) != len(TSV_COLUMNS):
        raise RecordFault("tsv_cells", f"{len(cells)} cells where the enriched format has {len(TSV_COLUMNS)}")
    return {name: cell for name, cell in zip(TSV_COLUMNS, cells, strict=True) if cell}


def _without_device_time(clock: Clock, event: Fields, row: Fields) -> None:
    """Server-side events bear no time of a device: take the derived or the collector's, which need no correction."""
    known = clock.take_if_read(row, "derived_tstamp") or event["received_at"]
    # Where none can be read, this says so.
    event["occurred_at"] = known or clock.take(row, "dvce_created_tstamp", "derived_tstamp", "collector_tstamp")
    event["sent_at"] = None


def _schemas(row: Fields) -> Fields:
    """Self-describing data by schema name, from JSON columns and from flattened ones; each a list of objects."""
    result: Fields = {}
    for column in ("unstruct_event", "contexts", "derived_contexts"):
        outer = take(row, column, _json)
        inner = outer.get("data") if isinstance(outer, dict) else outer
        for each in inner if isinstance(inner, list) else [inner]:
            if isinstance(each, dict) and isinstance(each.get("schema"), str):
                result.setdefault(_schema_name(each["schema"]), []).append(each.get("data"))
            elif each is not None:
                result.setdefault(column, []).append(each)
    for column in [name for name in row if name.startswith(tuple(prefix for prefix, _ in _FLAT))]:
        value = take(row, column, _json)
        entries = _flattened(value)
        if entries:
            result.setdefault(_flat_name(column), []).extend(entries)
    return result


def _json(value: Any) -> Any:  # noqa: ANN401  # JSON holds anything
    if not isinstance(value, str):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return None


def _flattened(value: Any) -> list[Any]:  # noqa: ANN401  # JSON holds anything
    """Lists of lists of objects, as warehouses write them, as one list."""
    if isinstance(value, list):
        return [entry for inner in value for entry in _flattened(inner)]
    return [] if value is None else [value]


def _schema_name(schema: str) -> str:
    parts = schema.removeprefix("iglu:").split("/")
    return parts[1] if len(parts) > 1 else schema


def _flat_name(column: str) -> str:
    """`contexts_com_snowplowanalytics_snowplow_web_page_1_0_0` is the schema web_page."""
    name = _FLAT_VERSION.sub("", column.split("_", 1)[1].removeprefix("event_"))
    for vendor in (
        "com_snowplowanalytics_snowplow_ecommerce_",
        "com_snowplowanalytics_snowplow_",
        "com_snowplowanalytics_mobile_",
    ):
        name = name.removeprefix(vendor)
    return name


def _from_schemas(event: Fields, schemas: Fields) -> None:
    page = _one(schemas, "web_page") or _one(schemas, "screen")
    event["page_view_id"] = take(page, "id", text)
    vitals = _one(schemas, "web_vitals")
    event |= {
        "lcp_ms": take(vitals, "lcp", whole),
        "inp_ms": take(vitals, "inp", whole),
        "cls_e4": take(vitals, "cls", e4),
    }
    _from_elements(event, schemas)
    action = _one(schemas, "snowplow_ecommerce_action")
    if peek(action, "type") in ("transaction", "refund"):
        event["kind"] = "order" if action["type"] == "transaction" else "refund"
        entity = _one(schemas, action["type"]) or _one(schemas, "transaction")
        amount = ("refund_amount", "revenue") if event["kind"] == "refund" else ("revenue",)
        outcome(event, entity, order_id=("transaction_id",), revenue=amount, currency=("currency",))
    if event["kind"] == "error":
        error = _one(schemas, "application_error")
        event["error_message"] = take(error, "message", text)
        event["error_type"] = first(error, ("type", "exceptionName", "exception_name"), text)
    for name in _TYPED & schemas.keys():
        for entry in schemas[name]:
            _forget_values(entry)
    for name in [name for name, entries in schemas.items() if not any(entries)]:
        del schemas[name]


def _from_agent(row: Fields, schemas: Fields) -> Fields:
    """What Snowplow's enrichments told of a user agent that is no longer there; flattened tables write snake_case.

    Where it is there it is read anew: the older enrichment takes Edge for Chrome.
    """
    reported = _one(schemas, "ua_parser_context")
    return {
        "os": first(reported, ("osFamily", "os_family"), text) or take(row, "os_family", text),
        "os_version": first(reported, ("osMajor", "os_major"), text),
        "browser": first(reported, ("useragentFamily", "useragent_family"), text) or take(row, "br_family", text),
        "browser_version": first(reported, ("useragentMajor", "useragent_major"), text)
        or take(row, "br_version", text),
    }


def _forget_values(entry: Any) -> None:  # noqa: ANN401  # JSON holds anything
    if isinstance(entry, dict):
        entry.pop("value", None)
        inner = entry.get("elements")
        for each in inner if isinstance(inner, list) else []:
            _forget_values(each)


def _one(schemas: Fields, name: str) -> Fields:
    entries = schemas.get(name)
    return entries[0] if entries and isinstance(entries[0], dict) else {}


def _from_elements(event: Fields, schemas: Fields) -> None:
    """The element of a click or an exposure: an HTML tag made from what the tracker tells of it."""
    clicked = _one(schemas, event["name"] or "")
    if event["name"] == "link_click":
        # Flattened tables write snake_case for camelCase.
        reported = clicked.get("elementClasses", clicked.get("element_classes"))
        classes = " ".join(map(str, reported)) if isinstance(reported, list) else reported
        named = clicked.get("elementId", clicked.get("element_id"))
        target = clicked.get("targetUrl", clicked.get("target_url"))
        event["element_chain"] = element_chain([("a", {"id": named, "class": classes, "href": target})])
    elif event["name"] == "button_click":
        known = {"id": clicked.get("id"), "class": clicked.get("classes"), "name": clicked.get("name")}
        event["element_chain"] = element_chain([("button", known)])
    elif event["kind"] == "exposure":
        element, statistics = _one(schemas, "element"), _one(schemas, "element_statistics")
        name = peek(clicked, "element_name") or peek(element, "element_name")
        event["element_chain"] = element_chain([("div", {"data-element": name})])
        event["duration_ms"] = take(statistics, "total_time_visible_ms", long)


FORMAT = Format(
    documentation="Snowplow, Enriched stream TSV file format; Snowplow atomic event properties",
    begin=_begin,
    capabilities=frozenset({"scroll", "engaged"}),
    identified_by="user_id",
    dropped=_DROPPED,
    typed=("value",),
    parse=_parsed,
    line_endings=(".tsv", ".txt"),
)
