"""Restatements: numbers of days that were over and changed are in the ledger with their cause, and no others."""

import json
import shutil
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import at, compute_all, drop, ndjson, product, record, take_all

from pipeline.build.restatements import ledger, restated
from pipeline.core.lake import Lake
from pipeline.core.registry import TABLES
from pipeline.ingest.files import retract
from pipeline.maintenance.erase import erase

# What is looked at; that nothing else is restated, tests of their own look into all marts for.
FEW = ("daily_kpis", "kpis")
NOW, LATER = at("2026-03-01T04:15"), at("2026-03-02T04:15")


def visits(days: Sequence[int], who: str = "d") -> list[dict[str, Any]]:
    """A page view and an order of two people on each of these days of February 2026."""
    result: list[dict[str, Any]] = []
    for day in days:
        for person in range(2):
            about = {"anonymous_id": f"{who}{person}", "url": "https://a.example/"}
            begin = f"2026-02-{day:02}T10:0{person}"
            result.append(record(f"{who}v{day}-{person}", begin, **about))
            result.append(record(f"{who}o{day}-{person}", f"{begin}:30", "order", revenue_micros=5_000_000, **about))
    return result


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two weeks of visits, published."""
    home = tmp_path_factory.mktemp("published")
    drop(home, "web/a.ndjson", ndjson(visits(range(2, 17))))
    take_all(Lake(home), product())
    compute_all(Lake(home), product(), now=NOW)
    return home


@pytest.fixture
def lake(published: Path, tmp_path: Path) -> Lake:
    """A copy of it."""
    shutil.copytree(published, tmp_path / "home")
    return Lake(tmp_path / "home")


def reported(lake: Lake, mart: str, column: str) -> list[tuple[dict[str, Any], float | None, float | None, str]]:
    rows = ledger(lake).filter(pl.col("mart") == mart, pl.col("column") == column)
    return [(json.loads(key), *rest) for key, *rest in rows.select("key", "old", "new", "cause").rows()]


def test_the_first_publication_and_the_same_again_restate_nothing(lake: Lake) -> None:
    compute_all(lake, product(), now=LATER)
    assert ledger(lake).is_empty()


def test_a_new_day_restates_nothing(lake: Lake) -> None:
    drop(lake.home, "web/b.ndjson", ndjson(visits([17])))
    take_all(lake, product())
    compute_all(lake, product(), now=LATER)
    assert ledger(lake).is_empty()


def test_late_events_are_a_cause(lake: Lake) -> None:
    drop(lake.home, "web/late.ndjson", ndjson(visits([10], "late")))
    take_all(lake, product())
    compute_all(lake, product(), now=LATER, only=FEW)
    assert reported(lake, "daily_kpis", "orders") == [({"day": "2026-02-10"}, 2.0, 4.0, "late events")]
    weeks = [row for row in reported(lake, "kpis", "figure") if (row[0]["period"], row[0]["kpi"]) == ("week", "orders")]
    own = [row for row in weeks if row[0]["dimension"] == ""]
    assert [(row[0]["period_start"], row[1], row[2]) for row in own] == [("2026-02-09", 14.0, 16.0)]
    assert set(ledger(lake)["restated_at"]) == {LATER}


def test_a_retracted_file_is_a_cause(lake: Lake) -> None:
    drop(lake.home, "web/late.ndjson", ndjson(visits([10], "late")))
    take_all(lake, product())
    compute_all(lake, product(), now=NOW, only=FEW)
    retract(lake, "web/late.ndjson")
    compute_all(lake, product(), now=LATER, only=FEW)
    latest = ledger(lake).filter(pl.col("restated_at") == LATER)
    assert set(latest["cause"]) == {"retraction"}
    day = latest.filter(pl.col("mart") == "daily_kpis", pl.col("column") == "orders")
    assert day.select("old", "new").rows() == [(4.0, 2.0)]


def test_a_changed_definition_is_a_cause(lake: Lake) -> None:
    changed = product(goals={"never": {"kind": "refund"}})
    compute_all(lake, changed, now=LATER, only=FEW)
    result = reported(lake, "daily_kpis", "sessions_with_goal")
    # The newest day is not over for sessions that go on.
    assert len(result) == 14
    assert {(old, new, cause) for _, old, new, cause in result} == {(2.0, 0.0, "definition version (goals)")}


def test_erasing_is_a_cause_and_single_people_are_in_no_ledger(lake: Lake) -> None:
    erase(lake, product(), "device:d1")
    compute_all(lake, product(), now=LATER)
    result = ledger(lake)
    assert set(result["cause"]) == {"erasure"}
    assert reported(lake, "daily_kpis", "people_active")[0][1:3] == (2.0, 1.0)
    keys = {name for key in result["key"] for name in json.loads(key)}
    assert not keys & {"person_key", "session_key"}


def test_a_struck_link_is_a_cause(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    about = {"anonymous_id": "tablet", "url": "https://a.example/"}
    rows = [
        record("a", "2026-02-03T10:00", **about),
        record("b", "2026-02-04T10:00", "identify", user_id="anna", **about),
        record("c", "2026-02-04T10:01", user_id="anna", anonymous_id="phone", url="https://a.example/"),
        record("d", "2026-02-10T10:00", **about),
    ]
    drop(tmp_path, "web/a.ndjson", ndjson(rows))
    take_all(lake, product())
    compute_all(lake, product(), now=NOW, only=FEW)
    struck = product(identity={"strike_out": [{"device": "tablet", "user": "anna"}]})
    compute_all(lake, struck, now=LATER, only=FEW)
    assert set(ledger(lake)["cause"]) == {"struck link or identity rule"}
    # Anna was first seen on the tablet, a day before; now that was somebody else.
    assert ({"day": "2026-02-04"}, 0.0, 1.0, "struck link or identity rule") in reported(
        lake, "daily_kpis", "people_new"
    )


DAYS = st.dictionaries(st.integers(1, 20), st.integers(0, 3), max_size=12)


@settings(max_examples=60, deadline=None)
@given(old=DAYS, new=DAYS, newest=st.integers(1, 22))
def test_the_ledger_is_what_a_slow_comparison_finds(old: dict[int, int], new: dict[int, int], newest: int) -> None:
    table = TABLES["daily_kpis"]

    def frame(days: dict[int, int]) -> pl.DataFrame:
        rows = [{"day": date(2026, 2, day), "orders": orders} for day, orders in days.items()]
        return pl.concat(
            [table.schema.to_frame(), pl.DataFrame(rows, schema={"day": pl.Date, "orders": pl.Int64})], how="diagonal"
        )

    result = restated(TABLES["daily_kpis"], frame(old), frame(new), date(2026, 2, newest)).filter(
        pl.col("column") == "orders"
    )
    expected = [
        (json.dumps({"day": f"2026-02-{day:02}"}, separators=(",", ":")), old.get(day), new.get(day))
        for day in sorted({*old, *new})
        if day < newest and old.get(day) != new.get(day)
    ]
    assert result.select("key", "old", "new").rows() == expected
