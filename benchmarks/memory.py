"""Peak memory and CPU by table of one large day: does a process stay flat when the day grows?

    python benchmarks/memory.py --millions 2 8

The home holds the demo shop's 28 days, computed; the day after them has as many events as asked for (benchmarks/nightly.py).
Each table of that day is made and judged by a process of its own, gate included; reported is its peak (VmHWM). Writes
benchmarks/results/memory.md.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

from compare import cpu_seconds, peak_mb
from nightly import land_day, prepare

RESULTS = Path(__file__).parent / "results"
DAY = date(2026, 10, 26)


def child(home: Path, name: str) -> None:
    """Make one table of the day, or take the landing files, or say which tables there are."""
    from pipeline.build.compute import build_days  # the parent needs none of it
    from pipeline.build.configured import day_tables
    from pipeline.build.gate import judge
    from pipeline.core.lake import Lake
    from pipeline.core.product_file import load_product
    from pipeline.ingest.files import ingest, pending
    from pipeline.ingest.landing import find
    from pipeline.ingest.manifests import read_manifests

    lake, product = Lake(home), load_product(home / "product.yaml")
    rows = 0
    if name == "names":
        print(json.dumps([table.contract.name for table in day_tables(product)]))  # the answer to the parent
        return
    if name == "ingest":
        list(ingest(lake, product, pending(find(lake), read_manifests(lake), product)))
    else:
        (outcome,) = build_days(lake, product, name, [DAY], judge)
        if outcome.path is None:
            raise SystemExit("\n".join(outcome.check_result.faults))
        rows = outcome.rows
    print(json.dumps({"rows": rows, "CPU": cpu_seconds(), "MB": peak_mb()}))  # the same


def asked(home: Path, name: str) -> object:
    """What a child process says."""
    command = [sys.executable, __file__, "--child", name, "--home", str(home)]
    # In that process alone: what others take for it isn't seen.
    alone = {**os.environ, "FOOTFALL_PROCESSES": "1"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=alone)  # ourselves
    return json.loads(done.stdout.splitlines()[-1])


def measured(millions: float, scratch: Path) -> dict[str, dict[str, float]]:
    """Rows, CPU seconds and peak of each table of a day of so many events."""
    home = scratch / f"home-{millions}"
    prepare(home)
    land_day(home, int(millions * 1e6))
    names = ["ingest", *asked(home, "names")]  # pyright: ignore[reportGeneralTypeIssues]
    return {name: asked(home, name) for name in names}  # pyright: ignore[reportReturnType]


def main() -> None:
    """Measure the days and write the table."""
    parser = argparse.ArgumentParser(description="Peak memory by table of a large day.")
    parser.add_argument("--millions", type=float, nargs="+", default=[2, 8])
    parser.add_argument("--child")
    parser.add_argument("--home", type=Path)
    chosen = parser.parse_args()
    if chosen.child:
        child(chosen.home, chosen.child)
        return
    with tempfile.TemporaryDirectory() as scratch:
        days = {millions: measured(millions, Path(scratch)) for millions in chosen.millions}
    lines = [
        "# Memory of a large day",
        "",
        f"`python benchmarks/memory.py --millions {' '.join(f'{each:g}' for each in days)}`: each table in a process of its own, with",
        f"the gate; a process that only imports takes about 250 MB. {platform.machine()}, python {platform.python_version()}.",
        "",
        "| table | " + " | ".join(f"{each:g} M: CPU s | MB" for each in days) + " |",
        "| --- |" + " --- | --- |" * len(days),
    ]
    first = next(iter(days.values()))
    for name in sorted(first, key=lambda each: -max(day[each]["MB"] for day in days.values())):
        cells = " | ".join(f"{day[name]['CPU']:.1f} | {day[name]['MB']:.0f}" for day in days.values())
        lines.append(f"| {name} | {cells} |")
    (RESULTS / "memory.md").write_text("\n".join([*lines, ""]))
    print("\n".join(lines))  # a script's answer


if __name__ == "__main__":
    main()
