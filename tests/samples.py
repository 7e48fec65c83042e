"""Records in the vendors' forms, with the fields that their documentation names; seeded, so always the same.

What a record says is made up. Each builder gives at least 200 records over three days of February 2026.
"""

import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from support import drop, ndjson, product, take_all

from pipeline.core.lake import Lake
from pipeline.core.registry import TABLES
from pipeline.ingest.manifests import Manifest
from pipeline.ingest.sources.snowplow import TSV_COLUMNS

Fields = dict[str, Any]
START = datetime(2026, 2, 3, 8, tzinfo=UTC)
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/144.0.0.0 Safari/537.36"
RECORDS = 240


def times() -> Iterator[tuple[int, datetime, random.Random]]:
    chance = random.Random(7)
    at = START
    for i in range(RECORDS):
        at += timedelta(seconds=chance.randrange(30, 1500))
        yield i, at, chance


def iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def segment() -> list[Fields]:
    """Archived calls, one in ten a batch of two."""
    result: list[Fields] = []
    for i, at, chance in times():
        device, user = f"anon-{i % 17}", f"user-{i % 17}" if i % 17 < 9 and i > 60 else None
        page = {
            "url": "https://shop.example/p/1?q=a",
            "path": "/p/1",
            "referrer": "https://search.example/",
            "title": "Shoe",
            "search": "?q=a",
        }
        call: Fields = {
            "messageId": f"m-{i}",
            "anonymousId": device,
            "userId": user,
            "type": "track",
            "channel": "client",
            "version": 2,
            "writeKey": "wk-secret",
            "originalTimestamp": iso(at - timedelta(minutes=5)),
            "timestamp": iso(at),
            "sentAt": iso(at - timedelta(minutes=5) + timedelta(seconds=1)),
            "receivedAt": iso(at + timedelta(seconds=1)),
            "integrations": {"All": True},
            "context": {
                "ip": "203.0.113.7",
                "locale": "de-DE",
                "timezone": "Europe/Berlin",
                "userAgent": AGENT,
                "userAgentData": {"mobile": i % 3 == 0, "platform": "Linux"},
                "page": page,
                "screen": {"width": 1920, "height": 1080, "innerWidth": 1200, "innerHeight": 800, "density": 1},
                "library": {"name": "analytics.js", "version": "4.1"},
                "campaign": {"name": "spring", "source": "mail"},
                "sessionId": 1770000000 + i % 17,
                "sessionStart": i < 17,
                "traits": {"plan": "pro"},
                "device": {"advertisingId": "ad-1", "manufacturer": "X"},
                "location": {"country": "DE", "latitude": 52.5, "longitude": 13.4},
            },
            "_metadata": {"bundled": ["Segment.io"]},
            "rudderId": f"r-{i % 17}",
            "request_ip": "203.0.113.7",
        }
        kind = ("page", "track", "identify", "order", "refund", "experiment", "alias", "group", "screen", "device")[
            i % 10
        ]
        if kind == "page":
            call |= {"type": "page", "name": "Product", "properties": {**page, "category": "shoes"}}
        elif kind == "identify":
            call |= {"type": "identify", "userId": f"user-{i % 17}", "traits": {"plan": "pro"}}
        elif kind == "order":
            call |= {
                "event": "Order Completed",
                "properties": {
                    "order_id": f"o-{i}",
                    "revenue": 25.5,
                    "total": 30,
                    "currency": "eur",
                    "products": [{"sku": "a", "price": 25.5}],
                },
            }
        elif kind == "refund":
            call |= {"event": "Order Refunded", "properties": {"order_id": f"o-{i}", "total": 30.25, "currency": "EUR"}}
        elif kind == "experiment":
            call |= {
                "event": "Experiment Viewed",
                "properties": {
                    "experiment_id": "e1",
                    "experiment_name": "Button",
                    "variation_id": "b",
                    "variation_name": "Blue",
                },
            }
        elif kind == "alias":
            call |= {"type": "alias", "userId": f"user-{i % 17}", "previousId": f"old-{i % 17}"}
        elif kind == "group":
            call |= {"type": "group", "groupId": "g-1", "traits": {"name": "ACME"}}
        elif kind == "screen":
            call |= {"type": "screen", "name": "Cart"}
        else:
            call |= {"event": "Product Added", "properties": {"sku": "a", "price": chance.randrange(100)}}
        result.append(call)
    return [*result[:-2], {"batch": result[-2:], "sentAt": result[-1]["sentAt"], "context": {"batchNote": 1}}]


