"""A home in an object store gives the bytes of a local one, from any machine, and loses nothing to races and faults."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import dagster as dg
import obstore
import polars as pl
import pytest
from object_store import Server, machine, requests_counted, s3_server, upload
from shop import first_days_of_shop
from support import PLAIN_PRODUCT, compute_all, drop, plain_product, record, take_all
from typer.testing import CliRunner

from assets.cli import app
from assets.resources import Home
from assets.running import Runner
from pipeline.core import object_lock
from pipeline.core.keys import day_key
from pipeline.core.lake import DamagedObject, Lake, Replaced
from pipeline.core.object_lake import CACHE_VARIABLE, ObjectLake, open_lake, url_of
from pipeline.core.product_file import load_product
from pipeline.core.sealed import read_sealed, write_sealed
from pipeline.core.state import DayState
from pipeline.core.states import published_days, read_states, write_state
from pipeline.ingest.files import ingest
from pipeline.ingest.landing import find, find_all
from pipeline.ingest.manifests import read_manifests
from pipeline.maintenance.erase import erase, still_held
from pipeline.report.made import report_version
from pipeline.report.pictures import pictures

EXAMPLE = Path(__file__).parents[2] / "examples" / "shop"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with s3_server() as server:
        yield server


@pytest.fixture
def url(server: Server, request: pytest.FixtureRequest) -> str:
    del server
    return f"s3://bucket/{request.node.name}"


@pytest.fixture
def lake(url: str, tmp_path: Path) -> ObjectLake:
    return machine(url, tmp_path / "cache")


def run(home: Home) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        runner = Runner(home, instance)
        runner.run()
        assert runner.failures == []


def contents(lake: Lake, *prefixes: str) -> dict[str, str | None]:
    keys = (key for prefix in prefixes for key in lake.keys(prefix))
    return {key: lake.sha256(key) for key in keys if key.endswith(".parquet")}


@pytest.fixture(scope="module")
def shops(server: Server, tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, str]:
    """Two days of the shop, run through Dagster in a folder and in the store; the local home and the other's URL."""
    del server
    folder = tmp_path_factory.mktemp("shop")
    local = Lake(folder / "local")
    first_days_of_shop(local, "2026-09-29", 40)
    shutil.copy(EXAMPLE / "product.yaml", local.home / "product.yaml")
    url = "s3://bucket/homes/shop"
    remote = machine(url, folder / "cache")
    upload(remote, local.home / "landing", "landing")
    remote.write("product.yaml", (local.home / "product.yaml").read_bytes())
    run(Home(local.home))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(folder / "cache"))
        run(Home(url))
    return local, url


def test_a_path_or_a_url(tmp_path: Path) -> None:
    assert url_of("s3://bucket/a/b/") == "s3://bucket/a/b"
    assert url_of(Path("s3://bucket/a/b")) == "s3://bucket/a/b", "a Path keeps one slash"
    assert url_of(tmp_path) is None
    assert type(open_lake(tmp_path)) is Lake
    refused = CliRunner().invoke(app, ["init", "--home", "gs://bucket/x"])
    assert refused.exit_code == 2
    assert "gs://bucket/x: homes lie in folders or in s3://" in refused.output


@pytest.mark.slow
def test_all_bytes_are_those_of_a_local_home(shops: tuple[Lake, str], tmp_path: Path) -> None:
    local, url = shops
    made, wanted = contents(machine(url, tmp_path), "lake", "marts"), contents(local, "lake", "marts")
    assert len(wanted) > 200
    assert made == wanted
    pages = {key for key in local.keys("report") if key.endswith(".html")}
    assert pages
    assert pages == {key for key in machine(url, tmp_path).keys("report") if key.endswith(".html")}


