"""The declarative mapping: what it can say, what `footfall check` finds in it, and what a sample proposes."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import samples
from hypothesis import given, settings
from hypothesis import strategies as st
from support import drop, ndjson, product, take_all

from pipeline.core.lake import Lake
from pipeline.core.product_file import ProductFileError, parse_product
from pipeline.core.registry import TABLES
from pipeline.ingest.faults import RecordFault, RecordLeftOut
from pipeline.ingest.manifests import Manifest
from pipeline.ingest.reader import UNFORESEEN, Reader
from pipeline.ingest.scrub import scrub_text
from pipeline.propose import CannotPropose, propose

BASE = {"event_id": "id", "occurred_at": "t", "kind": {"constant": "custom"}}
FILE = """name: x
start_date: 2026-01-01
sources:
  web:
    format: mapping
    mapping:
      columns:
        event_id: id
        occurred_at: {occurred_at}
        kind: {kind}
        {more}
"""


def read(
    home: Path, rows: list[dict[str, Any]], mapping: dict[str, Any], **source: Any
) -> tuple[Manifest, pl.DataFrame]:
    drop(home, "s/a.ndjson", ndjson(rows))
    lake = Lake(home)
    chosen = product(sources={"s": {"format": "mapping", "mapping": mapping, **source}}, properties={})
    (manifest,) = take_all(lake, chosen)
    keys = [part.key for parts in manifest.days.values() for part in parts]
    return manifest, lake.scan(TABLES["raw_events"], keys).collect().sort("record_number", "event_number")


T = "2026-02-03T10:00:00Z"


@pytest.mark.parametrize(
    ("decimal", "written", "expected"),
    [
        (".", "1,234.5", 1_234_500_000),
        (".", "1234", 1_234_000_000),
        (".", "-1 234.50", -1_234_500_000),
        (".", "1'234'567.8", 1_234_567_800_000),
        (".", "1e3", 1_000_000_000),
        (".", "12,50", None),
        (".", "1,23,456", None),
        (",", "1.234,5", 1_234_500_000),
        (",", "12,50", 12_500_000),
        (",", "1.234", 1_234_000_000),
        (",", "12.50", None),
        (",", "", "nothing"),
    ],
)
def test_separators_part_thousands_or_the_number_is_a_fault(
    decimal: str, written: str, expected: int | str | None, tmp_path: Path
) -> None:
    rule = {"field": "total", "scale": 1_000_000, "decimal": decimal}
    mapping = {"columns": {**BASE, "kind": {"constant": "order"}, "order_id": "id", "revenue_micros": rule}}
    manifest, result = read(tmp_path, [{"id": "1", "t": T, "total": written}], mapping)
    if expected is None:
        assert manifest.rejected == {"wrong_type": 1}
    else:
        assert result["revenue_micros"].to_list() == [None if expected == "nothing" else expected]


def test_no_value_is_lost_by_a_mapping(tmp_path: Path) -> None:
    columns = {
        **BASE,
        "kind": {"field": "what", "values": {"paid": "order"}, "otherwise": "custom"},
        "user_id": ["mail_id", "member"],
        "name": ["mail_id", "other"],
    }
    rows = [{"id": "1", "t": T, "what": "paused", "mail_id": "m", "member": "kept", "other": "too"}]
    _, result = read(tmp_path, rows, {"columns": columns})
    assert result.select("kind", "user_id", "name").rows() == [("custom", "m", "m")]
    assert json.loads(result["properties"][0]) == {"what": "paused", "member": "kept", "other": "too"}


def test_a_refund_is_negative_however_it_is_written(tmp_path: Path) -> None:
    columns = {**BASE, "kind": {"constant": "refund"}, "revenue_micros": "n"}
    _, result = read(tmp_path, [{"id": "1", "t": T, "n": 5}, {"id": "2", "t": T, "n": -5}], {"columns": columns})
    assert result["revenue_micros"].to_list() == [-5, -5]


def test_bytes_of_a_parquet_file_are_texts(tmp_path: Path) -> None:
    frame = pl.DataFrame({"id": [b"1"], "t": [T], "u": [b"ann"], "blob": [b"\xff\x00"]})
    drop(tmp_path, "s/.keep", b"")
    frame.write_parquet(tmp_path / "landing/s/a.parquet")
    mapping = {"columns": {**BASE, "user_id": "u"}}
    lake = Lake(tmp_path)
    (manifest,) = take_all(lake, product(sources={"s": {"format": "mapping", "mapping": mapping}}, properties={}))
    (part,) = next(iter(manifest.days.values()))
    row = pl.read_parquet(lake.path(part.key)).row(0, named=True)
    assert (row["event_id"], row["user_id"], row["properties"]) == ("1", "ann", '{"blob":"ff00"}')


def proposed(tmp_path: Path, text: str) -> str:
    (tmp_path / "a.csv").write_text(text)
    return propose(tmp_path / "a.csv", "web")


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("border_click", "click"),
        ("orderRefunded", "refund"),
        ("Order Placed", "order"),
        ("pageView", "page_view"),
        ("reorder_list", "custom"),
        ("tapestry", "custom"),
        ("LoggedIn", "identify"),
    ],
)
def test_a_proposal_goes_by_words(value: str, kind: str, tmp_path: Path) -> None:
    text = proposed(tmp_path, "id,time,event\n" + "".join(f"{i},{T},{value}\n" for i in range(3)))
    (source,) = parse_product(text).sources.values()
    assert source.mapping is not None
    # What is no kind that we know keeps its own name.
    known = None if kind == "custom" else {value: kind}
    assert source.mapping.columns["kind"].values == known
    assert source.mapping.columns["name"].field == ("event",)


def test_a_proposal_looks_at_values_and_says_what_it_is_unsure_of(tmp_path: Path) -> None:
    rows = "".join(f"{i},0{i}/03/2026 10:00,n/a,{i}.50\n" for i in range(1, 10))
    text = proposed(tmp_path, f'id,time,revenue,total,"two\nlines"\n{rows}'.replace(".50\n", ".50,x\n"))
    chosen = parse_product(text)
    (source,) = chosen.sources.values()
    assert source.mapping is not None
    assert source.mapping.columns["revenue_micros"].field == ("total",), "revenue holds no numbers"
    assert "could be day/month or month/day" in text
    assert "stays on a resend?" in text
    assert "two lines" in text


def test_a_proposal_starts_with_the_first_real_day(tmp_path: Path) -> None:
    text = proposed(
        tmp_path, "visitor,time\n1,1970-01-01T00:00:00Z\n2,2026-03-01T00:30:00+02:00\n3,2026-03-09T10:00:00Z\n"
    )
    assert str(parse_product(text).start_date) == "2026-02-01"


def test_one_record_into_several_events(tmp_path: Path) -> None:
    mapping = {
        "where": [{"field": "state", "is_not": ["draft"]}],
        "columns": {"occurred_at": "placed", "user_id": "customer.id", "order_id": "nr"},
        "events": [
            {"columns": {"kind": {"constant": "order"}, "revenue_micros": {"field": "total", "scale": 1_000_000}}},
            {"where": [{"field": "state", "is": ["refunded"]}],
             "columns": {"kind": {"constant": "refund"}, "occurred_at": "refunded"}},
            {"split": "items", "columns": {"kind": {"constant": "custom"}, "name": "item.sku"}},
        ],
    }  # fmt: skip
    rows = [
        {"nr": "1", "placed": T, "refunded": "2026-02-04T10:00:00Z", "state": "refunded", "total": 12.34, "customer": {"id": 7, "tier": "gold"}, "items": [{"sku": "a", "n": 1}, {"sku": "b", "n": 2}]},
        {"nr": "2", "placed": T, "state": "draft"},
    ]  # fmt: skip
    manifest, result = read(tmp_path, rows, mapping, event_id=["nr"])
    assert manifest.rejected == {}
    assert (manifest.records_read, manifest.accepted, manifest.events, manifest.filtered) == (2, 1, 4, {"where": 1})
    assert result.select("kind", "name", "user_id", "revenue_micros").rows() == [
        ("order", None, "7", 12_340_000), ("refund", None, "7", None), ("custom", "a", "7", None), ("custom", "b", "7", None)
    ]  # fmt: skip
    assert result["event_id"].n_unique() == 4
    assert json.loads(result["properties"][3])["item"] == {"n": 2}
    assert json.loads(result["properties"][0])["customer"] == {"tier": "gold"}


@pytest.mark.parametrize(
    ("rule", "value", "expected"),
    [
        ({"field": "v", "format": "epoch_s"}, 1770112800, "2026-02-03T10:00:00+00:00"),
        ({"field": "v", "format": "epoch_ms"}, "1770112800123", "2026-02-03T10:00:00.123000+00:00"),
        (
            {"field": "v", "format": "%d.%m.%Y %H:%M", "zone": "Europe/Berlin"},
            "03.02.2026 11:00",
            "2026-02-03T10:00:00+00:00",
        ),
        # The clock goes back: the first of two hours; it goes forward: moved on by the change.
        (
            {"field": "v", "format": "%d.%m.%Y %H:%M", "zone": "Europe/Berlin"},
            "25.10.2026 02:30",
            "2026-10-25T00:30:00+00:00",
        ),
        (
            {"field": "v", "format": "%d.%m.%Y %H:%M", "zone": "Europe/Berlin"},
            "29.03.2026 02:30",
            "2026-03-29T01:30:00+00:00",
        ),
        ({"field": "v", "zone": "America/New_York"}, "2026-02-03T05:00:00", "2026-02-03T10:00:00+00:00"),
        ({"field": ["old", "v"]}, T, "2026-02-03T10:00:00+00:00"),
    ],
)
def test_times(rule: dict[str, Any], value: Any, expected: str, tmp_path: Path) -> None:
    _, result = read(tmp_path, [{"id": "1", "v": value}], {"columns": {**BASE, "occurred_at": rule}})
    assert [at.isoformat() for at in result["occurred_at"]] == [expected]


@pytest.mark.parametrize(
    ("rule", "row", "expected"),
    [
        # A project's own clock written as a number: the zone shifts it, by the hour that is in force then.
        ({"field": "v", "format": "epoch_s", "zone": "Europe/Berlin"}, {"v": 1773144000}, "2026-03-10T11:00:00+00:00"),
        ({"field": "v", "format": "epoch_ms", "zone": "Europe/Berlin"}, {"v": "1783771200000"}, "2026-07-11T10:00:00+00:00"),
        ({"field": "v", "format": "epoch_s", "zone": "America/New_York"}, {"v": 1772928000}, "2026-03-08T05:00:00+00:00"),
        ({"field": "v", "format": "epoch_s", "zone": "America/New_York"}, {"v": 1772942400}, "2026-03-08T08:00:00+00:00"),
        ({"constant": "2026-02-03"}, {}, "2026-02-03T00:00:00+00:00"),
        ({"constant": date(2026, 2, 3), "zone": "Europe/Berlin"}, {}, "2026-02-02T23:00:00+00:00"),
        ({"field": "v", "otherwise": "2026-02-03 10:00"}, {"v": ""}, "2026-02-03T10:00:00+00:00"),
        ({"field": "v"}, {"v": "Tue, 3 Feb 2026 10:00:00 GMT"}, "2026-02-03T10:00:00+00:00"),
        ({"field": "v"}, {"v": 1770112800123}, "2026-02-03T10:00:00.123000+00:00"),
        ({"field": "v"}, {"v": "13/02/2026"}, "2026-02-13T00:00:00+00:00"),
        ({"field": "v"}, {"v": "03/02/2026"}, "ambiguous_date"),
        ({"field": "v", "format": "iso8601"}, {"v": "13/02/2026"}, "unreadable_time"),
        ({"field": "v"}, {"v": "soon"}, "unreadable_time"),
        ({"field": "v"}, {}, "missing_occurred_at"),
    ],
)  # fmt: skip
def test_times_of_other_clocks_and_none(
    rule: dict[str, Any], row: dict[str, Any], expected: str, tmp_path: Path
) -> None:
    manifest, result = read(tmp_path, [{"id": "1", **row}], {"columns": {**BASE, "occurred_at": rule}})
    assert [at.isoformat() for at in result["occurred_at"]] or list(manifest.rejected) == [expected]
    assert [at.isoformat() for at in result["occurred_at"]] in ([expected], [])
    reasons = pl.read_parquet(tmp_path / "lake/rejected/**/*.parquet")["reason"] if manifest.rejected else []
    assert all(
        "`v`" in each and "`format` beside the column" in each for each in reasons if "no `occurred_at`" not in each
    )


def test_a_mapped_date_in_two_ways_is_told_by_the_file(tmp_path: Path) -> None:
    rows = [
        {"id": "1", "t": "03/04/2026"},
        {"id": "2", "t": "2026-04-05"},
        {"id": "3", "seen": "15/04/2026", "t": "04/04/2026"},
    ]
    _, result = read(tmp_path, rows, {"columns": {**BASE, "received_at": "seen"}})
    assert result["occurred_at"].dt.to_string("%d").to_list() == ["03", "05", "04"]


def test_templates_and_json_in_cells(tmp_path: Path) -> None:
    columns = {
        **BASE,
        "url": {"template": "https://shop.example{at.path}?v={v}", "otherwise": "https://shop.example/"},
        "revenue_micros": {"field": "event_data.money.revenue", "scale": 1_000_000},
        "properties.place": {"template": "{city} ({land})"},
        "name": "event_data.name",
    }
    reported = {"id": "1", "t": T, "at": '{"path": "/a"}', "v": 2, "city": "Bonn", "land": "DE"}
    reported["event_data"] = json.dumps({"money": json.dumps({"revenue": 2.5, "tax": 1}), "name": "n"})
    rows = [reported, {"id": "2", "t": T, "at": "no json", "event_data": "[1]"}]
    rows.append({"id": "3", "t": T, "event_data.name": "whole", "event_data": "{"})
    manifest, result = read(tmp_path, rows, {"columns": columns})
    assert not manifest.rejected
    assert result["url"].to_list() == ["https://shop.example/a?v=2", "https://shop.example/", "https://shop.example/"]
    assert result["revenue_micros"].to_list() == [2_500_000, None, None]
    assert result["name"].to_list() == ["n", None, "whole"]
    # What no column names is kept, wherever it stood.
    assert json.loads(result["properties"][0]) == {"event_data": {"money": {"tax": 1}}, "place": "Bonn (DE)"}
    assert json.loads(result["properties"][1]) == {"at": "no json", "event_data": [1]}


def test_a_list_in_a_cell_is_split(tmp_path: Path) -> None:
    mapping = {"columns": BASE, "events": [{"split": "items", "columns": {"name": "item.more.sku"}}]}
    row = {"id": "1", "t": T, "items": json.dumps([{"more": json.dumps({"sku": "a"})}, {"more": {"sku": "b"}}])}
    _, result = read(tmp_path, [row], mapping, event_id=["id"])
    assert result["name"].to_list() == ["a", "b"]


def test_a_mapping_fills_what_surveys_fill(tmp_path: Path) -> None:
    columns = {**BASE, "kind": {"constant": "survey_answered"}, "survey_id": {"constant": "s"}, "survey_trigger": "why", "score": "s", "properties.stage": "phase"}  # fmt: skip
    _, result = read(tmp_path, [{"id": "1", "t": T, "why": "widget", "s": 9, "phase": "care"}], {"columns": columns})
    assert result.select("survey_trigger", "score", "properties").rows() == [("widget", 9, '{"stage":"care"}')]


@pytest.mark.parametrize(
    ("rule", "value", "expected"),
    [
        ({"scale": 1_000_000}, "12.34", 12_340_000),
        ({"scale": 1_000_000}, "1,234.50", 1_234_500_000),
        ({"scale": 1_000_000, "decimal": ","}, "1.234,50", 1_234_500_000),
        ({}, 5, 5),
        ({}, "x", "wrong_type"),
        ({}, [1], "wrong_type"),
        ({}, 10**30, "wrong_type"),
        ({}, "NaN", "wrong_type"),
        ({}, "", None),
        ({"values": {"free": 0}, "otherwise": 9}, "free", 0),
        ({"values": {"free": 0}, "otherwise": 9}, "other", 9),
    ],
)
def test_numbers(rule: dict[str, Any], value: Any, expected: Any, tmp_path: Path) -> None:
    columns = {**BASE, "revenue_micros": {"field": "v", **rule}}
    manifest, result = read(tmp_path, [{"id": "1", "t": T, "v": value}], {"columns": columns})
    if expected == "wrong_type":
        assert manifest.rejected == {"wrong_type": 1}
    else:
        assert result["revenue_micros"].to_list() == [expected]


@pytest.mark.parametrize(
    ("occurred_at", "kind", "more", "expected"),
    [
        ("t", "{constant: purchase}", "", "purchase is no kind of event; write one of page_view"),
        ("{field: t, zone: Europe/Berlim}", "k", "", "'Europe/Berlim' is no IANA time zone"),
        (
            "{field: t, format: dd.mm.yyyy}",
            "k",
            "",
            "is none of iso8601, epoch_s, epoch_ms, epoch_us and no pattern like",
        ),
        ("{field: t, format: '%H:%M'}", "k", "", "tells no day of the month; add %d"),
        ("{field: t, format: '%d %H:%M'}", "k", "", "tells no month; add %m"),
        ("{field: t, format: '%d.%m. %H:%M'}", "k", "", "tells no year; add %Y"),
        ("{field: t, format: '%d.%m.%Y %I:%M'}", "k", "", "add %p, or write %H"),
        ("{field: t, format: '%d.%m.%Y %H:%M %Z'}", "k", "", "names of zones have many meanings"),
        ("t", "k", "x: {constant: 3000000000}", "x: 3000000000 doesn't fit"),
        ("{field: t, constant: x}", "k", "", "give either `field` or `constant`"),
        ("t", "k", "usr: u", "usr: no such column; the columns are"),
        ("t", "k", "x: {field: x, values: {a: left}}", "x: 'left' doesn't fit"),
        ("t", "k", "x: {constant: left}", "x: 'left' doesn't fit"),
        ("t", "k", "x: {field: x, decimal: ;}", "decimal"),
        (
            "{constant: soon}",
            "k",
            "",
            "occurred_at: 'soon' doesn't fit the column, which holds times: a constant is written",
        ),
        ("{template: '{a}'}", "k", "", "occurred_at: `template` does nothing here"),
        ("t", "k", "url: {template: 'https://x.example'}", "`template` names no field"),
        ("t", "k", "url: {template: '{a}', field: a}", "or a `template`"),
        ("t", "k", "url: {field: u, zone: Europe/Berlin}", "url: `zone` does nothing here: the column holds text"),
        ("t", "k", "url: {field: u, scale: 100}", "url: `scale` does nothing here"),
        ("t", "k", "x: {field: x, values: {a: 1}, scale: 100}", "x: `scale` does nothing here"),
        ("t", "k", "properties.p: {field: p, decimal: ','}", "properties.p: `decimal` does nothing here"),
        ("t", "k", "url: {constant: a, otherwise: b}", "`otherwise` does nothing beside a `constant`"),
        ("{constant: 2026-01-01, format: epoch_s}", "k", "", "occurred_at: `format` does nothing here"),
    ],
)
def test_check_finds_faults_with_their_line(occurred_at: str, kind: str, more: str, expected: str) -> None:
    text = FILE.replace("{occurred_at}", occurred_at).replace("{kind}", kind).replace("{more}", more)
    with pytest.raises(ProductFileError) as result:
        parse_product(text)
    assert expected in str(result.value)
    assert "product.yaml:" in str(result.value)


def test_check_finds_what_is_missing() -> None:
    for lines, expected in (
        ("format: mapping", "belong together"),
        ("format: mapping\n    mapping: {columns: {event_id: id, kind: k}}", "lacks occurred_at"),
        ("format: mapping\n    mapping: {columns: {occurred_at: t, kind: k}}", "has no event_id"),
        ("ignore_columns: [kind]", "kind can't be left out"),
    ):
        with pytest.raises(ProductFileError) as result:
            parse_product(f"name: x\nstart_date: 2026-01-01\nsources:\n  web:\n    {lines}\n")
        assert expected in str(result.value)


@pytest.mark.parametrize("name", ["a.csv", "a.ndjson", "a.parquet"])
def test_a_proposal_reads_its_own_sample(name: str, tmp_path: Path) -> None:
    rows = [
        {"Order No": f"o{i}", "Timestamp": f"{i % 28 + 1:02}.03.2026 10:{i % 60:02}", "Event": ("purchase", "page view", "odd")[i % 3],
         "customer_id": f"c{i % 9}", "Total": f"{i},50", "channel": "web"}
        for i in range(40)
    ]  # fmt: skip
    sample = tmp_path / name
    if name.endswith("parquet"):
        pl.DataFrame(rows).write_parquet(sample)
    elif name.endswith("csv"):
        pl.DataFrame(rows).write_csv(sample, separator=";")
    else:
        sample.write_bytes(ndjson(rows))
    text = propose(sample, "erp")
    assert "Kept in the properties: channel." in text
    assert "event_id: none" in text
    chosen = parse_product(text)
    assert str(chosen.start_date) == "2026-03-01"
    drop(tmp_path, f"erp/{name}", sample.read_bytes())
    (manifest,) = take_all(Lake(tmp_path), chosen)
    assert (manifest.accepted, manifest.rejected) == (40, {})
    keys = [part.key for parts in manifest.days.values() for part in parts]
    result = Lake(tmp_path).scan(TABLES["raw_events"], keys).collect()
    assert dict(result["kind"].value_counts().rows()) == {"order": 14, "page_view": 13, "custom": 13}
    assert result["revenue_micros"].sum() == sum(i * 1_000_000 + 500_000 for i in range(40))


def test_a_sample_without_a_time_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    with pytest.raises(CannotPropose, match="looks like a time"):
        propose(tmp_path / "a.csv", "web")
    (tmp_path / "b.csv").write_text("")
    with pytest.raises(CannotPropose, match="holds no record"):
        propose(tmp_path / "b.csv", "web")


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**25), 10**25) | st.floats() | st.text(max_size=5) | st.sampled_from(["1e400", "x@y.zz", "-1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)  # fmt: skip
SAMPLES: dict[str, list[dict[str, Any]]] = {
    "segment": samples.segment(),
    "posthog": samples.posthog(),
    "ga4": samples.ga4(),
    "mixpanel": samples.mixpanel(),
    "amplitude": samples.amplitude(),
    "rrweb": [
        {"type": 4, "data": {"href": "https://a.example/", "width": 1, "height": 1}, "timestamp": 1},
        {"type": 2, "data": {"node": {"type": 0, "id": 1, "childNodes": [{"type": 2, "id": 2, "tagName": "a", "attributes": {"class": "x"}}]}, "initialOffset": {"top": 1, "left": 1}}, "timestamp": 1},
        {"type": 3, "data": {"source": 0, "adds": [{"parentId": 1, "node": {"type": 2, "id": 3, "tagName": "p", "childNodes": []}}], "removes": [{"id": 2}], "attributes": [{"id": 3, "attributes": {"class": "y"}}]}, "timestamp": 2},
        {"type": 3, "data": {"source": 1, "positions": [{"x": 1, "y": 1, "id": 3, "timeOffset": -1}]}, "timestamp": 3},
        {"type": 3, "data": {"source": 2, "type": 2, "id": 3, "x": 1, "y": 1}, "timestamp": 3, "cv": "2024-10"},
        {"type": 3, "data": {"source": 3, "id": 1, "x": 1, "y": 1}, "timestamp": 3},
        {"type": 6, "data": {"plugin": "p", "payload": {"level": "error", "payload": ["x"]}}, "timestamp": 3},
        {"type": 5, "data": {"tag": "t", "payload": {}}, "timestamp": 3},
    ],
    "snowplow": [{"event_name": "expose_element", "event_id": "1", "collector_tstamp": T, "contexts": '{"data":[{"schema":"iglu:a/b/c/1","data":{"id":"x"}}]}',
                  "unstruct_event": {"data": {"schema": "iglu:a/element/c/1", "data": {"element_name": "x"}}}, "pp_yoffset_max": 1, "tr_total": 1,
                  "contexts_com_snowplowanalytics_snowplow_web_page_1_0_0": [[{"id": "x"}]], "link_click": {"elementClasses": ["a"]}},
                 {"event_name": "link_click", "unstruct_event": {"data": {"schema": "iglu:a/link_click/c/1", "data": {"elementClasses": ["a"], "elementId": "x"}}}},
                 {"event_name": "submit_form", "unstruct_event": {"data": {"schema": "iglu:a/submit_form/c/1", "data": {"elements": [{"value": "v"}]}}}}],
    "surveys": [{"response_id": "1", "submitted_at": T, "score": "9", "comment": "x", "How?": "10 - yes", "Status": "IP Address"}],
    "canonical": [{"event_id": "1", "occurred_at": T, "kind": "click", "properties": {"a": 1}, "other": 2}],
}  # fmt: skip


def paths(value: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [*([before] if before else []), *(path for key, each in inner for path in paths(each, (*before, key)))]


def replaced(value: Any, path: tuple[Any, ...], junk: Any) -> Any:
    if not path:
        return junk
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], junk)
    return copy


@settings(max_examples=600, deadline=None)
@given(st.data())
def test_whatever_stands_in_a_field_only_the_record_is_at_fault(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(SAMPLES)))
    record = data.draw(st.sampled_from(SAMPLES[name][:40]))
    for _ in range(data.draw(st.integers(1, 3))):
        record = replaced(record, data.draw(st.sampled_from(paths(record))), data.draw(JUNK))
        if not isinstance(record, dict):
            return
    reader = Reader("s", product(sources={"s": {"format": name}}, properties={}))
    fault = None
    try:
        assert reader.events(record)
    except RecordLeftOut:
        return
    except RecordFault as result:
        fault = result
    assert fault is None or fault.rule != UNFORESEEN, fault.__cause__


def nested(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


@pytest.mark.parametrize("name", ["canonical", "segment", "rrweb"])
@pytest.mark.parametrize("ending", ["ndjson", "json"])
@pytest.mark.parametrize("levels", [300, 700, 900, 5000])
def test_no_nesting_stops_a_file(name: str, ending: str, levels: int, tmp_path: Path) -> None:
    deep = json.dumps(SAMPLES[name][0])[:-1] + f', "deep": {nested(levels)}}}'
    good = json.dumps(SAMPLES[name][0])
    text = f"{deep}\n{good}\n" if ending == "ndjson" else f"[{deep},\n{good}]"
    drop(tmp_path, f"s/a.{ending}", text.encode())
    (manifest,) = take_all(
        Lake(tmp_path), product(sources={"s": {"format": name}}, properties={}, start_date="1970-01-01")
    )
    assert manifest.balances
    # A recording remembers: where the deep record began the page, the next one begins no other.
    kept = manifest.accepted + manifest.filtered.get("same_page", 0)
    assert kept >= 1 or manifest.file_rule == "malformed_json"


@pytest.mark.parametrize("inner", [None, 5, "x", [1]])
def test_a_wrapper_of_another_shape_rejects_its_file(inner: Any, tmp_path: Path) -> None:
    drop(tmp_path, "s/a.json", json.dumps({"snapshot_data_by_window_id": {"w": inner}}).encode())
    (manifest,) = take_all(Lake(tmp_path), product(sources={"s": {"format": "rrweb"}}, properties={}))
    assert manifest.balances


def test_a_long_text_is_scrubbed_in_no_time() -> None:
    assert scrub_text("a" * 1_000_000 + " x@y.example").endswith("[email]")
