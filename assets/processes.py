"""Runs whose worker is gone. What must not be here: anything about days or tables.

After a power cut a run stays "started" in Dagster's records, and everything that waits for it with it. So each run says
in the lake who computes it, and shows while it does that it lives: `lake/_state/runs/<run_id>.json`, written anew every
few seconds. On the worker's own machine the process itself is looked at, from elsewhere the file's age decides.
"""

import json
import os
import socket
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import dagster as dg
import msgspec

from assets.names import Names
from pipeline.core.lake import Lake
from pipeline.core.object_lake import StoreError

FOLDER = "lake/_state/runs"
HEARTBEAT_SECONDS = 10.0
# Seen from elsewhere a worker without a sign of life for so long is gone.
SILENT_SECONDS = 60.0
# Between the launch of a run and its first sign of life a process starts; on a busy machine that takes minutes.
LAUNCH_SECONDS = 300.0
UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
# Where Dagster keeps how it reaches the server that launched a run.
_LAUNCHER_TAG = ".dagster/grpc_info"
_BOOT, _NAMESPACE = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")


class Worker(msgspec.Struct, frozen=True):
    """A process of a machine since it was booted; `machine` is empty where the system doesn't tell."""

    machine: str
    pid: int
    started: str


def this_worker() -> Worker:
    """The process that asks."""
    return Worker(_machine(), os.getpid(), _started(os.getpid()))


def _machine() -> str:
    try:
        # Containers of one machine share its boot, and each has process numbers of its own.
        return f"{socket.gethostname()} {_BOOT.read_text().strip()} {_NAMESPACE.readlink()}"
    except OSError:
        return ""


_PLAIN = Names()


def _started(pid: int) -> str:
    """When the process was started, in ticks since boot; empty where there is none, or only its remains."""
    try:
        # The name, in brackets, may hold blanks and brackets itself.
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return ""
    return "" if state in "ZX" else rest[18]


def _key(run_id: str) -> str:
    return f"{FOLDER}/{run_id}.json"


@contextmanager
def signs_of_life(lake: Lake, run_id: str) -> Generator[None]:
    """While in it, this process says in the lake that it computes the run."""
    worker, ended = msgspec.json.encode(this_worker()), threading.Event()

    def sign() -> None:
        # A full disk stops what is computed, with a sentence of its own; the next beat tries again.
        with suppress(OSError, StoreError):
            lake.write(_key(run_id), worker)

    def beat() -> None:
        while not ended.wait(HEARTBEAT_SECONDS):
            sign()

    sign()
    thread = threading.Thread(target=beat, name="signs of life", daemon=True)
    thread.start()
    try:
        yield
    finally:
        # The file stays: until the run is recorded as ended, it must be seen that its process lives.
        ended.set()
        thread.join()


def runs_under_way(instance: dg.DagsterInstance, lake: Lake, names: Names = _PLAIN) -> list[dg.DagsterRun]:
    """Our runs that haven't ended; those whose worker is gone are recorded as failed first."""
    alive: list[dg.DagsterRun] = []
    for record in instance.get_run_records(dg.RunsFilter(statuses=UNDER_WAY)):
        run = record.dagster_run
        if not names.is_ours(run):
            continue
        if run.status == dg.DagsterRunStatus.QUEUED or not _is_gone(lake, run, record.update_timestamp.timestamp()):
            alive.append(run)
        elif run.status == dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, "the process of this run is gone")
        else:
            instance.report_run_failed(run, "the process of this run is gone; its work is taken up again")
    return alive


def _is_gone(lake: Lake, run: dg.DagsterRun, updated: float) -> bool:
    known = lake.size_and_time(_key(run.run_id))
    try:
        worker = msgspec.json.decode(lake.read(_key(run.run_id)) or b"", type=Worker)
    except msgspec.DecodeError:
        worker = None
    if worker is None or known is None:
        return _is_launcher_gone(run) or time.time() - updated > LAUNCH_SECONDS
    if worker.machine and worker.machine == _machine():
        return _started(worker.pid) != worker.started
    return time.time() - known[1] > SILENT_SECONDS


def _is_launcher_gone(run: dg.DagsterRun) -> bool:
    """Whether nobody listens any more where the run was launched; a worker that starts after all finds it ended."""
    where = json.loads(run.tags.get(_LAUNCHER_TAG, "{}")).get("socket")
    if not where:
        return False
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(5)
        try:
            probe.connect(where)
        except (ConnectionRefusedError, FileNotFoundError):
            return True
        except OSError:
            return False
    return False
