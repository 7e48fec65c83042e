"""Each format: its documented fields reach columns, properties, or a rule that drops them; nothing else."""

import importlib
import inspect
import json
import re
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from samples import FILES, RR, ga4, read, rr
from support import compute_all, marts_of, ndjson, product

from pipeline.core.canonical import INPUT_COLUMNS
from pipeline.core.lake import Lake
from pipeline.ingest import sources
from pipeline.ingest.manifests import Manifest
from pipeline.ingest.sources import (
    FORMATS,
)
from pipeline.ingest.sources.elements import from_chain

# What no column names, and where it goes: kept under this name in the properties.
KEPT = {
    "segment": """_record.channel _record.version _record.integrations.All _record.timestamp _record._metadata.bundled
        _record.rudderId _record.traits.plan _record.traits.name _record.groupId _record.context.timezone
        _record.context.userAgentData.mobile _record.context.userAgentData.platform _record.context.page.path
        _record.context.page.search _record.context.screen.width _record.context.screen.height
        _record.context.screen.density _record.context.library.name _record.context.library.version
        _record.context.campaign.name _record.context.campaign.source _record.context.sessionStart
        _record.context.traits.plan _record.context.device.manufacturer _record.context.batchNote path search
        category total products experiment_name variation_name sku price""",
    "posthog": """$pathname $host $screen_width $lib $insert_id $time $event_type $is_identified $referrer
        $prev_pageview_max_content_percentage $web_vitals_FCP_value $exception_level $survey_questions type
        _record.person_id _record.team_id""",
    "ga4": """ga_session_number user_properties.plan _record.event_date _record.event_bundle_sequence_id _record.batch_page_id _record.batch_ordering_id
        _record.batch_event_index _record.event_server_timestamp_offset _record.privacy_info.analytics_storage
        _record.geo.city _record.traffic_source.medium
        _record.items _record.stream_id _record.platform _record.is_active_user _record.user_first_touch_timestamp
        _record.ecommerce.total_item_quantity value engagement_time_msec""",
    "snowplow": """_record.app_id _record.platform _record.etl_tstamp _record.event _record.v_tracker
        _record.pp_yoffset_max link_click element_statistics expose_element snowplow_ecommerce_action transaction
        submit_form""",
    "surveys": "_record.Tags",
    "mixpanel": """$insert_id $screen_height $city mp_lib $lib_version current_domain current_url_path $el_id items
        mp_processing_time_ms $user_id $referrer""",
    "amplitude": """user_properties.plan [Amplitude]~Page~Path [Amplitude]~Element~Text $productId $price $quantity source
        Error~Lineno _record.$insert_id _record.uuid _record.event_time _record.server_upload_time _record.processed_time
        _record.amplitude_id _record.platform _record.os_name _record.os_version _record.device_type _record.city
        _record.library _record.app _record.data.first_event _record.session_id""",
}
DROPPED_VALUES = (
    "203.0.113.7",
    "wk-secret",
    "phc_1",
    "52.5",
    "13.4",
    "ad-1",
    "typed-by-a-visitor",
    'example.com"',
    "@example",
)


def taken(format_name: str, home: Path, **source: Any) -> tuple[Lake, Manifest, pl.DataFrame]:
    name, data = FILES[format_name]()
    return read(home, format_name, name, data, **source)


def leaves(value: Any, path: str = "") -> set[str]:
    if isinstance(value, dict):
        return {leaf for name, inner in value.items() for leaf in leaves(inner, f"{path}.{name}" if path else name)}
    return {path}


@pytest.mark.parametrize("name", FILES)
def test_a_sample_of_each_format_reaches_the_marts(name: str, tmp_path: Path) -> None:
    lake, manifest, rows = taken(name, tmp_path)
    assert manifest.records_read >= 200 or name == "segment"
    assert manifest.balances
    assert not manifest.rejected, manifest.rejected
    assert rows.height >= 200
    chosen = product(sources={"s": {"format": name}}, properties={})
    # What the newer ones reach is looked at in test_source_cases.
    compute_all(lake, chosen, only=["daily_kpis", "daily_quality"] if name in ("mixpanel", "amplitude") else ())
    assert marts_of(lake)
    kpis = pl.read_parquet(lake.path("marts/daily_kpis.parquet"))
    assert kpis["people_active"].sum() > 0
    assert pl.read_parquet(lake.path("marts/daily_quality.parquet"))["events"].sum() == rows.height


