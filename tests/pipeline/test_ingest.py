"""Landing files of every kind, the hostile ones first: nothing raises, and every record is accounted for."""

import gzip
import json
import os
import random
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import at, drop, ndjson, product, record, take_all

from pipeline.core.canonical import RAW_EVENTS, REJECTED
from pipeline.core.lake import Lake
from pipeline.ingest.files import ingest, pending, retract, settled_pending
from pipeline.ingest.landing import find, settled
from pipeline.ingest.manifests import Manifest, objects_by_day, read_manifests

GOOD = record("e1", "2026-01-05T10:00")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def take_one(lake: Lake, name: str, data: bytes) -> Manifest:
    drop(lake.home, name, data)
    (manifest,) = take_all(lake, product())
    assert manifest.balances
    return manifest


def accepted(lake: Lake) -> pl.DataFrame:
    keys = [key for parts in objects_by_day(read_manifests(lake).values()).values() for key in parts]
    return lake.scan(RAW_EVENTS, keys).collect()


def rejected(lake: Lake) -> pl.DataFrame:
    keys = [m.rejected_key for m in read_manifests(lake).values() if m.rejected_key]
    return lake.scan(REJECTED, keys).collect()


def zst(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


# (what, name, content, records accepted, rejected by rule)
RECORDS: list[tuple[str, str, bytes, int, dict[str, int]]] = [
    ("empty file", "a.ndjson", b"", 0, {}),
    ("blank lines are no records", "a.ndjson", b"\n \n" + ndjson([GOOD]) + b"\n", 1, {}),
    ("byte order mark", "a.ndjson", b"\xef\xbb\xbf" + ndjson([GOOD]), 1, {}),
    ("windows line ends", "a.ndjson", ndjson([GOOD]).replace(b"\n", b"\r\n"), 1, {}),
    ("half a last line", "a.ndjson", ndjson([GOOD]) + ndjson([GOOD])[:40], 1, {"malformed_json": 1}),
    ("broken UTF-8", "a.ndjson", ndjson([GOOD]) + b'{"event_id":"\xff\xfe"}\n', 1, {"invalid_utf8": 1}),
    ("lone surrogate", "a.ndjson", ndjson([GOOD]) + b'{"event_id":"\\ud800"}\n', 1, {"malformed_json": 1}),
    ("no object", "a.ndjson", b'[1]\n"text"\nnull\n' + ndjson([GOOD]), 1, {"wrong_type": 3}),
    ("a 10 MB line", "a.ndjson", b'{"a":"' + b"x" * 10_000_000 + b'"}\n' + ndjson([GOOD]), 1, {"record_too_large": 1}),
    (
        "depth 10,000",
        "a.ndjson",
        b'{"properties":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_001 + b"\n",
        0,
        {"too_deep": 1},
    ),
    ("deep unknown field", "a.ndjson", b'{"zz":' + b"[" * 10_000 + b"]" * 10_000 + b"}\n", 0, {"too_deep": 1}),
    ("wrong type", "a.ndjson", ndjson([{**GOOD, "x": "left"}, {**GOOD, "x": 1.5}]), 0, {"wrong_type": 2}),
    ("number too large", "a.ndjson", ndjson([{**GOOD, "x": 2**40}, {**GOOD, "sequence": 2**70}]), 0, {"wrong_type": 2}),
    ("time without a zone", "a.ndjson", ndjson([{**GOOD, "occurred_at": "2026-01-05T10:00:00"}]), 0, {"wrong_type": 1}),
    ("no such day", "a.ndjson", ndjson([{**GOOD, "occurred_at": "2026-02-30T10:00:00Z"}]), 0, {"wrong_type": 1}),
    ("no time", "a.ndjson", ndjson([{"event_id": "e", "kind": "click"}]), 0, {"missing_occurred_at": 1}),
    ("no id", "a.ndjson", ndjson([{**GOOD, "event_id": None}, {**GOOD, "event_id": ""}]), 0, {"missing_event_id": 2}),
    ("no kind", "a.ndjson", ndjson([{**GOOD, "kind": None}]), 0, {"missing_kind": 1}),
    ("unknown kind", "a.ndjson", ndjson([{**GOOD, "kind": "klick"}]), 0, {"unknown_kind": 1}),
    ("before the start", "a.ndjson", ndjson([record("e", "2025-12-31T22:59:59")]), 0, {"before_start": 1}),
    ("first instant of the start day", "a.ndjson", ndjson([record("e", "2025-12-31T23:00:00")]), 1, {}),
    ("year 1", "a.ndjson", ndjson([{**GOOD, "occurred_at": "0001-01-01T00:00:00+14:00"}]), 0, {"before_start": 1}),
    ("year 9999", "a.ndjson", ndjson([{**GOOD, "occurred_at": "9999-12-31T23:59:59-14:00"}]), 0, {"absurd_time": 1}),
    (
        "from the future",
        "a.ndjson",
        ndjson([record("e", "2026-01-06T10:00:01", received_at="2026-01-05T10:00:00Z")]),
        0,
        {"from_future": 1},
    ),
    (
        "24 hours ahead is still accepted",
        "a.ndjson",
        ndjson([record("e", "2026-01-06T10:00:00", received_at="2026-01-05T10:00:00Z")]),
        1,
        {},
    ),
    ("absurd revenue", "a.ndjson", ndjson([{**GOOD, "revenue_micros": 2**62}]), 0, {"absurd_revenue": 1}),
    ("endless chain", "a.ndjson", ndjson([{**GOOD, "element_chain": "<a>" * 3000}]), 0, {"element_chain_too_long": 1}),
    ("negative duration", "a.ndjson", ndjson([{**GOOD, "duration_ms": -1}]), 0, {"negative_duration": 1}),
    ("negative size", "a.ndjson", ndjson([{**GOOD, "window_width": -1}]), 0, {"negative_size": 1}),
    ("key twice: the last counts", "a.ndjson", ndjson([GOOD])[:-2] + b', "event_id": "e2"}\n', 1, {}),
    ("gzip", "a.ndjson.gz", gzip.compress(ndjson([GOOD])), 1, {}),
    ("two gzip members", "a.json.gz", gzip.compress(ndjson([GOOD])) + gzip.compress(ndjson([GOOD])), 2, {}),
    ("no gzip at all", "a.ndjson.gz", ndjson([GOOD]), 1, {}),
    ("zstd", "a.jsonl.zst", zst(ndjson([GOOD])), 1, {}),
    ("csv", "a.csv", b"event_id,occurred_at,kind,x,is_fixed\ne1,2026-01-05T10:00:00Z,click,12,true\n", 1, {}),
    (
        "csv, wrong type",
        "a.csv",
        b"event_id,occurred_at,kind,x\ne1,2026-01-05T10:00:00Z,click,left\n",
        0,
        {"wrong_type": 1},
    ),
    ("csv, cells missing", "a.csv", b"event_id,occurred_at,kind\ne1,2026-01-05T10:00:00Z\n", 0, {"csv_cells": 1}),
    (
        "csv, broken UTF-8",
        "a.csv",
        b"event_id,occurred_at,kind\n\xff,2026-01-05T10:00:00Z,click\n",
        0,
        {"invalid_utf8": 1},
    ),
    ("csv, header only", "a.csv", b"event_id,occurred_at,kind\n", 0, {}),
]


@pytest.mark.parametrize(("what", "name", "data", "good", "bad"), RECORDS, ids=[case[0] for case in RECORDS])
def test_records(lake: Lake, what: str, name: str, data: bytes, good: int, bad: dict[str, int]) -> None:
    manifest = take_one(lake, f"web/{name}", data)
    assert manifest.accepted == good, what
    assert manifest.rejected == bad
    assert manifest.file_rule is None
    assert accepted(lake).height == good
    assert sorted(rejected(lake)["rule"]) == sorted(rule for rule, number in bad.items() for _ in range(number))


FILES: list[tuple[str, str, bytes, str]] = [
    ("truncated gzip", "a.ndjson.gz", gzip.compress(ndjson([GOOD] * 500))[:-20], "file_truncated"),
    ("truncated zstd", "a.ndjson.zst", zst(ndjson([GOOD] * 500))[:-10], "file_truncated"),
    ("truncated parquet", "a.parquet", b"PAR1 and no more", "file_truncated"),
    ("empty parquet", "a.parquet", b"", "file_truncated"),
    ("csv, quote never closed", "a.csv", b'event_id,kind\n"e1,click\ne2,click\n', "unclosed_quote"),
    ("csv, header in UTF-16 without a mark", "a.csv", "event_id,kind\n".encode("utf-16-le"), "invalid_utf8"),
    ("csv, column twice", "a.csv", b"event_id,kind,kind\n1,click,click\n", "repeated_column"),
    ("unknown ending", "a.xlsx", b"?", "unknown_format"),
]


@pytest.mark.parametrize(("what", "name", "data", "rule"), FILES, ids=[case[0] for case in FILES])
def test_files_rejected_whole(lake: Lake, what: str, name: str, data: bytes, rule: str) -> None:
    manifest = take_one(lake, f"web/{name}", data)
    assert (manifest.file_rule, manifest.accepted, manifest.days) == (rule, 0, {}), what
    (row,) = rejected(lake).iter_rows(named=True)
    assert (row["rule"], row["record_number"]) == (rule, 0)


ODD_COLUMNS = {
    "time out of range": pa.array([2**45], pa.timestamp("s")),
    "unknown zone": pa.array([0], pa.timestamp("us", "Nowhere/Land")),
    "time ahead of all years": pa.array([2**55], pa.timestamp("ms")),
    "duration": pa.array([5], pa.duration("us")),
    "decimal": pa.array([1], pa.decimal128(20, 2)),
    "nested": pa.array([{"a": [1, None]}]),
    "nothing but nulls": pa.nulls(1),
    "dictionary": pa.array(["x"]).dictionary_encode(),
    "bytes": pa.array([b"\xff"]),
}


@pytest.mark.parametrize("what", ODD_COLUMNS)
def test_parquet_columns_of_any_type_stop_nothing(lake: Lake, what: str) -> None:
    path = lake.path("landing/web/a.parquet")
    path.parent.mkdir(parents=True)
    known = {"event_id": ["e1"], "occurred_at": ["2026-01-05T10:00:00Z"], "kind": ["click"]}
    pq.write_table(pa.table({**known, "odd": ODD_COLUMNS[what]}), path)
    drop(lake.home, "web/b.ndjson", ndjson([record("good", "2026-01-05T10:00")]))
    manifests = take_all(lake, product())
    assert len(manifests) == 2
    assert all(manifest.balances for manifest in manifests)
    assert "good" in accepted(lake)["event_id"].to_list()


def test_unknown_source_names_the_remedy(lake: Lake) -> None:
    manifest = take_one(lake, "elsewhere/a.ndjson", ndjson([GOOD]))
    assert manifest.file_rule == "unknown_source"
    assert manifest.file_reason is not None
    assert "product.yaml" in manifest.file_reason


def test_formats_give_the_same_event(tmp_path: Path) -> None:
    rich = {**GOOD, "x": 3, "is_fixed": True, "revenue_micros": 5, "properties": {"b": 1, "a": "ä"}}
    frames = []
    for name in ("a.ndjson", "a.csv", "a.parquet"):
        lake = Lake(tmp_path / name)
        flat = {**rich, "properties": json.dumps(rich["properties"])}
        if name.endswith("parquet"):
            drop(lake.home, f"web/{name}", b"")
            row = {**flat, "occurred_at": at(rich["occurred_at"]).replace(tzinfo=None)}
            pl.DataFrame([row]).write_parquet(lake.path(f"landing/web/{name}"))
        elif name.endswith("csv"):
            drop(lake.home, f"web/{name}", pl.DataFrame([flat]).write_csv().encode())
        else:
            drop(lake.home, f"web/{name}", ndjson([rich]))
        assert [m.accepted for m in take_all(lake, product())] == [1], name
        frames.append(accepted(lake))
    assert frames[0].equals(frames[1])
    assert frames[0].equals(frames[2])
    assert frames[0]["properties"].to_list() == ['{"a":"ä","b":1}']


def test_unknown_fields_are_kept_and_ip_addresses_are_not(lake: Lake) -> None:
    take_one(
        lake,
        "web/a.ndjson",
        ndjson([{**GOOD, "colour": "red", "ip": "10.0.0.1", "properties": {"$ip": "::1", "in": [{"ip": 1}]}}]),
    )
    assert accepted(lake)["properties"].to_list() == ['{"colour":"red","in":[{}]}']


def test_promoted_properties_are_typed_and_misfits_stay(lake: Lake) -> None:
    fits = {**GOOD, "properties": {"plan": "plus", "items": 2, "vip": True}}
    misfits = {**GOOD, "event_id": "e2", "properties": {"plan": 7, "items": True, "vip": "yes", "other": 1}}
    take_one(lake, "web/a.ndjson", ndjson([fits, misfits]))
    rows = accepted(lake).select("prop_plan", "prop_items", "prop_vip", "properties").rows()
    assert rows[0] == ("plus", 2, True, None)
    assert rows[1] == (None, None, None, '{"items":true,"other":1,"plan":7,"vip":"yes"}')


def test_promoted_numbers_and_flags_are_read_from_text_too(lake: Lake) -> None:
    text = b"event_id,occurred_at,kind,anonymous_id,items,vip,plan\n"
    text += b"a,2026-01-05T10:00:00Z,page_view,d,12,TRUE,7\nb,2026-01-05T10:00:00Z,page_view,d,007,yes,\n"
    take_one(lake, "web/a.csv", text)
    rows = accepted(lake).sort("event_id").select("prop_plan", "prop_items", "prop_vip", "properties").rows()
    assert rows == [("7", 12, True, None), (None, None, None, '{"items":"007","vip":"yes"}')]


@pytest.mark.parametrize("name", ["a.ndjson", "a.csv", "a.parquet"])
def test_a_column_to_be_ignored_is_kept_in_the_properties(name: str, tmp_path: Path) -> None:
    rows = [record("a", "2026-01-05T10:00", user_id="u"), record("b", "2026-01-05T10:01", user_id="u", url="/x")]
    frame = pl.DataFrame(rows)
    drop(tmp_path, f"web/{name}", {"a.ndjson": ndjson(rows), "a.csv": frame.write_csv().encode()}.get(name, b""))
    if name == "a.parquet":
        frame.with_columns(pl.col("occurred_at").str.to_datetime(time_zone="UTC")).write_parquet(
            tmp_path / "landing/web" / name
        )
    lake = Lake(tmp_path)
    (manifest,) = take_all(lake, product(sources={"web": {"ignore_columns": ["user_id"]}}))
    result = accepted(lake).select("user_id", "properties").rows()
    assert result == [(None, '{"user_id":"u"}')] * 2
    # Each field is counted once, by one name whatever the file's form.
    assert manifest.fields == {
        "event_id": {"String": 2},
        "kind": {"String": 2},
        "occurred_at": {"Datetime(time_unit='us', time_zone='UTC')": 2},
        "properties.user_id": {"str": 2},
        "url": {"String": 1},
    }


def test_clock_is_corrected_by_one_offset_of_the_batch(lake: Lake) -> None:
    wrong = record("e1", "2026-01-05T08:00", sent_at="2026-01-05T08:01:00Z", received_at="2026-01-05T10:01:00Z")
    right = record("e2", "2026-01-05T09:00", sent_at="2026-01-05T09:00:00Z", received_at="2026-01-05T09:01:00Z")
    take_one(lake, "web/a.ndjson", ndjson([wrong, right]))
    rows = accepted(lake).sort("event_id").select("occurred_at", "occurred_at_raw").rows()
    assert rows[0] == (at("2026-01-05T10:00"), at("2026-01-05T08:00"))
    assert rows[1] == (at("2026-01-05T09:00"), at("2026-01-05T09:00"))


def test_rows_lie_in_their_local_day(lake: Lake) -> None:
    late, early = record("a", "2026-03-28T23:30"), record("b", "2026-03-28T22:30")
    manifest = take_one(lake, "web/a.ndjson", ndjson([late, early]))
    assert {day: parts[0].rows for day, parts in manifest.days.items()} == {"2026-03-28": 1, "2026-03-29": 1}


def test_personal_data_is_gone_from_accepted_and_rejected(lake: Lake) -> None:
    secret = {
        **GOOD,
        "url": "https://bob:pw@shop.example/?token=abc123&q=ann.lee@mail.example",
        "text": "my card is 4111 1111 1111 1111",
        "ip": "10.1.2.3",
        "properties": {"mail": "x@y.example", "at": 1767607200000, "plan": "p@q.example", "q": 'token=abc123"x'},
    }
    take_one(lake, "web/a.ndjson", ndjson([secret, {**secret, "kind": "nope"}]))
    texts = [*accepted(lake).select("url", "text", "properties", "prop_plan").row(0), rejected(lake)["raw_text"][0]]
    for text in texts:
        assert not any(word in text for word in ("abc123", "ann.lee", "4111", "bob:pw", "x@y", "p@q", "10.1.2"))
    assert json.loads(accepted(lake)["properties"][0]) == {
        "mail": "[email]",
        "at": 1767607200000,
        "q": 'token=[secret]"x',
    }


def test_same_content_under_two_names_counts_once(lake: Lake) -> None:
    for name in ("web/a.ndjson", "web/b.ndjson"):
        drop(lake.home, name, ndjson([record("x", "2026-01-05T10:00")]))
    assert len(take_all(lake, product())) == 2
    (parts,) = objects_by_day(read_manifests(lake).values()).values()
    assert len(parts) == 1


def test_file_replaced_by_another_of_the_same_name(lake: Lake) -> None:
    take_one(lake, "web/a.ndjson", ndjson([record("x", "2026-01-05T10:00")]))
    path = drop(lake.home, "web/a.ndjson", ndjson([record("y", "2026-01-07T10:00")]))
    os.utime(path, ns=(1, 1))
    (manifest,) = take_all(lake, product())
    assert list(manifest.days) == ["2026-01-07"]
    assert accepted(lake)["event_id"].to_list() == ["y"]


def test_touched_file_with_the_same_content_is_not_read_again(lake: Lake) -> None:
    first = take_one(lake, "web/a.ndjson", ndjson([GOOD]))
    os.utime(lake.path("landing/web/a.ndjson"), ns=(5, 5))
    (again,) = take_all(lake, product())
    assert (again.days, again.sha256) == (first.days, first.sha256)
    assert not take_all(lake, product())


def test_vanished_file_keeps_its_events(lake: Lake) -> None:
    take_one(lake, "web/a.ndjson", ndjson([GOOD]))
    lake.path("landing/web/a.ndjson").unlink()
    assert not take_all(lake, product())
    assert accepted(lake).height == 1


def test_file_that_vanishes_while_it_is_taken_leaves_nothing(lake: Lake) -> None:
    path = drop(lake.home, "web/a.ndjson", ndjson([GOOD]))
    files = find(lake)
    path.unlink()
    assert not list(ingest(lake, product(), files))
    assert not read_manifests(lake)


def test_file_written_to_while_it_is_taken_waits(lake: Lake) -> None:
    path = drop(lake.home, "web/a.ndjson", ndjson([GOOD]))
    files = find(lake)
    path.write_bytes(ndjson([GOOD, GOOD]))
    assert not list(ingest(lake, product(), files))
    assert not read_manifests(lake)


def test_growing_file_is_taken_once_it_rests(lake: Lake) -> None:
    path = lake.path("landing/web/a.ndjson")
    path.parent.mkdir(parents=True)
    path.write_bytes(ndjson([GOOD]))
    before = {f.file_id: f.fingerprint for f in find(lake)}
    path.write_bytes(ndjson([GOOD, GOOD]))
    assert not settled_pending(lake, product(), before)
    assert not settled(find(lake), {})
    now = {f.file_id: f.fingerprint for f in find(lake)}
    assert [f.name for f in settled_pending(lake, product(), now)] == ["web/a.ndjson"]


def test_folder_named_like_a_file_and_dangling_link(lake: Lake) -> None:
    lake.path("landing/web/folder.ndjson").mkdir(parents=True)
    lake.path("landing/web/link.ndjson").symlink_to("nowhere")
    drop(lake.home, "web/folder.ndjson/real.ndjson", ndjson([GOOD]))
    assert [m.name for m in take_all(lake, product())] == ["web/folder.ndjson/real.ndjson"]


def test_hostile_names(lake: Lake) -> None:
    name = 'it\'s "quoted"\nand ../two lines; drop table.ndjson'
    manifest = take_one(lake, f"web/{name.replace('/', '_')}", ndjson([GOOD]))
    assert "\n" not in manifest.name
    raw = os.fsencode(lake.path("landing/web")) + b"/\xff\xfe.ndjson"
    Path(os.fsdecode(raw)).write_bytes(ndjson([record("z", "2026-01-06T10:00")]))
    taken = take_all(lake, product())
    assert [m.accepted for m in taken] == [1]
    assert accepted(lake).height == 2


def test_temporary_and_hidden_files_are_left_alone(lake: Lake) -> None:
    for name in (
        "web/.hidden.ndjson",
        "web/a.ndjson.tmp",
        "web/a.ndjson.part",
        "web/_temporary/b.ndjson",
        "loose.ndjson",
    ):
        drop(lake.home, name, ndjson([GOOD]))
    assert not take_all(lake, product())


def test_retract_and_put_back(lake: Lake) -> None:
    take_one(lake, "web/a.ndjson", ndjson([GOOD]))
    assert retract(lake, "landing/web/a.ndjson").retracted
    assert accepted(lake).height == 0
    assert not take_all(lake, product()), "the same content doesn't come back by itself"
    os.utime(lake.path("landing/web/a.ndjson"), ns=(7, 7))
    take_all(lake, product())
    assert accepted(lake).height == 0, "nor when the file is only touched"
    drop(lake.home, "web/a.ndjson", ndjson([GOOD, record("e2", "2026-01-05T11:00")]))
    take_all(lake, product())
    assert accepted(lake).height == 2
    with pytest.raises(KeyError):
        retract(lake, "web/unknown.ndjson")


def test_a_changed_product_part_reads_files_again(lake: Lake) -> None:
    take_one(lake, "web/a.ndjson", ndjson([{**GOOD, "properties": {"size": "L"}}]))
    changed = product(properties={"size": "string"})
    files = find(lake)
    assert [f.name for f in pending(files, read_manifests(lake), changed)] == ["web/a.ndjson"]
    take_all(lake, changed)
    assert accepted(lake)["prop_size"].to_list() == ["L"]


def test_source_without_ids_keeps_equal_rows(lake: Lake) -> None:
    row = {"event_id": "0", "occurred_at": "2026-01-05T10:00:00Z", "kind": "order", "user_id": "u", "revenue_micros": 1}
    manifest = take_one(lake, "noid/a.ndjson", ndjson([row, row, row]))
    assert manifest.accepted == 3
    assert accepted(lake)["event_id"].null_count() == 3, "what it sends as ids is no id"


def test_large_file_is_written_in_parts(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.ingest.taking.OBJECT_ROWS", 100)
    monkeypatch.setattr("pipeline.ingest.taking.BATCH_RECORDS", 40)
    manifest = take_one(lake, "web/a.ndjson", ndjson(record(f"e{i}", "2026-01-05T10:00") for i in range(1000)))
    assert len(manifest.days["2026-01-05"]) == 9
    assert accepted(lake)["event_id"].n_unique() == 1000


def test_files_taken_by_several_processes_give_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def landed(home: str) -> tuple[dict[str, bytes], list[str]]:
        own = Lake(tmp_path / home)
        for i in range(5):
            rows = [record(f"e{i}-{j}", f"2026-01-0{1 + j % 4}T10:00") for j in range(40)]
            drop(own.home, f"web/2026-01-05/{i}.ndjson", ndjson(rows) + b"{broken\n" * i)
        drop(own.home, "web/2026-01-05/again.ndjson", ndjson([GOOD]))
        drop(own.home, "web/2026-01-05/and_again.ndjson", ndjson([GOOD]))
        drop(own.home, "web/2026-01-05/torn.ndjson.gz", gzip.compress(ndjson([GOOD] * 99), mtime=0)[:-9])
        (own.home / "landing/web/2026-01-05/vanished.ndjson").symlink_to(tmp_path / "gone")
        taken = [m.name for m in take_all(own, product())]
        return {key: (own.read(key) or b"") for key in own.keys("lake") if key.endswith(".parquet")}, taken

    alone = landed("alone")
    monkeypatch.setattr("pipeline.ingest.workers.WORTH_PROCESSES", 0)
    assert landed("several") == alone
    assert len(alone[1]) == 8, "in the order of their names"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
fields = st.sampled_from(
    ["event_id", "occurred_at", "kind", "x", "url", "properties", "is_fixed", "sequence", "other", "ip"]
)


@settings(max_examples=150, deadline=None)
@given(
    lines=st.lists(
        st.one_of(
            st.dictionaries(fields, json_values, max_size=6).map(lambda d: json.dumps(d).encode()),
            st.binary(max_size=60).map(lambda b: b.replace(b"\n", b" ").replace(b"\r", b" ")),
            st.builds(lambda d: json.dumps({**GOOD, **d}).encode(), st.dictionaries(fields, json_values, max_size=2)),
        ),
        max_size=12,
    )
)
def test_any_lines_are_accounted_for(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]) -> None:
    lake = Lake(tmp_path_factory.mktemp("home"))
    # A first line that is JSON: other first bytes may say that the file is of another kind.
    content = b"\n".join([b"{}", *lines]) + b"\n"
    manifest = take_one(lake, "web/a.ndjson", content)
    expected = [line for line in content.split(b"\n") if line and not line.isspace()]
    assert manifest.records_read == len(expected)
    assert accepted(lake).height + rejected(lake).height == manifest.records_read


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), cuts=st.integers(1, 5))
def test_split_and_order_of_files_change_no_row(tmp_path_factory: pytest.TempPathFactory, seed: int, cuts: int) -> None:
    rng = random.Random(seed)
    rows = [record(f"e{i}", f"2026-01-0{rng.randint(1, 4)}T10:00", x=i) for i in range(20)]
    whole, parts = Lake(tmp_path_factory.mktemp("whole")), Lake(tmp_path_factory.mktemp("parts"))
    drop(whole.home, "web/a.ndjson", ndjson(rows))
    rng.shuffle(rows)
    size = -(-len(rows) // cuts)
    for i in range(cuts):
        drop(parts.home, f"web/{rng.random()}.ndjson", ndjson(rows[i * size : (i + 1) * size]))
    take_all(whole, product())
    take_all(parts, product())
    compared = [accepted(lake).drop("record_number").sort("event_id") for lake in (whole, parts)]
    assert compared[0].equals(compared[1])
