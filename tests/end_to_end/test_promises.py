"""The promises of docs/design.md, "Promises": the same files give the same bytes, and a killed run leaves only whole partitions."""

import gzip
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import date
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from generate import write
from object_store import machine, s3_server
from support import approve, compute_all, days_of, marts_of, take_all

from assets.resources import Home
from assets.running import Runner
from pipeline.build.compute import build_days
from pipeline.build.configured import day_tables
from pipeline.build.context import find_dirty, take_snapshot
from pipeline.build.staging import stage_day
from pipeline.core.keys import day_key
from pipeline.core.lake import Lake
from pipeline.core.object_lake import CACHE_VARIABLE
from pipeline.core.product import Product
from pipeline.core.product_file import load_product
from pipeline.declare import Sources
from pipeline.declare import day_tables as declared
from pipeline.events.resolutions import Resolutions
from pipeline.ingest.files import ingest, retract
from pipeline.ingest.landing import find
from pipeline.ingest.manifests import read_manifests

SHOP = Path(__file__).parents[2] / "examples" / "shop"
PEOPLE = 200


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo shop's landing files, in small."""
    folder = tmp_path_factory.mktemp("shop")
    assert write(folder, people=PEOPLE, days=28) > 3000
    return folder


@pytest.fixture(scope="module")
def product() -> Product:
    return load_product(SHOP / "product.yaml")


# `FOOTFALL_PROMISES_IN=s3` has the homes of these tests lie in an object store: it takes several times as long.
IN_STORE = os.environ.get("FOOTFALL_PROMISES_IN", "") == "s3"


@pytest.fixture(scope="module", autouse=True)
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with s3_server() if IN_STORE else nullcontext(), pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(tmp_path_factory.mktemp("caches")))
        yield


def new_lake(folder: Path) -> Lake:
    """An empty home: that folder, or in the store with that folder as its working copy."""
    return machine(f"s3://bucket/{folder.name}", folder) if IN_STORE else Lake(folder)


Files = list[tuple[str, bytes]]


def put_files(landing: Path, lake: Lake, change: Callable[[Files], Files]) -> None:
    """Copy the landing files into a home, after a change that must not matter."""
    files = [(path.relative_to(landing).as_posix(), path.read_bytes()) for path in sorted(landing.rglob("*.*"))]
    for name, data in change(files):
        lake.write(f"landing/{name}", data)


