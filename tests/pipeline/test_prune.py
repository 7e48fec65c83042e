"""What `footfall prune` removes, and what it never does."""

import time
from pathlib import Path

import pytest
from support import compute_all, drop, ndjson, product, record, take_all

from pipeline.core.lake import Lake
from pipeline.ingest.home import claim
from pipeline.ingest.manifests import read_manifests
from pipeline.maintenance.prune import YOUNG_SECONDS, prune

LATER = time.time() + 2 * YOUNG_SECONDS


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A home whose one file was replaced, so that objects of its first content are named by nothing."""
    made = Lake(tmp_path)
    for number in (1, 2):
        rows = [record(f"e{number}{i}", f"2026-02-02T10:{i:02}:00") for i in range(5)]
        drop(tmp_path, "web/2026-02-02/a.ndjson", ndjson(rows) + b"broken %d\n" % number)
        claim(made, product())
        take_all(made, product())
        compute_all(made, product(), only=["daily_kpis"])
    made.write("lake/_state/publications/0.json", b"{}")
    made.write("lake/_state/runs/1.json", b"{}")
    (tmp_path / "marts" / ".half.parquet.1-ab.tmp").write_bytes(b"half")
    return made


def everything(lake: Lake) -> set[str]:
    return {path.relative_to(lake.home).as_posix() for path in lake.home.rglob("*") if path.is_file()}


def test_only_what_nothing_names_goes(lake: Lake) -> None:
    lake.write("lake/erased/ids.json", b"who is never taken again")
    lake.write("lake/restatements/daily_kpis.parquet", b"what was restated")
    before = everything(lake)
    counted = prune(lake, dry_run=True, now=LATER)
    assert everything(lake) == before, "a dry run removes nothing"
    assert prune(lake, now=LATER) == counted
    gone = before - everything(lake)
    (manifest,) = read_manifests(lake).values()
    named = {part.key for parts in manifest.days.values() for part in parts} | {manifest.rejected_key}
    assert {name.rsplit("/", 1)[0] for name in gone} == {
        "lake/raw_events/day=2026-02-02",
        "lake/rejected/arrived=2026-02-02",
        "lake/_state/publications",
        "lake/_state/runs",
        "marts",
    }
    assert not gone & named
    assert {each.what: each.files for each in counted} == {
        "left by killed writers": 1,
        "replaced raw objects": 2,
        "bases of old publications": 1,
        "signs of life of ended runs": 1,
    }
    assert sum(each.size for each in counted) > 0
    assert not sum(each.files for each in prune(lake, now=LATER))


def test_what_is_young_may_be_on_its_way_in(lake: Lake) -> None:
    before = everything(lake)
    assert not sum(each.files for each in prune(lake))
    assert everything(lake) == before


def test_where_a_manifest_cannot_be_read_no_raw_object_goes(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.maintenance.prune.read_manifests", lambda _lake: {})
    prune(lake, now=LATER)
    assert len(list(lake.keys("lake/raw_events"))) == 2


def test_a_pruned_home_computes_the_same(lake: Lake) -> None:
    before = lake.read("marts/daily_kpis.parquet")
    prune(lake, now=LATER)
    assert not take_all(lake, product())
    lake.delete("lake/events/day=2026-02-02/part.parquet")
    compute_all(lake, product(), only=["daily_kpis"])
    assert lake.read("marts/daily_kpis.parquet") == before
