"""What vendors' data looks like beyond the samples: one small case each, with the columns that must come of it."""

import gzip
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import samples
from samples import RR, read, rr
from support import compute_all, drop, ndjson, product, take_all

from pipeline.core.lake import Lake
from pipeline.ingest.faults import FileFault
from pipeline.ingest.reading import read_records

CALL = {"type": "track", "messageId": "1", "anonymousId": "d", "timestamp": "2026-02-03T10:00:00Z"}
PH = {"uuid": "1", "event": "e", "distinct_id": "d", "timestamp": "2026-02-03T10:00:00Z"}
GA = {"user_pseudo_id": "d", "event_timestamp": 1770112800000000, "event_name": "page_view", "event_params": []}
SP = {"event_id": "1", "domain_userid": "d", "dvce_created_tstamp": "2026-02-03 10:00:00", "event_name": "page_view"}


def unstruct(name: str, **data: Any) -> dict[str, Any]:
    return {"data": {"schema": f"iglu:com.snowplowanalytics.snowplow/{name}/jsonschema/1-0-0", "data": data}}


def ecommerce(kind: str, **transaction: Any) -> dict[str, Any]:
    vendor = "iglu:com.snowplowanalytics.snowplow.ecommerce"
    return {
        "unstruct_event": {
            "data": {"schema": f"{vendor}/snowplow_ecommerce_action/jsonschema/1-0-2", "data": {"type": kind}}
        },
        "contexts": {"data": [{"schema": f"{vendor}/{kind}/jsonschema/1-0-0", "data": transaction}]},
    }


