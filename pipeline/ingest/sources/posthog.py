"""PostHog: batch exports (NDJSON, Parquet) and the event list of its API.

Documentation: PostHog, "S3 destination for batch exports", "Timestamps", "Identifying users", "Autocapture", "Heatmaps",
"Web vitals", "Capture exceptions for error tracking", "Implementing custom surveys", "Ecommerce events specification".

| field | canonical column |
| --- | --- |
| uuid, id | event_id |
| event | name and kind |
| timestamp | occurred_at (already corrected by PostHog) |
| created_at | received_at |
| properties.$device_id, properties.$anon_distinct_id | anonymous_id |
| distinct_id, properties.$user_id | user_id, where it isn't the device |
| properties.alias | previous_user_id; the device's: identify |
| properties.$session_id | session_id |
| properties.$pageview_id | page_view_id |
| properties.$window_id | tab_id |
| properties.$current_url | url |
| properties.$referrer | referrer |
| properties.$title, properties.title | page_title |
| elements_chain, elements, properties.$elements_chain, properties.$elements | element_chain |
| properties.$viewport_width, properties.$viewport_height | window_width, window_height |
| properties.$raw_user_agent | user_agent |
| properties.$device_type | device_type |
| properties.$os, properties.$os_version | os, os_version |
| properties.$browser, properties.$browser_version | browser, browser_version |
| properties.$geoip_country_code | country |
| properties.$browser_language | language |
| properties.$prev_pageview_duration | duration_ms of $pageleave, from seconds |
| properties.$prev_pageview_max_scroll, properties.$prev_pageview_max_content | scroll_y of $pageleave |
| properties.$heatmap_data | one event per point: x, y, is_fixed, url |
| properties.$web_vitals_LCP_value, _INP_value, _CLS_value | lcp_ms, inp_ms, cls_e4 |
| properties.$exception_types, $exception_values, $exception_list, $exception_message | error_type, error_message |
| properties.$survey_id | survey_id |
| properties.$survey_submission_id | response_id |
| properties.$survey_response* | one event per answer: question_id, score, choice or text |
| properties.$feature_flag, properties.$feature_flag_response | experiment_id, variant |
| properties.order_id, revenue, total, currency | order_id, revenue_micros, currency of Order Completed and Order Refunded |
| properties.* | properties.* |

PostHog's own detections ($rageclick, $dead_click) are kept as custom events of these names: the clicks themselves
come as $autocapture, and friction is detected here from clicks. For the same reason points of clicks in $heatmap_data
are custom events of the name $$heatmap: they tell where, and would count each click twice.
"""

from collections.abc import Iterable
from functools import partial
from typing import Any

import msgspec

from pipeline.core.product_sources import MAX_EVENTS_PER_RECORD, Source
from pipeline.core.product_surveys import SEPARATOR
from pipeline.ingest.faults import RecordFault, RecordLeftOut
from pipeline.ingest.sources.base import Format, ToEvents
from pipeline.ingest.sources.elements import chain_of
from pipeline.ingest.sources.fields import (
    Fields,
    boolean,
    derived_id,
    e4,
    first,
    number,
    outcome,
    parsed_as,
    peek,
    properties,
    take,
    text,
    thousandfold,
    whole,
)
from pipeline.ingest.sources.times import Clock

_KINDS = {
    "$pageview": "page_view",
    "$screen": "page_view",
    "$pageleave": "page_leave",
    "$identify": "identify",
    "$create_alias": "alias",
    "$merge_dangerously": "alias",
    "$exception": "error",
    "$web_vitals": "performance",
    "$feature_flag_called": "experiment",
    "survey shown": "survey_shown",
    "survey dismissed": "survey_dismissed",
    "survey sent": "survey_answered",
    "order completed": "order",
    "order refunded": "refund",
}
_INTERACTIONS = {"click": "click", "touch": "click", "change": "input", "submit": "form_submit"}
_DROPPED = {
    "ip": "address",
    "properties.$ip": "address",
    "properties.ip": "address",
    "properties.token": "secret",
    "properties.api_key": "secret",
    "properties.$geoip_latitude": "exact place",
    "properties.$geoip_longitude": "exact place",
    "properties.$geoip_postal_code": "exact place",
}
_ANSWER = "$survey_response"
_HIGHEST_SCORE = 10


def _begin(_source: Source, clock: Clock) -> ToEvents:
    return partial(_events, clock)


