"""The gate: hard faults hold back with their numbers, comparisons only warn, and a broken check is an error."""

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from support import (
    NOBODY_LINKED,
    NONE_REPEATED,
    at,
    days_of,
    drop,
    events_frame,
    ndjson,
    plain_product,
    product,
    record,
    take_all,
)

from pipeline.build.compute import build_days
from pipeline.build.context import find_dirty
from pipeline.build.gate import judge, judge_mart
from pipeline.core.contract import Column, Table
from pipeline.core.lake import Lake
from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.events.clean import clean_day
from pipeline.events.profile import CheckResult, Facts, batch_profile

SESSIONS = TABLES["daily_sessions"]


def daily(**changes: Any) -> pl.DataFrame:
    row = dict.fromkeys(SESSIONS.schema, 0) | {"session_day": date(2026, 2, 3), "device_type": "mobile"}
    return pl.DataFrame([row | {"sessions": 5} | changes], schema=SESSIONS.schema)


def check_result(table: str, frame: pl.DataFrame, **facts: Any) -> CheckResult:
    return judge(TABLES[table], product(), [{**batch_profile(TABLES[table], frame), **facts}], [[]])[0]


def test_a_sound_batch_passes() -> None:
    assert check_result("daily_sessions", daily()) == CheckResult()
    assert check_result("daily_sessions", daily().clear()) == CheckResult()


# (what, frame, words of the fault)
FAULTS = [
    ("a part over its whole", daily(sessions_bounced=3), "out_of_order:sessions_bounced=1"),
    ("below its bound", daily(clicks=-1), "out_of_bounds:clicks=1"),
    ("null where none may be", daily(sessions=None), "nulls:sessions=1"),
    ("key twice", pl.concat([daily(), daily()]), "1 rows that repeat a key"),
    ("another type", daily().cast({"sessions": pl.Int32}), "1 columns or types"),
]


@pytest.mark.parametrize(("what", "frame", "words"), FAULTS, ids=[case[0] for case in FAULTS])
def test_hard_faults(what: str, frame: pl.DataFrame, words: str) -> None:
    result = check_result("daily_sessions", frame)
    assert any(words in fault for fault in result.faults), (what, result)
    assert not result.warnings


def test_each_batch_has_its_own_verdict() -> None:
    facts = [batch_profile(SESSIONS, frame) for frame in (daily(), daily(clicks=-1), daily())]
    result = judge(SESSIONS, product(), facts, [[], [], []])
    assert [bool(one.faults) for one in result] == [False, True, False]


def events_facts(**changes: Any) -> Facts:
    frame = clean_day(
        events_frame([{"occurred_at": at("2026-02-03T10:00"), "page": "home"}]).lazy(),
        product(),
        NOBODY_LINKED,
        NONE_REPEATED,
    ).events
    own: Facts = {"records_read": 200, "records_rejected": 0, "rejected_share": 0.0, "rows_outside_day": 0}
    return {**batch_profile(TABLES["events"], frame), **own, **changes}


def judged(**changes: Any) -> CheckResult:
    return judge(TABLES["events"], product(), [events_facts(**changes)], [[]])[0]


def test_rejected_share_holds_back_from_enough_records_on() -> None:
    assert judged(rejected_share=0.2) == CheckResult()
    (fault,) = judged(rejected_share=0.21).faults
    assert "21.0% of the records" in fault
    assert "20%" in fault
    assert judged(rejected_share=0.9, records_read=99) == CheckResult()
    assert judged(rejected_share=0.9, records_read=100).faults


def test_facts_of_events_are_hard() -> None:
    for name in ("rows_outside_day", "unbalanced_rows", "colliding_person_keys", "unbalanced_files"):
        (fault,) = judged(**{name: 3}).faults
        assert fault.startswith("events: 3 "), name


