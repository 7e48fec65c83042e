"""A person is gone for good: from every object, by a scan of every byte, and never taken again."""

import gzip
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from support import compute_all, drop, marts_of, ndjson, product, record, take_all

from pipeline.core.lake import Lake
from pipeline.core.states import published_days, scan_days
from pipeline.ingest.files import ingest
from pipeline.ingest.landing import find
from pipeline.ingest.manifests import read_manifests
from pipeline.maintenance.erase import erase

IDS = ("ann-1", "ann-2", "laptop-1", "phone-9")
OTHERS = [
    record("o1", "2026-02-03T09:00", anonymous_id="family-pc"),
    record("o2", "2026-02-03T09:01", "identify", anonymous_id="family-pc", user_id="bob"),
    record("o3", "2026-02-04T09:00", "order", user_id="bob", revenue_micros=1_000_000, order_id="bob-1"),
]
HERS = [
    record("a1", "2026-02-03T10:00", anonymous_id="laptop-1"),
    record("a2", "2026-02-03T10:05", "identify", anonymous_id="laptop-1", user_id="ann-1"),
    record("a3", "2026-02-04T11:00", "order", user_id="ann-1", anonymous_id="phone-9", revenue_micros=2_000_000, order_id="x"),
    record("a4", "2026-02-05T12:00", "alias", user_id="ann-2", previous_user_id="ann-1"),
    record("a5", "2026-02-05T12:30", "identify", anonymous_id="family-pc", user_id="ann-2"),
    record("a6", "2026-02-05T12:40", "click", anonymous_id="family-pc"),
    {**record("a7", "2026-02-05T13:00", user_id="ann-1"), "kind": "unknown"},
]  # fmt: skip


def everything(home: Path) -> Iterator[tuple[Path, str]]:
    """Each file below lake/ and marts/ as text, Parquet unpacked."""
    for folder in ("lake", "marts"):
        for path in sorted((home / folder).rglob("*")):
            if path.suffix == ".parquet":
                frame = pl.read_parquet(path)
                yield path, json.dumps(frame.rows(), default=str)
                yield path, path.read_bytes().decode("latin-1")
            elif path.is_file():
                yield path, path.read_bytes().decode("latin-1")


def holding(home: Path) -> set[str]:
    return {str(path.relative_to(home)) for path, text in everything(home) for each in IDS if each in text}


def made(home: Path) -> Lake:
    drop(home, "web/2026-02-05/hers.ndjson", ndjson(HERS))
    drop(home, "web/2026-02-05/others.ndjson", ndjson(OTHERS))
    lake = Lake(home)
    take_all(lake, product())
    settle(lake)
    return lake


def settle(lake: Lake) -> None:
    for _ in range(3):
        compute_all(lake, product())


def test_a_byte_scan_finds_nothing_of_an_erased_person(tmp_path: Path) -> None:
    lake = made(tmp_path)
    raw = next(lake.path("lake/raw_events").rglob("*.parquet"))
    shutil.copy(raw, raw.with_name("left-by-a-killed-run.parquet"))
    assert len(holding(tmp_path)) > 10, "the scan can find"
    erased = erase(lake, product(), "user:ann-1")
    settle(lake)
    assert holding(tmp_path) == set()
    assert (erased.users, erased.devices) == (["ann-1", "ann-2"], ["laptop-1", "phone-9"])
    assert (erased.events, erased.rejected) == (6, 1), "the click on the shared computer was hers too"
    assert erased.landing_files == ["web/2026-02-05/hers.ndjson"]
    assert all(manifest.balances for manifest in read_manifests(lake).values())
    events = scan_days(lake, "events", published_days(lake, "events")).collect()
    assert sorted(events["event_id"]) == ["o1", "o2", "o3"]


