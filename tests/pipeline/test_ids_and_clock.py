"""Ids that are none, ids as numbers, clocks that can't be true, events of a day that hasn't come."""

from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest
from support import approve, at, compute_all, drop, ndjson, product, record, take_all

from pipeline.build.compute import build_days, build_period
from pipeline.build.configured import day_tables
from pipeline.build.marts import Publication, build_mart
from pipeline.core.canonical import ID_COLUMNS, RAW_EVENTS
from pipeline.core.lake import Lake
from pipeline.core.product import Product
from pipeline.core.states import scan_days
from pipeline.domains.data_quality.quality import far_future, placeholder_ids
from pipeline.events.profile import CheckResult
from pipeline.ingest.manifests import Manifest, objects_by_day, read_manifests


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def raw(lake: Lake) -> pl.DataFrame:
    keys = [key for parts in objects_by_day(read_manifests(lake).values()).values() for key in parts]
    return lake.scan(RAW_EVENTS, keys).collect()


def ids_of(lake: Lake, values: list[object], column: str = "user_id", chosen: Product | None = None) -> list[Any]:
    rows = [record(f"e{i}", f"2026-02-01T10:{i:02}", **{column: value}) for i, value in enumerate(values)]
    drop(lake.home, "web/a.ndjson", ndjson(rows))
    take_all(lake, chosen or product())
    return raw(lake).sort("occurred_at")[column].to_list()


NO_IDS = [
    *("undefined", "NULL", " None ", "nan", "NaN", "nil", "(not set)", "Not Set", "unknown", "Anonymous", "GUEST", "0"),
    *(
        "-1",
        "true",
        "False",
        "[object Object]",
        "00000000-0000-0000-0000-000000000000",
        "0000",
        "0.0",
        0,
        0.0,
        -1,
        True,
    ),
]
IDS = ["u1", "10", "undefined1", "a0", "-", "--", "x none", "00000000-0000-0000-0000-000000000001", "4711.5", "007.0"]


def test_placeholders_are_no_ids(lake: Lake) -> None:
    assert ids_of(lake, [*NO_IDS, *IDS, "", "  "]) == [*[None] * len(NO_IDS), *IDS, None, None]
    (manifest,) = read_manifests(lake).values()
    assert manifest.placeholder_ids == {"user_id": len(NO_IDS)}
    assert placeholder_ids([manifest, manifest]) == [("web", "user_id", len(NO_IDS))]


@pytest.mark.parametrize("column", [name for name in ID_COLUMNS if name != "event_id"])
def test_placeholders_in_every_id_column(lake: Lake, column: str) -> None:
    assert ids_of(lake, ["undefined", "x", "n/a"], column) == [None, "x", "n/a"]


def test_the_product_file_adds_and_allows(lake: Lake) -> None:
    chosen = product(identity={"placeholders": ["N/A"], "allowed": ["Guest"]})
    assert ids_of(lake, ["n/a", "guest", "none"], chosen=chosen) == [None, "guest", None]


def test_a_counter_begins_at_zero_but_no_event_is_called_undefined(lake: Lake) -> None:
    rows = [record(name, "2026-02-01T10:00", tab_id="0") for name in ("0", "undefined", "Null")]
    drop(lake.home, "web/a.ndjson", ndjson(rows))
    (manifest,) = take_all(lake, product())
    assert raw(lake).select("event_id", "tab_id").rows() == [("0", "0")]
    assert manifest.rejected == {"missing_event_id": 2}
    assert manifest.placeholder_ids == {"event_id": 2}


def test_whole_floats_and_numbers_are_integers_text(lake: Lake) -> None:
    drop(lake.home, "web/a.csv", b"event_id,occurred_at,kind,user_id\ne1,2026-02-01T10:00:00Z,click,4711.0\n")
    drop(
        lake.home,
        "web/b.ndjson",
        ndjson(
            [
                record("e2", "2026-02-01T10:01", user_id=4711),
                record("e3", "2026-02-01T10:02", user_id=4711.0),
                record("e4", "2026-02-01T10:03", user_id="4711.00"),
                record("e5", "2026-02-01T10:04", user_id="GA1.1.2.0"),
                record("e6", "2026-02-01T10:05", user_id=2**63 + 1),
            ]
        ),
    )
    take_all(lake, product())
    made = raw(lake).sort("occurred_at")["user_id"].to_list()
    assert made == ["4711", "4711", "4711", "4711", "GA1.1.2.0", "9223372036854775809"]