@pytest.mark.parametrize(
    ("source", "record", "expected"),
    [
        # Segment has corrected `timestamp` by sentAt: not once more.
        ("segment", {**CALL, "sentAt": "2026-02-03T09:00:00Z", "receivedAt": "2026-02-03T10:00:01Z"}, {"occurred_at": "10:00"}),
        # A title or an address among a track's properties is another thing's.
        ("segment", {**CALL, "properties": {"title": "The Book", "url": "/target"}}, {"page_title": None, "url": None}),
        ("segment", {**CALL, "type": "page", "properties": {"title": "Home", "url": "/"}}, {"page_title": "Home", "url": "/"}),
        ("segment", {**CALL, "event": "Order Refunded", "properties": {"total": 3, "currency": "eur"}},
         {"kind": "refund", "revenue_micros": -3_000_000, "currency": "EUR"}),
        ("posthog", {**PH, "elements": '[{"tag_name": "a", "attr_id": "x"}]'}, {"element_chain": '<a id="x">'}),
        ("posthog", {**PH, "elements": 'a:attr_id="x"'}, {"element_chain": '<a id="x">'}),
        # Of an address the path: what stands behind may be anybody's.
        ("posthog", {**PH, "elements_chain": 'span:nth-child="1";a.dl:attr__class="dl"attr__href="https://a.example/f.pdf?who=anna#x"href="/f"'},
         {"element_chain": '<a class="dl" href="/f.pdf"><span>'}),
        ("posthog", {**PH, "elements_chain": 'b:text="x";a:href="mailto:anna@a.example"text="x"'}, {"element_chain": '<a href="mailto:"><b>'}),
        ("posthog", {**PH, "elements": [{"tag_name": "a", "href": "/u/anna@a.example/?q=1", "order": 0}, {"tag_name": "div", "attributes": {"attr__contenteditable": ""}, "order": 1}]},
         {"element_chain": '<div contenteditable=""><a href="/u/[email]/">'}),
        ("posthog", {**PH, "distinct_id": "other", "properties": {"$device_id": "d", "$user_id": "u"}},
         {"user_id": "u", "properties": {"_record": {"distinct_id": "other"}}}),
        ("posthog", {**PH, "event": "survey sent", "properties": {"$survey_response": {"a": 1}}}, {"text": '{"a":1}'}),
        ("posthog", {**PH, "event": "$$heatmap", "properties": {"$heatmap_data": {"/": [{"x": 1, "y": 2, "type": "click"}, 5], "/b": 7}}},
         {"kind": "custom", "x": 1, "y": 2, "properties": {"type": "click"}}),
        # BigQuery exported to flat tables holds the value itself.
        ("ga4", {**GA, "event_params": {"page_location": "/a", "x": {"int_value": 3}}}, {"url": "/a", "properties": {"x": 3}}),
        ("ga4", {**GA, "event_params": [{"key": "page_location", "value": "/a"}]}, {"url": "/a"}),
        ("ga4", {**GA, "batch_ordering_id": "2", "batch_event_index": 7, "event_bundle_sequence_id": 99}, {"sequence": 2007}),
        ("ga4", {**GA, "event_bundle_sequence_id": "99"}, {"sequence": 99}),
        ("snowplow", {**SP, "event_name": "link_click", "unstruct_event_com_snowplowanalytics_snowplow_link_click_1": {"element_id": "buy", "element_classes": ["a", "b"]}},
         {"element_chain": '<a class="a b" id="buy">'}),
        ("snowplow", {**SP, "event_name": "link_click", "unstruct_event_com_snowplowanalytics_snowplow_link_click_1": {"element_id": "buy", "target_url": "https://b.example/go?to=x"}},
         {"element_chain": '<a href="/go" id="buy">'}),
        ("snowplow", {**SP, "contexts_com_snowplowanalytics_snowplow_web_page_1_0_0": [{"id": "pv"}]}, {"page_view_id": "pv"}),
        ("snowplow", {**SP, "contexts_com_snowplowanalytics_snowplow_web_page_1": [{"id": "pv"}]}, {"page_view_id": "pv"}),
        ("snowplow", {**SP, "event_name": "application_error", "unstruct_event": unstruct("application_error", message="boom", type="E")},
         {"kind": "error", "error_message": "boom", "error_type": "E"}),
        ("snowplow", {**SP, **ecommerce("refund", transaction_id="t", refund_amount=5, currency="usd")},
         {"kind": "refund", "revenue_micros": -5_000_000, "currency": "USD", "order_id": "t"}),
        ("snowplow", {**SP, **ecommerce("transaction", transaction_id="t", revenue=5.5, currency="usd")},
         {"kind": "order", "revenue_micros": 5_500_000}),
        # What a visitor typed is forgotten even where the event bears another name.
        ("snowplow", {**SP, "event_name": "own", "unstruct_event": unstruct("change_form", value="typed", elementId="e")},
         {"properties": {"change_form": [{"elementId": "e"}]}}),
    ],
)  # fmt: skip
def test_case(source: str, record: dict[str, Any], expected: dict[str, Any], tmp_path: Path) -> None:
    _, manifest, rows = read(tmp_path, source, "a.ndjson", ndjson([record]))
    assert not manifest.rejected, manifest.rejected
    (row,) = rows.rows(named=True)
    row["occurred_at"] = f"{row['occurred_at']:%H:%M}"
    row["properties"] = json.loads(row["properties"] or "{}")
    assert {name: row[name] for name in expected} == expected


SURVEY = "Response ID;Submitted At;E-Mail;E-Mail;Full Name;Phone;NPS;CSAT;How big?;When?;Rate us\n"


@pytest.mark.parametrize(
    ("answer", "score"),
    [("9", 9), ("9.0", 9), ("9/10", 9), ("4 / 5", 4), ("10 - Extremely likely", 10), ("0 (not at all)", 0), ("9: good", 9),
     ("5-10 employees", None), ("5 - 10 employees", None), ("9:30", None), ("11", None), ("7/5", None), ("2 days", None),
     ("9.5", None)],
)  # fmt: skip
def test_what_is_a_score(answer: str, score: int | None, tmp_path: Path) -> None:
    text = f"{SURVEY}r1;2026-02-03 10:00:00;;;;;;;;;{answer}\n".encode()
    _, _, rows = read(tmp_path, "surveys", "a.csv", text, survey_id="s")
    assert rows.select("question_id", "score", "text").rows() == [
        ("Rate us", score, None if score is not None else answer)
    ]


def test_survey_columns_are_known_by_their_letters(tmp_path: Path) -> None:
    text = f"{SURVEY}r1;2026-02-03 10:00:00;a@b.example;private;Ann;0123;9;4;5-10 people;9:30;5\n".encode()
    _, _, rows = read(tmp_path, "surveys", "a.csv", text, survey_id="s")
    assert rows.sort("question_id").select("question_id", "score", "text").rows() == [
        ("CSAT", 4, None), ("How big?", None, "5-10 people"), ("NPS", 9, None), ("Rate us", 5, None), ("When?", None, "9:30")
    ]  # fmt: skip
    assert not [word for word in ("private", "Ann", "0123") if word in rows.write_csv()]