@pytest.mark.parametrize("name", FILES)
def test_each_unmapped_field_is_kept_or_dropped_by_a_rule(name: str, tmp_path: Path) -> None:
    _, _, rows = taken(name, tmp_path)
    kept = {leaf.replace(" ", "~") for cell in rows["properties"].drop_nulls() for leaf in leaves(json.loads(cell))}
    assert kept - set(KEPT[name].split()) == set(), "not listed"
    assert set(KEPT[name].split()) - kept <= {"$is_identified", "$referrer", "type", "engagement_time_msec"}
    everything = rows.write_csv()
    assert not [value for value in DROPPED_VALUES if value in everything]


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_names_its_documentation_and_its_fields(name: str) -> None:
    text = inspect.getdoc(importlib.import_module(f"pipeline.ingest.sources.{name}")) or ""
    assert "Documentation:" in text or name == "mapping", f"name the vendor's pages in the docstring of {name}.py"
    assert FORMATS[name].documentation
    table = re.findall(r"^\| (.+?) \| (.+?) \|$", text, flags=re.MULTILINE)
    assert table[0] == ("field", "canonical column")
    columns = {column.name for column in INPUT_COLUMNS}
    named = {word for _, right in table[2:] for word in re.findall(r"[a-z_0-9]+", right)} & columns
    assert "occurred_at" in named or name in ("canonical", "mapping", "rrweb"), "the table lacks columns that it fills"


def facts(rows: pl.DataFrame, **where: Any) -> dict[str, Any]:
    result = rows.filter(*(pl.col(name) == value for name, value in where.items()))
    assert not result.is_empty(), where
    return result.row(0, named=True)


def test_segment(tmp_path: Path) -> None:
    _, _, rows = taken("segment", tmp_path)
    order = facts(rows, kind="order")
    assert (order["revenue_micros"], order["currency"], order["name"]) == (25_500_000, "EUR", "Order Completed")
    assert facts(rows, kind="refund")["revenue_micros"] == -30_250_000
    assert facts(rows, kind="experiment")["variant"] == "b"
    alias = facts(rows, kind="alias")
    assert alias["previous_user_id"].startswith("old-")
    view = facts(rows, kind="page_view", name="Product")
    assert (view["url"], view["page_title"], view["window_width"]) == ("https://shop.example/p/1?q=a", "Shoe", 1200)
    # The clock is five minutes off: corrected once, to Segment's own `timestamp`.
    stamps = [json.loads(cell)["_record"]["timestamp"] for cell in rows["properties"]]
    assert rows["occurred_at"].dt.strftime("%Y-%m-%dT%H:%M:%S").to_list() == [stamp[:19] for stamp in stamps]
    assert rows.filter(pl.col("record_number") == rows["record_number"].max())["event_number"].to_list() == [0, 1]


def test_an_alias_of_the_own_device_is_an_identify(tmp_path: Path) -> None:
    call = {
        "type": "alias",
        "messageId": "1",
        "timestamp": "2026-02-03T10:00:00Z",
        "anonymousId": "d",
        "previousId": "d",
        "userId": "u",
    }
    _, _, rows = read(tmp_path, "segment", "a.ndjson", ndjson([call]))
    assert rows["kind"].to_list() == ["identify"]


def test_posthog(tmp_path: Path) -> None:
    _, _, rows = taken("posthog", tmp_path)
    click = facts(rows, name="$autocapture")
    assert click["element_chain"] == '<div class="hero" id="top"><a class="btn p-0.5" href="/buy">'
    leave = facts(rows, kind="page_leave")
    assert (leave["duration_ms"], leave["scroll_y"], leave["page_height"]) == (12_500, 400, 2000)
    identify = facts(rows, kind="identify")
    assert identify["anonymous_id"].startswith("dev-")
    assert identify["user_id"].startswith("user-")
    assert facts(rows, name="$pageview")["user_id"] is None
    points = rows.filter(pl.col("name") == "$$heatmap").head(3)
    assert points.select("kind", "x", "y", "is_fixed").rows() == [
        ("custom", 10, 20, False), ("move", 11, 21, True), ("custom", 1, 2, False)
    ]  # fmt: skip
    vitals = facts(rows, kind="performance")
    assert (vitals["lcp_ms"], vitals["inp_ms"], vitals["cls_e4"]) == (1800, 90, 500)
    answers = rows.filter(pl.col("kind") == "survey_answered").head(2)
    assert answers.select("question_id", "score", "text").rows() == [
        ("q1", 9, None), ("q2", None, "Good, mail [email]")
    ]  # fmt: skip
    assert facts(rows, kind="error")["error_type"] == "TypeError"
    assert facts(rows, kind="experiment")["variant"] == "true"
    assert facts(rows, name="$rageclick")["kind"] == "custom"


