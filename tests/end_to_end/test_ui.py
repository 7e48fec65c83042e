"""The Dagster UI as a data engineer meets it: `dg dev` starts, shows the graph, and a backfill of 28 days is a few runs."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from browsers import open_browser
from dagster_ui import ended_backfill, launch_backfill
from servers import free_port, wait_until_answers
from support import compute_all, days_from, drop, marts_of, ndjson, record, take_all

from assets.dagster_home import dagster_home
from assets.resources import Home
from assets.running import open_runner
from pipeline.build.configured import day_tables
from pipeline.core.lake import Lake

ROOT = Path(__file__).parents[2]
DAYS = days_from("2026-02-02", 28)
pytestmark = pytest.mark.slow
PRODUCT = """
name: UI
time_zone: Europe/Berlin
start_date: 2026-02-01
sources: {web: {}}
pages: [{name: home, urls: ["/"]}]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with 28 days, computed once, so that the sensors of the UI find nothing to do."""
    folder = tmp_path_factory.mktemp("ui")
    (folder / "product.yaml").write_text(PRODUCT)
    for day in DAYS:
        rows = [record(f"{day}-{i}", f"{day}T10:{i:02}:00", anonymous_id=f"d{i % 5}", url="/") for i in range(20)]
        drop(folder, f"web/{day}/a.ndjson", ndjson(rows))
    home = Home(folder)
    take_all(home.lake, home.product)
    compute_all(home.lake, home.product)
    home.write_catalog()
    home.write_report()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(folder / ".dagster"))
        dagster_home(folder)
    return folder


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    """The UI over that home, as a user starts it."""
    port = free_port()
    env = {**os.environ, "FOOTFALL_HOME": str(folder), "DAGSTER_HOME": str(folder / ".dagster")}
    env["PATH"] = f"{Path(sys.executable).parent}:{env['PATH']}"
    command = [Path(sys.executable).with_name("footfall"), "ui", "--port", str(port)]
    with (folder / "dev.log").open("wb") as log:
        server = subprocess.Popen(
            command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    try:
        address = f"http://127.0.0.1:{port}"
        try:
            wait_until_answers(f"{address}/server_info", 600)
        except TimeoutError:
            pytest.fail((folder / "dev.log").read_text()[-3000:])
        yield address
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def test_backfill_of_28_days_is_a_few_runs_of_ranges(url: str, folder: Path) -> None:
    before = marts_of(Lake(folder))
    names = ["raw_events", *(table.contract.name for table in day_tables(Home(folder).product))]
    backfill = ended_backfill(url, launch_backfill(url, names, DAYS))
    assert backfill["status"] == "COMPLETED_SUCCESS", backfill
    runs = backfill["runs"]
    # A table that reads other tables at other offsets begins a run of its own: six of them, not 28.
    assert 3 <= len(runs) <= 6
    in_runs = Counter(asset["path"][0] for run in runs for asset in run["assetSelection"])
    assert in_runs == Counter(names), "no asset in more than one run"
    for run in runs:
        tags = {tag["key"]: tag["value"] for tag in run["tags"]}
        assert tags["dagster/asset_partition_range_start"] <= "2026-02-02"
        assert tags["dagster/asset_partition_range_end"] >= "2026-03-01"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(folder / ".dagster"))
        with open_runner(Home(folder)) as runner:
            assert not runner.home.dirty().runnable
            runner.publish_marts(rebuild=True)
    assert marts_of(Lake(folder)) == before, "computed again, the same bytes"


def test_the_ui_shows_the_graph(url: str, tmp_path: Path) -> None:
    faults: list[str] = []
    with open_browser() as browser:
        page = browser.new_page(viewport={"width": 1600, "height": 900})
        page.on("pageerror", lambda fault: faults.append(str(fault)))
        page.goto(f"{url}/asset-groups", timeout=60_000)
        for group in ("ingest", "events", "activity", "retention", "friction", "publication"):
            page.get_by_text(group, exact=True).first.wait_for(timeout=30_000)
        page.screenshot(path=tmp_path / "graph.png")
        page.goto(f"{url}/assets/daily_kpis?view=overview", timeout=60_000)
        page.get_by_text("One row per local day").first.wait_for(timeout=30_000)
        page.get_by_text("people_active_28d").first.wait_for(timeout=30_000)
    assert (tmp_path / "graph.png").stat().st_size > 10_000
    assert not faults
