"""A day in ranges of people: the rows and counts of the whole, the bytes of one frame, and nothing left on disk."""

import os
import time
from functools import partial
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import NOBODY_LINKED, approve, at, drop, ndjson, product, record, take_all

from pipeline.build.compute import build_days
from pipeline.build.tables import DAY_TABLE
from pipeline.core.canonical import EVENTS, RAW_EVENTS
from pipeline.core.contract import Column, Table
from pipeline.core.engine import HERE
from pipeline.core.lake import DamagedObject, Lake
from pipeline.core.registry import TABLES
from pipeline.core.scratch import FolderScratch, deal_out, waiting_rows
from pipeline.core.states import read_state
from pipeline.declare import day_tables
from pipeline.events.clean import clean_day
from pipeline.events.clean_in_ranges import decide_in_ranges, finished_ranges
from pipeline.events.dealing import Dealing, deal_by_device, deal_ids, waiting
from pipeline.events.duplicates import event_ids, ids_of
from pipeline.events.identity import identity_events, reported
from pipeline.events.profile import Facts, Profile, batch_profile

DAY = at("2026-02-03").date()
RAW_SCHEMA = pl.Schema({**RAW_EVENTS.schema, "prop_plan": pl.String})
# One device more than the limit, alike, within ten minutes, is a crowd.
SMALL_CROWDS = product(bots={"one_event_devices": 2, "interactions_per_minute": 10})
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "event_id": st.sampled_from(["a", "b", "c", "d", "e", "f", "g", "h", None]),
            "anonymous_id": st.sampled_from(["d1", "d2", "d3", "d4", None]),
            "user_id": st.sampled_from(["u1", None, None]),
            "kind": st.sampled_from(["click", "click", "page_view", "order"]),
            "occurred_at": st.integers(0, 12).map(lambda ms: at(f"2026-02-03T10:00:00.{ms:03}")),
            "received_at": st.sampled_from([None, at("2026-02-03T11:00")]),
            "url": st.sampled_from(["https://s.example/?a=1", "https://s.example/", None]),
            "user_agent": st.sampled_from(["Mozilla/5.0", "Googlebot/2.1", "Mozilla/5.0"]),
            "country": st.just("DE"),
            "x": st.sampled_from([0, 5, None]),
            "y": st.just(0),
        }
    ),
    max_size=16,
)


