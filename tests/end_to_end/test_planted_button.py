"""The demo's planted broken button, from landing files to opportunities; benchmarks/planted.py looks at 20 seeds."""

from pathlib import Path

import polars as pl
import pytest
from planted import BUTTON, opportunities

pytestmark = pytest.mark.slow
SEED, PEOPLE = 20_261_122, 4_800


def test_the_broken_button_comes_first_and_its_cost_is_what_was_planted(tmp_path: Path) -> None:
    result, truth = opportunities(tmp_path, SEED, PEOPLE, harmless=False)
    row = result.sort("rank", nulls_last=True).row(0, named=True)
    assert (row["id"], row["claimed"]) == (BUTTON, True)
    assert row["cost_low_95"] <= truth <= row["cost_high_95"]
    # One device has it: the others have nobody to compare.
    assert row["sessions_with"] == row["sessions_with_all"]


def test_a_button_that_fails_and_costs_nothing_is_not_claimed(tmp_path: Path) -> None:
    result, truth = opportunities(tmp_path, SEED, PEOPLE, harmless=True)
    own = result.filter(pl.col("id") == BUTTON)
    assert truth == 0
    assert own["sessions_with"].item() >= 30
    assert not own["claimed"].item()
