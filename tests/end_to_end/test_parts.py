"""Days in parts: whoever makes them, and wherever they lie, the marts are those of days in one object, and nothing is left."""

import os
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from dask_cluster import Cluster, dask_cluster
from object_store import machine, s3_server, upload
from shop import first_days_of_shop
from support import approve, compute_all, marts_of, take_all

from pipeline.build import compute as compute_module
from pipeline.build import many_days
from pipeline.build.compute import Judge, build_days
from pipeline.build.configured import day_tables as configured
from pipeline.build.context import find_dirty
from pipeline.core import engine
from pipeline.core.engine import DASK_VARIABLE, HERE, PROCESSES_VARIABLE, NoEngine, run_parts
from pipeline.core.keys import day_folder
from pipeline.core.lake import Lake
from pipeline.core.object_lake import SCRATCH, ObjectLake
from pipeline.core.product import Product
from pipeline.core.product_file import load_product
from pipeline.core.states import parts_of, read_states, scan_days
from pipeline.declare import day_tables
from pipeline.events.profile import CheckResult
from pipeline.ingest import workers
from pipeline.ingest.landing import find
from pipeline.maintenance.doctor import examine
from pipeline.publish.query import query
from pipeline.publish.versions import make_version
from pipeline.stats import buckets

EXAMPLE = Path(__file__).parents[2] / "examples" / "shop"
DAY = date(2026, 9, 28)


@pytest.fixture(scope="module")
def product() -> Product:
    return load_product(EXAMPLE / "product.yaml")


# One of each way in which days, period tables and marts are made.
ONLY = (
    *("daily_kpis", "daily_quality", "retention", "funnel_steps", "zone_metrics", "heatmaps", "friction"),
    *("segment_members", "rfm", "fact_sessions", "fact_page_views"),
)


def compute(lake: Lake, product: Product) -> None:
    take_all(lake, product)
    compute_all(lake, product, only=ONLY)
    make_version(lake)


def new_home(folder: Path, landing: Path) -> Lake:
    lake = Lake(folder)
    shutil.copytree(landing, lake.home / "landing")
    return lake


