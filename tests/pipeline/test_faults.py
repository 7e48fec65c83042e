"""Writes that fail (full disk, I/O error, read-only) or stop dead, at every place of a small home: nothing lost, nothing back.

`CASES` counts them; each is followed by the next run, after which all bytes are what they would have been.
"""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from faults import FAULTS, FEW, counted, failing, stopping, tried
from support import approve, compute_all, drop, ndjson, record, take_all

from pipeline.build.compute import build_days, build_period
from pipeline.build.context import find_dirty
from pipeline.build.marts import Publication, build_mart
from pipeline.core.lake import Lake
from pipeline.core.product_file import parse_product
from pipeline.events.profile import CheckResult
from pipeline.ingest.files import retract
from pipeline.ingest.home import HOME_KEY, claim
from pipeline.ingest.journal import finish
from pipeline.ingest.manifests import read_manifests
from pipeline.maintenance.erase import erase
from pipeline.maintenance.rebuild import rebuild
from pipeline.report.made import report_is_stale
from pipeline.report.write import write_report

PRODUCT = parse_product(FEW)
TOKYO = PRODUCT.model_copy(update={"time_zone": "Asia/Tokyo"})
KINDS = (*FAULTS, 0)
Change = Callable[[Lake], object]


def fault(kind: int, at: int) -> AbstractContextManager[object]:
    return failing(at, kind) if kind else stopping(at)


def landed(home: Path) -> Lake:
    first = [record(f"a{i}", f"2026-02-03T{i * 4:02d}:30") for i in range(6)]
    hers = [record(f"b{i}", f"2026-02-04T{i * 4:02d}:30", user_id="ann-1") for i in range(6)]
    reported = record("t", "2026-02-04T09:00", anonymous_id="d2", properties={"invited_by": "ann-1"})
    drop(home, "web/a.ndjson", ndjson([*first, {"kind": "x", "user_id": "ann-1"}]))
    drop(home, "web/b.ndjson", ndjson([*hers, reported]))
    drop(
        home,
        "web/gone.ndjson",
        ndjson([record(f"c{i}", f"2026-02-04T{i * 8:02d}:10", anonymous_id="d3") for i in range(3)]),
    )
    return Lake(home)


def ingest_all(lake: Lake) -> None:
    claim(lake, PRODUCT)
    take_all(lake, PRODUCT)


def held(lake: Lake) -> dict[str, Any]:
    """What the home holds: its manifests, the bytes that they name, what is fixed."""
    manifests = read_manifests(lake)
    assert all(manifest.balances for manifest in manifests.values())
    named = {key: sha256 for manifest in manifests.values() for key, sha256 in manifest.objects.items()}
    for key, sha256 in named.items():
        assert lake.sha256(key) == sha256, f"{key} is whole"
    stated = {each: json.dumps(json.loads(lake.path(f"lake/ingested/{each}.json").read_bytes())) for each in manifests}
    return {"manifests": stated, "objects": named, "home": lake.read(HOME_KEY)}


def nowhere(lake: Lake, name: str) -> bool:
    for key in lake.keys("lake"):
        data = lake.path(key).read_bytes()
        shown = str(pl.read_parquet(data).rows()).encode() if key.endswith(".parquet") else b""
        if name.encode() in data + shown:
            return False
    return True


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lake = landed(tmp_path_factory.mktemp("taken"))
    ingest_all(lake)
    lake.path("landing/web/gone.ndjson").unlink()
    return lake.home


