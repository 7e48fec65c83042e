"""Whether we have become slower: CPU against DuckDB on the same files in one run, beside the ratios of a run before.

    python benchmarks/smoke.py            # exits with 1 where a ratio fell by more than a third; CI runs it
    python benchmarks/smoke.py --write    # writes benchmarks/results/smoke.json: after a change that is meant to move one

Small files, so the ratios are those of the smoke alone; the sizes that matter are measured by the other benchmarks. No time
is compared with another run's: engines take turns, and a machine that is busy slows both. What fell is measured again, and
counts only if it fell each time; written is the median of as many rounds.
"""

import argparse
import importlib
import json
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from compare import RESULTS, measured

# Script, millions of events, works.
WORKS = (
    ("metrics", 1.0, ("funnel", "retention")),
    ("behaviour", 0.6, ("sessions",)),
    ("zones", 0.4, ("zones", "rage clicks", "click grid")),
)
LEAST = 2 / 3
ROUNDS = 4


def fallen(committed: Mapping[str, float], ratios: Mapping[str, float]) -> list[str]:
    """The works whose ratio is less than two thirds of the committed one, or that have none."""
    return [work for work, ratio in ratios.items() if work not in committed or ratio < LEAST * committed[work]]


def ratio(script: Path, work: str, folder: Path) -> float:
    """CPU seconds of DuckDB by ours; both must answer the same."""
    theirs, ours = (measured(str(script), work, engine, folder, {}) for engine in ("duckdb", "footfall"))
    if theirs["answer"] != ours["answer"]:
        raise SystemExit(f"{work}: DuckDB answers {theirs['answer'][:3]} and we {ours['answer'][:3]}")
    return theirs["cpu"] / ours["cpu"]


def _best(rounds: Mapping[str, Sequence[float]], works: Iterable[str]) -> dict[str, float]:
    return {work: max(rounds.get(work, [0.0])) for work in works}


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--write", action="store_true")
    chosen = options.parse_args()
    results = RESULTS / "smoke.json"
    committed: dict[str, float] = {} if chosen.write else json.loads(results.read_text())
    rounds: dict[str, list[float]] = {}
    for name, millions, works in WORKS:
        module: Any = importlib.import_module(name)
        with tempfile.TemporaryDirectory() as folder:
            module.prepare(Path(folder), millions)
            for _ in range(ROUNDS):
                for work in works if chosen.write else fallen(committed, _best(rounds, works)):
                    rounds.setdefault(work, []).append(ratio(Path(module.__file__), work, Path(folder)))
    best = _best(rounds, rounds)
    for work, reached in best.items():
        before = f", before {committed[work]:.2f}" if work in committed else ""
        print(f"{work}: {reached:.2f} x as fast as DuckDB{before}")
    if chosen.write:
        results.write_text(json.dumps({work: round(median(each), 2) for work, each in rounds.items()}, indent=1) + "\n")
    elif slower := fallen(committed, best):
        sys.exit(f"slower by more than a third: {', '.join(slower)}; mend it, or say why and run with --write")


if __name__ == "__main__":
    main()