def test_numbers_that_begin_anew_with_each_export_are_no_ids(tmp_path: Path) -> None:
    for name, day in (("a", 3), ("b", 4)):
        drop(tmp_path, f"s/{name}.csv", f"Number,Date,Score\n1,2026-02-0{day},9\n".encode())
    drop(tmp_path, "s/a-again.csv", b"Number,Date,Score\n1,2026-02-03,9\n2,2026-02-05,9\n")
    chosen = product(sources={"s": {"format": "surveys", "survey_id": "s"}}, properties={})
    manifests = take_all(Lake(tmp_path), chosen)
    keys = [part.key for each in manifests for parts in each.days.values() for part in parts]
    ids = [pl.read_parquet(tmp_path / key)["event_id"][0] for key in keys]
    assert (len(ids), len(set(ids))) == (4, 3)


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ('"a;b;c",x,y', ["a;b;c", "x", "y"]),
        ("x,,y,", ["x", "column_2", "y", "column_4"]),
        (" x , y", ["x", "y"]),
        ('"two\nlines";x', ["two\nlines", "x"]),
    ],
)
def test_csv_header(header: str, columns: list[str], tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        header + "\n" + (";" if ";x" in header and "," not in header else ",").join("1234"[: len(columns)])
    )
    (row,) = read_records(tmp_path / "a.csv")
    assert isinstance(row, dict)
    assert list(row) == columns


def test_a_header_that_is_no_csv_rejects_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('"x"y,z\n1,2\n')
    with pytest.raises(FileFault, match="the header"):
        list(read_records(tmp_path / "a.csv"))


def test_ga4_tells_the_same_event_by_json_and_parquet(tmp_path: Path) -> None:
    params = [{"key": "n", "value": {"int_value": 3}}]
    as_json = {**GA, "event_timestamp": "1770112800000000", "event_params": [{"key": "n", "value": {"int_value": "3"}}]}
    ids = [
        read(tmp_path / str(i), "ga4", "a.ndjson", ndjson([each]))[2]["event_id"][0]
        for i, each in enumerate([{**GA, "event_params": params}, as_json])
    ]
    assert ids[0] == ids[1]


def test_a_call_of_a_batch_that_cannot_be_read_is_rejected_alone(tmp_path: Path) -> None:
    batch = {
        "messageId": "batch",
        "batch": [CALL, {**CALL, "type": "nope"}, {"type": "track"}, 5, {**CALL, "messageId": "2"}],
    }
    _, manifest, rows = read(tmp_path, "segment", "a.ndjson", ndjson([batch, {"batch": [5]}]))
    assert (manifest.records_read, manifest.accepted, manifest.records_rejected) == (2, 1, 1)
    assert manifest.rejected == {"malformed_batch": 2, "missing_occurred_at": 1, "unknown_type": 1}
    assert manifest.balances
    assert rows.select("event_id", "event_number").rows() == [("1", 0), ("2", 4)]
    rejected = pl.read_parquet(tmp_path / "lake/rejected/**/*.parquet")
    assert sorted(rejected.select("record_number", "event_number").rows()) == [(1, 1), (1, 2), (1, 3), (2, 0)]


def test_recording_entries_that_are_no_objects_are_rejected_alone(tmp_path: Path) -> None:
    document = {"snapshot_data_by_window_id": {"w": [RR, 7, "x"]}}
    _, manifest, rows = read(tmp_path, "rrweb", "a.json", json.dumps(document).encode())
    assert rows["kind"].to_list() == ["page_view"]
    assert manifest.rejected == {"malformed_json": 2}
    line = {"window_id": "w", "data": [RR, 7]}
    _, manifest, rows = read(tmp_path / "b", "rrweb", "a.ndjson", ndjson([line]))
    assert (rows.height, manifest.accepted, manifest.rejected) == (1, 1, {"no_rrweb_event": 1})


