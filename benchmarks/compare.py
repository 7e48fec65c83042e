"""How engines are compared: each piece of work in a process of its own, engines in turn, answers compared, medians.

CPU seconds are user and system of all threads, without imports; the floor is the fastest engine's time to read the same
columns and sum them. chDB is no dependency: without it its rows are left out.
"""

import argparse
import importlib.util
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
Answer = list[list[Any]]
Works = Mapping[tuple[str, str], Callable[[Path], Answer]]
Rows = list[dict[str, Any]]


def child(works: Works, warm: Callable[[], object], work: str, engine: str, folder: Path) -> None:
    """One measurement, printed as JSON. What is compiled is compiled before: it is kept on disk."""
    if engine == "footfall":
        warm()
    # The warming's memory is part of the peak, its time isn't measured.
    before = cpu_seconds()
    begun = time.perf_counter()
    answer = works[work, engine](folder)
    wall = time.perf_counter() - begun
    print(json.dumps({"cpu": cpu_seconds() - before, "wall": wall, "peak_mb": peak_mb(), "answer": answer}))


def cpu_seconds() -> float:
    """User and system time of this process and of those that it started and that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def peak_mb() -> float:
    """Peak memory of this process without those that it started; ru_maxrss counts what the process that started it held."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def measured(script: str, work: str, engine: str, folder: Path, reported: Mapping[str, str]) -> dict[str, Any]:
    """One piece of work by one engine in a process of its own: `cpu`, `wall`, `peak_mb`, `answer`."""
    done = subprocess.run(  # our own script
        [sys.executable, script, "--child", work, engine, str(folder)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **reported},
    )
    if done.returncode:
        raise SystemExit(f"{work} by {engine}:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def compare(  # noqa: PLR0913  # what a comparison is
    script: str,
    works: Works,
    folder: Path,
    rounds: int,
    *,
    only: str | None = None,
    reported: Mapping[str, str] | None = None,
    fewer_columns: Mapping[tuple[str, str], int] | None = None,
) -> Rows:
    """Medians by work and engine; all engines must answer the same.

    `told` is the environment of measured processes; `fewer_columns` names (work, engine) that answer only the first
    columns: they do less.
    """
    has_chdb = importlib.util.find_spec("chdb") is not None
    rows: Rows = []
    for work in dict.fromkeys(work for work, _ in works):
        engines = [e for w, e in works if w == work and (e != "chdb" or has_chdb) and only in (None, e)]
        runs: dict[str, list[dict[str, Any]]] = {engine: [] for engine in engines}
        for _ in range(rounds):
            for engine in engines:
                runs[engine].append(measured(script, work, engine, folder, reported or {}))
        answers = {e: result[0]["answer"] for e, result in runs.items() if not e.startswith("floor")}
        for engine, answer in answers.items():
            width = (fewer_columns or {}).get((work, engine))
            expected = [row[:width] for row in answers["footfall"]]
            if [row[:width] for row in answer] != expected:
                raise SystemExit(f"{work}: {engine} answers {answer[:3]} and we {expected[:3]}")
        for engine, result in runs.items():
            middle = {key: statistics.median(run[key] for run in result) for key in ("cpu", "wall", "peak_mb")}
            rows.append({"work": work, "engine": engine, **middle})
    return rows


def write(name: str, title: str, command: str, rows: Rows) -> None:
    """The table as Markdown and JSON, with machine and versions; printed too."""
    import duckdb
    import polars as pl

    versions = {"python": platform.python_version(), "polars": pl.__version__, "duckdb": duckdb.__version__}
    if importlib.util.find_spec("chdb") is not None:
        import chdb  # pyright: ignore[reportMissingImports]

        versions["chdb"] = chdb.__version__
    reported = ", ".join(f"{each} {version}" for each, version in versions.items())
    lines = [
        f"# {title}",
        "",
        f"`python {command}`, medians of the rounds; answers equal.",
        f"{platform.machine()}, {os.cpu_count()} cores; {reported}.",
        "",
        "| work | engine | CPU s | wall s | peak MB | our CPU against it | our wall against it |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *_lines(rows),
    ]
    (RESULTS / f"{name}.md").write_text("\n".join(lines) + "\n")
    (RESULTS / f"{name}.json").write_text(
        json.dumps({"command": command, "versions": versions, "rows": rows}, indent=1) + "\n"
    )
    print("\n".join(lines))


def main(
    script: str,
    works: Works,
    warm: Callable[[], object],
    prepare: Callable[[Path, float], None],
    title: str,
    millions: float,
) -> None:
    """A benchmark's command line: --millions of events, --rounds; writes the results under the script's name."""
    options = argparse.ArgumentParser()
    options.add_argument("--millions", type=float, default=millions)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--child", nargs=3)
    chosen = options.parse_args()
    if chosen.child:
        child(works, warm, chosen.child[0], chosen.child[1], Path(chosen.child[2]))
        return
    name = Path(script).stem
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder), chosen.millions)
        rows = compare(script, works, Path(folder), chosen.rounds)
    command = f"benchmarks/{name}.py --millions {chosen.millions:g} --rounds {chosen.rounds}"
    write(name, f"{title}, {chosen.millions:g} M events", command, rows)


def _lines(rows: Rows) -> Iterable[str]:
    for row in rows:
        own = next(each for each in rows if each["work"] == row["work"] and each["engine"] == "footfall")
        if row["engine"].startswith("floor"):
            ratios = f"{own['cpu'] / row['cpu']:.1f} x floor | {own['wall'] / row['wall']:.1f} x floor"
        else:
            ratios = f"{row['cpu'] / own['cpu']:.2f}x | {row['wall'] / own['wall']:.2f}x"
        yield f"| {row['work']} | {row['engine']} | {row['cpu']:.2f} | {row['wall']:.2f} | {row['peak_mb']:.0f} | {ratios} |"


def chdb_query(sql: str) -> Answer:
    """Rows of a query by chDB, numbers as numbers."""
    import chdb  # pyright: ignore[reportMissingImports]

    reported = "settings output_format_json_quote_64bit_integers = 0"
    return [
        json.loads(line) for line in str(chdb.query(f"{sql} {reported}", "JSONCompactEachRow")).splitlines() if line
    ]
