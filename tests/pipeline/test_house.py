"""The house itself: contracts, dictionary, import rules, days, lake and state."""

import ast
import re
import subprocess
import sys
import threading
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import product

from pipeline.build.tables import DAY_TABLE, DAY_TABLES
from pipeline.core.contract import Column, Table
from pipeline.core.days import day_start, days_between, ranges
from pipeline.core.keys import day_key
from pipeline.core.lake import Lake
from pipeline.core.registry import TABLES
from pipeline.core.sealed import write_sealed
from pipeline.core.state import DayFailure, DayState, Snapshot, dirty_days, input_hash
from pipeline.core.states import read_state, read_states, write_failure, write_state
from pipeline.ingest.home import FORMAT, HOME_KEY, KEY_HASH, Fixed, HomeMismatch, claim, read_fixed
from pipeline.publish.dictionary import markdown

ROOT = Path(__file__).parents[2]


def test_dictionary_is_the_committed_one() -> None:
    assert (ROOT / "docs" / "marts.md").read_text() == markdown(), "run `make docs`"


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_contract_is_whole(table: Table) -> None:
    names = table.schema.names()
    assert len(set(names)) == len(names)
    assert {*table.key, *table.order} <= set(names)
    assert {name for pair in table.at_most for name in pair} <= set(names)
    assert table.grain.startswith("One row per ")
    assert table.grain.endswith(".")
    for column in table.columns:
        assert column.sql_type
        assert column.description
        if column.name.startswith("people_"):
            assert column.adds_over in {(), ("day",)}, "people add over nothing; only first-time ones over days"
        if column.dtype == pl.Float64():
            assert not column.adds_over, "a ratio or median never adds"