@pytest.mark.parametrize(
    ("chain", "expected"),
    [
        ("", []),
        ("a", [("a", {})]),
        ('a.x:attr__class="x y"text="a;b"', [("a", {"class": "x y"})]),
        ('a:attr__href="/x\\"y";b', [("a", {"href": '/x"y'}), ("b", {})]),
        ('a:attr__alt="ends in \\";div:attr_id="i"', [("a", {"alt": "ends in \\"}), ("div", {"id": "i"})]),
        ('svg:attr__xlink:href="#a"nth-child="1"', [("svg", {"xlink:href": "#a"})]),
        ('p:text="two\nlines"attr__class="c"', [("p", {"class": "c"})]),
        ('a:attr__x="never closed', [("a", {"x": "never closed"})]),
    ],
)
def test_elements_chain(chain: str, expected: list[Any]) -> None:
    assert from_chain(chain) == expected


def test_ga4(tmp_path: Path) -> None:
    _, _, rows = taken("ga4", tmp_path)
    assert rows["event_id"].n_unique() == rows.height
    view = facts(rows, name="page_view")
    assert (view["url"], view["session_id"], view["device_type"]) == (
        "https://shop.example/p/2",
        "1770000001",
        "mobile",
    )
    assert facts(rows, kind="order")["revenue_micros"] == 12_500_000
    assert facts(rows, kind="refund")["revenue_micros"] == -12_500_000
    _, again, _ = read(tmp_path, "ga4", "again.json", ndjson(ga4()[::-1]))
    assert again.events == rows.height


def test_snowplow(tmp_path: Path) -> None:
    _, _, rows = taken("snowplow", tmp_path)
    assert facts(rows, name="link_click")["element_chain"] == '<a class="btn" href="/" id="buy">'
    exposed = facts(rows, kind="exposure")
    assert (exposed["element_chain"], exposed["duration_ms"]) == ('<div data-element="hero">', 1500)
    legacy, action = facts(rows, name="transaction"), facts(rows, name="snowplow_ecommerce_action")
    assert (legacy["kind"], legacy["revenue_micros"]) == ("order", 19_990_000)
    assert (action["kind"], action["revenue_micros"], action["order_id"][:2]) == ("order", 9_990_000, "t-")
    vitals = facts(rows, kind="performance")
    assert (vitals["lcp_ms"], vitals["cls_e4"]) == (1200, 1000)
    assert facts(rows, kind="page_ping")["scroll_y"] == 400
    _, short, _ = read(tmp_path, "snowplow", "b.tsv", b"too\tfew\tcells\n")
    assert short.rejected == {"tsv_cells": 1}


def test_surveys(tmp_path: Path) -> None:
    _, _, rows = taken("surveys", tmp_path, survey_id="nps")
    assert set(rows["kind"]) == {"survey_answered"}
    assert set(rows["question_id"]) == {"How likely are you to recommend us?", "What is missing?"}
    assert set(rows["survey_id"]) == {"nps"}
    scores = rows.filter(pl.col("question_id").str.starts_with("How"))["score"]
    assert (scores.null_count(), scores.min(), scores.max()) == (0, 0, 10)
    assert set(rows["text"].drop_nulls()) == {"Nothing, write to [email]"}


ROOT = {"type": 0, "id": 1, "childNodes": [{"type": 2, "id": 2, "tagName": "body", "attributes": {}, "childNodes": []}]}