def _events(clock: Clock, row: Fields) -> Iterable[Fields]:
    for name in ("properties", "person_properties"):
        if isinstance(row.get(name), str):
            # Parquet exports hold nested data as JSON text.
            row[name] = parsed_as(row[name].encode(), dict[str, Any])
    if not isinstance(row.get("properties") or {}, dict):
        raise RecordFault("wrong_type", "`properties` is no object; export events with their properties")
    for path in _DROPPED:
        take(row, path)
    name = take(row, "event", text)
    if name is None:
        raise RecordFault("missing_event_name", "the record has no `event`; export whole events")
    event = _common(clock, row, name)
    if name == "$$heatmap":
        return _heatmap(event, row)
    if event["kind"] == "survey_answered":
        return _answers(event, row)
    _special(event, row)
    return [_finished(event, row)]


def _finished(event: Fields, row: Fields) -> Fields:
    own = row.pop("properties", None)
    return {**event, "properties": properties(own, row)}


def _common(clock: Clock, row: Fields, name: str) -> Fields:
    event: Fields = {
        "event_id": first(row, ("uuid", "id"), text),
        "name": name,
        "kind": _KINDS.get(name.lower(), "custom"),
        "occurred_at": clock.take(row, "timestamp"),
        "received_at": clock.take_if_read(row, "created_at"),
        "session_id": take(row, "properties.$session_id", text),
        "page_view_id": take(row, "properties.$pageview_id", text),
        "tab_id": take(row, "properties.$window_id", text),
        "url": take(row, "properties.$current_url", text),
        "referrer": take(row, "properties.$referrer", lambda value: None if value == "$direct" else text(value)),
        "page_title": first(row, ("properties.$title", "properties.title"), text),
        "window_width": take(row, "properties.$viewport_width", whole),
        "window_height": take(row, "properties.$viewport_height", whole),
        "user_agent": take(row, "properties.$raw_user_agent", text),
        "device_type": take(row, "properties.$device_type", _lower),
        **{name: take(row, f"properties.${name}", text) for name in ("os", "os_version", "browser", "browser_version")},
        "country": take(row, "properties.$geoip_country_code", text),
        "language": take(row, "properties.$browser_language", text),
        "element_chain": chain_of(row),
    }
    if name == "$autocapture":
        event["kind"] = _INTERACTIONS.get(text(peek(row, "properties.$event_type")) or "", "custom")
    return event | _who(row, event["kind"])


def _lower(value: Any) -> str | None:  # noqa: ANN401  # JSON holds anything
    return value.lower() if isinstance(value, str) and value else None


def _who(row: Fields, kind: str) -> Fields:
    """Device and user: `distinct_id` is the device before it is identified, and the user afterwards."""
    device = first(row, ("properties.$anon_distinct_id", "properties.$device_id"), text)
    if device is not None and peek(row, "properties.$device_id") == device:
        take(row, "properties.$device_id")
    distinct = take(row, "distinct_id", text)
    user = take(row, "properties.$user_id", text)
    identified = boolean(peek(row, "properties.$is_identified"))
    if user is None and distinct != device and identified is not False:
        user = distinct
    elif device is None and user != distinct:
        device = distinct
    if distinct not in (device, user):
        row["distinct_id"] = distinct
    who: Fields = {"anonymous_id": device, "user_id": user}
    if kind == "alias":
        alias = take(row, "properties.alias", text)
        # Either side may be the device: then the other is its user.
        if device is not None and device in (alias, distinct):
            who |= {"kind": "identify", "user_id": distinct if alias == device else alias}
        else:
            who["previous_user_id"] = alias
    return who


def _special(event: Fields, row: Fields) -> None:
    kind = event["kind"]
    if kind == "page_leave":
        event["duration_ms"] = take(row, "properties.$prev_pageview_duration", thousandfold)
        event["scroll_y"] = take(row, "properties.$prev_pageview_max_scroll", whole)
        content = take(row, "properties.$prev_pageview_max_content", whole)
        share = peek(row, "properties.$prev_pageview_max_content_percentage")
        reached = number(share)
        if content is not None and reached:
            event["page_height"] = whole(content / reached)
    elif kind == "performance":
        event["lcp_ms"] = take(row, "properties.$web_vitals_LCP_value", whole)
        event["inp_ms"] = take(row, "properties.$web_vitals_INP_value", whole)
        event["cls_e4"] = take(row, "properties.$web_vitals_CLS_value", e4)
    elif kind == "error":
        event["error_type"] = first(row, ("properties.$exception_types", "properties.$exception_type"), _first_text)
        event["error_message"] = first(
            row, ("properties.$exception_values", "properties.$exception_message"), _first_text
        )
        entry = peek(row, "properties.$exception_list")
        if isinstance(entry, list) and entry and isinstance(entry[0], dict):
            event["error_type"] = event["error_type"] or text(entry[0].get("type"))
            event["error_message"] = event["error_message"] or text(entry[0].get("value"))
    elif kind == "experiment":
        event["experiment_id"] = take(row, "properties.$feature_flag", text)
        event["variant"] = take(row, "properties.$feature_flag_response", text)
    elif kind in ("order", "refund"):
        outcome(
            event,
            row,
            order_id=("properties.order_id",),
            revenue=("properties.revenue", "properties.total"),
            currency=("properties.currency",),
        )
    elif kind.startswith("survey_"):
        event["survey_id"] = take(row, "properties.$survey_id", text)


