"""A large night here, in processes, and on a Dask cluster over an object store: the same bytes, and what each takes.

    PYTHONPATH=.:examples/shop:tests python benchmarks/cluster.py --millions 10

The home holds the demo shop's 28 days, computed; the day after them has as many events as asked for (benchmarks/nightly.py).
The store is a real S3 server on loopback (moto's), scheduler and two workers are processes of their own, each worker with a
working copy of its own. In the last run a worker and then the run itself are killed, and the server doesn't answer for 20
seconds. Writes benchmarks/results/cluster.md.
"""

import argparse
import hashlib
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from dask_cluster import Cluster, dask_cluster
from nightly import land_day, prepare
from object_store import s3_server

RESULTS = Path(__file__).parent / "results"
FOOTFALL = str(Path(sys.executable).parent / "footfall")
# The ledger of restatements bears the time of each publication, and a version of the marts the ledger's mart.
_OF_TIME = ("lake/restatements/", "marts/restatements.parquet", "marts/versions/")


@dataclass
class Meter:
    """CPU seconds and peak memory of processes and of all that they start."""

    cpu: dict[int, float] = field(default_factory=dict)
    peak: dict[int, int] = field(default_factory=dict)

    @contextmanager
    def over(self, roots: list[int]) -> Generator[None]:
        """Look at them twice a second."""
        ended = threading.Event()

        def look() -> None:
            while not ended.wait(0.5):
                for root in list(roots):
                    self._look(root)

        before = {pid: cpu_of(pid) for pid in roots}
        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            for pid, spent in before.items():
                self.cpu[pid] = self.cpu.get(pid, spent) - spent

    def _look(self, root: int) -> None:
        try:
            own = psutil.Process(root)
            for process in [own, *own.children(recursive=True)]:
                self.cpu[process.pid] = cpu_of(process.pid)
                peak = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())
                # One that has ended tells none any more.
                self.peak[process.pid] = int(peak[1]) // 1024 if peak else self.peak.get(process.pid, 0)
        except (psutil.Error, OSError):
            return


def cpu_of(pid: int) -> float:
    """CPU seconds that a process took."""
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


@dataclass
class Night:
    """What a run took."""

    name: str
    seconds: float
    cpu: float
    peak: int
    note: str = ""


def upload(home: Path, url: str) -> None:
    """Put a home into the store."""
    import obstore  # not needed for the runs of a folder
    from obstore.store import from_url

    store = from_url(url)
    for path in home.rglob("*"):
        key = path.relative_to(home).as_posix()
        if path.is_file() and not key.startswith(".dagster") and "/." not in f"/{key}":
            obstore.put(store, key, path)


def hashes(home: str) -> dict[str, str]:
    """sha256 of all Parquet objects of a home, but for landing files and what tells when numbers were restated."""
    return {key: sha256 for key, sha256 in _hashes(home).items() if not key.startswith(_OF_TIME)}


def _hashes(home: str) -> dict[str, str]:
    if not home.startswith("s3://"):
        files = {path.relative_to(home).as_posix(): path for path in Path(home).rglob("*.parquet")}
        return {
            key: hashlib.sha256(p.read_bytes()).hexdigest() for key, p in files.items() if not key.startswith("landing")
        }
    import obstore
    from obstore.store import from_url

    store = from_url(home)
    keys = [each["path"] for chunk in obstore.list(store) for each in chunk]
    wanted = [key for key in keys if key.endswith(".parquet") and not key.startswith("landing")]
    return {key: hashlib.sha256(obstore.get(store, key).bytes()).hexdigest() for key in wanted}


def begin(home: str, **settings: str) -> subprocess.Popen[bytes]:
    """`footfall run`, as a user starts it."""
    return subprocess.Popen(
        [FOOTFALL, "run", "--home", home], env={**os.environ, **settings}, stdout=subprocess.DEVNULL
    )


def night(name: str, home: str, others: list[int], **settings: str) -> Night:
    """Run the night, and measure it with all that works for it."""
    meter, began = Meter(), time.monotonic()
    command = begin(home, **settings)
    with meter.over([command.pid, *others]):
        code = command.wait()
    if code not in (0, 1):
        raise SystemExit(f"{name}: exit code {code}")
    result = Night(name, time.monotonic() - began, sum(meter.cpu.values()), max(meter.peak.values()))
    print(result, flush=True)
    return result


