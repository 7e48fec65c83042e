"""A real Dask scheduler and workers for tests, each a process with a working copy of its own."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.core.object_lake import CACHE_VARIABLE

_ADDRESS = re.compile(r"Scheduler at:\s+(tcp://\S+)")


@dataclass
class Cluster:
    """Where the scheduler listens, and the workers' processes."""

    address: str
    folder: Path
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def add_worker(self) -> subprocess.Popen[bytes]:
        """Start one more, which finds the store by the environment as it is now."""
        number = len(self.workers)
        words = ["--nworkers", "1", "--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1", "--no-nanny"]
        own = self.folder / f"worker-{number}"
        worker = subprocess.Popen(
            [sys.executable, "-m", "distributed.cli.dask_worker", self.address, *words, "--local-directory", str(own)],
            env={**os.environ, CACHE_VARIABLE: str(own / "cache"), "POLARS_MAX_THREADS": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.workers.append(worker)
        return worker


@contextmanager
def dask_cluster(folder: Path, workers: int = 2) -> Iterator[Cluster]:
    """A scheduler with so many workers, gone in the end."""
    words = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    log = folder / "scheduler.log"
    with log.open("wb") as written:
        command = [sys.executable, "-m", "distributed.cli.dask_scheduler", *words]
        scheduler = subprocess.Popen(command, stdout=written, stderr=written)
    cluster = Cluster("", folder)
    try:
        while not cluster.address:
            assert scheduler.poll() is None, log.read_text()
            found = _ADDRESS.search(log.read_text())
            cluster.address = found[1] if found else ""
            time.sleep(0.1)
        for _ in range(workers):
            cluster.add_worker()
        yield cluster
    finally:
        for process in (scheduler, *cluster.workers):
            process.kill()
            process.wait()
