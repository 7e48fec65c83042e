"""The deployment of deploy/compose.yaml, each service a process of this machine: Postgres, S3, Dask, code server, webserver, daemon.

A backfill of 28 days from the UI over a home in the store gives the bytes of a local one.
"""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import polars as pl
import pytest
import ruamel.yaml
from browsers import open_browser
from dagster_ui import ended_backfill, launch_backfill
from object_store import machine, s3_server, upload
from servers import free_port, wait_until_answers
from support import compute_all, days_from, drop, ndjson, record, take_all

from assets.resources import Home
from pipeline.build.configured import day_tables as configured
from pipeline.core.lake import Lake
from pipeline.core.object_lake import ObjectLake
from pipeline.core.product_file import parse_product
from pipeline.declare import day_tables
from pipeline.publish.versions import current

DEPLOY = Path(__file__).parents[2] / "deploy"
SERVICES = ruamel.yaml.YAML(typ="safe").load((DEPLOY / "compose.yaml").read_text())["services"]
DAYS = days_from("2026-02-02", 28)
POSTGRES = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), reverse=True)), None)
PRODUCT = """
name: Deployed
time_zone: Europe/Berlin
start_date: 2026-02-01
sources: {web: {}}
pages: [{name: home, urls: ["/"]}]
"""
# Days of twenty events, in two parts, as of millions.
SMALL = {"RANGE_ROWS": 10, "RANGES_PER_PART": 1}
LOCATION = f"""
from pipeline.declare import day_tables
{"; ".join(f"day_tables.{name} = {value}" for name, value in SMALL.items())}
from assets.definitions import defs
"""


def test_what_is_deployed_is_what_there_is() -> None:
    assert set(SERVICES) == {"postgres", "store", "scheduler", "worker", "code", "webserver", "daemon"}
    for name in ("scheduler", "worker", "code", "webserver", "daemon"):
        program = Path(sys.executable).with_name(shlex.split(SERVICES[name]["command"])[0])
        assert program.exists(), program
    for file in ("dagster.yaml", "workspace.yaml", "values-dagster.yaml", "values-dask.yaml"):
        assert ruamel.yaml.YAML(typ="safe").load((DEPLOY / file).read_text())
    ports = [port for each in SERVICES.values() for port in each.get("ports", [])]
    assert all(port.startswith("127.0.0.1:") for port in ports), "Dagster has no login"
    assert "password" not in (DEPLOY / "compose.yaml").read_text().lower().replace("_password", "")


@contextmanager
def postgres(port: int) -> Iterator[None]:
    assert POSTGRES is not None
    # pytest's folders are closed to other users, and Postgres doesn't start as root.
    with tempfile.TemporaryDirectory() as folder:
        shutil.chown(folder, "postgres")
        as_postgres = ["runuser", "-u", "postgres", "--"]
        words = ["-D", f"{folder}/data", "-A", "trust", "-U", "dagster"]
        subprocess.run([*as_postgres, POSTGRES.with_name("initdb"), *words], check=True, stdout=subprocess.DEVNULL)
        command = [*as_postgres, POSTGRES, "-D", f"{folder}/data", "-p", str(port), "-k", folder, "-h", "127.0.0.1"]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            created = POSTGRES.with_name("createdb")
            made = [*as_postgres, created, "-h", "127.0.0.1", "-p", str(port), "-U", "dagster", "dagster"]
            for _ in range(100):
                if subprocess.run(made, check=False, capture_output=True).returncode == 0:
                    break
                time.sleep(0.2)
            yield
        finally:
            server.terminate()
            server.wait()


def land(folder: Path) -> Lake:
    (folder / "product.yaml").write_text(PRODUCT)
    for day in DAYS:
        rows = [record(f"{day}-{i}", f"{day}T10:{i:02}:00", anonymous_id=f"d{i % 5}", url="/") for i in range(20)]
        drop(folder, f"web/{day}/a.ndjson", ndjson(rows))
    return Lake(folder)


def wait_for(check: list[str]) -> None:
    """Until the check of a service passes, as those that depend on it wait."""
    program = Path(sys.executable).with_name(check[0])
    for _ in range(120):
        if subprocess.run([program, *check[1:]], check=False, capture_output=True).returncode == 0:
            return
        time.sleep(1)
    raise AssertionError(f"{check} never passed")


