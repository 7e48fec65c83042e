"""Runs that die or fail heal by themselves: who is gone, what is tried again and when, what is made anew."""

import json
import os
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import msgspec
import pytest
from support import PLAIN_PRODUCT, compute_all, drop, ndjson, record, take_all

from assets import processes
from assets.attempts import WORK_TAG, next_attempt
from assets.automation import sensors
from assets.definitions import build_defs
from assets.names import Names
from assets.processes import Worker, runs_under_way, signs_of_life, this_worker
from assets.resources import Home
from assets.running import Runner
from pipeline.core.lake import Lake
from pipeline.report.made import MADE_KEY

STATUS = dg.DagsterRunStatus

landing, dirty_days = sensors(Names())


@dg.job(name="days")
def days_job() -> None:
    """Stands for ours."""


def run_of(instance: dg.DagsterInstance, status: STATUS = STATUS.STARTED, **tags: str) -> dg.DagsterRun:
    """A run as the records have it."""
    return instance.create_run_for_job(days_job, status=status, tags=tags)


def sign(lake: Lake, run: dg.DagsterRun, worker: Worker, *, age: float = 0) -> None:
    path = lake.path(f"{processes.FOLDER}/{run.run_id}.json")
    lake.write(f"{processes.FOLDER}/{run.run_id}.json", msgspec.json.encode(worker))
    os.utime(path, (time.time() - age,) * 2)


def status_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> STATUS:
    result = instance.get_run_by_id(run.run_id)
    assert result is not None
    return result.status