def test_comparisons_only_warn() -> None:
    unknown = judged(page_views=10, page_views_unknown_page=5)
    assert not unknown.faults
    assert "unknown_page_share" in unknown.warnings[0]
    past: list[Facts] = [{"rows": 100}] * 4
    few = judge(TABLES["events"], product(), [events_facts()], [past])[0]
    assert not few.faults
    assert "volume_ratio" in few.warnings[0]
    assert judge(TABLES["events"], product(), [events_facts()], [past[:3]])[0] == CheckResult()


def test_marts_are_judged_whole() -> None:
    table = TABLES["retention"]
    row = {
        "cohort_day": date(2026, 2, 3),
        "day_offset": 0,
        "people_in_cohort": 4,
        "people_returned": 4,
        "mature": True,
        "left_truncated": False,
        "return_rate": 1.0,
    }

    def mart(**changes: Any) -> CheckResult:
        frame = pl.DataFrame([row | changes], schema=table.schema)
        return judge_mart(table, product(), frame, batch_profile(table, frame))

    assert mart() == CheckResult()
    assert mart(return_rate=None) == CheckResult()
    assert "return_rate" in mart(return_rate=1.5).faults[0]
    assert "over people_in_cohort" in mart(people_returned=5).faults[0]
    twice = pl.DataFrame([row, row], schema=table.schema)
    assert "repeat the key" in judge_mart(table, product(), twice, batch_profile(table, twice)).faults[0]


def test_a_check_that_breaks_is_no_verdict() -> None:
    # Great Expectations can't tell lists in a key apart, and doesn't raise.
    columns = tuple(Column(name, pl.Int64(), "part of a key that is none") for name in "ab")
    table = Table(name="broken", layer="mart", grain="One row per nothing.", columns=columns, key=("a", "b"))
    frame = pl.DataFrame({"a": [[1], [1]], "b": [1, 1]})
    with pytest.raises(RuntimeError, match="itself failed"):
        judge_mart(table, product(), frame, {"rows": 2})


def test_a_mart_with_other_columns_is_held_back() -> None:
    faults = judge_mart(TABLES["retention"], product(), pl.DataFrame({"other": [1]}), {"rows": 1}).faults
    assert "other columns than the contract's: cohort_day" in faults[0]


def test_other_limits_judge_published_days_anew_and_compute_nothing(tmp_path: Path) -> None:
    """A third of the second day's records is rejected; limits come, go, and come back."""
    lake = Lake(tmp_path)
    for day, bad in ((3, 0), (4, 50)):
        rows = [record(f"{day}-{i}", f"2026-02-0{day}T10:00", anonymous_id=f"d{i}", url="/") for i in range(100)]
        lines = ndjson(rows) + b"".join(b'{"event_id": "x%d"}\n' % i for i in range(bad))
        drop(tmp_path, f"web/2026-02-0{day}/a.ndjson", lines)
    wide, narrow = (plain_product(quality={"max_rejected_share": share}) for share in (0.5, 0.2))
    take_all(lake, wide)
    compute_days(lake, wide)
    made = days_of(lake)
    written = {key: lake.path(key).stat().st_mtime_ns for key in made}
    dirty = find_dirty(lake, narrow, lambda _day: True)
    assert {name: len(days) for name, days in dirty.days.items() if days} == {"events": 2}
    compute_days(lake, narrow)
    dirty = find_dirty(lake, narrow, lambda _day: True)
    assert {name: len(days) for name, days in dirty.days.items() if days} == {"events": 1}
    assert dirty.held_back == {date(2026, 2, 4)}
    assert not dirty.runnable, "it isn't judged by the same limits again"
    (failure,) = dirty.failed["events"].values()
    assert "were rejected; from" in failure.reasons[0]
    compute_days(lake, wide)
    assert not find_dirty(lake, wide, lambda _day: True).days["events"]
    assert days_of(lake) == made
    assert {key: lake.path(key).stat().st_mtime_ns for key in made} == written, "no partition was written again"


def compute_days(lake: Lake, chosen: Product) -> None:
    """What is dirty, through the real gate."""
    dirty = find_dirty(lake, chosen, lambda _day: True)
    for name, days in dirty.days.items():
        list(build_days(lake, chosen, name, sorted(days), judge))