def test_pipeline_loads_without_dagster_and_great_expectations() -> None:
    modules = [
        str(path.relative_to(ROOT).with_suffix("")).replace("/", ".").removesuffix(".__init__")
        for path in (ROOT / "pipeline").rglob("*.py")
    ]
    code = (
        f"import importlib, sys\nfor name in {modules!r}: importlib.import_module(name)\n"
        "print(sorted({'dagster', 'great_expectations', 'assets'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("room", ["pipeline", "sql"])
def test_tests_of_the_pure_rooms_never_import_dagster(room: str) -> None:
    for path in (ROOT / "tests" / room).glob("*.py"):
        imported = {
            name.split(".")[0]
            for node in ast.walk(ast.parse(path.read_text()))
            for name in (
                [alias.name for alias in node.names] if isinstance(node, ast.Import)
                else [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            )
        }  # fmt: skip
        assert not imported & {"dagster", "assets"}, path


def test_days_of_23_and_25_hours() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    lengths = {
        day: day_start(day + timedelta(days=1), berlin) - day_start(day, berlin)
        for day in (date(2026, 3, 29), date(2026, 10, 25), date(2026, 6, 1))
    }
    assert [length.total_seconds() / 3600 for length in lengths.values()] == [23, 25, 24]


@pytest.mark.parametrize(
    "zone", ["Europe/Berlin", "America/Los_Angeles", "Africa/Cairo", "Asia/Beirut", "Australia/Lord_Howe"]
)
def test_day_start_is_the_first_instant_that_polars_books_on_the_day(zone: str) -> None:
    for day in days_between(date(2026, 1, 1), date(2026, 12, 31)):
        begin = day_start(day, ZoneInfo(zone))
        both = pl.Series([begin - timedelta(microseconds=1), begin]).dt.convert_time_zone(zone).dt.date()
        assert both.to_list() == [day - timedelta(days=1), day]


@given(st.sets(st.dates(date(2026, 1, 1), date(2026, 3, 1)), max_size=20))
def test_ranges_hold_just_the_days(days: set[date]) -> None:
    result = list(ranges(days))
    assert [day for first, last in result for day in days_between(first, last)] == sorted(days)
    assert all(b[0] - a[1] > timedelta(days=1) for a, b in pairwise(result))


def test_lake_replaces_whole_objects_and_lists_no_half_ones(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.write("lake/x.json", b"one")
    lake.write("lake/x.json", b"two")
    assert lake.read("lake/x.json") == b"two"
    staged = lake.stage("lake/t/day=2026-01-01/part.parquet", pl.DataFrame({"a": [1]}))
    assert list(lake.keys("lake")) == ["lake/x.json"]
    lake.publish(staged)
    assert list(lake.keys("lake")) == ["lake/t/day=2026-01-01/part.parquet", "lake/x.json"]
    lake.discard(lake.stage("lake/y.parquet", pl.DataFrame({"a": [1]})))
    assert not list(tmp_path.rglob("*.tmp"))
    lake.stage("lake/z.parquet", pl.DataFrame({"a": [1]}))
    assert lake.sweep(older_than=0) == 0
    assert lake.sweep(older_than=1e12) == 1


def test_equal_frames_give_equal_bytes(tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": range(300_000), "b": [str(i % 7) for i in range(300_000)]})
    hashes = {Lake(tmp_path).write_frame(f"lake/{i}.parquet", frame.clone().rechunk()) for i in range(3)}
    chunked = pl.concat([frame[:1000], frame[1000:]], rechunk=False)
    assert hashes == {Lake(tmp_path).write_frame("lake/c.parquet", chunked)}


def test_start_date_and_time_zone_are_fixed_at_first_ingest(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    claim(lake, product())
    claim(lake, product(name="another name"))
    with pytest.raises(HomeMismatch, match=r"time_zone was Europe/Berlin and is now UTC.*footfall rebuild"):
        claim(lake, product(time_zone="UTC"))


# What is dirty.

D = [date(2026, 1, 1) + timedelta(days=i) for i in range(7)]


def published(raw: dict[date, dict[str, int]]) -> Snapshot:
    """A snapshot in which everything is published from `raw`."""
    snapshot = Snapshot(raw=raw, states={table.contract.name: {} for table in DAY_TABLES})
    for table in DAY_TABLES:
        for day in sorted(snapshot.raw):
            state = DayState(input_hash(table, day, product(), snapshot), f"{table.contract.name}{day}", 0)
            snapshot.states[table.contract.name][day] = state
    return snapshot


RAW = {day: {f"k{i}": 1} for i, day in enumerate(D)}


def test_nothing_is_dirty_after_all_is_published() -> None:
    assert not dirty_days(DAY_TABLES, product(), published(RAW)).runnable


def test_a_late_file_makes_its_day_dirty_and_sessions_around_it() -> None:
    snapshot = published(RAW)
    snapshot.raw = {**RAW, D[3]: {"k3": 1, "late": 1}}
    dirty = dirty_days(DAY_TABLES, product(), snapshot)
    assert dirty.days["events"] == {D[3]}
    assert dirty.days["activity"] == {D[3]}
    for name in ("session_events", "sessions", "page_views", "daily_sessions", "daily_zones", "quality_counts"):
        assert dirty.days[name] == set(D[2:5]), name


def test_days_that_are_not_over_wait() -> None:
    dirty = dirty_days(DAY_TABLES, product(), Snapshot(RAW, {}), lambda day: day < D[5])
    assert dirty.runnable == set(D[:5])


def test_days_without_events_need_no_partition_but_days_that_lost_theirs_are_computed_again() -> None:
    sparse = {D[0]: {"a": 1}, D[4]: {"b": 1}}
    assert dirty_days(DAY_TABLES, product(), Snapshot(sparse, {})).runnable == {D[0], D[4]}
    snapshot = published(sparse)
    snapshot.raw = {D[0]: {"a": 1}}
    assert dirty_days(DAY_TABLES, product(), snapshot).days["events"] == {D[4]}


def test_a_changed_product_part_makes_what_uses_it_dirty() -> None:
    changed = product(zones=[])
    dirty = dirty_days(DAY_TABLES, changed, published(RAW))
    using = {
        "selector_matches",
        "daily_zones",
        "zone_people",
        "first_views",
        "feature_days",
        "friction_incidents",
        "session_friction",
        "daily_friction",
        "session_kpis",
        "fact_sessions",
        "recorded_moments",
        # Whether positions of the window tell of exposure.
        "quality_counts",
    }
    assert {name for name, days in dirty.days.items() if days} == using


def test_a_failed_day_waits_until_its_inputs_change() -> None:
    snapshot = published(RAW)
    snapshot.raw = {**RAW, D[3]: {"bad": 1}}
    for name in ("event_ids", "identity_events", "appearances", "quality_counts"):
        hashed = input_hash(DAY_TABLE[name], D[3], product(), snapshot)
        snapshot.states[name][D[3]] = DayState(hashed, snapshot.states[name][D[3]].output_hash, 0)
    events = DAY_TABLE["events"]
    snapshot.failures = {"events": {D[3]: DayFailure(input_hash(events, D[3], product(), snapshot), ["why"])}}
    dirty = dirty_days(DAY_TABLES, product(), snapshot)
    assert dirty.held_back == {D[3]}
    assert D[3] not in dirty.runnable
    snapshot.raw = {**RAW, D[3]: {"mended": 1}}
    assert D[3] in dirty_days(DAY_TABLES, product(), snapshot).runnable


def test_a_held_back_day_makes_no_other_day_wait_for_it() -> None:
    snapshot = published({day: keys for day, keys in RAW.items() if day != D[3]})
    snapshot.raw = RAW
    events = DAY_TABLE["events"]
    snapshot.failures = {"events": {D[3]: DayFailure(input_hash(events, D[3], product(), snapshot), ["why"])}}
    # The steps of the day after read its sessions, which nobody computes now.
    assert dirty_days(DAY_TABLES, product(), snapshot).runnable == set()


def test_a_held_back_day_runs_again_when_what_it_reads_will_change() -> None:
    snapshot = published(RAW)
    sessions = DAY_TABLE["session_events"]
    del snapshot.states["session_events"][D[3]]
    snapshot.failures = {"session_events": {D[3]: DayFailure(input_hash(sessions, D[3], product(), snapshot), ["why"])}}
    assert dirty_days(DAY_TABLES, product(), snapshot).held_back == {D[3]}
    snapshot.raw = {**RAW, D[3]: {"mended": 1}}
    assert D[3] in dirty_days(DAY_TABLES, product(), snapshot).runnable


def test_other_work_has_another_version() -> None:
    snapshot = published(RAW)
    versions = set()
    for zones in ([], [{"name": "z", "page": "home", "selectors": ["a"]}]):
        versions.add(dirty_days(DAY_TABLES, product(zones=zones), snapshot).version(D[0], D[6]))
    assert len(versions) == 2


def test_data_end_is_the_newest_published_day() -> None:
    snapshot = published({D[0]: {"a": 1}, D[2]: {"b": 1}})
    snapshot.raw = {**snapshot.raw, date(2099, 1, 1): {"ahead": 1}}
    assert snapshot.data_days() == D[:3]
    assert Snapshot(RAW, {}).data_days() == []


@settings(max_examples=60, deadline=None)
@given(st.sets(st.sampled_from(D)))
def test_dirt_spreads_by_the_offsets_that_tables_read(changed: set[date]) -> None:
    snapshot = published(RAW)
    snapshot.raw = {day: ({"new": 1} if day in changed else keys) for day, keys in RAW.items()}
    dirty = dirty_days(DAY_TABLES, product(), snapshot)
    around = {day + timedelta(days=i) for day in changed for i in (-1, 0, 1)} & set(D)
    assert dirty.days["events"] == changed
    assert dirty.days["sessions"] == around


def test_a_state_without_its_object_does_not_count(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    write_state(lake, "events", D[0], DayState("a", "b", 0))
    assert read_states(lake, "events") == ({}, {})
    assert read_state(lake, "events", D[0]) is None
    lake.write_frame(day_key("events", D[0]), pl.DataFrame({"a": [1]}))
    assert read_states(lake, "events")[0] == {D[0]: DayState("a", "b", 0)}


def test_a_home_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    write_sealed(lake, HOME_KEY, {"start_date": "2026-01-01", "time_zone": "Europe/Berlin", "key_hash": KEY_HASH})
    claim(lake, product())
    assert read_fixed(lake) == Fixed.of(product()), "one of before formats is taken over"
    newer = {**msgspec.to_builtins(Fixed.of(product())), "format": str(FORMAT + 1), "more": "than is known"}
    write_sealed(lake, HOME_KEY, newer)
    before = lake.read(HOME_KEY)
    with pytest.raises(HomeMismatch, match="written by a newer footfall"):
        claim(lake, product())
    assert lake.read(HOME_KEY) == before


def test_states_of_a_month_are_one_object_and_those_of_before_go_into_it(tmp_path: Path) -> None:
    lake, march = Lake(tmp_path), date(2026, 3, 1)
    for day in (*D[:3], march):
        lake.write_frame(day_key("events", day), pl.DataFrame({"a": [1]}))
    old = {f"day={D[0]}.json": DayState("a", "b", 0), f"day={D[1]}.failed.json": DayFailure("x", ["why"])}
    for name, each in {**old, f"day={march}.json": DayState("m", "m", 3)}.items():
        write_sealed(lake, f"lake/_state/events/{name}", each)
    known = {D[0]: DayState("a", "b", 0), march: DayState("m", "m", 3)}
    assert read_states(lake, "events") == (known, {D[1]: DayFailure("x", ["why"])})
    write_state(lake, "events", D[1], DayState("c", "d", 1))
    write_failure(lake, "events", D[2], DayFailure("y", ["why"]))
    assert read_states(lake, "events") == ({**known, D[1]: DayState("c", "d", 1)}, {D[2]: DayFailure("y", ["why"])})
    assert list(lake.stamps("lake/_state/events")) == [
        f"lake/_state/events/day={march}.json",
        f"lake/_state/events/month={D[0]:%Y-%m}.json",
    ]
    # A month that was damaged is made anew, and no other with it.
    lake.write(f"lake/_state/events/month={D[0]:%Y-%m}.json", b"{")
    assert read_states(Lake(tmp_path), "events") == ({march: DayState("m", "m", 3)}, {})


def test_a_look_at_a_folder_sees_all_that_is_there_while_others_write(tmp_path: Path) -> None:
    """A half-written file that goes while it is looked at once made the whole folder look empty."""
    lake, done = Lake(tmp_path), threading.Event()
    lake.write("lake/_state/events/a.json", b"{}")

    def write() -> None:
        while not done.is_set():
            lake.write("lake/_state/events/b.json", b"{}")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        looks = [lake.stamps("lake/_state/events").keys() for _ in range(2_000)]
    finally:
        done.set()
        writer.join()
    assert all("lake/_state/events/a.json" in look for look in looks)


def test_every_column_type_has_a_sql_type() -> None:
    with pytest.raises(KeyError):
        _ = Column("x", pl.Int8(), "no published column has this type").sql_type


# Each for a reason: what lies beside the home, or what no key names.
KNOW_PATHS = {
    "build/as_of.py": "a folder beside the home must not lie in it",
    "build/today.py": "a folder of the home in front of it",
    "ingest/landing.py": "landing files are named by where they lie",
    "maintenance/doctor.py": "whether the folder can be written to",
    "maintenance/integrity.py": "files that no key can name",
    "maintenance/remains.py": "an erased person is in no file of this machine, whatever it is",
    "report/made.py": "pictures are files of the team's own",
    "report/write.py": "the same",
}


def test_few_modules_know_that_a_home_is_a_folder() -> None:
    root = Path(__file__).parents[2] / "pipeline"
    rooms = [path for path in root.rglob("*.py") if path.relative_to(root).parts[0] != "core"]
    walking = re.compile(r"\b(?:lake|home)\.home\b|\bos\.(?:walk|scandir|listdir)\b")
    found = {path.relative_to(root).as_posix() for path in rooms if walking.search(path.read_text())}
    assert found == set(KNOW_PATHS)
