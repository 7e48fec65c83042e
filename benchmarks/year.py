"""A year's backfill: time and peak memory, for one time the events a day and for several times.

The home holds a year of the demo shop: its 28 days again and again, each time 28 days later, with other event ids and the
same people. `footfall run` takes it, then `footfall backfill` computes every day again. Writes benchmarks/results/year.md.

Run: python benchmarks/year.py --rounds 13
"""

import argparse
import gzip
import re
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

from demo_run import RESULTS, ROOT, SHOP

MONTH = 28
FIRST = date(2025, 9, 1)
_DATE = re.compile(r"2026-(?:09|10|11)-\d\d")
_EVENT_ID = re.compile(r'"event_id":"([^"]+)"')


def land(home: Path, rounds: int) -> int:
    """Write the landing files of `rounds` times 28 days; how many records they hold."""
    made = home / "made"
    subprocess.run(
        [sys.executable, str(SHOP / "generate.py"), str(made), "--people=9600", "--days=28"],
        check=True,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )  # our own
    records = 0
    for path in sorted(made.glob("shop/*/*.ndjson.gz")):
        text = gzip.decompress(path.read_bytes()).decode()
        lines = text.count("\n")
        for number in range(rounds):
            shift = FIRST + timedelta(days=MONTH * number) - date(2026, 9, 28)
            moved = _DATE.sub(lambda result, by=shift: (date.fromisoformat(result[0]) + by).isoformat(), text)
            target = home / "landing" / "shop" / (date.fromisoformat(path.parent.name) + shift).isoformat()
            target.mkdir(parents=True, exist_ok=True)
            data = _EVENT_ID.sub(rf'"event_id":"\1-{number}"', moved).encode()
            (target / path.name.replace("part", f"part-{number:02}")).write_bytes(gzip.compress(data, 1))
            records += lines
    shutil.rmtree(made)
    return records


def command(home: Path, *words: str) -> tuple[float, float]:
    """Seconds and peak memory (MB) of a command; it is polled, since children are counted by their own."""
    begun, peak = time.perf_counter(), 0.0
    footfall = str(Path(sys.executable).parent / "footfall")
    with subprocess.Popen([footfall, *words, "--home", str(home)], stdout=subprocess.DEVNULL) as running:  # our own
        while running.poll() is None:
            status = Path(f"/proc/{running.pid}/status")
            result = re.search(r"VmHWM:\s+(\d+)", status.read_text()) if status.exists() else None
            peak = max(peak, int(result[1]) / 1024 if result else 0.0)
            time.sleep(0.1)
    # 1 is what the demo's data earns, with a day that is held back (docs/demo.md).
    if running.returncode not in (0, 1):
        raise SystemExit(f"{words} ended with {running.returncode}")
    return time.perf_counter() - begun, peak


def main() -> None:
    """Measure one quarter and the whole year, and write the table."""
    parser = argparse.ArgumentParser(description="Time a year's backfill and tell its memory.")
    parser.add_argument("--rounds", type=int, default=13)
    chosen = parser.parse_args()
    lines = ["| days | records | command | seconds | peak MB |", "| --- | --- | --- | --- | --- |"]
    for rounds in sorted({max(chosen.rounds // 4, 1), chosen.rounds}):
        with tempfile.TemporaryDirectory() as scratch:
            home = Path(scratch, "home")
            home.mkdir()
            shutil.copytree(SHOP / "pictures", home / "pictures")
            product = (SHOP / "product.yaml").read_text()
            (home / "product.yaml").write_text(product.replace("start_date: 2026-09-28", f"start_date: {FIRST}"))
            records = land(home, rounds)
            last = FIRST + timedelta(days=MONTH * rounds - 1)
            for words in (("run",), ("backfill", "--from", str(FIRST), "--to", str(last))):
                seconds, peak = command(home, *words)
                lines.append(f"| {MONTH * rounds} | {records:,} | {words[0]} | {seconds:.0f} | {peak:.0f} |")
    text = "\n".join(
        ["# A year's backfill", "", "`python benchmarks/year.py`: " + (__doc__ or "").split("\n\n")[1], "", *lines, ""]
    )
    (RESULTS / "year.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
