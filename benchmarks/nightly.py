"""A nightly run over a large day: from landing files to marts and report, by phase, through Dagster and without.

The home holds the demo shop's 28 days, computed before; the day after them has as many events as asked for: the last
day's records again and again, with other ids. Writes benchmarks/results/nightly.{json,md}.

Run: python benchmarks/nightly.py --millions 2 --rounds 1
"""

import argparse
import gzip
import re
import shutil
import subprocess
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path

from demo_run import ROOT, SHOP, alternating, write

FILES = 16


def prepare(home: Path) -> None:
    """A home with the demo's 28 days, computed."""
    home.mkdir()
    shutil.copy(SHOP / "product.yaml", home / "product.yaml")
    shutil.copytree(SHOP / "pictures", home / "pictures")
    generator = [sys.executable, str(SHOP / "generate.py"), str(home / "landing"), "--people=9600", "--days=28"]
    footfall = [str(Path(sys.executable).parent / "footfall"), "run", "--home", str(home)]
    for command in (generator, footfall):
        subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)  # our own


def land_day(home: Path, events: int) -> int:
    """Write the day after the demo's last one; how many records it has."""
    last = max(path.name for path in (home / "landing" / "shop").iterdir() if path.name <= "2026-10-25")
    day = date.fromisoformat(last) + timedelta(days=1)
    lines = [
        line.replace(last, day.isoformat())
        for path in sorted((home / "landing" / "shop" / last).glob("*.ndjson.gz"))
        for line in gzip.decompress(path.read_bytes()).decode().splitlines()
        if f'"occurred_at":"{last}' in line
    ]
    # Ids of events, people, sessions, page views and orders bear the copy's number.
    ids = re.compile(r'"(event_id|anonymous_id|user_id|session_id|page_view_id|order_id)":"([^"]+)"')
    parts = ids.sub(r'"\1":"\2~"', "\n".join(lines)).split("~")
    copies = -(-events // len(lines))
    target = home / "landing" / "shop" / f"{day}-night"
    target.mkdir()
    for number in range(FILES):
        with gzip.open(target / f"part-{number:03}.ndjson.gz", "wt", compresslevel=1) as file:
            for copy in range(number, copies, FILES):
                file.write(f"-{copy}".join(parts) + "\n")
    return copies * len(lines)


def main() -> None:
    """Measure both forms, alternating, and write the table."""
    parser = argparse.ArgumentParser(description="Time a nightly run over a large day.")
    parser.add_argument("--millions", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=1)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch, "home")
        prepare(home)
        records = land_day(home, int(chosen.millions * 1e6))
        rounds = alternating(home, chosen.rounds)
    write("nightly", "A nightly run over a large day", f"{records:,} records in {FILES} files.", rounds)


if __name__ == "__main__":
    main()
