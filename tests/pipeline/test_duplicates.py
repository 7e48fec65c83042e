"""An id counts once: on a day at any age, across days within dedup_days, in whatever order files come.

Definition: docs/definitions/events.md, "Duplicates".
"""

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import compute_all, days_of, drop, marts_of, ndjson, plain_product, record, take_all

from pipeline.build.context import find_dirty
from pipeline.build.tables import DAY_TABLE
from pipeline.core.lake import Lake
from pipeline.core.product import Product
from pipeline.core.states import published_days, scan_days
from pipeline.events.duplicates import IdsOfDay, event_ids, hashes_of_ids, ids_of, repeated_ids

START = date(2026, 2, 3)
# All days, from which the marts follow, and the one that is read here.
_COUNTED = (*DAY_TABLE, "daily_quality")


def sent(event_id: str, day: int, **fields: str) -> dict[str, object]:
    return record(event_id, f"{START + timedelta(days=day)}T10:00", **fields)


def kept(home: Path, batches: list[list[dict[str, object]]], chosen: Product) -> tuple[Lake, list[tuple[str, str]]]:
    """Ingest the batches one by one, computing in between, until nothing is dirty."""
    lake = Lake(home)
    for i, records in enumerate(batches):
        drop(home, f"web/{i}.ndjson", ndjson(records))
        take_all(lake, chosen)
        for _ in range(5):
            compute_all(lake, chosen, only=_COUNTED)
            if not find_dirty(lake, chosen, lambda _day: True).runnable:
                break
        else:
            raise AssertionError("days stay dirty")
    days = published_days(lake, "events")
    rows = scan_days(lake, "events", days).select(pl.col("occurred_at").dt.date().cast(pl.String), "event_id").collect()
    return lake, sorted(rows.rows())


@pytest.mark.parametrize(
    ("days", "dedup_days", "expected"),
    [
        ([0, 1], 90, [0]),
        ([0, 90], 90, [0]),
        ([0, 91], 90, [0, 91]),
        ([0, 1], 0, [0, 1]),
        ([0, 0], 0, [0]),
        ([0, 80, 160], 90, [0]),
        ([0, 2], 1, [0, 2]),
    ],
)
def test_window(days: list[int], dedup_days: int, expected: list[int], tmp_path: Path) -> None:
    chosen = plain_product(dedup_days=dedup_days)
    batches = [[sent("x", day, name=str(i))] for i, day in enumerate(days)]
    lake, result = kept(tmp_path / "a", batches, chosen)
    assert result == [(str(START + timedelta(days=day)), "x") for day in expected]
    back, _ = kept(tmp_path / "b", batches[::-1], chosen)
    at_once, _ = kept(tmp_path / "c", [[each for batch in batches for each in batch]], chosen)
    assert days_of(lake) == days_of(back) == days_of(at_once)
    assert marts_of(lake) == marts_of(back) == marts_of(at_once)
    quality = pl.read_parquet(lake.path("marts/daily_quality.parquet"))
    assert quality["events_accepted"].sum() == len(days)
    assert quality["events"].sum() == len(expected)


def test_a_late_earlier_copy_takes_the_event_to_its_day_and_touches_no_other(tmp_path: Path) -> None:
    chosen = plain_product()
    lake, _ = kept(tmp_path, [[*(sent(f"y{day}", day) for day in range(6)), sent("x", 4)]], chosen)
    drop(tmp_path, "web/late.ndjson", ndjson([sent("x", 1)]))
    take_all(lake, chosen)
    touched: list[set[int]] = []
    while (dirty := find_dirty(lake, chosen, lambda _day: True)).runnable:
        touched.append({(day - START).days for day in dirty.days["events"]})
        compute_all(lake, chosen, only=_COUNTED)
    assert touched == [{1}, {4}]
    result = scan_days(lake, "events", [START + timedelta(days=4)]).collect()["event_id"].to_list()
    assert result == ["y4"]


def test_one_id_of_two_sources_is_two_events(tmp_path: Path) -> None:
    chosen = plain_product(sources={"web": {}, "app": {}})
    drop(tmp_path, "app/a.ndjson", ndjson([sent("x", 0)]))
    _, result = kept(tmp_path, [[sent("x", 1)]], chosen)
    assert len(result) == 2


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["web", "app"]), st.text(max_size=3)), max_size=30),
    st.lists(st.lists(st.tuples(st.sampled_from(["web", "app"]), st.text(max_size=3)), max_size=20), max_size=3),
)
def test_repeated_ids_against_sets(own: list[tuple[str, str]], before: list[list[tuple[str, str]]]) -> None:
    def frame(rows: list[tuple[str, str]]) -> pl.LazyFrame:
        return event_ids(
            ids_of(pl.LazyFrame(rows, schema={"source": pl.String, "event_id": pl.String}, orient="row"))
        ).lazy()

    made = frame(own).collect()
    assert sorted(made.select("source", "event_id").rows()) == sorted(set(own))
    assert made["id_hash"].is_sorted()
    earlier = [IdsOfDay(hashes_of_ids(frame(rows)), frame(rows)) for rows in before]
    result = repeated_ids(hashes_of_ids(frame(own)), frame(own), earlier)
    assert set(result.rows()) == set(own) & {row for rows in before for row in rows}
