"""Marts of one publication are one version: a reader never sees two, whatever is published meanwhile."""

import hashlib
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import msgspec
import polars as pl
import pytest
from support import approve, compute_all, drop, ndjson, record, take_all

from pipeline.build.compute import build_days, build_period
from pipeline.build.context import BuildContext, find_dirty
from pipeline.build.marts import RECORD_KEY, Publication, build_mart, find_stale, read_record
from pipeline.core.lake import DamagedObject, Lake
from pipeline.core.product import Product
from pipeline.core.product_file import parse_product
from pipeline.core.sealed import write_sum
from pipeline.events.profile import CheckResult
from pipeline.ingest.files import retract
from pipeline.maintenance.integrity import deep
from pipeline.publish.catalog import CATALOG_KEY, write_catalog
from pipeline.publish.query import query
from pipeline.publish.versions import FOLDER, KEPT, current, make_version, version_of

CHOSEN: Product = parse_product(
    "name: V\ntime_zone: Europe/Berlin\nstart_date: 2026-02-02\nsources: {web: {}}\npages: [{name: home, urls: ['/']}]\n"
)
FEW = ("daily_kpis", "sessions_daily")
BOTH = "select (select sum(sessions) from daily_kpis), (select sum(sessions) from sessions_daily)"
NOON = datetime(2026, 2, 5, 12, tzinfo=UTC)
READER = """
import duckdb, pathlib, sys
catalog, stop, seen = sys.argv[1], pathlib.Path(sys.argv[2]), []
while not stop.exists():
    with duckdb.connect(catalog, read_only=True) as connection:
        seen.append(connection.execute(sys.argv[3]).fetchone())
    if len(seen) == 1:
        print("reading", flush=True)
print(len(seen), all(a == b for a, b in seen), len(set(seen)), flush=True)
"""


def add(lake: Lake, number: int) -> None:
    """A file with the events of one more person."""
    drop(lake.home, f"web/2026-02-02/{number}.ndjson", ndjson([record(f"e{number}", "2026-02-02T10:00:00", anonymous_id=f"d{number}", url="/")]))  # fmt: skip
    take_all(lake, CHOSEN)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path / "home")
    add(lake, 0)
    compute_all(lake, CHOSEN, only=FEW)
    write_catalog(lake)
    return lake


def in_catalog(lake: Lake) -> tuple[int, ...]:
    with duckdb.connect(str(lake.path(CATALOG_KEY)), read_only=True) as catalog:
        row = catalog.execute(BOTH).fetchone()
    assert row is not None
    return row


def test_half_way_through_a_publication_readers_see_the_one_before(lake: Lake) -> None:
    add(lake, 1)
    dirty = find_dirty(lake, CHOSEN, lambda _day: True)
    for name in dirty.tables(*(sorted(dirty.runnable)[i] for i in (0, -1))):
        list(build_days(lake, CHOSEN, name, sorted(dirty.runnable), approve))
    for name in find_stale(lake, CHOSEN, BuildContext(lake, CHOSEN)).periods:
        build_period(lake, CHOSEN, name, approve)
    build_mart(lake, CHOSEN, "daily_kpis", lambda *_: CheckResult(), Publication(lake, CHOSEN))
    files = [pl.read_parquet(lake.path(f"marts/{name}.parquet"))["sessions"].sum() for name in FEW]
    assert files == [2, 1], "the marts themselves are of two publications now"
    assert in_catalog(lake) == (1, 1)
    assert query(lake, BOTH).rows.row(0) == (1, 1)
    build_mart(lake, CHOSEN, "sessions_daily", lambda *_: CheckResult(), Publication(lake, CHOSEN))
    write_catalog(lake)
    assert in_catalog(lake) == (2, 2)
    assert query(lake, BOTH).rows.row(0) == (2, 2)


def test_who_reads_all_the_time_never_mixes_two_publications(lake: Lake, tmp_path: Path) -> None:
    stop = tmp_path / "stop"
    words = [sys.executable, "-c", READER, str(lake.path(CATALOG_KEY)), str(stop), BOTH]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "reading\n"
        for number in range(1, 7):
            add(lake, number)
            compute_all(lake, CHOSEN, only=FEW)
            write_catalog(lake)
        stop.touch()
        times, is_equal, versions = reader.stdout.readline().split()
    assert is_equal == "True"
    assert int(times) > 6
    assert int(versions) > 1, "it saw publications come"


