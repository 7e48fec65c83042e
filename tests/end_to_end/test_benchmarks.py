"""Whether we have become slower than we were, against DuckDB in the same run."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.slow
def test_no_ratio_against_duckdb_fell_by_more_than_a_third() -> None:
    """A ratio within one run, measured again where it fell: how fast the machine is doesn't matter."""
    words = [sys.executable, str(BENCHMARKS / "smoke.py")]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=BENCHMARKS.parent)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_fell_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from smoke import fallen  # noqa: PLC0415  # a script beside the package

    committed = {"funnel": 6.0, "sessions": 0.6}
    assert fallen(committed, {"funnel": 4.1, "sessions": 0.39}) == ["sessions"]
    assert fallen(committed, {"new": 1.0}) == ["new"]