def test_rrweb_keeps_the_document_up_to_date(tmp_path: Path) -> None:
    button = {"type": 2, "id": 9, "tagName": "button", "attributes": {"class": "old"}, "childNodes": []}
    events = [
        RR,
        rr(2, {"node": ROOT, "initialOffset": {"top": 100, "left": 0}}, 1),
        rr(3, {"source": 0, "adds": [{"parentId": 2, "nextId": None, "node": button}]}, 2),
        rr(3, {"source": 0, "attributes": [{"id": 9, "attributes": {"class": "new"}}]}, 3),
        rr(3, {"source": 2, "type": 2, "id": 9, "x": 5, "y": 6}, 4),
        rr(3, {"source": 3, "id": 1, "x": 0, "y": 300}, 5),
        rr(3, {"source": 1, "positions": [{"x": 1, "y": 2, "id": 9, "timeOffset": -1}]}, 6),
        rr(3, {"source": 0, "removes": [{"parentId": 2, "id": 9}]}, 7),
        rr(3, {"source": 2, "type": 2, "id": 9, "x": 5, "y": 6}, 8),
        rr(3, {"source": 5, "id": 2, "text": "my secret", "isChecked": False}, 9),
        rr(
            6,
            {"plugin": "rrweb/console@1", "payload": {"level": "error", "payload": ['"boom"'], "trace": ["at x"]}},
            10,
        ),
        rr(4, {"href": "https://a.example/next", "width": 1000, "height": 500}, 11),
    ]
    _, manifest, rows = read(tmp_path, "rrweb", "r.json", json.dumps(events).encode())
    assert manifest.filtered == {"mutation": 3, "snapshot": 1}
    assert rows.select("kind", "element_chain", "x", "y", "scroll_y").rows() == [
        ("page_view", None, None, None, None),
        ("click", '<body><button class="new">', 5, 106, 100),
        ("scroll", None, None, None, 300),
        ("move", '<body><button class="new">', 1, 302, 300),
        ("click", None, 5, 306, 300),
        ("input", "<body>", None, None, None),
        ("error", None, None, None, None),
        ("page_view", None, None, None, None),
    ]
    assert rows["anonymous_id"].n_unique() == 1
    assert rows["page_view_id"].n_unique() == 2
    assert "my secret" not in rows.write_csv()
    _, again, _ = read(tmp_path, "rrweb", "same.json", json.dumps(events).encode())
    assert again.events == rows.height


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda events: json.dumps({"result": {"snapshots": events}}).encode(),
        lambda events: json.dumps({"snapshot_data_by_window_id": {"w": events}}).encode(),
        lambda events: b"\n".join(json.dumps(["w", event]).encode() for event in events),
        lambda events: json.dumps({"window_id": "w", "data": events}).encode(),
    ],
    ids=["result", "by window", "pairs", "lines"],
)
def test_rrweb_wrappers(wrapped: Callable[[list[Any]], bytes], tmp_path: Path) -> None:
    events = [RR, rr(2, {"node": ROOT}, 1), rr(3, {"source": 2, "type": 2, "id": 2, "x": 1, "y": 1}, 2)]
    _, manifest, rows = read(tmp_path, "rrweb", "r.json", wrapped(events))
    assert manifest.balances
    assert rows["kind"].to_list() == ["page_view", "click"]
    assert facts(rows, kind="click")["element_chain"] == "<body>"


@pytest.mark.parametrize("name", ["segment", "posthog", "ga4", "snowplow", "rrweb", "surveys"])
def test_odd_records_are_rejected_or_kept_and_never_stop_the_good(name: str, tmp_path: Path) -> None:
    odd: list[Any] = [{}, [], None, 1, "x", {"batch": 3}, {"batch": [1]}, {"properties": 5, "event": "e", "type": "track"},
                      {"type": 3, "data": []}, {"type": {}, "data": {}, "timestamp": "x"}, {"event_params": 1, "event_name": "a"},
                      {"event_name": [1], "contexts": "{", "unstruct_event": "[1"}, {"event": {"a": 1}, "elements": [1, None]}]  # fmt: skip
    _, manifest, _ = read(tmp_path, name, "odd.ndjson", b"".join(json.dumps(each).encode() + b"\n" for each in odd))
    assert manifest.records_read == len(odd)
    assert manifest.balances
    assert manifest.file_rule is None


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (["nowhere:FORMAT"], "can't be loaded"),
        (["json:loads"], "is no Format"),
        (["json:loads", "math:pi"], r"several packages bring it \(json:loads, math:pi\)"),
    ],
)
def test_a_package_without_a_format_says_so(values: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    points = [EntryPoint("kiosk", value, sources.ENTRY_POINTS) for value in values]
    monkeypatch.setattr(sources, "entry_points", lambda **_: points)
    with pytest.raises(sources.FormatError, match=f"format kiosk: .*{sentence}"):
        sources.FORMATS["kiosk"]