def posthog() -> list[Fields]:
    """Events as batch exports write them to NDJSON, with elements chains."""
    result: list[Fields] = []
    names = ("$pageview", "$autocapture", "$pageleave", "$identify", "$$heatmap", "$web_vitals", "$exception",
             "survey sent", "survey shown", "$feature_flag_called", "$rageclick", "$dead_click", "$create_alias",
             "Order Completed", "signed up")  # fmt: skip
    for i, at, chance in times():
        name, device = names[i % len(names)], f"dev-{i % 13}"
        own: Fields = {
            "$device_id": device, "$session_id": f"s-{i // 20}", "$window_id": f"w-{i % 13}", "$pageview_id": f"pv-{i // 4}",
            "$current_url": "https://shop.example/?utm=1", "$pathname": "/", "$host": "shop.example", "$referrer": "$direct",
            "$title": "Home", "$viewport_width": 1200, "$viewport_height": 801.5, "$screen_width": 1920, "$raw_user_agent": AGENT,
            "$device_type": "Desktop", "$os": "Linux", "$browser": "Chrome", "$browser_language": "de", "$geoip_country_code": "DE",
            "$geoip_latitude": 52.5, "$ip": "203.0.113.7", "$lib": "web", "$insert_id": f"ins{i}", "$time": at.timestamp(), "token": "phc_1",
        }  # fmt: skip
        row: Fields = {"uuid": f"u-{i}", "event": name, "distinct_id": device, "properties": own, "timestamp": iso(at),
                       "created_at": iso(at + timedelta(seconds=2)), "person_id": "p", "elements_chain": "", "team_id": 1}  # fmt: skip
        if name in ("$autocapture", "$rageclick", "$dead_click"):
            own["$event_type"] = "click"
            row["elements_chain"] = (
                'a.btn.p-0.5:attr__class="btn p-0.5"attr__href="/buy"nth-child="1"text="Say \\"hi\\"; now";div.hero:attr__class="hero"attr_id="top"'
            )
        elif name == "$pageleave":
            own |= {
                "$prev_pageview_duration": 12.5,
                "$prev_pageview_max_scroll": 400,
                "$prev_pageview_max_content": 1200,
                "$prev_pageview_max_content_percentage": 0.6,
            }
        elif name == "$identify":
            row["distinct_id"] = f"user-{i % 13}"
            own |= {"$anon_distinct_id": device, "$user_id": f"user-{i % 13}"}
        elif name == "$$heatmap":
            own["$heatmap_data"] = {
                "https://shop.example/": [
                    {"x": 10, "y": 20, "target_fixed": False, "type": "click"},
                    {"x": 11, "y": 21, "target_fixed": True, "type": "mousemove"},
                    {"x": 1, "y": 2, "target_fixed": False, "type": "rageclick"},
                ]
            }
        elif name == "$web_vitals":
            own |= {
                "$web_vitals_LCP_value": 1800.4,
                "$web_vitals_INP_value": 90,
                "$web_vitals_CLS_value": 0.05,
                "$web_vitals_FCP_value": 700,
            }
        elif name == "$exception":
            own |= {
                "$exception_types": ["TypeError"],
                "$exception_values": ["x is undefined"],
                "$exception_level": "error",
            }
        elif name == "survey sent":
            own |= {
                "$survey_id": "nps",
                "$survey_response": "9",
                "$survey_response_q1": "9",
                "$survey_response_q2": "Good, mail me@example.com",
                "$survey_questions": [{"id": "q1"}],
            }
        elif name == "survey shown":
            own["$survey_id"] = "nps"
        elif name == "$feature_flag_called":
            own |= {"$feature_flag": "new-button", "$feature_flag_response": True}
        elif name == "$create_alias":
            own["alias"] = f"user-{i % 13}"
        elif name == "Order Completed":
            own |= {"order_id": f"o-{i}", "revenue": chance.randrange(5, 90), "currency": "EUR"}
        result.append(row)
    return result