def test_nothing_that_was_computed_names_an_erased_person(tmp_path: Path) -> None:
    chosen = product(segments={"anybody": {"kind": "page_view"}})
    lake = made(tmp_path)
    compute_all(lake, chosen)

    def named() -> set[str]:
        tables = ("marts/segment_members.parquet", "lake/customers/part.parquet", "lake/people/part.parquet")
        return {name for key in tables for name in pl.read_parquet(lake.path(key))["person_id"]}

    assert "user:ann-1" in named()
    members = pl.read_parquet(lake.path("marts/segment_members.parquet"))
    assert "user:ann-1" in set(members["person_id"])
    erase(lake, chosen, "user:ann-1")
    compute_all(lake, chosen)
    assert not {name for name in named() if "ann" in name}
    assert members.height > pl.read_parquet(lake.path("marts/segment_members.parquet")).height > 0


def test_what_is_left_is_as_if_the_person_had_never_come(tmp_path: Path) -> None:
    lake = made(tmp_path / "a")
    erase(lake, product(), "user:ann-2")
    settle(lake)
    other = Lake(tmp_path / "b")
    drop(other.home, "web/2026-02-05/others.ndjson", ndjson(OTHERS))
    take_all(other, product())
    settle(other)
    windows = ["people_active_7d", "people_active_28d", "people_active_28d_before", "people_churned_28d"]
    ours, theirs = (pl.read_parquet(each.path("marts/daily_kpis.parquet")) for each in (lake, other))
    assert ours.filter(pl.col("people_active") > 0).drop(windows).equals(theirs.drop(windows))


def test_an_erased_person_who_comes_again_is_left_out_and_counted(tmp_path: Path) -> None:
    lake = made(tmp_path)
    erase(lake, product(), "user:ann-1")
    settle(lake)
    before = marts_of(lake)
    drop(
        tmp_path,
        "web/2026-02-06/again.ndjson",
        ndjson([*HERS, record("n", "2026-02-04T08:00", anonymous_id="laptop-1")]),
    )
    again = next(m for m in take_all(lake, product()) if "again" in m.name)
    # Her click on the shared computer names no id of hers; without her links it is the computer's.
    assert (again.records_read, again.accepted, again.filtered) == (8, 1, {"erased": 7})
    assert again.balances
    list(ingest(lake, product(), find(lake), again=True))
    settle(lake)
    assert holding(tmp_path) == set()
    assert set(before) == set(marts_of(lake))


def test_landing_files_are_named_until_they_are_gone(tmp_path: Path) -> None:
    lake = made(tmp_path)
    drop(tmp_path, "web/packed.ndjson.gz", gzip.compress(ndjson(HERS)))
    pl.DataFrame([{"event_id": "p", "user_id": "ann-1"}]).write_parquet(tmp_path / "landing/web/table.parquet")
    erased = erase(lake, product(), "user:ann-1")
    assert erased.landing_files == ["web/2026-02-05/hers.ndjson", "web/packed.ndjson.gz", "web/table.parquet"]
    for name in erased.landing_files:
        (tmp_path / "landing" / name).unlink()
    assert erase(lake, product(), "user:ann-1").landing_files == []


def test_one_content_under_two_names_is_erased_once(tmp_path: Path) -> None:
    lake = made(tmp_path)
    drop(tmp_path, "web/2026-02-06/copy.ndjson", ndjson(HERS))
    take_all(lake, product())
    erased = erase(lake, product(), "user:ann-1")
    settle(lake)
    assert (erased.events, erased.rejected) == (6, 1)
    assert all(manifest.balances for manifest in read_manifests(lake).values())
    assert holding(tmp_path) == set()
    assert erase(lake, product(), "user:ann-1").events == 0


def test_a_rejected_text_that_holds_the_id_within_a_word_is_not_the_persons(tmp_path: Path) -> None:
    rejects = [{"event_id": name, "kind": "nope", "user_id": name} for name in ("7", "17", 'a"b', "x7y", "u-7")]
    drop(tmp_path, "web/a.ndjson", ndjson(rejects))
    lake = Lake(tmp_path)
    take_all(lake, product())
    assert erase(lake, product(), 'user:a"b').rejected == 1
    assert erase(lake, product(), "user:7").rejected == 2, "u-7 may name it"


@pytest.mark.parametrize("person", ["ann", "", "user:", "mail:x"])
def test_a_person_is_named_by_kind_and_id(person: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="write user:<id> or device:<id>"):
        erase(made(tmp_path), product(), person)