def each_fault(taken: Path, tmp_path: Path, change: Change, check: Callable[[Lake, dict[str, Any]], None]) -> int:
    """Let `change` die at each of its writes in each way, begin it again, and compare with one undisturbed."""
    whole = Lake(shutil.copytree(taken, tmp_path / "whole"))
    before = held(whole)
    writes = counted(partial(change, whole))
    expected = held(whole)
    assert writes > 1
    assert expected != before
    for kind in KINDS:
        for at in range(1, writes + 1):
            lake = Lake(shutil.copytree(taken, tmp_path / f"{kind}-{at}"))
            with fault(kind, at):
                assert not tried(partial(change, lake)), f"{at} of {writes}"
            with lake.exclusive():
                finish(lake)
            between = held(lake)
            check(lake, between)
            change(lake)
            assert _plain(held(lake)) == _plain(expected), f"fault {kind} at {at} of {writes}"
            shutil.rmtree(lake.home)
    return writes * len(KINDS)


def _plain(result: dict[str, Any]) -> dict[str, Any]:
    return {**result, "manifests": {each: json.loads(text) for each, text in result["manifests"].items()}}


def test_ingest_goes_on_where_a_write_failed(tmp_path: Path) -> None:
    whole = landed(tmp_path / "whole")
    writes = counted(partial(ingest_all, whole))
    expected = held(whole)
    for kind in KINDS:
        for at in range(1, writes + 1):
            lake = landed(tmp_path / f"{kind}-{at}")
            for name in ("a", "b", "gone"):
                shutil.copystat(whole.path(f"landing/web/{name}.ndjson"), lake.path(f"landing/web/{name}.ndjson"))
            with fault(kind, at):
                tried(partial(ingest_all, lake))
            held(lake)
            ingest_all(lake)
            assert held(lake) == expected, f"fault {kind} at {at} of {writes}"
    assert writes * len(KINDS) >= 40


def test_an_erasure_is_ended_wherever_it_died(taken: Path, tmp_path: Path) -> None:
    def change(lake: Lake) -> None:
        erase(lake, PRODUCT, "user:ann-1")
        assert nowhere(lake, "ann-1")

    def check(lake: Lake, between: dict[str, Any]) -> None:
        events = sum(json.loads(text)["events"] for text in between["manifests"].values())
        assert events == 6 + 7 + 3, "counted before as after"
        take_all(lake, PRODUCT)

    assert each_fault(taken, tmp_path, change, check) >= 40


def test_a_retraction_happened_or_not(taken: Path, tmp_path: Path) -> None:
    assert each_fault(taken, tmp_path, lambda lake: retract(lake, "web/gone.ndjson"), lambda *_: None) >= 8


def test_a_rebuild_leaves_the_old_home_or_the_new_one(taken: Path, tmp_path: Path) -> None:
    before = Lake(taken)
    old = held(before)["manifests"]
    new: list[dict[str, str]] = []

    def change(lake: Lake) -> None:
        rebuild(lake, TOKYO, accept_loss=True)
        new.append(held(lake)["manifests"])

    def check(_lake: Lake, between: dict[str, Any]) -> None:
        plain = [
            {each: json.loads(text) for each, text in result.items()} for result in (old, new[0], between["manifests"])
        ]
        assert plain[2] in plain[:2]

    assert each_fault(taken, tmp_path, change, check) >= 40


def compute_dirty(lake: Lake) -> None:
    """The days that are dirty, each table once."""
    dirty = find_dirty(lake, PRODUCT, lambda _day: True).days
    for name, days in dirty.items():
        list(build_days(lake, PRODUCT, name, sorted(days), approve))


def publish(lake: Lake) -> None:
    """A period table and the mart that reads it, as a run does after all days."""
    context = Publication(lake, PRODUCT)
    for name in ("activity_returns", "people_daily"):
        build_period(lake, PRODUCT, name, approve, context)
    build_mart(lake, PRODUCT, "daily_kpis", lambda *_: CheckResult(), context)


def data(lake: Lake) -> dict[str, str | None]:
    return {key: lake.sha256(key) for root in ("lake", "marts") for key in lake.keys(root) if key.endswith(".parquet")}