def test_a_click_before_any_snapshot_has_no_place_on_the_page(tmp_path: Path) -> None:
    events = [RR, rr(3, {"source": 2, "type": 2, "id": 9, "x": 5, "y": 6}, 4)]
    _, _, rows = read(tmp_path, "rrweb", "r.json", json.dumps(events).encode())
    assert rows.filter(kind="click").select("x", "y", "scroll_y").rows() == [(None, None, None)]


def test_moves_lie_where_the_page_was_then_though_they_are_sent_after_a_scroll(tmp_path: Path) -> None:
    body = {"type": 2, "id": 2, "tagName": "body", "attributes": {}, "childNodes": []}
    positions = [{"x": 1, "y": 2, "id": 2, "timeOffset": offset} for offset in (-495, -300, -150, -50)]
    events = [
        RR,
        rr(2, {"node": {"type": 0, "id": 1, "childNodes": [body]}, "initialOffset": {"top": 0, "left": 0}}, 10),
        rr(3, {"source": 3, "id": 1, "x": 0, "y": 500}, 400),
        rr(3, {"source": 3, "id": 1, "x": 0, "y": 100}, 300),
        rr(3, {"source": 1, "positions": positions}, 500),
    ]
    _, _, rows = read(tmp_path, "rrweb", "r.ndjson", ndjson(events))
    assert rows.filter(kind="move")["y"].to_list() == [None, 2, 102, 502]


def ga4_ids(home: Path, *rows: dict[str, Any]) -> list[str]:
    return read(home, "ga4", "a.ndjson", ndjson(rows))[2]["event_id"].to_list()


def test_ga4_tells_the_same_event_in_every_export(tmp_path: Path) -> None:
    params = [
        {"key": "page_location", "value": {"string_value": "https://x.example/a"}},
        {"key": "batch_ordering_id", "value": {"int_value": "1"}},
        {"key": "batch_page_id", "value": {"int_value": "1773136800000"}},
    ]
    intraday = {**GA, "event_params": params}
    fresh = {**intraday, "batch_ordering_id": "1", "batch_page_id": "1773136800000", "batch_event_index": "1"}
    daily = {
        **fresh,
        "event_params": [each for each in params if not each["key"].startswith("batch")]
        + [{"key": "medium", "value": {"string_value": "organic"}}, {"key": "term", "value": {}}],
        "user_id": "ann",
        "traffic_source": {"medium": "organic"},
        "collected_traffic_source": {"manual_medium": "organic"},
        "session_traffic_source_last_click": {"manual_campaign": {"medium": "organic"}},
        "geo": {"country": "Germany"},
        "user_ltv": {"revenue": 5.0},
        "is_active_user": True,
    }
    later = {**fresh, "batch_ordering_id": "2"}
    scroll = {**intraday, "event_name": "scroll"}
    lists = [{**intraday, "event_name": "view_item_list", "items": [{"item_id": each}]} for each in ("a", "b")]
    ids = ga4_ids(tmp_path, intraday, fresh, daily, later, scroll, *lists)
    assert len(set(ids[:3])) == 1
    assert len(set(ids[2:])) == 5


@pytest.mark.parametrize(
    ("source", "expected"), [({}, 3), ({"orders": "each"}, 5), ({"orders": "once_per_order_id"}, 3)]
)
def test_a_purchase_that_a_reload_repeats_counts_once(source: dict[str, Any], expected: int, tmp_path: Path) -> None:
    def purchase(day: int, device: str, number: str | None) -> dict[str, Any]:
        at = 1770112800000000 + day * 86_400_000_000
        money = {"transaction_id": number, "purchase_revenue": 10.0}
        return {**GA, "user_pseudo_id": device, "event_timestamp": at, "event_name": "purchase", "ecommerce": money}

    # Reloaded at once and on the next day; another device's order of the same number; two without a number.
    rows = [
        purchase(0, "a", "t1"),
        purchase(0, "a", "t1") | {"event_timestamp": 1770112860000000},
        purchase(1, "a", "t1"),
    ]
    rows += [purchase(0, "b", "t1"), purchase(0, "a", "(not set)"), {**GA, "event_name": "page_view"}]
    lake, manifest, taken = read(tmp_path, "ga4", "a.ndjson", ndjson(rows), **source)
    assert (manifest.accepted, taken.height) == (6, 6)
    compute_all(lake, product(sources={"s": {"format": "ga4", **source}}, properties={}), only=["daily_quality"])
    events = pl.read_parquet(tmp_path / "lake/events/**/*.parquet").filter(kind="order").sort("occurred_at")
    assert events.height == expected
    assert events.filter(order_id="t1", anonymous_id="a")["occurred_at"][0].hour == 10
    quality = pl.read_parquet(lake.path("marts/daily_quality.parquet"))
    assert quality["events"].sum() == expected + 1