@contextmanager
def deployment(folder: Path, remote: ObjectLake) -> Iterator[str]:
    """The services of compose.yaml as processes of this machine; the address of the UI."""
    ports = {port: free_port() for port in ("3000", "4000", "5432", "8786")}

    def here(text: str) -> str:
        """Names of the compose file's network, as they are on this machine."""
        for name in ("scheduler", "code", "postgres"):
            text = text.replace(f"//{name}:", "//127.0.0.1:").replace(f"host: {name}", "host: 127.0.0.1")
        for known, port in ports.items():
            text = text.replace(known, str(port))
        return text.replace("0.0.0.0", "127.0.0.1").replace("/opt/dagster", str(folder / "dagster"))  # noqa: S104  # no longer

    (folder / "dagster").mkdir()
    for file in ("dagster.yaml", "workspace.yaml"):
        (folder / "dagster" / file).write_text(here((DEPLOY / file).read_text()))
    (folder / "small_parts.py").write_text(LOCATION)
    stated = {name: here(value) for name, value in SERVICES["code"]["environment"].items() if "${" not in value}
    settings = {name: value for name, value in stated.items() if not name.startswith("AWS_")}
    settings |= {"FOOTFALL_HOME": remote.url, "DAGSTER_HOME": str(folder / "dagster"), "PYTHONPATH": str(folder)}
    settings |= {"DAGSTER_POSTGRES_HOST": "127.0.0.1", "DAGSTER_POSTGRES_PASSWORD": "any"}
    with ExitStack() as running:
        running.enter_context(postgres(ports["5432"]))
        for number, name in enumerate(("scheduler", "worker", "worker", "code", "webserver", "daemon")):
            words = shlex.split(here(SERVICES[name]["command"]).replace("assets.definitions", "small_parts"))
            log = running.enter_context((folder / f"{number}-{name}.log").open("wb"))
            started = subprocess.Popen(
                [Path(sys.executable).with_name(words[0]), *words[1:]],
                env={**os.environ, **settings, "FOOTFALL_CACHE": str(folder / f"cache-{number}")},
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
            running.callback(started.wait)
            running.callback(started.kill)
            if check := SERVICES[name].get("healthcheck"):
                wait_for(shlex.split(here(shlex.join(check["test"][1:]))))
        url = f"http://127.0.0.1:{ports['3000']}"
        wait_until_answers(f"{url}/server_info", 300)
        yield url


def objects(lake: Lake) -> dict[str, str | None]:
    keys = (key for prefix in ("lake", "marts") for key in lake.keys(prefix))
    return {key: lake.sha256(key) for key in keys if key.endswith(".parquet")}


@pytest.mark.slow
@pytest.mark.skipif(
    POSTGRES is None or os.geteuid() != 0, reason="Postgres isn't installed, or can't be started as its user"
)
@pytest.mark.skipif("FOOTFALL_TRY_DEPLOY" not in os.environ, reason="takes minutes: FOOTFALL_TRY_DEPLOY=1 runs it")
def test_a_backfill_of_28_days_over_a_store_with_postgres_and_dask(tmp_path: Path) -> None:
    folder = tmp_path / "deployed"
    folder.mkdir()
    with s3_server(), pytest.MonkeyPatch.context() as patch:
        (tmp_path / "local").mkdir()
        local = land(tmp_path / "local")
        remote = machine("s3://bucket/home", folder / "cache-test")
        upload(remote, local.path("landing"), "landing")
        remote.write("product.yaml", PRODUCT.encode())
        for name, value in SMALL.items():
            patch.setattr(day_tables, name, value)
        home = Home(local.home)
        take_all(local, home.product)
        compute_all(local, home.product)
        home.write_catalog()
        made_here = current(local)
        assert made_here is not None
        wanted = made_here.id
        names = ["raw_events", *(table.contract.name for table in configured(parse_product(PRODUCT)))]
        with deployment(folder, remote) as url:
            launched = launch_backfill(url, names, DAYS)
            backfill = ended_backfill(url, launched)
            assert backfill["status"] == "COMPLETED_SUCCESS", backfill
            in_runs = Counter(asset["path"][0] for run in backfill["runs"] for asset in run["assetSelection"])
            assert in_runs == Counter(names), "no asset in more than one run"
            with open_browser() as browser:
                page = browser.new_page(viewport={"width": 1600, "height": 900})
                page.goto(f"{url}/runs/b/{launched}", timeout=60_000)
                page.get_by_text("Completed", exact=False).first.wait_for(timeout=60_000)
                page.screenshot(path=tmp_path / "backfill.png")
            # The sensors find that the marts are behind the days.
            for _ in range(300):
                known = current(remote)
                # The version is copied object by object, and named once it is whole.
                if known and known.id == wanted and remote.exists("report/index.html"):
                    break
                time.sleep(2)
        made, expected = objects(remote), objects(local)
        assert {key: made.get(key) for key in expected} == expected
        # A backfill widens sessions and what follows from them by a day: days on which nothing came.
        besides = {key for key in made.keys() - expected.keys() if pl.read_parquet(remote.path(key)).height}
        assert not besides
