"""Runs of the command line whose process is gone. What must not be here: anything about days or tables.

A run that `footfall` makes lives in its own process. Killed, it would stay "started" for ever in Dagster's records, and
everything that waits for it with it.
"""

import os
import socket

import dagster as dg

PROCESS_TAG = "footfall/process"
UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def process_tag() -> dict[str, str]:
    """A run tag that names this process."""
    return {PROCESS_TAG: f"{socket.gethostname()}:{os.getpid()}"}


def runs_under_way(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """Runs that haven't ended; those of the command line whose process is gone are recorded as failed first."""
    alive: list[dg.DagsterRun] = []
    for run in instance.get_runs(dg.RunsFilter(statuses=UNDER_WAY)):
        if _is_gone(run.tags.get(PROCESS_TAG, "")):
            instance.report_run_failed(run, "the process of this run is gone; the next run takes its work up")
        else:
            alive.append(run)
    return alive


def _is_gone(process: str) -> bool:
    host, _, pid = process.rpartition(":")
    if host != socket.gethostname() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