MP = {"time": 1773144000, "distinct_id": "$device:d", "$device_id": "d", "$insert_id": "i"}


def mixpanel(home: Path, *rows: tuple[str, dict[str, Any]], **source: Any) -> pl.DataFrame:
    given = [{"event": name, "properties": {**MP, "$insert_id": f"i{i}", **own}} for i, (name, own) in enumerate(rows)]
    return read(home, "mixpanel", "a.jsonl", ndjson(given), **source)[2]


def test_mixpanel_tells_the_same_event_once_its_person_is_known(tmp_path: Path) -> None:
    known = {"distinct_id": "ann", "$user_id": "ann", "$distinct_id_before_identity": "$device:d", "$insert_id": "i0"}
    rows = mixpanel(tmp_path, ("e", {}), ("e", known), ("e", {**known, "time": 1773144000123}), ("e", {"time": 1}))
    assert rows["event_id"].n_unique() == 1
    assert rows["user_id"].to_list() == [None, "ann", "ann"]
    assert set(rows["anonymous_id"]) == {"d"}


@pytest.mark.parametrize(
    ("name", "own", "expected"),
    [
        ("e", {"distinct_id": "ann", "$device_id": None}, ("custom", None, "ann", None)),
        ("e", {"distinct_id": "d"}, ("custom", "d", None, None)),
        # The original merge may name a person by a device.
        ("e", {"distinct_id": "other-device", "$user_id": "ann"}, ("custom", "d", "ann", None)),
        ("$identify", {"$identified_id": "ann", "$anon_id": "d"}, ("identify", "d", "ann", None)),
        ("$identify", {"distinct_id": "ann", "$anon_distinct_id": "x", "$device_id": None}, ("alias", None, "ann", "x")),
        ("$create_alias", {"distinct_id": "$device:d", "alias": "ann"}, ("identify", "d", "ann", None)),
        ("$create_alias", {"distinct_id": "ann", "alias": "bo"}, ("alias", None, "ann", "bo")),
        ("$merge", {"$distinct_ids": ["ann", "$device:d"]}, ("identify", "d", "ann", None)),
        ("$merge", {"$distinct_ids": ["ann", "bo"]}, ("alias", None, "ann", "bo")),
        ("$merge", {"$distinct_ids": 5, "distinct_id": "bo"}, ("custom", "d", "bo", None)),
    ],
)  # fmt: skip
def test_mixpanels_ids(name: str, own: dict[str, Any], expected: tuple[Any, ...], tmp_path: Path) -> None:
    rows = mixpanel(tmp_path, (name, own))
    assert rows.select("kind", "anonymous_id", "user_id", "previous_user_id").rows() == [expected]


def test_mixpanels_project_clock_and_the_teams_own_names(tmp_path: Path) -> None:
    summer = 1783771200  # 12:00 on 11 July by the project's clock
    source = {"time_zone": "Europe/Berlin", "kinds": {"Plan Bought": "order"}}
    received = {"$mp_api_timestamp_ms": 1773140401000}
    rows = mixpanel(tmp_path, ("Plan bought", {"amount": "9.5", **received}), ("e", {"time": summer}), **source)
    assert [str(at) for at in rows["occurred_at"]] == ["2026-03-10 11:00:00+00:00", "2026-07-11 10:00:00+00:00"]
    assert rows.select("kind", "revenue_micros").row(0) == ("order", 9_500_000)
    assert str(rows["received_at"][0]) == "2026-03-10 11:00:01+00:00"