@pytest.fixture
def ended_process() -> Worker:
    """A process of this machine that was and is no more."""
    code = (
        "import msgspec; from assets.processes import this_worker; print(msgspec.json.encode(this_worker()).decode())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    return msgspec.json.decode(done.stdout, type=Worker)


def test_a_worker_of_this_machine_is_gone_with_its_process(
    home: Home, instance: dg.DagsterInstance, ended_process: Worker
) -> None:
    here = this_worker()
    alive, gone, other, booted = (run_of(instance) for _ in range(4))
    sign(home.lake, alive, here, age=1e6)
    sign(home.lake, gone, ended_process)
    # Its number was given to another process since.
    sign(home.lake, other, msgspec.structs.replace(here, started="1"))
    # Before the machine was started again; nothing has been heard since.
    sign(home.lake, booted, msgspec.structs.replace(here, machine="this one before"), age=processes.SILENT_SECONDS + 1)
    assert [run.run_id for run in runs_under_way(instance, home.lake)] == [alive.run_id]
    assert [status_of(instance, run) for run in (alive, gone, other, booted)] == [STATUS.STARTED, *[STATUS.FAILURE] * 3]


def test_from_elsewhere_the_sign_of_life_decides(home: Home, instance: dg.DagsterInstance) -> None:
    elsewhere, nameless = Worker("another machine", 1, "1"), Worker("", os.getpid(), "")
    runs = [run_of(instance) for _ in range(4)]
    for run, worker, age in zip(runs, [elsewhere, elsewhere, nameless, nameless], [30, 90, 30, 90], strict=True):
        sign(home.lake, run, worker, age=age)
    assert {run.run_id for run in runs_under_way(instance, home.lake)} == {runs[0].run_id, runs[2].run_id}


def test_cancelled_runs_end(home: Home, instance: dg.DagsterInstance, ended_process: Worker) -> None:
    run = run_of(instance, STATUS.CANCELING)
    sign(home.lake, run, ended_process)
    assert not runs_under_way(instance, home.lake)
    assert status_of(instance, run) == STATUS.CANCELED


def test_queued_runs_survive(home: Home) -> None:
    run = SimpleNamespace(job_name="days", status=STATUS.QUEUED, run_id="q", tags={}, asset_selection=None)
    long_ago = SimpleNamespace(dagster_run=run, update_timestamp=datetime(2020, 1, 1, tzinfo=UTC))
    records: Any = SimpleNamespace(get_run_records=lambda _filters: [long_ago])
    assert runs_under_way(records, home.lake) == [run]


def test_a_run_that_never_began_is_given_time_unless_its_launcher_is_gone(
    home: Home, instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen()
        tag = {".dagster/grpc_info": json.dumps({"host": "localhost", "socket": address})}
        runs = [run_of(instance, STATUS.STARTING), run_of(instance, STATUS.STARTING, **tag)]
        assert len(runs_under_way(instance, home.lake)) == 2
    assert [run.run_id for run in runs_under_way(instance, home.lake)] == [runs[0].run_id], "nobody listens any more"
    monkeypatch.setattr(processes, "LAUNCH_SECONDS", -1.0)
    assert not runs_under_way(instance, home.lake)


def test_runs_of_others_are_left_alone(home: Home, instance: dg.DagsterInstance) -> None:
    @dg.job
    def somebody_elses() -> None: ...

    run = instance.create_run_for_job(somebody_elses, status=STATUS.STARTED)
    assert not runs_under_way(instance, home.lake)
    assert status_of(instance, run) == STATUS.STARTED


def test_a_run_shows_that_it_lives_as_long_as_it_does(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "HEARTBEAT_SECONDS", 0.01)
    path = home.lake.path(f"{processes.FOLDER}/r.json")
    with signs_of_life(home.lake, "r"):
        assert msgspec.json.decode(path.read_bytes(), type=Worker) == this_worker()
        path.unlink()
        for _ in range(1000):
            if path.exists():
                break
            time.sleep(0.01)
    assert path.exists()


# Attempts.


def ended(instance: dg.DagsterInstance, work: str, status: STATUS = STATUS.FAILURE) -> None:
    run_of(instance, status, **{WORK_TAG: work})


def test_pauses_grow_to_an_hour(instance: dg.DagsterInstance) -> None:
    assert next_attempt(instance, "w").number == 0
    result: list[int] = []
    for number in range(1, 10):
        ended(instance, "w")
        attempt = next_attempt(instance, "w")
        assert attempt.number == number
        result.append(round((attempt.not_before - time.time()) / 60))
    assert result == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    ended(instance, "v", STATUS.CANCELED)
    assert next_attempt(instance, "v").number == 0, "what a person cancelled is no attempt of ours"


def failed_by(instance: dg.DagsterInstance, fault: Exception) -> None:
    @dg.op
    def step() -> None:
        raise fault

    @dg.job(name="days")
    def job() -> None:
        step()

    job.execute_in_process(instance=instance, raise_on_error=False, tags={WORK_TAG: "w"})


def test_what_a_gate_holds_back_is_not_tried_again(instance: dg.DagsterInstance) -> None:
    failed_by(instance, dg.Failure("2026-02-05 held back: 0.25 share of rejected records", allow_retries=False))
    assert next_attempt(instance, "w").is_held_back
    failed_by(instance, MemoryError("no memory left"))
    assert not next_attempt(instance, "w").is_held_back


def tick(sensor: dg.SensorDefinition, home: Home, instance: dg.DagsterInstance) -> Any:
    context = dg.build_sensor_context(instance=instance, resources={"home": home}, definitions=build_defs(home))
    return sensor.evaluate_tick(context)


def test_a_sensor_asks_again_after_a_pause(
    home: Home, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(home.lake.home, "web/2026-02-02/a.ndjson", ndjson([record("a", "2026-02-02T10:00:00")]))
    (first,) = tick(landing, home, instance).run_requests
    assert first.tags[WORK_TAG] == first.run_key
    ended(instance, first.run_key)
    waiting = tick(landing, home, instance)
    assert not waiting.run_requests
    assert "ended 1 times with its work undone; again at" in waiting.skip_message
    now = time.time()
    monkeypatch.setattr("assets.automation.time.time", lambda: now + 61)
    (again,) = tick(landing, home, instance).run_requests
    assert again.run_key == f"{first.run_key}#1"
    assert again.tags[WORK_TAG] == first.run_key


def test_a_changed_start_is_told_and_nothing_is_asked_for(home: Home, instance: dg.DagsterInstance) -> None:
    drop(home.lake.home, "web/2026-02-02/a.ndjson", ndjson([record("a", "2026-02-02T10:00:00")]))
    home.product_file.write_text(PLAIN_PRODUCT.replace("2026-01-01", "2026-01-05"))
    answer = tick(landing, home, instance)
    assert not answer.run_requests
    assert "product.yaml now says start_date 2026-01-05" in answer.skip_message
    assert "reload" in answer.skip_message


# What is made from the marts.


def test_a_missing_or_outdated_report_is_made_by_the_next_run(home: Home, instance: dg.DagsterInstance) -> None:
    drop(home.lake.home, "web/2026-02-02/a.ndjson", ndjson([record("a", "2026-02-02T10:00:00", url="/")]))
    picture = home.lake.path("home.png")
    shown = "pages:\n  - {name: home, urls: ['/'], pictures: [{file: home.png, width: 1280, device_type: desktop}]}\n"
    text = PLAIN_PRODUCT.replace('pages:\n  - {name: home, urls: ["/"]}\n', shown)
    home.product_file.write_text(text)
    take_all(home.lake, home.product)
    compute_all(home.lake, home.product)
    assert not home.stale()
    runner = Runner(home, instance)
    marts = home.lake.read("marts/_published.json")
    page, catalog = home.lake.path("report/index.html"), home.lake.path("marts/catalog.duckdb")

    def is_made_anew() -> bool:
        before = len(instance.get_runs())
        assert home.outputs_are_stale()
        (request,) = tick(dirty_days, home, instance).run_requests
        assert {key.path[-1] for key in request.asset_selection} == {
            "publication", "catalog", "report", "alert_messages", "digest_message",
        }  # fmt: skip
        assert runner.publish_marts()
        return not home.outputs_are_stale() and len(instance.get_runs()) == before + 1 and not runner.failures

    assert is_made_anew(), "killed between the last mart and the report"
    page.unlink()
    assert is_made_anew()
    assert page.exists()
    catalog.unlink()
    assert is_made_anew()
    assert catalog.exists()
    home.lake.write(MADE_KEY, b'{"version": ')
    assert is_made_anew(), "half-written by a power cut"
    home.product_file.write_text(text.replace("Test shop", "Renamed shop"))
    assert is_made_anew()
    assert "Renamed shop" in page.read_text()
    picture.write_bytes(b"\x89PNG of a new look")
    assert is_made_anew()
    assert home.lake.read("marts/_published.json") == marts, "the marts weren't made again"
    assert not tick(dirty_days, home, instance).run_requests