def test_an_event_named_by_a_float_is_the_same_event(lake: Lake) -> None:
    columns = {"occurred_at": "at", "kind": {"constant": "order"}, "user_id": "who"}
    mapped = {"format": "mapping", "event_id": ["nr"], "mapping": {"columns": columns}}
    chosen = product(sources={"web": mapped, "own": {"event_id": ["nr"]}})
    for name, nr in (("a", "4711"), ("b", "4711.0")):
        drop(lake.home, f"web/{name}.csv", f"nr,at,who\n{nr},2026-02-01T10:00:00Z,u\n".encode())
        row = f"nr,occurred_at,kind,user_id\n{nr},2026-02-01T10:00:00Z,click,u\n"
        drop(lake.home, f"own/{name}.csv", row.encode())
    take_all(lake, chosen)
    assert raw(lake).group_by("source").agg(pl.col("event_id").n_unique()).sort("source").rows() == [
        ("own", 1),
        ("web", 1),
    ]


SEGMENT = [
    {
        "messageId": f"{kind[0]}{i}",
        "type": kind,
        "timestamp": f"2026-03-10T1{i}:0{n}:00Z",
        "anonymousId": f"d{i}",
        **who,
    }
    for i, user in enumerate(["undefined", "undefined", "null", "null", "[object Object]", "0", 0, "", "0000-0000"])
    for n, (kind, who) in enumerate(
        [("page", {}), ("identify", {"userId": user}), ("track", {"userId": user, "event": "x"})]
    )
]
POSTHOG: list[dict[str, Any]] = [
    {"uuid": "x1", "event": "$identify", "distinct_id": "real1", "properties": {"$anon_distinct_id": "undefined"}},
    {"uuid": "x2", "event": "$identify", "distinct_id": "real2", "properties": {"$anon_distinct_id": "undefined"}},
    {"uuid": "x3", "event": "$create_alias", "distinct_id": "real1", "properties": {"alias": "null"}},
    {"uuid": "x4", "event": "$create_alias", "distinct_id": "real2", "properties": {"alias": "null"}},
    {"uuid": "y1", "event": "$pageview", "distinct_id": "undefined", "properties": {"$device_id": "p1"}},
    {"uuid": "y2", "event": "$pageview", "distinct_id": "undefined", "properties": {"$device_id": "p2"}},
]


def test_nobody_is_merged_over_a_placeholder(lake: Lake) -> None:
    chosen = product(sources={"seg": {"format": "segment"}, "ph": {"format": "posthog"}})
    drop(lake.home, "seg/a.ndjson", ndjson(SEGMENT))
    drop(lake.home, "ph/a.jsonl", ndjson({**each, "timestamp": "2026-03-10T11:00:00Z"} for each in POSTHOG))
    take_all(lake, chosen)
    compute_all(lake, chosen, only=["daily_quality"])
    events = scan_days(lake, "events", [date(2026, 3, 10)]).collect()
    people = events.group_by("source").agg(
        pl.col("person_id").n_unique(), pl.col("person_id").null_count().alias("nobody")
    )
    assert people.sort("source").rows() == [("ph", 4, 0), ("seg", 9, 0)]
    quality = pl.read_parquet(lake.path("marts/daily_quality.parquet")).sort("source")
    # Each identify and each track of eight devices; an empty id is no placeholder.
    assert quality["events_placeholder_ids"].to_list() == [6, 16]


def clock(occurred: str, sent: str | None, received: str | None) -> dict[str, Any]:
    reported = {"sent_at": sent and at(sent).isoformat(), "received_at": received and at(received).isoformat()}
    return record(f"{occurred}{sent}", occurred, **{name: value for name, value in reported.items() if value})