AMP = {"event_type": "e", "event_time": "2026-03-10 11:00:00.000000", "device_id": "d", "uuid": "u"}


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({}, {"event_id": "u", "occurred_at": "2026-03-10 11:00:00+00:00", "sent_at": None, "session_id": None}),
        # The device is ten minutes slow: corrected as Amplitude does, once.
        (
            {"client_event_time": "2026-03-10 10:50:00.5", "client_upload_time": "2026-03-10 10:51:00", "server_received_time": "2026-03-10 11:01:00"},
            {"occurred_at": "2026-03-10 11:00:00.500000+00:00", "occurred_at_raw": "2026-03-10 10:50:00.500000+00:00"},
        ),
        ({"session_id": -1, "event_id": 7}, {"session_id": None, "sequence": "7"}),
        ({"session_id": 1773140400000}, {"session_id": "1773140400000"}),
        ({"event_properties": {"$revenue": -5, "$revenueType": "refund"}}, {"kind": "refund", "revenue_micros": "-5000000"}),
        ({"event_properties": '{"$price": 2.5, "$quantity": 3}'}, {"kind": "order", "revenue_micros": "7500000"}),
        ({"event_type": "$identify", "user_id": "ann"}, {"kind": "identify", "user_id": "ann"}),
        ({"event_type": "$exposure", "event_properties": {"flag_key": "f", "variant": "on"}}, {"kind": "experiment", "experiment_id": "f", "variant": "on"}),
        ({"event_type": "[Amplitude] Element Clicked", "event_properties": {"[Amplitude] Element Tag": "a", "[Amplitude] Element Class": "cta"}},
         {"kind": "click", "element_chain": '<a class="cta">'}),
        ({"platform": "iOS", "device_type": "Apple iPad Pro"}, {"device_type": "tablet"}),
        ({"platform": "Android", "device_type": "Pixel 9"}, {"device_type": "mobile"}),
    ],
)  # fmt: skip
def test_amplitude(record: dict[str, Any], expected: dict[str, str | None], tmp_path: Path) -> None:
    _, manifest, rows = read(tmp_path, "amplitude", "a.json.gz", gzip.compress(ndjson([{**AMP, **record}])))
    assert not manifest.rejected
    row = rows.row(0, named=True)
    assert {name: None if row[name] is None else str(row[name]) for name in expected} == expected


def test_amplitude_counts_once_what_a_client_sent_twice(tmp_path: Path) -> None:
    twice = [{**AMP, "$insert_id": "i", "uuid": each} for each in ("u1", "u2")]
    other = {**AMP, "$insert_id": "i", "device_id": "d2"}
    ids = read(tmp_path, "amplitude", "a.json", ndjson([*twice, other]))[2]["event_id"].to_list()
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize("name", ["mixpanel", "amplitude"])
def test_product_analytics_reach_people_orders_and_experiments(name: str, tmp_path: Path) -> None:
    records = getattr(samples, name)()
    lake, manifest, rows = read(tmp_path, name, "a.ndjson", ndjson(records))
    assert (manifest.accepted, manifest.records_rejected) == (240, 0)
    experiment = {"id": "button", "variants": {"red": 1, "blue": 1}, "control": "red"}
    chosen = product(sources={"s": {"format": name}}, properties={}, experiments={"colour": experiment})
    compute_all(lake, chosen, only=["daily_kpis", "experiment_groups"])
    kpis = pl.read_parquet(lake.path("marts/daily_kpis.parquet"))
    kinds = dict(rows.group_by("kind").len().rows())
    assert kpis["page_views"].sum() == kinds["page_view"]
    assert kpis["orders"].sum() == kinds["order"] in (22, 24)
    assert kpis["revenue"].sum() * 1_000_000 == rows["revenue_micros"].sum()
    # One person a device, whatever was known of them and when.
    own = rows.with_columns(day=pl.col("occurred_at").dt.convert_time_zone("Europe/Berlin").dt.date())
    device = pl.coalesce("anonymous_id", pl.col("user_id").str.replace("user-", "dev-"))
    people = own.group_by("day").agg(people=device.n_unique()).sort("day")
    assert kpis.sort("day")["people_active"].to_list() == people["people"].to_list()
    groups = pl.read_parquet(lake.path("marts/experiment_groups.parquet"))
    assert groups["experiment"].unique().to_list() == ["colour"]
    assert (groups["people_exposed"].sum(), groups["people_set_aside"].sum()) == (13, 0)
