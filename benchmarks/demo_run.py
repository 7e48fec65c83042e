"""The demo run by phase, its peak memory, and what Dagster adds to the computing.

The same landing files are taken twice by processes of their own, alternating: through Dagster as `footfall run` does
it, and by the same functions without Dagster (gate included). Writes benchmarks/results/demo_run.{json,md}.

Run: make bench    (or: python benchmarks/demo_run.py --rounds 3)
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from compare import cpu_seconds, peak_mb

ROOT = Path(__file__).resolve().parent.parent
SHOP = ROOT / "examples" / "shop"
RESULTS = ROOT / "benchmarks" / "results"
FORMS = ("with Dagster", "without Dagster")


def with_dagster(folder: Path) -> dict[str, float]:
    """Seconds per phase of a run as the command line makes it."""
    began = time.perf_counter()
    os.environ["DAGSTER_HOME"] = str(folder / ".dagster")
    from assets.resources import Home  # the import is a phase of its own
    from assets.running import open_runner  # the same

    phases = {"imports": time.perf_counter() - began}
    with open_runner(Home(folder)) as runner:
        for name, phase in (
            ("landing files", runner.take_files),
            ("days", runner.compute_dirty_days),
            ("period tables and marts", runner.publish_marts),
        ):
            phases[name] = _timed(phase)
    # One of the demo's days is held back, as it is to be (docs/demo.md).
    if faults := [each for each in runner.failures if " held back" not in each]:
        raise SystemExit("\n".join(faults))
    return phases


def without_dagster(folder: Path) -> dict[str, float]:
    """Seconds per phase of the same functions, called one after the other."""
    began = time.perf_counter()
    from pipeline.build.compute import build_days, build_period
    from pipeline.build.configured import day_tables, period_tables
    from pipeline.build.configured import marts as configured
    from pipeline.build.context import find_dirty
    from pipeline.build.gate import judge, judge_mart
    from pipeline.build.marts import Publication, build_mart
    from pipeline.core.lake import Lake
    from pipeline.core.product_file import load_product
    from pipeline.ingest.files import ingest
    from pipeline.ingest.landing import find

    lake, product = Lake(folder), load_product(folder / "product.yaml")
    phases = {"imports": time.perf_counter() - began}

    def days() -> None:
        dirty = sorted(find_dirty(lake, product, lambda _day: True).runnable)
        for table in day_tables(product):
            for _ in build_days(lake, product, table.contract.name, dirty, judge):
                pass

    def marts() -> None:
        context = Publication(lake, product)
        for period in period_tables(product):
            build_period(lake, product, period.contract.name, judge, context)
        for mart in configured(product):
            build_mart(lake, product, mart.name, judge_mart, context)

    phases["landing files"] = _timed(lambda: list(ingest(lake, product, find(lake))))
    phases["days"] = _timed(days)
    phases["period tables and marts"] = _timed(marts)
    return phases


def _timed(phase: object) -> float:
    began = time.perf_counter()
    phase()  # pyright: ignore[reportCallIssue]
    return time.perf_counter() - began


def measure(form: str, home: Path) -> dict[str, float]:
    """Run one form over a copy of `home` in a process of its own; its phases, CPU seconds and peak memory."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "home")
        shutil.copytree(home, folder, symlinks=True)
        command = [sys.executable, str(ROOT / "benchmarks" / "demo_run.py"), "--child", form, "--folder", str(folder)]
        done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)  # ourselves
        return json.loads(done.stdout.splitlines()[-1])


def child(form: str, folder: Path) -> None:
    """What a measured process does."""
    phases = with_dagster(folder) if form == FORMS[0] else without_dagster(folder)
    phases["total"] = sum(phases.values())
    phases["CPU"] = cpu_seconds()
    phases["peak MB"] = peak_mb()
    print(json.dumps(phases))  # the answer to the parent


def main() -> None:
    """Measure both forms, alternating, and write the table."""
    parser = argparse.ArgumentParser(description="Time the demo run by phase.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", choices=FORMS)
    parser.add_argument("--folder", type=Path)
    chosen = parser.parse_args()
    if chosen.child:
        child(chosen.child, chosen.folder)
        return
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        shutil.copy(SHOP / "product.yaml", home)
        shutil.copytree(SHOP / "pictures", home / "pictures")
        made = _timed(
            lambda: subprocess.run(  # our own
                [sys.executable, str(SHOP / "generate.py"), str(home / "landing")], check=True, cwd=ROOT
            )
        )
        rounds = alternating(home, chosen.rounds)
    write("demo_run", "The demo run by phase", f"The generator took {made:.1f} s.", rounds)


Rounds = list[dict[str, dict[str, float]]]


def alternating(home: Path, rounds: int) -> Rounds:
    """Both forms over copies of `home`, in turn."""
    return [{form: measure(form, home) for form in FORMS} for _ in range(rounds)]


def write(name: str, title: str, note: str, rounds: Rounds) -> None:
    """Medians over the rounds as JSON and Markdown, with machine and versions."""
    phases = list(rounds[0][FORMS[0]])
    medians = {form: {n: statistics.median(r[form][n] for r in rounds) for n in phases} for form in FORMS}
    packages = {each: version(each) for each in ("polars", "dagster", "duckdb", "great-expectations", "msgspec")}
    about = {"cores": os.cpu_count(), "python": platform.python_version(), **packages}
    RESULTS.mkdir(exist_ok=True)
    record = {"about": about, "note": note, "medians": medians, "rounds": rounds}
    (RESULTS / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n")
    lines = [
        f"# {title}",
        "",
        f"Medians of {len(rounds)} alternating rounds, seconds of wall time where nothing else is said. {note}",
        f"Machine: {', '.join(f'{each} {value}' for each, value in about.items())}.",
        "",
        f"| phase | {' | '.join(FORMS)} | Dagster adds |",
        "| --- | --- | --- | --- |",
    ]
    for each in phases:
        one, other = medians[FORMS[0]][each], medians[FORMS[1]][each]
        lines.append(f"| {each} | {one:.1f} | {other:.1f} | {one - other:.1f} |")
    (RESULTS / f"{name}.md").write_text("\n".join([*lines, ""]))
    print("\n".join(lines))  # a script's answer


if __name__ == "__main__":
    main()
