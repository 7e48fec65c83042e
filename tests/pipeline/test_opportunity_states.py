"""What has become of an opportunity: by the days of its units; and which of several are one."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opportunity_samples import MONDAY, bit, made, visits
from support import at, product

from pipeline.days import ONE_DAY
from pipeline.value.opportunity_states import changed_at, parts_of, state_of

SUNDAY = MONDAY + ONE_DAY * 27


@pytest.mark.parametrize(
    ("n", "met", "state"),
    [
        ([100] * 28, [10] * 28, "open"),
        # None of it, or under a tenth, in the last 7 days that hold half the usual views.
        ([100] * 28, [10] * 21 + [0] * 7, "gone"),
        ([100] * 28, [10] * 21 + [0] * 6 + [6], "gone"),
        ([100] * 28, [10] * 21 + [1] * 7, "open"),
        ([100] * 21 + [50] * 7, [10] * 21 + [0] * 7, "gone"),
        # Half the page's views are missing: who knows.
        ([100] * 21 + [49] * 7, [10] * 21 + [0] * 7, "open"),
        ([100] * 21 + [0] * 7, [10] * 21 + [0] * 7, "open"),
        ([100] * 28, [0] * 21 + [10] * 7, "new"),
        ([100] * 28, [0] * 21 + [0] * 6 + [1], "new"),
        ([100] * 28, [1] * 21 + [9] * 7, "growing"),
        ([100] * 28, [10] * 21 + [15] * 7, "growing"),
        ([100] * 28, [10] * 21 + [14] * 7, "open"),
        # Twice as often, but few.
        ([10] * 28, [0, 0, 1] * 7 + [0, 0, 0, 1, 0, 1, 1], "open"),
        # A week of data before is the least.
        ([100] * 13, [10] * 6 + [0] * 7, "open"),
        ([100] * 14, [10] * 7 + [0] * 7, "gone"),
        ([100] * 7, [10] * 7, "open"),
        ([0] * 28, [0] * 28, "open"),
    ],
)  # fmt: skip
def test_state_by_days(n: list[int], met: list[int], state: str) -> None:
    assert state_of(np.array(n), np.array(met)) == state


@given(st.integers(7, 40), st.integers(7, 30), st.integers(20, 500), st.integers(5, 20))
def test_the_day_of_the_change_is_found(before: int, after: int, views: int, met: int) -> None:
    n = np.full(before + after, views)
    stopped = np.array([met] * before + [0] * after)
    assert changed_at(n, stopped, "gone") == before
    began = np.array([0] * (before + after - 7) + [met] * 7)
    assert changed_at(n, began, "new") == before + after - 7


def test_a_fix_is_recognised_by_its_release() -> None:
    """Four weeks with a signal that costs something; it stops on a day with a release."""
    chosen = product(releases={"fix": {"day": "2026-02-19"}, "other": {"day": "2026-02-04"}})
    stopped = at("2026-02-19T00:00")
    rows = [
        row | {"met_in_view": row["met_in_view"] * (row["session_began"] < stopped)} for row in visits(1, 0.2, chosen)
    ]
    by_week = made(rows, 28, chosen).sort("as_of").rows(named=True)
    assert [row["state"] for row in by_week] == ["open"] * 3 + ["gone"]
    assert [row["rank"] for row in by_week] == [1, 1, 1, None]
    assert (by_week[-1]["since"], by_week[-1]["release"]) == (date(2026, 2, 19), "fix")


def test_a_change_without_a_release_has_none() -> None:
    chosen = product(releases={"far": {"day": "2026-02-10"}})
    began = at("2026-02-23T00:00")
    rows = [
        row | {"met_in_view": row["met_in_view"] * (row["session_began"] >= began)} for row in visits(1, 0.2, chosen)
    ]
    (last,) = made(rows, 28, chosen).filter(as_of=SUNDAY).rows(named=True)
    assert (last["state"], last["since"], last["release"], last["rank"]) == ("new", date(2026, 2, 23), None, 1)


def test_of_two_that_share_over_half_of_their_sessions_the_stronger_names_it() -> None:
    chosen = product()
    both = bit("error_click", chosen) | bit("rage_click", chosen)
    rows = visits(1, 0.2, chosen)
    met = [row for row in rows if row["met_in_view"]]
    # Three of four with an error clicked in rage, too; slow views are elsewhere.
    for i, row in enumerate(met):
        row["met_in_view"] = both if i % 4 else row["met_in_view"]
    for row in [row for row in rows if not row["met_in_view"]][::7]:
        row["met_in_view"] = bit("slow_page", chosen)
    last = made(rows, 28, chosen).filter(as_of=SUNDAY)
    found = {row["subject"]: row for row in last.rows(named=True)}
    assert found["rage_click"]["part_of"] == found["error_click"]["id"]
    assert (found["error_click"]["rank"], found["rage_click"]["rank"]) == (1, None)
    assert found["slow_page"]["part_of"] is None
    assert found["slow_page"]["rank"] == 2


@given(st.dictionaries(st.sampled_from("abcdef"), st.sets(st.integers(0, 12), min_size=1), min_size=1))
def test_parts_by_a_slow_computation(sessions: dict[str, set[int]]) -> None:
    ordered = sorted(sessions)
    shared = {(a, b): len(sessions[a] & sessions[b]) for a in ordered for b in ordered}
    parts = dict(parts_of(ordered, shared))
    whole = [name for name in ordered if name not in parts]
    for name in ordered:
        stronger = [
            each for each in whole if each < name and 2 * len(sessions[name] & sessions[each]) > len(sessions[name])
        ]
        assert parts.get(name) == next(iter(stronger), None)
