"""Power cuts: the whole stack killed at once in each phase, and `footfall run` at moments spread over its duration.

`python benchmarks/power_cut.py [--kills N]` makes a tiny home, computes it undisturbed, then kills everything that serves
a copy of it (supervisor, dg dev, web server, daemon, code servers, worker) by SIGKILL while files are taken, days are
computed and marts are made, starts `make dev`'s supervisor again and waits, hands off, until all is there. At the end
bytes are compared. Needs Linux (/proc). CPU: about a minute a kill.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from assets.resources import Home

PRODUCT = """
name: Power cut
time_zone: Europe/Berlin
start_date: {start}
sources: {{web: {{}}}}
pages: [{{name: home, urls: ["/"]}}]
goals: {{buy: {{kind: order}}}}
"""
EVENTS, DAYS = 150, 2
PATIENCE_S = 1800.0


def make_home(home: Path) -> None:
    """A few hundred events of the days before yesterday."""
    today = datetime.now(UTC).date()
    home.mkdir(parents=True)
    (home / "product.yaml").write_text(PRODUCT.format(start=today - timedelta(days=8)))
    for back in range(2, 2 + DAYS):
        day = today - timedelta(days=back)
        rows = [
            {"event_id": f"{day}-{i}", "occurred_at": f"{day}T10:{i % 60:02}:00Z", "kind": "page_view", "url": "/",
             "anonymous_id": f"d{i % 15}"}
            for i in range(EVENTS)
        ]  # fmt: skip
        file = home / "landing" / "web" / str(day) / "a.ndjson"
        file.parent.mkdir(parents=True)
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        file.with_name("a.ndjson.done").touch()


# They tell when files came and what was read when: equal days, other hours.
NOT_COMPARED = {"ingest_quality", "data_problems", "daily_rejected", "_dictionary"}


def published(home: Path) -> dict[str, bytes]:
    """Bytes of all marts whose equality is promised."""
    marts = sorted((home / "marts").glob("*.parquet"))
    return {path.name: path.read_bytes() for path in marts if path.stem not in NOT_COMPARED}


def is_done(home: Path) -> bool:
    """Whether nothing is left to do."""
    opened = Home(home)
    return not (
        opened.waiting_files() or opened.dirty().runnable or opened.stale() or opened.outputs_are_stale()
    ) and bool(published(home))


def serve(home: Path, log: Path) -> subprocess.Popen[bytes]:
    """`make dev` over the home, without make."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {**os.environ, "FOOTFALL_HOME": str(home)}
    env.pop("DAGSTER_HOME", None)
    with log.open("ab") as out:
        return subprocess.Popen(
            [Path(sys.executable).with_name("footfall"), "ui", "--port", str(port)], env=env, stdout=out, stderr=out
        )


def processes_of(home: Path) -> list[int]:
    """All processes that serve the home: they have it in their environment."""
    wanted, result = f"FOOTFALL_HOME={home}".encode(), []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if wanted in path.read_bytes().split(b"\0"):
                result.append(int(path.parent.name))
    return result


def kill_all(home: Path) -> int:
    """SIGKILL to all of them until none is left; how many there were."""
    killed = 0
    while processes := processes_of(home):
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        killed += len(processes)
        time.sleep(0.2)
    return killed


def until(is_so: Callable[[], bool], pause: float) -> float:
    """Wait until it is so; seconds it took."""
    began = time.monotonic()
    while not is_so():
        if time.monotonic() - began > PATIENCE_S:
            raise TimeoutError("not in time")
        time.sleep(pause)
    return time.monotonic() - began


PHASES: dict[str, Callable[[Path], bool]] = {
    "ingest": lambda home: any((home / "lake/_state/runs").glob("*.json")),
    "days": lambda home: any((home / "lake/_state/events").glob("*.json")),
    "marts": lambda home: (home / "marts/_published.json").exists(),
}


def cut_stack(template: Path, work: Path, expected: dict[str, bytes]) -> None:
    """Kill the stack in each phase, in a home of its own, and let it heal."""
    for phase, has_begun in PHASES.items():
        home = work / f"stack-{phase}"
        shutil.copytree(template, home)
        server = serve(home, work / f"{phase}.log")
        until(lambda home=home, has_begun=has_begun: has_begun(home), 0.05)
        killed = kill_all(home)
        server.wait()
        server = serve(home, work / f"{phase}.log")
        took = until(lambda home=home: is_done(home), 5)
        same = published(home) == expected
        print(
            f"{phase}: {killed} processes killed; all there after {took / 60:.1f} min, same bytes: {same}", flush=True
        )
        server.send_signal(signal.SIGTERM)
        server.wait(120)
        kill_all(home)


def _faults(home: Path, expected: dict[str, bytes], again: subprocess.CompletedProcess[str]) -> list[str]:
    """What is wrong after the run that came after a kill."""
    result = published(home)
    other = sorted(name for name in expected.keys() | result.keys() if expected.get(name) != result.get(name))
    faults = [f"exit {again.returncode}: {again.stdout[-600:]} {again.stderr[-600:]}"] if again.returncode else []
    faults += [f"other bytes: {', '.join(other)}"] if other else []
    return faults + ([] if is_done(home) else ["not done"]) + ([f"kept in {home}"] if faults or other else [])


def cut_command(template: Path, work: Path, expected: dict[str, bytes], kills: int, length: float) -> None:
    """Kill `footfall run` at moments spread over its duration; then one that ends, and the same bytes."""
    wrong = 0
    for number in range(kills):
        home = work / f"run-{number}"
        shutil.copytree(template, home)
        command = [str(Path(sys.executable).parent / "footfall"), "run", "--home", str(home)]
        env = {**os.environ, "FOOTFALL_HOME": str(home)}
        env.pop("DAGSTER_HOME", None)
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(command, env=env, stdout=quiet, stderr=quiet)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(length * (number + 1) / (kills + 1))
        kill_all(home)
        left = sorted(path.name for path in (home / "marts").glob("*.parquet")) if (home / "marts").exists() else []
        again = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        faults = _faults(home, expected, again)
        wrong += bool(faults)
        reported = "; ".join(faults) or "all right"
        print(f"killed at {(number + 1) / (kills + 1):.0%}, {len(left)} marts there; then {reported}", flush=True)
        if not faults:
            shutil.rmtree(home)
    print(f"{kills} kills of `footfall run`, {wrong} wrong")


def main() -> None:
    """Cut the power."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=25, help="kills of `footfall run`; 0 for none")
    parser.add_argument("--no-stack", action="store_true", help="only kill the command")
    chosen = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="power-cut-"))
    template, whole = work / "template", work / "whole"
    make_home(template)
    shutil.copytree(template, whole)
    began = time.monotonic()
    env = {**os.environ, "DAGSTER_HOME": ""}
    footfall = str(Path(sys.executable).parent / "footfall")
    subprocess.run([footfall, "run", "--home", str(whole)], env=env, check=True, stdout=subprocess.DEVNULL)
    length = time.monotonic() - began
    expected = published(whole)
    print(f"undisturbed: {length:.0f} s, {len(expected)} marts, in {work}", flush=True)
    if not chosen.no_stack:
        cut_stack(template, work, expected)
    if chosen.kills:
        cut_command(template, work, expected, chosen.kills, length)


if __name__ == "__main__":
    main()