def night_with_faults(home: str, workers: Cluster, store: int, length: float, **settings: str) -> Night:
    """The same while a worker and the run are killed and the server stops answering; run again, it ends."""
    meter, began, command = Meter(), time.monotonic(), begin(home, **settings)
    roots = [command.pid, *(each.pid for each in workers.workers)]
    with meter.over(roots):
        time.sleep(length / 5)
        workers.workers[0].kill()
        roots.append(workers.add_worker().pid)
        time.sleep(length / 10)
        os.kill(store, signal.SIGSTOP)
        time.sleep(20)
        os.kill(store, signal.SIGCONT)
        time.sleep(length / 10)
        was_alive = command.poll() is None
        command.kill()
        command.wait()
        again = begin(home, **settings)
        roots.append(again.pid)
        code = again.wait()
    what = "a worker killed, the store silent for 20 s, the run killed" + ("" if was_alive else " (after its end)")
    result = Night(
        "the same with faults",
        time.monotonic() - began,
        sum(meter.cpu.values()),
        max(meter.peak.values()),
        f"{what}; run again, it ended with {code}",
    )
    print(result, flush=True)
    return result


def nights(folder: Path, home: Path, ways: list[str]) -> tuple[list[Night], list[bool], int]:
    """Each way once; whether the bytes are those of the first, and how many objects these are."""
    rows: list[Night] = []
    same: list[bool] = []
    first: dict[str, str] = {}

    def done(result: Night, where: str) -> None:
        rows.append(result)
        made = hashes(where)
        first.update(first or made)
        same.append(made == first)
        if made != first:
            print(
                where, *sorted(key for key in made.keys() | first.keys() if made.get(key) != first.get(key)), flush=True
            )

    with s3_server() as store:
        for way in ways:
            if way.startswith("cluster"):
                upload(home, f"s3://bucket/{way}")
            else:
                shutil.copytree(home, folder / way)
        for way in [each for each in ways if not each.startswith("cluster")]:
            number = "1" if way == "one" else str(os.cpu_count())
            done(
                night(f"{number} process{'es' * (number != '1')}", str(folder / way), [], FOOTFALL_PROCESSES=number),
                str(folder / way),
            )
        with dask_cluster(folder) as workers:
            settings = {
                "FOOTFALL_DASK": workers.address,
                "FOOTFALL_CACHE": str(folder / "cache"),
                "DAGSTER_HOME": str(folder / "dagster"),
            }
            for way in [each for each in ways if each.startswith("cluster")]:
                before, pids = cpu_of(store.process.pid), [each.pid for each in workers.workers if each.poll() is None]
                if way == "cluster":
                    result = night("Dask, 2 workers, over S3", f"s3://bucket/{way}", pids, **settings)
                else:
                    result = night_with_faults(
                        f"s3://bucket/{way}", workers, store.process.pid, rows[0].seconds, **settings
                    )
                result.note += (
                    f"; the S3 server on the same processors took {cpu_of(store.process.pid) - before:.0f} CPU s more"
                )
                done(result, f"s3://bucket/{way}")
    return rows, same, len(first)


def main() -> None:
    """Run the night in each way, compare the bytes and write the table."""
    parser = argparse.ArgumentParser(description="A large night here, in processes and on a cluster.")
    parser.add_argument("--millions", type=float, default=10)
    parser.add_argument("--ways", nargs="+", default=["one", "processes", "cluster", "cluster-faults"])
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder, home = Path(scratch), Path(scratch, "home")
        prepare(home)
        records = land_day(home, int(chosen.millions * 1e6))
        rows, same, objects = nights(folder, home, chosen.ways)
    lines = [
        "# A large night in processes and on a cluster",
        "",
        f"`python benchmarks/cluster.py --millions {chosen.millions:g} --ways {' '.join(chosen.ways)}`: {records:,} records on the",
        f"last day, {os.cpu_count()} processors for all of it, {platform.machine()}, python {platform.python_version()}.",
        f"Bytes of all {objects} Parquet objects of lake and marts equal those of the first way: {', '.join('yes' if each else 'NO' for each in same)}.",
        "",
        "| way | wall s | CPU s | peak of a process, MB | |",
        "| --- | --- | --- | --- | --- |",
        *(
            f"| {each.name} | {each.seconds:.0f} | {each.cpu:.0f} | {each.peak} | {each.note.strip('; ')} |"
            for each in rows
        ),
    ]
    (RESULTS / "cluster.md").write_text("\n".join([*lines, ""]))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