def test_equal_marts_are_one_version_of_the_marts_own_files(lake: Lake) -> None:
    first = current(lake)
    assert first is not None
    assert make_version(lake, NOON) == first
    assert first.id == version_of(lake)
    folder = lake.path(f"{FOLDER}/{first.id}")
    assert {path.stem for path in folder.glob("*.parquet")} == set(FEW)
    assert all((folder / f"{name}.parquet").samefile(lake.path(f"marts/{name}.parquet")) for name in FEW)


def test_replaced_versions_stay_for_a_week(lake: Lake) -> None:
    ids = [make_version(lake, NOON).id]
    for number, now in enumerate((NOON + timedelta(days=1), NOON + timedelta(days=2)), start=1):
        add(lake, number)
        compute_all(lake, CHOSEN, only=FEW)
        ids.append(make_version(lake, now).id)
    assert {path.name for path in lake.path(FOLDER).iterdir()} == set(ids)
    old = pl.read_parquet(lake.path(f"{FOLDER}/{ids[0]}/sessions_daily.parquet"))
    assert old["sessions"].sum() == 1, "what was read stays what it was"
    make_version(lake, NOON + timedelta(days=1) + KEPT)
    assert {path.name for path in lake.path(FOLDER).iterdir()} == set(ids[1:]), "a week after it was replaced"


def test_what_is_taken_back_is_in_no_version(lake: Lake) -> None:
    add(lake, 1)
    compute_all(lake, CHOSEN, only=FEW)
    make_version(lake, NOON)
    assert len(list(lake.path(FOLDER).iterdir())) == 2
    retract(lake, "web/2026-02-02/1.ndjson")
    compute_all(lake, CHOSEN, only=FEW)
    write_catalog(lake)
    (folder,) = lake.path(FOLDER).iterdir()
    assert folder.name == version_of(lake)
    assert in_catalog(lake) == (1, 1)


def test_a_version_of_before_what_was_taken_back_was_computed_goes_with_the_next(lake: Lake) -> None:
    """The catalog may be made while the days of an erasure wait: of the same rows, or of some that changed."""
    add(lake, 1)
    compute_all(lake, CHOSEN, only=FEW)
    make_version(lake, NOON)
    retract(lake, "web/2026-02-02/1.ndjson")
    for number in (2, 3):
        hour = NOON + timedelta(hours=number)
        make_version(lake, hour, settled=False)
        # Another mart meanwhile.
        lake.write_frame("marts/daily_kpis.parquet", pl.DataFrame({"sessions": [number]}))
        record_of = read_record(lake)
        changed = msgspec.structs.replace(record_of["daily_kpis"], sha256=lake.sha256("marts/daily_kpis.parquet") or "")
        data = msgspec.json.encode({**record_of, "daily_kpis": changed})
        lake.write(RECORD_KEY, data)
        write_sum(lake, RECORD_KEY, hashlib.sha256(data).hexdigest())
    make_version(lake, NOON + timedelta(hours=4), settled=False)
    assert current(lake) is not None
    compute_all(lake, CHOSEN, only=FEW)
    made = make_version(lake, NOON + timedelta(hours=5))
    assert [folder.name for folder in lake.path(FOLDER).iterdir()] == [made.id]
    assert make_version(lake, NOON + timedelta(hours=6), settled=False) == made, (
        "an hour of new data changes nothing of that"
    )
    assert made.replaced == {}


def test_a_damaged_mart_becomes_no_version_and_a_damaged_version_is_told_and_made_again(lake: Lake) -> None:
    pointer = current(lake)
    assert pointer is not None
    assert not [fault for fault in deep(lake) if FOLDER in fault]
    # A copy, as where there are no links: the mart itself is sound.
    copied = lake.path(f"{FOLDER}/{pointer.id}/daily_kpis.parquet")
    copied.unlink()
    copied.write_bytes(b"damaged")
    (fault,) = [fault for fault in deep(lake) if FOLDER in fault]
    assert f"{pointer.id}/daily_kpis.parquet isn't what was published" in fault
    make_version(lake)
    assert not [fault for fault in deep(lake) if FOLDER in fault]
    add(lake, 1)
    compute_all(lake, CHOSEN, only=FEW)
    lake.path("marts/daily_kpis.parquet").write_bytes(b"damaged")
    with pytest.raises(DamagedObject, match="daily_kpis"):
        make_version(lake)
    assert current(lake) == pointer, "readers keep the version before"
    assert not list(lake.path(FOLDER).glob(".*")), "nothing half-made is left"


def test_without_links_files_are_copied(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(Path, "hardlink_to", refused)
    add(lake, 1)
    compute_all(lake, CHOSEN, only=FEW)
    write_catalog(lake)
    assert in_catalog(lake) == (2, 2)