@settings(max_examples=50, deadline=None)
@given(ROWS, st.sampled_from([2, 8]), st.sets(st.sampled_from("abc")))
def test_a_clean_day_in_ranges_is_the_clean_day(rows: list[dict[str, Any]], ranges: int, before: set[str]) -> None:
    defaults = {**dict.fromkeys(RAW_SCHEMA.names()), "source": "web"}
    full = [
        {**defaults, **row, "record_number": i, "occurred_at_raw": row["occurred_at"]} for i, row in enumerate(rows)
    ]
    raw = pl.LazyFrame(full, schema=RAW_SCHEMA, orient="row")
    repeated = pl.DataFrame([("web", each) for each in sorted(before)], schema=["source", "event_id"], orient="row")
    repeated = repeated.cast(pl.String)
    whole = clean_day(raw, SMALL_CROWDS, NOBODY_LINKED, repeated)
    half = len(rows) // 2
    with TemporaryDirectory() as folder:
        objects = [[lambda: raw.slice(0, half)], [lambda: raw.slice(half)]]
        scratch, known = FolderScratch(Path(folder)), (NOBODY_LINKED, repeated)
        decided = decide_in_ranges(objects, SMALL_CROWDS, known, ranges, scratch, HERE)
        parts = [list(finished_ranges(decided, scratch, (n, 2), SMALL_CROWDS)) for n in range(2)]
    assert [len(part) for part in parts] == [ranges // 2, ranges // 2]
    assert pl.concat(parts[0] + parts[1]).equals(whole.events)
    for name in ("duplicates", "duplicates_of_earlier_days", "clicks_merged"):
        assert getattr(decided, name) == getattr(whole, name), name


@settings(max_examples=100, deadline=None)
@given(ROWS, st.sampled_from([2, 8]), st.sets(st.sampled_from("abc")), st.sampled_from(["identify", "user_id"]))
def test_ids_and_identity_events_in_ranges_are_those_of_the_day(
    rows: list[dict[str, Any]], ranges: int, before: set[str], telling: str
) -> None:
    defaults = {**dict.fromkeys(RAW_SCHEMA.names()), "source": "web"}
    # An id now and then comes with several devices; what says who somebody is comes often.
    kinds = ["identify", "reset", "alias", "page_view"]
    full = [
        {**defaults, **row, "kind": kinds[i % 4], "user_id": f"u{i % 3}", "previous_user_id": "u0", "sequence": i % 2}
        for i, row in enumerate(rows)
    ]
    raw = pl.LazyFrame(full, schema=RAW_SCHEMA, orient="row")
    repeated = pl.DataFrame({"source": "web", "event_id": sorted(before)}, schema_overrides={"event_id": pl.String})
    objects = [lambda: raw.slice(0, 5), lambda: raw.slice(5)]
    none = ids_of(raw).head(0)
    with TemporaryDirectory() as folder:
        scratch = FolderScratch(Path(folder))
        deal_ids((scratch, ranges, 0, objects))
        ids = [event_ids(pl.concat([none, *scratch.rows(f"ids/{n}")])) for n in range(ranges)]
    assert pl.concat(ids).equals(event_ids(ids_of(raw)))
    with TemporaryDirectory() as folder:
        dealing = Dealing(partial(reported, telling={"web": telling}), ranges, FolderScratch(Path(folder)))
        dealt = deal_by_device(dealing, [objects[:1], objects[1:]], HERE)
        parts = [identity_events(waiting(dealing.scratch, n, dealt), DAY, repeated) for n in range(ranges)]
    whole = identity_events(reported(raw, {"web": telling}).collect(), DAY, repeated)
    assert TABLES["identity_events"].conform(pl.concat(parts)).equals(whole)


def test_devices_of_a_crowd_are_found_though_they_lie_in_different_ranges(tmp_path: Path) -> None:
    defaults = {**dict.fromkeys(RAW_SCHEMA.names()), "source": "web", "kind": "page_view", "user_agent": "Mozilla/5.0"}
    rows = [
        {**defaults, "event_id": f"e{i}", "anonymous_id": f"d{i}", "country": "DE", "url": "https://s.example/",
         "occurred_at": at("2026-02-03T10:00"), "occurred_at_raw": at("2026-02-03T10:00"), "record_number": i}
        for i in range(40)
    ]  # fmt: skip
    raw = pl.LazyFrame(rows, schema=RAW_SCHEMA, orient="row")
    nothing = pl.DataFrame(schema={"source": pl.String, "event_id": pl.String})
    scratch = FolderScratch(tmp_path)
    decided = decide_in_ranges([[lambda: raw]], SMALL_CROWDS, (NOBODY_LINKED, nothing), 8, scratch, HERE)
    parts = list(finished_ranges(decided, scratch, (0, 1), SMALL_CROWDS))
    assert sum(part.height > 0 for part in parts) > 4, "spread over ranges"
    assert set(pl.concat(parts)["bot_rule"]) == {"one_event_devices"}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 40_000), max_size=8), st.integers(0, 3))
def test_frames_that_follow_each_other_are_written_as_one(ends: list[int], seed: int) -> None:
    whole = pl.DataFrame({"n": range(40_000), "text": [f"{seed}-{i % 97}" if i % 3 else None for i in range(40_000)]})
    cuts = [0, *sorted(ends), whole.height]
    parts = [whole.slice(begin, end - begin) for begin, end in pairwise(cuts)]
    with TemporaryDirectory() as folder:
        lake = Lake(folder)
        staged = lake.stage_parts("lake/t/part.parquet", parts[0], iter(parts[1:]))
        assert staged.sha256 == lake.write_frame("lake/whole.parquet", whole)