def ga4() -> list[Fields]:
    """Rows of the BigQuery export as NDJSON: 64-bit integers are strings."""
    result: list[Fields] = []
    names = (
        "page_view",
        "session_start",
        "scroll",
        "user_engagement",
        "click",
        "purchase",
        "refund",
        "view_search_results",
        "form_submit",
    )
    for i, at, chance in times():
        name = names[i % len(names)]

        def param(key: str, kind: str, value: Any) -> Fields:
            return {"key": key, "value": {f"{kind}_value": value}}

        params = [
            param("page_location", "string", "https://shop.example/p/2"), param("page_title", "string", "Shoe"),
            param("page_referrer", "string", "https://search.example"), param("ga_session_id", "int", "1770000001"),
            param("ga_session_number", "int", "1"), param("engagement_time_msec", "int", str(chance.randrange(9000))),
        ]  # fmt: skip
        row: Fields = {
            "event_date": at.strftime("%Y%m%d"), "event_timestamp": str(int(at.timestamp() * 1_000_000)), "event_name": name,
            "event_params": params, "event_bundle_sequence_id": str(i), "batch_page_id": str(i), "batch_ordering_id": "1", "batch_event_index": "1",
            "event_server_timestamp_offset": "1000", "user_id": f"user-{i % 11}" if i % 11 < 3 and i > 50 else None, "user_pseudo_id": f"{i % 11}.177",
            "privacy_info": {"analytics_storage": "Yes"}, "user_properties": [param("plan", "string", "pro")],
            "device": {"category": "mobile", "language": "de-de", "operating_system": "Android", "advertising_id": "ad", "web_info": {"browser": "Chrome"}},
            "geo": {"country": "Germany", "city": "Berlin"}, "traffic_source": {"medium": "organic"}, "stream_id": "1", "platform": "WEB",
            "is_active_user": True, "items": [], "user_first_touch_timestamp": "1770000000000000",
        }  # fmt: skip
        if name in ("purchase", "refund"):
            params += [param("currency", "string", "EUR"), param("value", "double", 12.5)]
            row["ecommerce"] = {
                "transaction_id": f"t-{i}",
                "total_item_quantity": "1",
                "purchase_revenue": 12.5 if name == "purchase" else None,
                "refund_value": 12.5 if name == "refund" else None,
            }
            row["items"] = [{"item_id": "a", "price": 12.5}]
        result.append(row)
    return result


def mixpanel() -> list[Fields]:
    """Lines of the raw export of a project with Simplified ID Merge, whose ids are resolved already."""
    result: list[Fields] = []
    names = ("$mp_web_page_view", "$mp_click", "$mp_scroll", "Purchase", "$experiment_started", "Signed Up", "$mp_submit",
             "Order Refunded", "$identify", "$create_alias", "$merge")  # fmt: skip
    for i, at, chance in times():
        name, device = names[i % len(names)], f"dev-{i % 13}"
        is_known = i % 13 < 5 and i > 60
        own: Fields = {
            "time": int(at.timestamp()), "distinct_id": f"user-{i % 13}" if is_known else f"$device:{device}", "$insert_id": f"ins{i}",
            "$device_id": device, "$current_url": "https://shop.example/p/1?q=a", "$referrer": "$direct", "$browser": "Chrome",
            "$screen_height": 1080, "mp_country_code": "DE", "$city": "Berlin", "$os": "Linux", "mp_lib": "web", "$lib_version": "2.60.0",
            "$mp_api_timestamp_ms": int(at.timestamp() * 1_000) + 900, "mp_processing_time_ms": int(at.timestamp() * 1_000) + 1_500,
            "$ip": "203.0.113.7", "token": "wk-secret", "$email": "me@example.com", "$latitude": 52.5,
        }  # fmt: skip
        if is_known:
            own |= {"$user_id": f"user-{i % 13}", "$distinct_id_before_identity": f"$device:{device}"}
        if name == "$mp_web_page_view":
            own |= {"current_page_title": "Shoe", "current_domain": "shop.example", "current_url_path": "/p/1"}
        elif name == "$mp_click":
            own |= {"$elements": [{"$tag_name": "a", "$classes": ["cta"], "$id": "buy", "$attr-role": "button", "$nth_child": 1}, {"$tag_name": "body", "$classes": [""]}],
                    "$pageX": 10, "$pageY": 20, "$innerWidth": 1200, "$innerHeight": 800, "$el_id": "buy"}  # fmt: skip
        elif name in ("Purchase", "Order Refunded"):
            own |= {"order_id": f"o-{i}", "revenue": chance.randrange(5, 90) + 0.5, "currency": "EUR", "items": 2}
        elif name == "$experiment_started":
            own |= {"Experiment name": "button", "Variant name": "blue" if i % 13 % 2 else "red"}
        elif name == "$identify":
            own |= {"$identified_id": f"user-{i % 13}", "$anon_id": device}
        elif name == "$create_alias":
            own |= {"distinct_id": f"user-{i % 13}", "alias": f"old-{i % 13}", "$distinct_id_before_identity": None}
        elif name == "$merge":
            own["$distinct_ids"] = [f"$device:{device}", f"user-{i % 13}"]
        result.append({"event": name, "properties": own})
    return result