def halves(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """A landing file as two of its format."""
    stem, suffix = name.split(".", 1)
    if suffix == "parquet":
        frame = pl.read_parquet(data)
        for i, part in enumerate((frame[: frame.height // 2], frame[frame.height // 2 :])):
            yield f"{stem}-{i}.csv", part.write_csv().encode()
        return
    lines = (gzip.decompress(data) if suffix.endswith("gz") else data).splitlines(keepends=True)
    header = [lines.pop(0)] if suffix == "csv" else []
    for i, part in enumerate((lines[: len(lines) // 2], lines[len(lines) // 2 :])):
        plain = b"".join(header + part)
        yield f"{stem}-{i}.{suffix}", gzip.compress(plain) if suffix.endswith("gz") else plain


def renamed(files: Files) -> Files:
    """Under other names in another folder of the same source."""
    return [
        (f"{name.split('/')[0]}/moved/{1000 - i}.{name.split('.', 1)[1]}", data) for i, (name, data) in enumerate(files)
    ]


def twice(files: Files) -> Files:
    return [*files, *(("/copy-".join(name.rsplit("/", 1)), data) for name, data in files)]


def first_days(files: Files) -> Files:
    """What arrived in the first five days: files of every kind, and late ones among them."""
    return [(name, data) for name, data in files if name.split("/")[1] < "2026-10-03"]


@pytest.fixture(scope="module")
def short(landing: Path, product: Product, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Five days of it, undisturbed."""
    lake = new_lake(tmp_path_factory.mktemp("short"))
    put_files(landing, lake, first_days)
    take_all(lake, product)
    compute_all(lake, product)
    assert len(marts_of(lake)) > 40
    return lake


@pytest.mark.parametrize(
    "change",
    [renamed, twice, lambda files: [half for name, data in files for half in halves(name, data)]],
    ids=["renamed", "every file twice", "split in two"],
)
def test_names_copies_and_splits_change_no_byte(
    landing: Path, product: Product, short: Lake, tmp_path: Path, change: Callable[[Files], Files]
) -> None:
    lake = new_lake(tmp_path)
    put_files(landing, lake, lambda files: change(first_days(files)))
    take_all(lake, product)
    compute_all(lake, product)
    assert marts_of(lake) == marts_of(short)


def test_reverse_order_with_runs_in_between(landing: Path, product: Product, short: Lake, tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    put_files(landing, lake, first_days)
    files = find(lake)[::-1]
    for begin in range(0, len(files), 10):
        list(ingest(lake, product, files[begin : begin + 10]))
        compute_all(lake, product)
    assert marts_of(lake) == marts_of(short)


def test_the_number_of_threads_changes_no_byte(landing: Path, short: Lake, tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    put_files(landing, lake, first_days)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path; from support import compute_all, take_all; import polars as pl\n"
        "from pipeline.core.object_lake import open_lake; from pipeline.core.product_file import load_product\n"
        "assert pl.thread_pool_size() == 5\n"
        "lake, product = open_lake(sys.argv[2]), load_product(Path(sys.argv[3]))\n"
        "take_all(lake, product); compute_all(lake, product)\n"
    )
    words = [str(Path(__file__).parents[1]), lake.url, str(SHOP / "product.yaml")]
    subprocess.run([sys.executable, "-c", code, *words], check=True, env={**os.environ, "POLARS_MAX_THREADS": "5"})
    assert marts_of(lake) == marts_of(short)


@pytest.mark.parametrize("ranges_per_part", [1 << 20, 16])
def test_days_in_ranges_of_people_have_the_same_bytes_and_in_parts_the_same_rows(
    short: Lake, product: Product, monkeypatch: pytest.MonkeyPatch, ranges_per_part: int
) -> None:
    manifests = read_manifests(short)
    snapshot = take_snapshot(short, product, manifests)
    resolutions = Resolutions(short, product, snapshot.states)
    monkeypatch.setattr(declared, "RANGE_ROWS", 40)
    monkeypatch.setattr(declared, "RANGES_PER_PART", ranges_per_part)
    largest = max(snapshot.raw, key=lambda day: sum(snapshot.raw[day].values()))
    in_ranges, in_parts = 0, 0
    for table in day_tables(product):
        name = table.contract.name
        sources = Sources(short, product, snapshot, manifests, resolutions, largest, table)
        made = stage_day(sources)
        in_ranges += sources.ranges > 1
        in_parts += bool(made.parts)
        state = snapshot.states[name][largest]
        assert made.facts == state.facts, name
        if made.staged is not None:
            short.discard(made.staged)
            assert made.staged.sha256 == state.output_hash, name
        parts = short.scan(table.contract, [part.key for part in made.parts]).collect()
        assert not made.parts or parts.equals(pl.read_parquet(short.path(day_key(name, largest)))), name
        for part in made.parts:
            short.delete(part.key)
    assert in_ranges > 15
    assert (in_parts > 10) == (ranges_per_part == 16)


def test_one_run_per_arrival_day(landing: Path, product: Product, short: Lake, tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    put_files(landing, lake, first_days)
    files = find(lake)
    arrivals = sorted({file.arrived for file in files})
    assert len(arrivals) == 5
    for arrived in arrivals[:-1]:
        list(ingest(lake, product, [file for file in files if file.arrived == arrived]))
        for_days_until(lake, product, arrived)
    list(ingest(lake, product, [file for file in files if file.arrived == arrivals[-1]]))
    compute_all(lake, product)
    assert days_of(lake) == days_of(short)
    assert marts_of(lake) == marts_of(short)


def for_days_until(lake: Lake, product: Product, last: date) -> None:
    """A nightly run without its marts: what is dirty among the days that are over."""
    days = sorted(find_dirty(lake, product, lambda day: day <= last).runnable)
    for table in day_tables(product):
        list(build_days(lake, product, table.contract.name, days, approve))


def test_a_late_file_and_a_file_retracted(landing: Path, product: Product, short: Lake, tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    put_files(landing, lake, first_days)
    files = find(lake)
    late = next(file for file in files if "2026-09-30" in file.name)
    list(ingest(lake, product, [file for file in files if file is not late]))
    compute_all(lake, product)
    without = marts_of(lake)
    assert without != marts_of(short)
    list(ingest(lake, product, [late]))
    dirty = find_dirty(lake, product, lambda _day: True)
    assert 1 <= len(dirty.runnable) < 5, "only days that the file touches, and their neighbours"
    compute_all(lake, product)
    assert marts_of(lake) == marts_of(short)
    retract(lake, late.name)
    compute_all(lake, product)
    assert marts_of(lake) == without


def test_through_dagster_with_the_gate(landing: Path, short: Lake, tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    put_files(landing, lake, first_days)
    lake.write("product.yaml", (SHOP / "product.yaml").read_bytes())
    with dg.DagsterInstance.ephemeral() as instance:
        runner = Runner(Home(lake.url), instance)
        runner.run()
    assert not runner.failures
    assert marts_of(lake) == marts_of(short)


# Killed at random moments.

KILLS = 100
# Forks a run for each line (home, operation, pause) that it reads, all imports and what is compiled done once (Polars must
# not have run: its threads aren't there in a fork): the run kills itself that many seconds after so many operations on
# files have begun, however fast the machine is. Operation 0 is never reached; then it writes how many there were.
NURSERY = """
import os, signal, sys, threading, time
sys.path.insert(0, sys.argv[1])
from pathlib import Path
import numpy as np, pandas, pyarrow.dataset
from support import compute_all, take_all
from pipeline.build.sql_models import load_models
from pipeline.domains.friction.rage import _bursts
from pipeline.core.lake import Lake
from pipeline.core.keys import day_key
from pipeline.core.product_file import load_product

def run(home, fatal, pause):
    begun = 0

    def die():
        time.sleep(pause)
        os.kill(os.getpid(), signal.SIGKILL)

    def count(event, _):
        nonlocal begun
        if event in ("open", "os.rename", "os.remove", "os.mkdir", "os.listdir", "os.scandir"):
            begun += 1
            if begun == fatal:
                threading.Thread(target=die, daemon=True).start()

    product = load_product(Path(sys.argv[2]))
    lake = Lake(home)
    sys.addaudithook(count)
    take_all(lake, product)
    compute_all(lake, product, only=sys.argv[3:])
    return begun

load_models()
none = np.zeros(0, np.int64)
_bursts(none, none, none, none, none, none, 0, 30, 1_000_000, 3, none, np.zeros(0, np.bool_))
for line in sys.stdin:
    home, fatal, pause = line.rstrip().split("\\t")
    if (child := os.fork()) == 0:
        begun = run(home, int(fatal), float(pause))
        print(f"did {begun}", flush=True)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    print("killed" if os.WIFSIGNALED(status) else f"ended {status}", flush=True)
"""
# One of each way in which marts are made is enough to be killed in.
FEW_MARTS = ("daily_kpis", "zone_metrics", "daily_quality", "kpis", "replays")


# The promise is the same whatever is counted: with few metrics a run is over in a second.
FEW_METRICS = """
name: Few
time_zone: Europe/Berlin
start_date: 2026-09-28
sources: {shop: {identified_by: user_id}}
pages: [{name: home, urls: ["/"]}]
zones: [{name: hero, page: home, selectors: [section.hero]}]
goals: {purchase: {kind: order}}
"""


class Nursery:
    """Runs that are killed at a given moment."""

    def __init__(self, product_file: Path) -> None:
        command = [sys.executable, "-c", NURSERY, str(Path(__file__).parents[1]), str(product_file), *FEW_MARTS]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, lake: Lake, operation: int = 0, pause: float = 0.0) -> int | None:
        """How many operations the run did; None where it was killed."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{lake.home}\t{operation}\t{pause}\n")
        self.process.stdin.flush()
        stated = self.process.stdout.readline()
        if stated == "killed\n":
            return None
        assert self.process.stdout.readline() == "ended 0\n"
        return int(stated.removeprefix("did "))

    def close(self) -> None:
        self.process.communicate()


def objects(lake: Lake) -> dict[str, bytes]:
    """Every visible data object of the home."""
    keys = [key for root in ("lake", "marts") for key in lake.keys(root) if key.endswith(".parquet")]
    return {key: lake.path(key).read_bytes() for key in keys}


@pytest.mark.slow
@pytest.mark.skipif(IN_STORE, reason="tests/end_to_end/test_object_home.py kills runs over a store")
def test_killed_at_100_random_moments(landing: Path, tmp_path: Path) -> None:
    product_file = tmp_path / "product.yaml"
    product_file.write_text(FEW_METRICS)
    product = load_product(product_file)

    def few(files: Files) -> Files:
        return [file for file in files if "2026-10-0" in file[0]][:2]

    whole = Lake(tmp_path / "whole")
    put_files(landing, whole, few)
    take_all(whole, product)
    compute_all(whole, product, only=FEW_MARTS)
    expected = objects(whole)
    nursery = Nursery(product_file)
    timed = Lake(tmp_path / "timed")
    put_files(landing, timed, few)
    operations = nursery.run(timed)
    assert operations is not None
    assert objects(timed) == expected

    rng = random.Random(7)
    killed = moments = 0
    lake = Lake(tmp_path / "home-0")
    for i in range(KILLS):
        if not lake.path("landing").exists():
            put_files(landing, lake, few)
        # Some milliseconds later, so that it may be in the middle of a write, too. What lies there is done faster.
        done = len(objects(lake)) / len(expected)
        left = max(1, int(operations * (1 - done)))
        killed += nursery.run(lake, rng.randint(1, left), rng.uniform(0, 0.005)) is None
        visible = objects(lake)
        moments += 0 < len(visible) < len(expected)
        for key, data in visible.items():
            assert pl.read_parquet(data).width > 1, f"{key} is not whole"
        for manifest in read_manifests(lake).values():
            assert manifest.balances
            assert all(lake.exists(part.key) for parts in manifest.days.values() for part in parts)
        # Three of four runs go on from what the killed one left; the others are finished and begin anew.
        if i % 4 == 3:
            assert nursery.run(lake) is not None
            assert objects(lake) == expected
            lake = Lake(tmp_path / f"home-{i}")
    nursery.close()
    assert killed > KILLS * 0.75, "most were killed under way"
    assert moments > KILLS / 4, "and many half-way"