def test_what_a_part_raises_comes_out_and_nothing_is_left(tmp_path: Path) -> None:
    lake = Lake(tmp_path)

    def parts() -> Any:
        yield pl.DataFrame({"n": [2]})
        raise LookupError("the second part can't be made")

    with pytest.raises(LookupError, match="second part"):
        lake.stage_parts("lake/t/part.parquet", pl.DataFrame({"n": [1]}), parts())
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_scratch_is_no_object_and_a_killed_runs_is_swept(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    with lake.scratch() as folder:
        (folder / "a.arrow").write_bytes(b"x")
        assert not list(lake.keys("lake"))
    assert not folder.exists()
    left = lake.scratch()
    with left as folder:
        (folder / "deep").mkdir()
        (folder / "deep" / "a.arrow").write_bytes(b"x")
        later = time.time() + 7_200
        assert lake.sweep(older_than=later) == 0, "a large night may write to it for hours"
        for path in (folder, folder / "deep", folder / "deep" / "a.arrow"):
            os.utime(path, (time.time() - 90_000,) * 2)
        assert lake.sweep(older_than=later) == 1
        assert not folder.exists()


def test_rows_that_are_missing_from_a_scratch_are_told(tmp_path: Path) -> None:
    scratch = FolderScratch(tmp_path)
    rows = pl.DataFrame({"n": range(10)})
    assert deal_out(scratch, rows, [4, 4, 10], "raw", "a") == [4, 0, 6]
    assert waiting_rows(scratch, "raw/2", rows.clear(), 6)["n"].to_list() == [4, 5, 6, 7, 8, 9]
    (tmp_path / "raw/2/a.arrow").unlink()
    with pytest.raises(DamagedObject, match="of 6 rows that wait for a large day 0 are left"):
        waiting_rows(scratch, "raw/2", rows.clear(), 6)


def test_a_large_day_is_computed_in_ranges_with_the_facts_of_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        record(f"e{i % 190}", f"2026-02-03T10:{i % 60:02}", anonymous_id=f"d{i % 17}", kind=kind, **more)
        for i in range(200)
        for kind, more in [
            [("page_view", {"url": "https://s.example/p/1"}), ("order", {"order_id": f"o{i % 7}"})][i % 2]
        ]
    ]
    drop(tmp_path, "web/2026-02-03/part.ndjson", ndjson(rows))
    lake, chosen = Lake(tmp_path), product()
    take_all(lake, chosen)
    made: list[tuple[str, Facts]] = []
    for limit in (10**9, 30):
        monkeypatch.setattr(day_tables, "RANGE_ROWS", limit)
        (outcome,) = build_days(lake, chosen, "events", [DAY], approve)
        state = read_state(lake, "events", DAY)
        assert state is not None
        made.append((state.output_hash, outcome.facts))
        assert not list(lake.path("lake").glob(".scratch*"))
    assert made[0] == made[1]
    assert made[0][1]["duplicates"] == 10
    assert made[0][1]["repeated_order_ids"]


def test_tables_in_ranges_have_no_fractions() -> None:
    """Polars divides a single row otherwise than several: their last bit may differ, and so may bytes."""
    in_ranges = [table for table in DAY_TABLE.values() if table.by_person]
    assert len(in_ranges) > 10
    assert not [t.contract.name for t in in_ranges if any(c.dtype.is_float() for c in t.contract.columns)]


KEYED = Table("t", "daily", "One row.", (Column("n", pl.Int64(), "n", minimum=0),), key=("n",))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(-2, 12)), st.integers(0, 5))
def test_the_profile_of_parts_is_that_of_the_whole(numbers: list[int], cut: int) -> None:
    frame = pl.DataFrame({"n": numbers}, schema={"n": pl.Int64})
    profile = Profile(KEYED)
    for part in (frame[:cut], frame[cut:]):
        profile.add(part)
    assert profile.facts(frame.lazy) == batch_profile(KEYED, frame)
    assert batch_profile(KEYED, frame)["repeated_keys"] == len(numbers) - len(set(numbers))
    assert EVENTS.order[0] == "person_key", "ranges follow each other in the order of events"
