"""A home made anew for another time zone or start date: what was erased, retracted or is gone stays as it was."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from faults import FEW
from hypothesis import given, settings
from hypothesis import strategies as st
from support import compute_all, drop, marts_of, ndjson, record, take_all

from pipeline.core.lake import Lake
from pipeline.core.product import Product
from pipeline.core.product_file import parse_product
from pipeline.core.states import published_days
from pipeline.ingest.files import retract
from pipeline.ingest.home import HomeMismatch, claim
from pipeline.ingest.manifests import read_manifests, rejected_by_rule
from pipeline.maintenance.erase import erase
from pipeline.maintenance.rebuild import WouldLose, plan, rebuild

BERLIN = parse_product(FEW)
MARTS = ("daily_kpis", "daily_quality")


def changed(**stated: object) -> Product:
    return BERLIN.model_copy(update=stated)


def events(home: Path) -> None:
    drop(home, "web/a.ndjson", ndjson(record(f"a{i}", f"2026-02-03T{i * 4:02d}:30") for i in range(6)))
    two_days = [record(f"b{i}", f"2026-02-0{4 + i % 2}T{i * 4:02d}:30", user_id=f"u-{i}") for i in range(6)]
    drop(home, "web/b.ndjson", ndjson(two_days))


def made(home: Path, product: Product = BERLIN) -> Lake:
    events(home)
    lake = Lake(home)
    claim(lake, product)
    take_all(lake, product)
    return lake


def ids(lake: Lake) -> set[str]:
    keys = [part.key for m in read_manifests(lake).values() for parts in m.days.values() for part in parts]
    return {name for key in keys for name in pl.read_parquet(lake.path(key))["event_id"]}


def test_rows_of_a_file_that_is_gone_lie_in_the_days_of_the_new_zone(tmp_path: Path) -> None:
    tokyo = changed(time_zone="Asia/Tokyo")
    lake = made(tmp_path / "a")
    compute_all(lake, BERLIN, only=MARTS)
    lake.path("landing/web/b.ndjson").unlink()
    with pytest.raises(HomeMismatch, match=r"time_zone was Europe/Berlin and is now Asia/Tokyo.*footfall rebuild"):
        claim(lake, tokyo)
    foreseen = plan(lake, tokyo)
    assert foreseen.changes == ["time_zone: Europe/Berlin becomes Asia/Tokyo"]
    assert [file.name for file in foreseen.again] == ["web/a.ndjson"]
    assert [(each.name, each.events) for each in foreseen.gone] == [("web/b.ndjson", 6)]
    assert foreseen.losses == []
    rebuild(lake, tokyo)
    claim(lake, tokyo)
    assert take_all(lake, tokyo) == [], "all was read again"
    compute_all(lake, tokyo, only=MARTS)
    anew = made(tmp_path / "b", tokyo)
    compute_all(anew, tokyo, only=MARTS)
    assert marts_of(lake) == marts_of(anew)
    assert published_days(lake, "events") == [date(2026, 2, day) for day in (3, 4, 5, 6)]


@settings(max_examples=15, deadline=None)
@given(zones=st.lists(st.sampled_from(["Asia/Tokyo", "America/New_York", "Pacific/Apia", "UTC", "Europe/Berlin"]), min_size=1, max_size=3))  # fmt: skip
def test_however_often_the_zone_changes_each_row_lies_in_its_day(
    zones: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    lake = made(tmp_path_factory.mktemp("zones"))
    lake.path("landing/web/b.ndjson").unlink()
    for zone in zones:
        rebuild(lake, changed(time_zone=zone))
        manifest = next(m for m in read_manifests(lake).values() if m.name == "web/b.ndjson")
        for day, parts in manifest.days.items():
            for part in parts:
                times = pl.read_parquet(lake.path(part.key))["occurred_at"].dt.convert_time_zone(zone)
                assert set(times.dt.date()) == {date.fromisoformat(day)}
        assert manifest.balances
    assert ids(lake) == {f"{file}{i}" for file in "ab" for i in range(6)}


def test_who_was_erased_and_what_was_retracted_stays_gone(tmp_path: Path) -> None:
    lake = made(tmp_path)
    erase(lake, BERLIN, "user:u-1")
    retract(lake, "web/a.ndjson")
    utc = changed(time_zone="UTC")
    rebuild(lake, utc)
    take_all(lake, utc)
    assert ids(lake) == {"b0", "b2", "b3", "b4", "b5"}
    drop(tmp_path, "web/later.ndjson", ndjson([record("n", "2026-02-05T09:00", user_id="u-1")]))
    take_all(lake, utc)
    assert "n" not in ids(lake)


def test_a_later_start_is_refused_where_it_would_lose_rows_for_good(tmp_path: Path) -> None:
    lake = made(tmp_path)
    lake.path("landing/web/b.ndjson").unlink()
    later = changed(start_date=date(2026, 2, 5))
    before = {key: lake.sha256(key) for key in lake.keys("lake/ingested")}
    with pytest.raises(WouldLose, match=r"landing/web/b.ndjson is gone, and 3 of its events lie before"):
        rebuild(lake, later)
    assert {key: lake.sha256(key) for key in lake.keys("lake/ingested")} == before
    claim(lake, BERLIN)
    rebuild(lake, later, accept_loss=True)
    assert ids(lake) == {"b1", "b3", "b5"}
    manifests = read_manifests(lake)
    assert all(manifest.balances for manifest in manifests.values())
    assert rejected_by_rule(manifests.values()) == {"before_start": 9}
    gone = next(m for m in manifests.values() if m.name == "web/b.ndjson")
    assert gone.rejected_key
    assert "u-0" in str(pl.read_parquet(lake.path(gone.rejected_key))["raw_text"].to_list())
    with pytest.raises(WouldLose, match="3 of its events were rejected as before the old start date"):
        rebuild(lake, BERLIN)


def test_a_damaged_object_of_a_file_that_is_gone_is_a_loss(tmp_path: Path) -> None:
    lake = made(tmp_path)
    lake.path("landing/web/b.ndjson").unlink()
    gone = next(m for m in read_manifests(lake).values() if m.name == "web/b.ndjson")
    key = gone.days["2026-02-04"][0].key
    lake.path(key).write_bytes(lake.path(key).read_bytes()[:-9])
    with pytest.raises(WouldLose, match=f"{key}, which holds 3 of its rows, is damaged or gone"):
        rebuild(lake, BERLIN)


def test_what_is_damaged_and_can_be_read_again_is_sound_after_a_rebuild(tmp_path: Path) -> None:
    lake = made(tmp_path)
    before = {key: lake.sha256(key) for key in lake.keys("lake/raw_events")}
    for key in [*before, *lake.keys("lake/ingested")]:
        lake.path(key).write_bytes(b"")
    rebuild(lake, BERLIN)
    assert {key: lake.sha256(key) for key in lake.keys("lake/raw_events")} == before
    assert len(read_manifests(lake)) == 2