@pytest.mark.slow
def test_another_machine_finds_nothing_to_do_and_asks_little(
    shops: tuple[Lake, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, url = shops
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    home = Home(url)
    assert not home.dirty().runnable
    assert home.stale().marts == ()
    time.sleep(5.1)
    with requests_counted() as asked:
        assert not home.waiting_files()
        assert not home.dirty().runnable
    assert len(asked) <= 12, asked


@pytest.mark.slow
def test_the_command_line_takes_a_url(shops: tuple[Lake, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, url = shops
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))

    def call(*words: str) -> str:
        result = CliRunner().invoke(app, [*words, "--home", url])
        assert result.exit_code in {0, 1}, (words, result.output, result.exception)
        return " ".join(result.output.split())

    assert "no day is dirty" in call("status")
    assert "0 landing files to take" in call("run", "--dry-run")
    assert "sessions" in call("query", "select sum(sessions) as sessions from daily_kpis")
    assert f"{url}/report/index.html" in call("report")
    assert "sound" in call("doctor", "--deep")
    assert "marts are up to date" in call("status")


@pytest.mark.slow
def test_marts_are_read_where_they_lie(shops: tuple[Lake, str]) -> None:
    """The examples of docs/bi.md, as they stand there."""
    local, url = shops
    text = (EXAMPLE.parents[1] / "docs" / "bi.md").read_text()
    polars, *_ = re.findall(r"## Polars\n\n```python\n(.*?)```", text, re.DOTALL)
    duck, *_ = re.findall(r"object store\n.*?```python\n(.*?)```", text, re.DOTALL)
    results = {}
    for home in (url, str(local.home)):
        known = {"HOME": home}
        exec(compile(polars, "docs/bi.md", "exec"), known)  # noqa: S102  # our own documentation
        results[home] = known["result"].rows()
        assert results[home]
    assert results[url] == results[str(local.home)]
    known = {"HOME": url}
    exec(compile(duck, "docs/bi.md", "exec"), known)  # noqa: S102
    kpis = pl.read_parquet(local.path("marts/daily_kpis.parquet")).sort("day").select("day", "sessions")
    assert known["result"] == kpis.rows()


def test_a_home_begins_in_the_store(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    monkeypatch.chdir(tmp_path)
    made = CliRunner().invoke(app, ["init", "--home", url])
    assert made.exit_code == 0, made.output
    assert f"{url}/landing/web" in made.output.replace("\n", "")
    assert CliRunner().invoke(app, ["check", "--home", url]).exit_code == 0
    assert "is there already" in CliRunner().invoke(app, ["init", "--home", url]).output
    assert not list(tmp_path.glob("s3:*"))


def test_landing_files_are_what_the_store_lists(lake: ObjectLake) -> None:
    names = ["web/a.ndjson", "web/.b.ndjson", "web/c.tmp", "loose.ndjson", "web/2026-01-05/d.ndjson", "_x/e.ndjson"]
    for name in names:
        obstore.put(lake.store, f"landing/{name}", b"{}\n")
    obstore.put(lake.store, "landing/web/2026-01-05", b"")
    obstore.put(lake.store, "landing/web/2026-01-06", b"")
    obstore.put(lake.store, f"landing/web/{'x' * 220}.ndjson", b"{}\n")
    assert [file.name for file in find(lake)] == ["web/2026-01-05/d.ndjson", "web/a.ndjson"]
    (_, before) = find(lake)
    # As long, within the same second.
    obstore.put(lake.store, "landing/web/a.ndjson", b"[]\n")
    (_, now) = find(lake)
    assert before.file_id == now.file_id
    assert before.fingerprint != now.fingerprint
    obstore.put(lake.store, "landing/web/bad\\..\\name", b"{}\n")
    assert [file.fault[0] for file in find_all(lake) if file.fault] == ["unsafe_name", "unsafe_name"]
    lake.folder("landing")


def test_a_name_that_no_folder_can_hold_is_named(lake: ObjectLake, server: Server) -> None:
    address = f"{server.address}/bucket/{lake.url.rpartition('/')[2]}/landing/web//a.ndjson"
    urllib.request.urlopen(urllib.request.Request(address, b"{}", method="PUT"), timeout=10).close()  # noqa: S310
    with pytest.raises(DamagedObject, match="landing holds an object whose name no folder could hold"):
        find(lake)


def test_files_are_taken_and_no_copy_stays(lake: ObjectLake, tmp_path: Path) -> None:
    local = Lake(tmp_path / "local")
    lines = [json.dumps(record(f"e{i}", "2026-02-03 10:00")) for i in range(5)]
    drop(local.home, "web/a.ndjson", "\n".join(lines).encode())
    upload(lake, local.home / "landing", "landing")
    chosen = plain_product()
    (manifest,) = ingest(lake, chosen, find(lake))
    (wanted,) = ingest(local, chosen, find(local))
    assert (manifest.accepted, manifest.sha256, manifest.days) == (5, wanted.sha256, wanted.days)
    assert contents(lake, "lake/raw_events") == contents(local, "lake/raw_events")
    assert not list((lake.home / "landing").rglob("*.ndjson"))
    assert read_manifests(lake).keys() == read_manifests(local).keys()


def test_only_one_holds_the_lock(url: str, tmp_path: Path) -> None:
    inside, most, times = [0], [0], [0]

    def hold(number: int) -> None:
        own = machine(url, tmp_path / str(number))
        for _ in range(5):
            with own.exclusive():
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                times[0] += 1
                time.sleep(0.005)
                inside[0] -= 1

    threads = [threading.Thread(target=hold, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most[0], times[0]) == (1, 20)


def test_the_lock_of_one_that_is_gone_is_taken_over_and_it_is_told(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_lock, "GONE_SECONDS", 0.3)
    frozen, other = machine(url, tmp_path / "a"), machine(url, tmp_path / "b")
    with pytest.raises(Replaced, match="taken over by another writer"), frozen.exclusive(), other.exclusive():
        other.write("lake/x", b"1")
    assert list(other.keys("lake")) == ["lake/x"]


def test_a_state_that_another_wrote_meanwhile_is_not_overwritten(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = machine(url, tmp_path / "a"), machine(url, tmp_path / "b")
    day, later = date(2026, 2, 3), date(2026, 2, 4)
    write_state(first, "events", day, DayState("a", "b", 1))
    assert read_states(second, "events")[0].keys() == {day}
    # What was listed before the first wrote again.
    listed = second.stamps("lake/_state/events")
    write_state(first, "events", later, DayState("c", "d", 1))
    monkeypatch.setattr(second, "stamps", lambda _folder: listed)
    with pytest.raises(Replaced, match="run again"):
        write_state(second, "events", day, DayState("x", "y", 1))
    assert read_states(first, "events")[0].keys() == {day, later}


def test_a_reader_sees_what_another_machine_replaced(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.core.object_lake.FRESH_SECONDS", 0.0)
    first, second = machine(url, tmp_path / "a"), machine(url, tmp_path / "b")
    day = date(2026, 2, 3)
    key = day_key("events", day)
    for rows in ([1], [1, 2]):
        sha256 = first.write_frame(key, pl.DataFrame({"a": rows}))
        second.check(key, sha256)
        assert pl.read_parquet(second.path(key))["a"].to_list() == rows
    assert published_days(second, "events") == [], "no state names it yet"
    write_state(first, "events", day, DayState("", sha256, 2))
    assert published_days(second, "events") == [day]
    first.delete(key)
    assert not second.path(key).exists()
    assert second.read(key) is None


def test_folders_follow_the_store(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.core.object_lake.FRESH_SECONDS", 0.0)
    first, second = machine(url, tmp_path / "a"), machine(url, tmp_path / "b")
    for name in "abcdef":
        first.write(f"marts/versions/1/{name}.parquet", name.encode())
    assert len(list(second.folder("marts/versions/1").iterdir())) == 6
    first.delete_folder("marts/versions/1")
    first.write("marts/versions/1/z.parquet", b"z")
    assert [path.name for path in second.folder("marts/versions/1").iterdir()] == ["z.parquet"]
    assert second.folders("marts/versions") == ["1"]


def test_a_damaged_working_copy_is_fetched_again(
    lake: ObjectLake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.core.object_lake.FRESH_SECONDS", 0.0)
    sha256 = lake.write_frame("lake/x/part.parquet", pl.DataFrame({"a": [1]}))
    write_sealed(lake, "lake/x/y.json", {"a": "b"})
    for key in ("lake/x/part.parquet", "lake/x/y.json"):
        whole = (lake.home / key).read_bytes()
        for damage in (b"damaged", b"", bytes(reversed(whole))):
            (lake.home / key).write_bytes(damage)
            assert lake.read(key) == whole
    lake.check("lake/x/part.parquet", sha256)
    assert read_sealed(lake, "lake/x/y.json", dict[str, str]) == {"a": "b"}
    (lake.home / "lake/x/part.parquet").unlink()
    assert pl.read_parquet(lake.path("lake/x/part.parquet")).height == 1
    # What is in the store no more goes; Dagster's records and what is being written stay.
    (lake.home / ".dagster").mkdir()
    (lake.home / ".dagster" / "runs.db").touch()
    (lake.home / "lake/x/.z.tmp").touch()
    machine(lake.url, tmp_path / "b").delete("lake/x/part.parquet")
    lake.tidy()
    left = sorted(path.name for path in lake.home.rglob("*") if path.is_file() and ".etags" not in path.parts)
    assert left == [".z.tmp", "runs.db", "y.json"]


def test_what_another_wrote_just_now_is_in_the_state_that_is_written_next(url: str, tmp_path: Path) -> None:
    first, second = machine(url, tmp_path / "a"), machine(url, tmp_path / "b")
    days = [date(2026, 2, day) for day in (3, 4, 5)]
    for lake, day in zip((first, second, first), days, strict=True):
        write_state(lake, "events", day, DayState("a", "b", 1))
    assert read_states(machine(url, tmp_path / "c"), "events")[0].keys() == set(days)


def test_who_could_not_renew_the_lock_writes_nothing_more(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = machine(url, tmp_path)

    def write_both() -> None:
        with lake.exclusive():
            lake.write("lake/x", b"1")
            monkeypatch.setattr(object_lock, "SURE_SECONDS", -1.0)
            lake.write("lake/y", b"2")

    with pytest.raises(Replaced):
        write_both()
    assert [key for key in lake.keys("lake") if "_state" not in key] == ["lake/x"]


def test_pictures_of_pages_are_fetched(lake: ObjectLake, tmp_path: Path) -> None:
    chosen = load_product(EXAMPLE / "product.yaml")
    upload(lake, EXAMPLE / "pictures", "pictures")
    before = report_version(lake, chosen)
    assert pictures(chosen, lake.home)
    other = machine(lake.url, tmp_path / "b")
    name = next(lake.keys("pictures"))
    obstore.put(other.store, name, (lake.home / name).read_bytes() + b" ")
    assert report_version(other, chosen) != before


def small_home(lake: Lake, tmp_path: Path) -> Lake:
    """A few events on two days in a local home and, the same, in the store; the local one."""
    local = Lake(tmp_path / "local")
    for day in range(3, 5):
        lines = [
            json.dumps(
                record(f"e{day}-{i}", f"2026-02-0{day} 10:0{i}", url="https://shop.example/", anonymous_id=f"d{i}")
            )
            for i in range(5)
        ]
        drop(local.home, f"web/2026-02-0{day}/a.ndjson", "\n".join(lines).encode())
    (local.home / "product.yaml").write_text(PLAIN_PRODUCT)
    assert isinstance(lake, ObjectLake)
    upload(lake, local.home / "landing", "landing")
    lake.write("product.yaml", PLAIN_PRODUCT.encode())
    return local


@pytest.mark.slow
def test_a_killed_run_heals_and_gives_the_same_bytes(
    lake: ObjectLake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = small_home(lake, tmp_path)
    run(Home(local.home))
    env = {**os.environ, CACHE_VARIABLE: str(tmp_path / "killed"), "DAGSTER_HOME": str(tmp_path / "records")}
    command = [sys.executable, "-m", "footfall", "run", "--home", lake.url]
    with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as killed:
        while not any(lake.keys("lake/sessions")):
            assert killed.poll() is None
            time.sleep(0.05)
        killed.kill()
    assert not any(lake.keys("marts"))
    # A lock that it may have held isn't renewed any more.
    monkeypatch.setattr(object_lock, "GONE_SECONDS", 1.0)
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    run(Home(lake.url))
    assert contents(lake, "lake", "marts") == contents(local, "lake", "marts")


@pytest.mark.slow
def test_a_store_that_does_not_answer_for_a_while_is_waited_for(
    lake: ObjectLake, server: Server, tmp_path: Path
) -> None:
    local = small_home(lake, tmp_path)
    chosen = plain_product()
    take_all(local, chosen)
    compute_all(local, chosen, only=("events", "sessions"))
    stop = threading.Timer(1.0, server.process.send_signal, [signal.SIGSTOP])
    go_on = threading.Timer(6.0, server.process.send_signal, [signal.SIGCONT])
    stop.start()
    go_on.start()
    try:
        take_all(lake, chosen)
        compute_all(lake, chosen, only=("events", "sessions"))
    finally:
        go_on.join()
    assert contents(lake, "lake") == contents(local, "lake")


@pytest.mark.slow
def test_an_erased_person_is_in_no_object(lake: ObjectLake, tmp_path: Path) -> None:
    small_home(lake, tmp_path)
    chosen = plain_product()
    take_all(lake, chosen)
    compute_all(lake, chosen)
    (lake.home / ".dagster").mkdir()
    (lake.home / ".dagster" / "runs.db").write_text("of nobody")
    erased = erase(lake, chosen, "device:d1")
    assert len(erased.landing_files) == 2
    compute_all(lake, chosen)
    for key in lake.keys(""):
        if not key.startswith("landing/"):
            data = lake.read(key) or b""
            text = str(pl.read_parquet(data).rows()) if key.endswith(".parquet") else ""
            assert "'d1'" not in text, key
            assert b"device:d1" not in data, key
    assert list(still_held(lake, erased)) == []
    assert not list((lake.home / "landing").rglob("*.ndjson"))
    assert (lake.home / ".dagster" / "runs.db").exists()


def test_products_of_tests_are_read(lake: ObjectLake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    lake.write("product.yaml", PLAIN_PRODUCT.encode())
    home = Home(lake.url)
    assert home.product.time_zone == "Europe/Berlin"
    monkeypatch.setattr("pipeline.core.object_lake.FRESH_SECONDS", 0.0)
    machine(lake.url, tmp_path / "b").write("product.yaml", PLAIN_PRODUCT.replace("Test shop", "Other").encode())
    assert home.product.name == "Other", "sensors live long"