def amplitude() -> list[Fields]:
    """Events of the Export API; the client's clock is ten minutes slow."""
    result: list[Fields] = []
    names = ("[Amplitude] Page Viewed", "[Amplitude] Element Clicked", "Page viewed", "revenue_amount", "[Experiment] Exposure",
             "$identify", "Form Submitted", "[Amplitude] Error Logged", "session_start", "Plan Changed")  # fmt: skip
    for i, at, chance in times():
        name, device = names[i % len(names)], f"dev-{i % 13}"

        def stamp(seconds: float, at: datetime = at) -> str:
            return (at + timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M:%S.%f")

        own: Fields = {"[Amplitude] Page Location": "https://shop.example/p/1?q=a", "[Amplitude] Page Path": "/p/1"}
        row: Fields = {
            "$insert_id": f"ins{i}", "uuid": f"u-{i}", "event_id": i, "event_type": name, "event_time": stamp(0), "client_event_time": stamp(-600),
            "client_upload_time": stamp(-599), "server_received_time": stamp(1), "server_upload_time": stamp(2), "processed_time": stamp(3),
            "device_id": device, "user_id": f"user-{i % 13}" if i % 13 < 5 and i > 60 else None, "amplitude_id": 1000 + i % 13,
            "session_id": 1770000000000 + i // 20 if i % 10 else -1, "platform": "Web", "os_name": "Chrome", "os_version": "144",
            "device_type": "Linux", "country": "Germany", "city": "Berlin", "language": "German", "ip_address": "203.0.113.7", "adid": "ad-1",
            "location_lat": 52.5, "location_lng": 13.4, "library": "amplitude-ts/2.11", "app": 1, "data": {"first_event": i == 0},
            "event_properties": own, "user_properties": {"plan": "pro"}, "groups": {}, "group_properties": {}, "sample_rate": None,
        }  # fmt: skip
        if name.endswith(("Page Viewed", "Page viewed")):
            own |= {"[Amplitude] Page Title": "Shoe", "referrer": "https://search.example/"}
        elif name.endswith("Clicked"):
            own |= {"[Amplitude] Element Hierarchy": [{"tag": "a", "id": "buy", "classes": ["cta"], "attrs": {"aria-label": "Buy"}, "index": 0}, {"tag": "body", "index": 1}],
                    "[Amplitude] Element Text": "Buy", "[Amplitude] Viewport Width": 1200, "[Amplitude] Viewport Height": 800}  # fmt: skip
        elif name == "revenue_amount":
            own |= {
                "$productId": "shoe",
                "$price": chance.randrange(5, 40) + 0.5,
                "$quantity": 2,
                "order_id": f"o-{i}",
                "currency": "EUR",
            }
        elif name == "[Experiment] Exposure":
            own |= {"flag_key": "button", "variant": "blue" if i % 13 % 2 else "red", "source": "storage"}
        elif name.endswith("Error Logged"):
            own |= {"Error Type": "TypeError", "Error Message": "x is undefined", "Error Lineno": 3}
        result.append(row)
    return result


def snowplow_tsv() -> bytes:
    """The enriched stream: 131 cells a line."""
    lines: list[str] = []
    kinds = (
        "page_view",
        "page_ping",
        "link_click",
        "expose_element",
        "transaction",
        "snowplow_ecommerce_action",
        "web_vitals",
        "submit_form",
    )
    for i, at, _ in times():
        name = kinds[i % len(kinds)]
        stamp = at.strftime("%Y-%m-%d %H:%M:%S.000")
        row = {
            "app_id": "shop", "platform": "web", "etl_tstamp": stamp, "collector_tstamp": stamp, "dvce_created_tstamp": stamp,
            "dvce_sent_tstamp": stamp, "event": "unstruct", "event_name": name, "event_id": f"e-{i}", "domain_userid": f"d-{i % 9}",
            "domain_sessionid": f"s-{i // 12}", "user_id": f"u-{i % 9}" if i % 9 < 2 and i > 90 else "", "user_ipaddress": "203.0.113.7",
            "page_url": "https://shop.example/", "page_title": "Home", "page_referrer": "", "useragent": AGENT, "dvce_type": "Computer",
            "br_viewwidth": "1200", "br_viewheight": "800", "doc_width": "1200", "doc_height": "2400", "pp_yoffset_max": "400",
            "geo_country": "DE", "geo_latitude": "52.5", "br_lang": "de", "v_tracker": "js-4",
            "contexts": json.dumps({"schema": "iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-0", "data": [
                {"schema": "iglu:com.snowplowanalytics.snowplow/web_page/jsonschema/1-0-0", "data": {"id": f"pv-{i // 4}"}},
                *([{"schema": "iglu:com.snowplowanalytics.snowplow.ecommerce/transaction/jsonschema/1-0-0", "data": {"transaction_id": f"t-{i}", "revenue": 9.99, "currency": "EUR", "total_quantity": 1}}] if name == "snowplow_ecommerce_action" else []),
                *([{"schema": "iglu:com.snowplowanalytics.snowplow/element_statistics/jsonschema/1-0-0", "data": {"element_name": "hero", "total_time_visible_ms": 1500}}] if name == "expose_element" else []),
            ]}),
        }  # fmt: skip
        reported = {"link_click": {"targetUrl": "https://x.example", "elementId": "buy", "elementClasses": ["btn"]}, "expose_element": {"element_name": "hero"},
                "snowplow_ecommerce_action": {"type": "transaction"}, "web_vitals": {"lcp": 1200.5, "inp": 80, "cls": 0.1},
                "submit_form": {"formId": "f", "elements": [{"name": "mail", "value": "typed-by-a-visitor", "nodeName": "INPUT"}]}}.get(name)  # fmt: skip
        if reported:
            row["unstruct_event"] = json.dumps(
                {
                    "schema": "iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0",
                    "data": {
                        "schema": f"iglu:com.snowplowanalytics.snowplow/{name}/jsonschema/1-0-0",
                        "data": reported,
                    },
                }
            )
        if name == "transaction":
            row |= {"tr_orderid": f"o-{i}", "tr_total": "19.99", "tr_currency": "EUR"}
        lines.append("\t".join(row.get(column, "") for column in TSV_COLUMNS))
    return "\n".join(lines).encode()


def surveys() -> bytes:
    """A wide export: one response a row, header words as questions."""
    rows = [
        "Response ID,Submit Date (UTC),Hotjar User ID,Country,Device,Source URL,How likely are you to recommend us?,<b>What is missing?</b>,Email address,IP Address,Tags"
    ]
    for i, at, chance in times():
        score = chance.randrange(11)
        word = f"{score} - Extremely likely" if score == 10 else str(score)
        rows.append(
            f'{i},{at:%Y-%m-%d %H:%M:%S},h-{i % 40},DE,Desktop,https://shop.example/,{word},"Nothing, write to me{i}@example.com",me{i}@example.com,203.0.113.7,vip'
        )
    return "\n".join(rows).replace("Response ID", "response_id").encode()


# A file of each format that an export comes in.
FILES: dict[str, Callable[[], tuple[str, bytes]]] = {
    "segment": lambda: ("a.ndjson", ndjson(segment())),
    "posthog": lambda: ("a.ndjson", ndjson(posthog())),
    "ga4": lambda: ("a.json", ndjson(ga4())),
    "mixpanel": lambda: ("a.ndjson", ndjson(mixpanel())),
    "amplitude": lambda: ("a.json", ndjson(amplitude())),
    "snowplow": lambda: ("a.tsv", snowplow_tsv()),
    "surveys": lambda: ("a.csv", surveys()),
}

RR = {"type": 4, "data": {"href": "https://a.example/", "width": 1000, "height": 500}, "timestamp": 1770112800000}


def rr(kind: int, data: Any, ms: int) -> dict[str, Any]:
    return {"type": kind, "data": data, "timestamp": 1770112800000 + ms}


def read(home: Path, format_name: str, name: str, data: bytes, **source: Any) -> tuple[Lake, Manifest, pl.DataFrame]:
    """Take one file of a source `s` of that format: its home, its manifest and the accepted rows."""
    drop(home, f"s/{name}", data)
    lake = Lake(home)
    chosen = product(sources={"s": {"format": format_name, **source}}, properties={})
    (manifest,) = take_all(lake, chosen)
    keys = [part.key for parts in manifest.days.values() for part in parts]
    return lake, manifest, lake.scan(TABLES["raw_events"], keys).collect().sort("record_number", "event_number")