def test_days_and_marts_go_on_where_a_write_failed(taken: Path, tmp_path: Path) -> None:
    whole = Lake(shutil.copytree(taken, tmp_path / "whole"))
    compute_dirty(whole)
    lake = Lake(shutil.copytree(taken, tmp_path / "lake"))
    faults = 0
    # Each run dies some writes further on than the one before it, until one comes to its end.
    while True:
        with fault(KINDS[faults % len(KINDS)], 3 + faults % 7):
            if tried(partial(compute_dirty, lake)):
                break
        faults += 1
        assert data(lake).items() <= data(whole).items(), "what is there is whole"
    assert faults >= 25
    assert data(lake) == data(whole)
    writes = counted(partial(publish, whole))
    for kind in KINDS:
        for at in range(1, writes + 1):
            with fault(kind, at):
                assert not tried(partial(publish, lake))
            assert data(lake).items() <= data(whole).items()
    publish(lake)
    assert data(lake) == data(whole)
    assert faults + writes * len(KINDS) >= 50
    assert lake.sweep(time.time() + 1) == 0, "nothing is left of writes that failed"


def pages_of(lake: Lake) -> dict[str, bytes]:
    return {key: lake.path(key).read_bytes() for key in lake.keys("report")}


def test_a_report_whose_writing_failed_is_made_again_and_never_taken_for_whole(tmp_path: Path) -> None:
    lake = landed(tmp_path)
    ingest_all(lake)
    compute_all(lake, PRODUCT)
    assert report_is_stale(lake, PRODUCT)
    writes = counted(lambda: write_report(lake, PRODUCT))
    whole = pages_of(lake)
    for number, at in enumerate(range(1, writes + 1, 3)):
        shutil.rmtree(lake.path("report"), ignore_errors=True)
        with fault(KINDS[number % len(KINDS)], at):
            assert not tried(lambda: write_report(lake, PRODUCT))
        assert pages_of(lake).items() <= whole.items(), "what is there is whole"
        assert report_is_stale(lake, PRODUCT), "so that the next run makes it"
    write_report(lake, PRODUCT)
    assert pages_of(lake) == whole
    assert not report_is_stale(lake, PRODUCT)


CHILD = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from faults import dying
from support import take_all
from test_faults import PRODUCT, TOKYO, ingest_all
from pipeline.build.compute import build_days, build_period
from pipeline.build.context import find_dirty
from pipeline.maintenance.erase import erase
from pipeline.ingest.files import retract
from pipeline.ingest.journal import finish
from pipeline.core.lake import Lake
from pipeline.maintenance.rebuild import rebuild
acts = {
    "ingest": ingest_all,
    "erase": lambda lake: erase(lake, PRODUCT, "user:ann-1"),
    "rebuild": lambda lake: rebuild(lake, TOKYO, accept_loss=True),
}
with dying(int(sys.argv[4])):
    acts[sys.argv[3]](Lake(sys.argv[2]))
"""


@pytest.mark.parametrize(("interaction", "at"), [("ingest", 4), ("erase", 8), ("rebuild", 9)])
def test_a_process_that_is_killed_leaves_a_home_to_go_on_with(
    interaction: str, at: int, taken: Path, tmp_path: Path
) -> None:
    lake = landed(tmp_path / "home") if interaction == "ingest" else Lake(shutil.copytree(taken, tmp_path / "home"))
    here = Path(__file__).parent
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(here)!r})\n{CHILD}"]
    killed = subprocess.run(
        [*command, str(here.parent), str(lake.home), interaction, str(at)], check=False, capture_output=True
    )
    assert killed.returncode == -9, killed.stderr.decode()
    begun: dict[str, Change] = {
        "ingest": ingest_all,
        "erase": lambda lake: erase(lake, PRODUCT, "user:ann-1"),
        "rebuild": lambda lake: rebuild(lake, TOKYO, accept_loss=True),
    }
    begun[interaction](lake)
    after = held(lake)
    assert sum(json.loads(text)["events"] for text in after["manifests"].values()) == 6 + 7 + 3
    assert interaction != "erase" or nowhere(lake, "ann-1")
