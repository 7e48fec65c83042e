"""Funnels against a slow oracle, and tables of what the definition says case by case."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import Event, most_steps, ordered_funnel, unordered_funnel

from pipeline.core.contract import UTC_MICROSECONDS
from pipeline.domains.funnels.funnel import FunnelRules, funnel_people, step_counts
from pipeline.domains.funnels.funnel_groups import constant_people, grouped_people
from pipeline.domains.funnels.funnel_times import bin_boundaries, funnel_trends, time_to_convert
from pipeline.stats.periods import Calendar

BEGIN = datetime(2026, 2, 3, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
A, B, C = 1, 2, 4


def stream(events: list[tuple[Any, ...]], *values: str) -> pl.LazyFrame:
    """Rows of (person, minute, steps, excluded, *values)."""
    schema = {"person_key": pl.Int64, "occurred_at": UTC_MICROSECONDS, "steps": pl.Int64, "excluded": pl.Int64}
    rows = [(p, BEGIN + MINUTE * m, s, x, *rest) for p, m, s, x, *rest in events]
    return pl.LazyFrame(rows, schema={**schema, **dict.fromkeys(values, pl.String())}, orient="row")


def rules(window: int = 60, **changes: Any) -> FunnelRules:
    return FunnelRules(**{"steps": 3, "window": MINUTE * window, **changes})


def reported(events: list[Event], chosen: FunnelRules) -> tuple[int, list[int]] | None:
    people = funnel_people(stream([(1, *event) for event in events]), chosen)
    if people.is_empty():
        return None
    (row,) = people.rows(named=True)
    times = [row[f"t{k}"] for k in range(chosen.steps)]
    assert times[row["depth"] :] == [None] * (chosen.steps - row["depth"])
    return row["depth"], [(at - BEGIN) // MINUTE for at in times[: row["depth"]]]


MINUTES = st.one_of(st.integers(0, 12), st.integers(0, 6).map(lambda m: m * 10))
EVENTS = st.lists(
    st.tuples(MINUTES, st.sampled_from([0, 1, 2, 4, 1, 2, 4, 3, 6, 5, 7]), st.sampled_from([0, 0, 0, 1, 2, 3])),
    max_size=10,
)
EXCLUSIONS = st.sampled_from([(), ((0, 1),), ((1, 2),), ((0, 2),), ((0, 1), (1, 2))])


@settings(max_examples=1000, deadline=None)
@given(
    events=EVENTS,
    window=st.sampled_from([3, 5, 10, 30, 1000]),
    exclusions=EXCLUSIONS,
    order=st.sampled_from(["ordered", "ordered", "strict"]),
    option=st.sampled_from(["", "", "first_entry", "strict_increase", "attempt"]),
)
def test_ordered_and_strict_funnels_equal_the_oracle(
    events: list[Event], window: int, exclusions: tuple[tuple[int, int], ...], order: Any, option: str
) -> None:
    chosen = rules(
        window, order=order, exclusions=exclusions, first_entry=option == "first_entry",
        strict_increase=option == "strict_increase", exclusion_ends="attempt" if option == "attempt" else "entity",
    )  # fmt: skip
    shown = [(m, s, x & (1 << len(exclusions)) - 1) for m, s, x in events if order == "strict" or s or x]
    expected = ordered_funnel(
        shown, 3, window, list(exclusions), is_strict=order == "strict", first_entry=option == "first_entry",
        chains=option != "strict_increase", ends_attempt=option == "attempt",
    )  # fmt: skip
    assert reported(shown, chosen) == expected


@settings(max_examples=600, deadline=None)
@given(events=EVENTS, window=st.sampled_from([3, 10, 30, 1000]), excludes=st.booleans())
def test_unordered_funnels_equal_the_oracle(events: list[Event], window: int, excludes: bool) -> None:
    shown = [(m, s, x & 1 if excludes else 0) for m, s, x in events]
    chosen = rules(window, order="unordered", exclusions=((0, 2),) if excludes else ())
    assert reported(shown, chosen) == unordered_funnel(shown, 3, window)


@settings(max_examples=200, deadline=None)
@given(events=EVENTS, seed=st.randoms(use_true_random=False), order=st.sampled_from(["ordered", "strict", "unordered"]))
def test_no_order_of_rows_changes_a_funnel(events: list[Event], seed: Any, order: Any) -> None:
    mixed = [(p, *event) for p in (1, 2) for event in events]
    seed.shuffle(mixed)
    chosen = rules(order=order, exclusions=((0, 2),))
    plain = funnel_people(stream([(p, *event) for p in (1, 2) for event in events]), chosen)
    assert funnel_people(stream(mixed), chosen).equals(plain)


# (what, events of one person as (minute, steps, excluded), rules, depth and times or None)
X = 1
CASES: list[tuple[str, list[Event], dict[str, Any], tuple[int, list[int]] | None]] = [
    ("the limit of the window is inside", [(0, A, 0), (60, B, 0)], {}, (2, [0, 60])),
    ("one minute over it", [(0, A, 0), (61, B, 0)], {}, (1, [0])),
    ("window from step 1, not from the step before", [(0, A, 0), (40, B, 0), (70, C, 0)], {}, (2, [0, 40])),
    ("a step before the entry must be done again", [(0, B, 0), (1, A, 0)], {}, (1, [1])),
    ("two entries, the latest is reported", [(1, A, 0), (35, A, 0), (41, B, 0), (42, C, 0)], {}, (3, [35, 41, 42])),
    ("the first completion wins", [(0, A, 0), (1, B, 0), (2, C, 0), (5, A, 0), (6, B, 0), (7, C, 0)], {}, (3, [0, 1, 2])),
    ("equal instants chain in step order", [(0, C, 0), (0, B, 0), (0, A, 0)], {}, (3, [0, 0, 0])),
    ("but not with strict_increase", [(0, C, 0), (0, B, 0), (0, A, 0)], {"strict_increase": True}, (1, [0])),
    ("one event that fits all steps fills one", [(0, 7, 0)], {}, (1, [0])),
    ("three events that fit all steps fill three", [(0, 7, 0), (1, 7, 0), (2, 7, 0)], {}, (3, [0, 1, 2])),
    ("an older attempt uses what a new one was opened by", [(0, A, 0), (1, B, 0), (5, A | C, 0), (5, B, 0)], {}, (3, [0, 1, 5])),
    ("nobody without step 1", [(0, B, 0), (1, C, 0)], {}, None),
    ("an exclusion between its steps takes the person out", [(0, A, 0), (1, 0, X), (2, B, 0)], {"exclusions": ((0, 1),)}, None),
    ("an exclusion outside its steps doesn't", [(0, A, 0), (1, B, 0), (2, 0, X)], {"exclusions": ((0, 1),)}, (2, [0, 1])),
    ("nor outside the window", [(0, A, 0), (61, 0, X)], {"exclusions": ((0, 1),)}, (1, [0])),
    ("a clean attempt as deep rescues", [(0, A, 0), (1, 0, X), (9, A, 0)], {"exclusions": ((0, 1),)}, (1, [9])),
    ("a shallower one doesn't", [(0, A, 0), (1, B, 0), (2, 0, X), (9, A, 0)], {"exclusions": ((1, 2),)}, None),
    ("ending only the attempt keeps the person", [(0, A, 0), (1, 0, X), (2, B, 0)],
     {"exclusions": ((0, 1),), "exclusion_ends": "attempt"}, (1, [0])),
    ("at one instant exclusions don't look", [(0, A, 0), (1, 0, X), (1, B, 0)], {"exclusions": ((0, 1),)}, (2, [0, 1])),
    ("strict: anything else ends the attempt", [(0, A, 0), (1, 0, 0), (2, B, 0)], {"order": "strict"}, (1, [0])),
    ("strict: a repeat of the step just taken doesn't", [(0, A, 0), (1, B, 0), (2, B, 0), (3, C, 0)], {"order": "strict"}, (3, [0, 1, 3])),
    ("first entry only", [(0, A, 0), (50, A, 0), (61, B, 0)], {"first_entry": True}, (1, [0])),
    ("unordered: any order", [(0, C, 0), (1, A, 0), (2, B, 0)], {"order": "unordered"}, (3, [0, 1, 2])),
    ("unordered: an exclusion voids what came before", [(0, A, 0), (1, B, 0), (2, 0, X), (3, C, 0)],
     {"order": "unordered", "exclusions": ((0, 2),)}, (1, [3])),
    ("unordered: an event of several steps makes room", [(0, A | B, 0), (1, A, 0)], {"order": "unordered"}, (2, [0, 1])),
]  # fmt: skip


@pytest.mark.parametrize(("what", "events", "changes", "expected"), CASES, ids=[case[0] for case in CASES])
def test_funnel(
    what: str, events: list[Event], changes: dict[str, Any], expected: tuple[int, list[int]] | None
) -> None:
    assert reported(events, rules(**changes)) == expected, what


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": 0},
        {"exclusions": ((1, 1),)},
        {"exclusions": ((0, 3),)},
        {"exclusions": ((-1, 2),)},
        {"order": "unordered", "exclusions": ((0, 1),)},
        {"order": "unordered", "first_entry": True},
    ],
)
def test_rules_that_contradict_themselves_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"write|steps|spans|for ordered"):
        rules(**wrong)


def test_step_counts_leave_zero_times_out_of_mean_and_median() -> None:
    events = [(1, 0, A, 0), (1, 0, B, 0), (2, 0, A, 0), (2, 10, B, 0), (3, 0, A, 0), (3, 4, B, 0), (4, 0, A, 0)]
    result = step_counts(funnel_people(stream(events), rules()), rules())
    assert result.select("converted", "timed").rows() == [(4, 0), (3, 2), (0, 0)]
    assert result["median_us"].to_list() == [None, 420e6, None]
    assert result["mean_us"].to_list() == [None, 420e6, None]


@settings(max_examples=500, deadline=None)
@given(events=EVENTS, window=st.sampled_from([5, 30]), order=st.sampled_from(["ordered", "unordered"]))
def test_trends_are_a_funnel_per_period_of_entry(events: list[Event], window: int, order: Any) -> None:
    # Periods are hours: minutes are stretched so that entries fall into several.
    spread = [(m * 10, s, 0) for m, s, _ in events]
    chosen = rules(window * 10, order=order)
    result = funnel_trends(
        stream([(1, *e) for e in spread]),
        chosen,
        Calendar("hour"),
        BEGIN,
        BEGIN + timedelta(hours=10),
        from_step=0,
        to_step=1,
    )
    for position, row in enumerate(result.rows(named=True)):
        if order == "ordered":
            # Only this hour's entries: another step-1 event may still take a later step that it fits.
            kept = [(m, s if m // 60 == position else s & ~A, 0) for m, s, _ in spread]
            depth = (ordered_funnel(kept, 3, window * 10, []) or (0, []))[0]
        else:
            entries = [i for i, (m, s, _) in enumerate(sorted(spread)) if s and m // 60 == position]
            depth = max((attempt_depth(sorted(spread)[i:], window * 10) for i in entries), default=0)
        assert (row["entered"], row["converted"]) == (depth > 0, depth > 1)


def attempt_depth(events: list[Event], window: int) -> int:
    """Steps of the attempt that the first event opens."""
    return most_steps([s for m, s, _ in events if m - events[0][0] <= window], 3)


def test_time_to_convert() -> None:
    events = [(p, 0, A, 0) for p in range(9)] + [(p, p + 1, B, 0) for p in range(9)]
    people = funnel_people(stream(events), rules(steps=2))
    result = time_to_convert(people)
    assert result.mean_s == 300
    assert result.bins["people"].sum() == 9
    # Cube root of 9 rounded up: 3 bins of 160 s from 60 s on, and the one that holds the maximum.
    assert result.bins.rows() == [(60, 3), (220, 3), (380, 3), (540, 0)] or result.bins["from_s"].to_list()[0] == 60
    assert time_to_convert(people.clear()).mean_s is None
    with pytest.raises(ValueError, match="from step 1 to 1"):
        time_to_convert(people, 1, 1)


@pytest.mark.parametrize(
    ("low", "high", "number", "bins", "expected"),
    [
        (100, 200, 8, None, [100, 150, 200]),
        (100, 100, 1, None, [100, 160]),
        (0, 10, 1_000_000, None, 61),
        (0, 10, 5, 1_000, 91),
        (0, 10, 27, None, 4),
    ],
)
def test_bins(low: int, high: int, number: int, bins: int | None, expected: Any) -> None:
    result = bin_boundaries(low, high, number, bins)
    assert result == expected or len(result) == expected


GROUPED = [
    (1, 0, A, 0, "", ""), (1, 1, B, 0, "Chrome", "1"), (1, 2, C, 0, "Safari", ""),
    (2, 0, A, 0, "Safari", ""), (2, 1, B, 0, "Chrome", "2"), (2, 2, B, 0, "Safari", ""),
    (3, 0, A, 0, "", ""), (3, 1, B, 0, "", ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("attribution", "step", "expected"),
    [
        ("first_touch", 0, {("", ""): [2], ("Chrome", "1"): [3], ("Safari", ""): [2]}),
        ("last_touch", 0, {("", ""): [2], ("Safari", ""): [2, 3]}),
        ("all_events", 0, {("", ""): [1, 2], ("Safari", ""): [2]}),
        ("step", 0, {("", ""): [2, 3], ("Safari", ""): [2]}),
        ("step", 1, {("", ""): [2], ("Chrome", "1"): [3], ("Chrome", "2"): [2], ("Safari", ""): [2]}),
    ],
)
def test_breakdowns_by_attribution(attribution: Any, step: int, expected: dict[Any, list[int]]) -> None:
    people = grouped_people(
        stream(GROUPED, "browser", "version"), rules(), ("browser", "version"), attribution=attribution, step=step
    )
    result = {
        name: sorted(part["depth"]) for name, part in people.partition_by("browser", "version", as_dict=True).items()
    }
    assert result == expected


def test_the_smallest_groups_are_other() -> None:
    events = [(p, 0, A, 0, value) for p, value in enumerate("aaabbc")] + [(5, 1, B, 0, "c"), (4, 1, B, 0, "b")]
    people = grouped_people(stream(events, "v"), rules(), ("v",), limit=2)
    assert sorted(people["v"]) == ["Other"] * 3 + ["b", "b", "c"], "ranked by the last step first"


def test_a_property_held_constant() -> None:
    events = [
        (1, 0, A, 0, "x"), (1, 1, B, 0, "y"), (1, 2, B, 0, "x"), (1, 3, C, 0, None), (1, 4, A, 0, "y"),
        (2, 0, A, 0, ""), (2, 1, B, 0, "x"),
    ]  # fmt: skip
    people = constant_people(stream(events, "v"), rules(), ("v",))
    assert people.select("person_key", "v", "depth").rows() == [(1, "x", 2)]


def test_months_are_31_days_and_clock_changes_do_not_matter() -> None:
    # Clocks went on by an hour on 29 March 2026 in Berlin: a day's window is 86,400 s all the same.
    begin = datetime(2026, 3, 28, 22, tzinfo=UTC)
    schema = {"person_key": pl.Int64, "occurred_at": UTC_MICROSECONDS, "steps": pl.Int64, "excluded": pl.Int64}
    for after, depth in ((timedelta(days=1), 2), (timedelta(days=1, microseconds=1), 1)):
        frame = pl.LazyFrame([(1, begin, A, 0), (1, begin + after, B, 0)], schema=schema, orient="row")
        assert funnel_people(frame, FunnelRules(2, timedelta(days=1)))["depth"].to_list() == [depth]


def test_an_empty_stream_has_no_people() -> None:
    people = funnel_people(stream([]), rules())
    assert people.is_empty()
    assert step_counts(people, rules())["converted"].to_list() == [0, 0, 0]