def _first_text(value: Any) -> str | None:  # noqa: ANN401  # JSON holds anything
    if isinstance(value, list):
        return text(value[0]) if value else None
    return text(value)


def _heatmap(event: Fields, row: Fields) -> list[Fields]:
    """One event per point. Only moves are acts of their own: its clicks come as $autocapture too."""
    data = take(row, "properties.$heatmap_data")
    if not isinstance(data, dict) or not data:
        raise RecordLeftOut("empty_heatmap")
    shared = _finished(event, row)
    points = [(url, point) for url, entries in data.items() for point in _list(entries) if isinstance(point, dict)]
    if len(points) > MAX_EVENTS_PER_RECORD:
        raise RecordFault("too_many_points", f"more than {MAX_EVENTS_PER_RECORD} points in one record")
    result: list[Fields] = []
    for i, (url, point) in enumerate(points):
        kind = "move" if point.get("type") == "mousemove" else "custom"
        taken = {"x": take(point, "x", whole), "y": take(point, "y", whole)}
        fixed = take(point, "target_fixed", boolean)
        own = {**(shared["properties"] or {}), **point}
        result.append(
            {
                **shared,
                **taken,
                "event_id": _part_id(event, "point", i),
                "kind": kind,
                "url": url,
                "is_fixed": fixed,
                "properties": own,
            }
        )
    return result


def _part_id(event: Fields, what: str, position: object) -> str | None:
    return None if event["event_id"] is None else derived_id(event["event_id"], what, position)


def _answers(event: Fields, row: Fields) -> list[Fields]:
    """One event per answered question."""
    own = row.get("properties") or {}
    event["survey_id"] = take(row, "properties.$survey_id", text)
    # All answers of a record are one response; newer clients send partial ones, which bear one submission's id.
    event["response_id"] = take(row, "properties.$survey_submission_id", text) or event["event_id"]
    result = {name: own.pop(name) for name in sorted(own) if name == _ANSWER or name.startswith(_ANSWER + "_")}
    given = {name.removeprefix(_ANSWER).removeprefix("_"): value for name, value in result.items() if value is not None}
    # Newer clients send answers twice: by their questions' ids, and by their places (none, _1, _2), as older ones do.
    by_id = {question: value for question, value in given.items() if question and not question.isdecimal()}
    shared = _finished(event, row)
    answers = [(question or None, value) for question, value in (by_id or given).items()]
    if not answers:
        return [shared]
    return [
        {**shared, "event_id": _part_id(event, "answer", question), "question_id": question, **_answer(value)}
        for question, value in answers
    ]


def _list(value: Any) -> list[Any]:  # noqa: ANN401  # JSON holds anything
    return value if isinstance(value, list) else []


def _answer(value: Any) -> Fields:  # noqa: ANN401  # JSON holds anything
    if isinstance(value, dict):
        return {"text": msgspec.json.encode(value, order="sorted").decode()}
    if isinstance(value, list):
        return {"choice": SEPARATOR.join(map(str, value))}
    score = number(value)
    if score is not None and score == score.to_integral_value() and 0 <= score <= _HIGHEST_SCORE:
        return {"score": int(score)}
    return {"text": text(value)}


def _unwrap(document: Any) -> list[Any] | None:  # noqa: ANN401  # JSON holds anything
    result = document.get("results") if isinstance(document, dict) else None
    return result if isinstance(result, list) else None


FORMAT = Format(
    documentation="PostHog, S3 destination for batch exports; Timestamps; Identifying users",
    begin=_begin,
    dropped=_DROPPED,
    unwrap=_unwrap,
)