@pytest.fixture(scope="module")
def in_one(product: Product, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Two days of the shop, each in one object a table."""
    lake = Lake(tmp_path_factory.mktemp("in_one"))
    first_days_of_shop(lake, "2026-09-29", 40)
    compute(lake, product)
    return lake


@pytest.fixture(scope="module")
def small_parts() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(day_tables, "RANGE_ROWS", 60)
        patch.setattr(day_tables, "RANGES_PER_PART", 4)
        patch.setattr(workers, "WORTH_PROCESSES", 0)
        yield


@pytest.fixture(scope="module")
def in_parts(in_one: Lake, product: Product, small_parts: None, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """The same in parts, made by this process one after the other."""
    del small_parts
    lake = new_home(tmp_path_factory.mktemp("in_parts"), in_one.path("landing"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PROCESSES_VARIABLE, "1")
        compute(lake, product)
    return lake


def objects(lake: Lake) -> dict[str, str | None]:
    keys = (key for prefix in ("lake", "marts") for key in lake.keys(prefix))
    return {key: lake.sha256(key) for key in keys if key.endswith(".parquet")}


def parts_by_table(lake: Lake, product: Product) -> dict[str, int]:
    names = [table.contract.name for table in configured(product)]
    return {name: max((len(s.parts) for s in read_states(lake, name)[0].values()), default=0) for name in names}


@pytest.mark.slow
def test_marts_and_rows_are_those_of_days_in_one_object(in_one: Lake, in_parts: Lake, product: Product) -> None:
    assert marts_of(in_parts) == marts_of(in_one)
    many = {name for name, number in parts_by_table(in_parts, product).items() if number > 1}
    assert {"events", "session_events", "sessions", "page_views", "event_ids", "fact_sessions"} <= many
    for name in many:
        days = sorted(read_states(in_one, name)[0])
        assert scan_days(in_parts, name, days).collect().equals(scan_days(in_one, name, days).collect()), name
    count = "SELECT count(*) AS n, sum(revenue) AS revenue FROM fact_sessions"
    assert query(in_parts, count).rows.equals(query(in_one, count).rows)
    assert not list(examine(in_parts, product, thorough=True))
    assert len(marts_of(in_parts)) >= len(ONLY) - 2


@pytest.mark.slow
def test_processes_make_the_same_objects(in_parts: Lake, product: Product, small_parts: None, tmp_path: Path) -> None:
    del small_parts
    lake = new_home(tmp_path, in_parts.path("landing"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PROCESSES_VARIABLE, "3")
        compute(lake, product)
    assert objects(lake) == objects(in_parts)
    assert not list(lake.path("lake").glob(".scratch*"))


@pytest.mark.slow
def test_a_lost_part_is_made_again_and_a_replaced_one_goes(in_parts: Lake, product: Product, tmp_path: Path) -> None:
    shutil.copytree(in_parts.home, tmp_path / "copy")
    lake = Lake(tmp_path / "copy")
    state = read_states(lake, "sessions")[0][DAY]
    part = parts_of("sessions", DAY, state)[1]
    lake.delete(part.key)
    assert DAY in find_dirty(lake, product, lambda _day: True).days["sessions"]
    list(build_days(lake, product, "sessions", [DAY], approve))
    assert objects(lake) == objects(in_parts)
    orphan = f"{day_folder('sessions', DAY)}/part-0000-of-0002-0123456789abcdef.parquet"
    lake.write(orphan, b"left by a killed run")
    list(build_days(lake, product, "sessions", [DAY], approve))
    assert not lake.exists(orphan)


@pytest.mark.slow
def test_a_day_that_is_held_back_leaves_no_parts(in_parts: Lake, product: Product, tmp_path: Path) -> None:
    shutil.copytree(in_parts.home, tmp_path / "copy")
    lake = Lake(tmp_path / "copy")

    def refuse(_table: object, _product: object, batches: list[object], _history: object) -> list[CheckResult]:
        return [CheckResult(("no",)) for _ in batches]

    judge: Judge = refuse  # pyright: ignore[reportAssignmentType]
    before = objects(lake)
    list(build_days(lake, product, "sessions", [DAY], judge))
    assert objects(lake) == before, "what is published stays, though it was made again"


@pytest.fixture(scope="module")
def store() -> Iterator[None]:
    with s3_server():
        yield


@pytest.fixture(scope="module")
def cluster(store: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    del store
    with dask_cluster(tmp_path_factory.mktemp("dask")) as cluster:
        yield cluster
        engine._client(cluster.address).close()
        engine._client.cache_clear()


def remote_home(url: str, landing: Path, cache: Path) -> ObjectLake:
    lake = machine(url, cache)
    upload(lake, landing, "landing")
    return lake


@pytest.mark.slow
def test_a_cluster_over_a_store_makes_the_same_objects_though_a_worker_is_killed(
    cluster: Cluster,
    in_parts: Lake,
    product: Product,
    small_parts: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    del small_parts
    lake = remote_home("s3://bucket/homes/parts", in_parts.path("landing"), tmp_path / "cache")
    monkeypatch.setenv(DASK_VARIABLE, cluster.address)
    # Period tables too are computed there, range by range.
    monkeypatch.setattr(buckets, "BUCKET_ROWS", 8)
    submitted = Counter[str]()
    run_there = engine._client(cluster.address).submit

    def counted(there: Any, wanted: str, function: Any, *given: Any, **settings: Any) -> Any:
        submitted[function.__name__] += 1
        return run_there(there, wanted, function, *given, **settings)

    monkeypatch.setattr(engine._client(cluster.address), "submit", counted)

    def kill() -> None:
        deadline = time.monotonic() + 120
        while not list(lake.keys(SCRATCH)) and time.monotonic() < deadline:
            time.sleep(0.05)
        os.kill(cluster.workers[0].pid, signal.SIGKILL)
        cluster.add_worker()

    killer = threading.Thread(target=kill)
    killer.start()
    compute(lake, product)
    killer.join()
    assert cluster.workers[0].poll() is not None
    assert objects(lake) == objects(in_parts)
    assert not list(lake.keys(SCRATCH))
    assert not list(cluster.folder.glob("worker-*/cache/*/landing/**/part-*")), "no copy of a landing file stays"
    assert submitted["_taken"] == len(find(lake)), "landing files"
    assert submitted["_made"] > 20, "parts of days"
    assert submitted["_computed"] > 5, "ranges of period tables"


def twice(number: int) -> int:
    return 2 * number


def fail(number: int) -> int:
    if number == 3:
        raise LookupError("the third part can't be made")
    return number


def test_parts_come_in_order_and_what_one_raises_comes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PROCESSES_VARIABLE, "2")
    for on in (HERE, engine.engine(2)):
        assert list(run_parts(twice, range(9), on)) == [0, 2, 4, 6, 8, 10, 12, 14, 16]
        with pytest.raises(LookupError, match="third part"):
            list(run_parts(fail, range(9), on))


def test_what_cannot_be_used_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert engine.engine(1) is HERE
    assert engine.engine(8, worth=False) is HERE
    monkeypatch.setenv(PROCESSES_VARIABLE, "none")
    with pytest.raises(NoEngine, match="FOOTFALL_PROCESSES is 'none'; set it to a number"):
        engine.engine(8)
    monkeypatch.setattr(engine, "_CONNECT_SECONDS", 0.5)
    monkeypatch.setenv(DASK_VARIABLE, "tcp://127.0.0.1:9")
    with pytest.raises(NoEngine, match=r"tcp://127.0.0.1:9 doesn't answer .*; is the scheduler running"):
        engine.engine(8)


def test_a_part_holds_whole_people(in_parts: Lake) -> None:
    state = read_states(in_parts, "sessions")[0][DAY]
    keys = [pl.read_parquet(in_parts.path(part.key))["person_key"] for part in parts_of("sessions", DAY, state)]
    for n, of_part in enumerate(keys):
        begin = -(2**63) + 2**64 * n // len(keys)
        assert of_part.is_between(begin, begin + 2**64 // len(keys) - 1).all()


def in_processes(patch: pytest.MonkeyPatch) -> None:
    """Days are shared by two processes, however few, and lie in one object each, whatever other tests of the module set."""
    patch.setenv(PROCESSES_VARIABLE, "2")
    patch.setattr(many_days, "_WORTH_SECONDS", 0)
    patch.setattr(day_tables, "RANGE_ROWS", 131_072)


@pytest.mark.slow
def test_many_days_made_by_processes_are_those_of_one(in_one: Lake, product: Product, tmp_path: Path) -> None:
    taken, take_over = list[str](), Lake.take_over
    lake = new_home(tmp_path, in_one.path("landing"))
    with pytest.MonkeyPatch.context() as patch:
        in_processes(patch)
        patch.setattr(Lake, "take_over", lambda own, staged: taken.append(staged.key) or take_over(own, staged))
        compute(lake, product)
    assert objects(lake) == objects(in_one)
    assert {"sessions", "event_ids", "activity"} <= {key.split("/")[1] for key in taken}
    assert not any(key.startswith("lake/events/") for key in taken), "who is who isn't sent"
    # What other processes staged was taken over, and nothing of it is left.
    assert not list(lake.home.rglob("*.tmp"))


def test_a_damaged_object_fails_its_own_day_in_whatever_process(in_one: Lake, product: Product, tmp_path: Path) -> None:
    shutil.copytree(in_one.home, tmp_path / "copy")
    lake = Lake(tmp_path / "copy")
    days = sorted(read_states(lake, "sessions")[0])
    key = parts_of("sessions", DAY, read_states(lake, "sessions")[0][DAY])[0].key
    lake.path(key).write_bytes(b"PAR1")
    with pytest.MonkeyPatch.context() as patch:
        in_processes(patch)
        made = {each.day: each for each in build_days(lake, product, "session_counts", days, approve)}
    assert {day: bool(each.path) for day, each in made.items()} == {day: day != DAY for day in days}
    assert "isn't what was written" in made[DAY].check_result.faults[0]


def test_nothing_stays_of_days_that_were_under_way_when_another_failed(
    in_one: Lake, product: Product, tmp_path: Path
) -> None:
    """The first day's judgement fails while the second day is computed by another process."""
    shutil.copytree(in_one.home, tmp_path / "copy")
    lake = Lake(tmp_path / "copy")
    before = objects(lake)
    days = sorted(read_states(lake, "sessions")[0])

    def fails(*_: Any) -> Any:
        raise ValueError("the gate is broken")

    with pytest.MonkeyPatch.context() as patch:
        in_processes(patch)
        for name in ("FIRST_DAYS", "DAYS_PER_JUDGEMENT"):
            patch.setattr(compute_module, name, 1)
        with pytest.raises(ValueError, match="the gate is broken"):
            list(build_days(lake, product, "session_counts", days, fails))
    assert objects(lake) == before
    assert not list(lake.home.rglob("*.tmp"))


def test_a_process_that_ends_as_work_comes_fails_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Idle processes end after a while; the pauses here are about as long, and warnings are errors in tests."""
    monkeypatch.setenv(PROCESSES_VARIABLE, "2")
    monkeypatch.setattr(engine, "_IDLE_SECONDS", 0.05)
    for i in range(20):
        pool = engine.engine(4)
        begun = [pool.submit(abs, -n) for n in range(6)]
        assert [each.result() for each in begun] == list(range(6))
        time.sleep(0.045 + 0.001 * (i % 12))