# occurred, sent, received, corrected to (None: it stays), doubtful
CLOCKS = [
    ("2026-03-10T11:36:12", "2026-02-24T00:08:54", "2026-03-10T11:36:14", None, 1),
    ("2026-03-10T20:00:00", "2026-03-10T10:00:00", "2026-03-10T20:00:01", None, 1),
    ("2026-03-10T20:00:00", "9999-03-10T10:00:00", "2026-03-10T20:00:01", None, 1),
    ("2026-03-10T20:00:00", "2026-03-10T19:59:00", "2026-03-10T22:00:00", "2026-03-10T22:01:00", 0),
    ("2026-03-10T20:00:00", "2026-03-10T19:58:59", "2026-03-10T22:00:00", None, 1),
    ("2026-03-10T20:00:00", "2026-06-08T20:00:00", "2026-06-08T22:00:00", "2026-03-10T22:00:00", 0),
    ("2026-03-10T20:00:00", "2026-06-08T20:00:01", "2026-06-08T22:00:00", None, 1),
    ("2026-03-10T09:00:00", "2026-03-10T12:00:00", "2026-03-10T12:01:00", None, 0),
    ("2026-03-10T09:00:00", "2026-03-10T09:00:00", None, None, 0),
    ("2026-03-10T09:00:00", None, "2026-03-10T12:01:00", None, 0),
]


def test_a_clock_is_corrected_only_by_what_can_be_true(lake: Lake) -> None:
    for occurred, sent, received, _, doubtful in CLOCKS:
        drop(
            lake.home,
            f"web/{doubtful}/{occurred}{sent}.ndjson".replace(":", "-"),
            ndjson([clock(occurred, sent, received)]),
        )
    take_all(lake, product())
    result = dict(raw(lake).select("event_id", "occurred_at").rows())
    assert result == {f"{o}{s}": at(c or o) for o, s, _, c, _ in CLOCKS}
    compute_all(lake, product(), only=["daily_quality"])
    quality = pl.read_parquet(lake.path("marts/daily_quality.parquet"))
    assert quality.select("events_clock_doubtful", "events_clock_corrected").sum().row(0) == (5, 2)


def test_events_of_the_far_future_are_counted_where_the_present_ends(lake: Lake) -> None:
    days = ["2026-03-10", "2026-03-11", "2026-03-12", "2026-03-13", "2026-03-14", "2099-06-01"]
    drop(lake.home, "web/a.ndjson", ndjson(record(f"e{day}", f"{day}T10:00") for day in days))
    drop(lake.home, "web/b.ndjson", ndjson([record("n", "2026-03-10T10:00", anonymous_id="n")]))
    manifests = [*take_all(lake, product()), *read_manifests(lake).values()]
    assert far_future(manifests, date(2026, 3, 13)) == [("web", date(2099, 6, 1), 1)]
    assert far_future(manifests, date(2026, 3, 12)) == [("web", date(2026, 3, 14), 1), ("web", date(2099, 6, 1), 1)]
    over = [date(2026, 3, 10), date(2026, 3, 11), date(2026, 3, 12)]
    for table in day_tables(product()):
        list(build_days(lake, product(), table.contract.name, over, approve))
    context = Publication(lake, product())
    for name in ("rejected_counts", "future_counts"):
        build_period(lake, product(), name, approve, context)
    build_mart(lake, product(), "daily_quality", lambda *_: CheckResult(), context)
    made = pl.read_parquet(lake.path("marts/daily_quality.parquet")).sort("day")
    assert made.select("day", "events", "events_from_far_future").rows() == [
        (over[0], 2, 0),
        (over[1], 1, 0),
        (over[2], 1, 1),
    ]


def test_a_manifest_of_before_tells_no_placeholders() -> None:
    reported = b'{"file_id":"f","name":"n","source":"web","arrived":"2026-01-01","size":1,"mtime_ns":1,"sha256":"s","reader":"r"}'
    assert msgspec.json.decode(reported, type=Manifest).placeholder_ids == {}
