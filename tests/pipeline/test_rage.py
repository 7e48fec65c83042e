"""Rage clicks: the published streams under five rules, and slow oracles that read one click after the other."""

from datetime import timedelta
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import at

from pipeline.core.contract import UTC_MICROSECONDS
from pipeline.domains.friction.rage import RAGE_SETS, RageSet, rage_clicks

Click = tuple[int, int, int, str]
SCHEMA = {
    "view": pl.Int64,
    "occurred_at": UTC_MICROSECONDS,
    "x": pl.Int32,
    "y": pl.Int32,
    "element": pl.String,
    "label": pl.String,
}


def frame(clicks: list[Click], view: int = 1) -> pl.LazyFrame:
    """Clicks as (ms, x, y, element)."""
    begin = at("2026-02-02T10:00")
    rows = [(view, begin + timedelta(milliseconds=ms), x, y, element, element) for ms, x, y, element in clicks]
    return pl.LazyFrame(rows, schema=SCHEMA, orient="row")


def incidents(clicks: list[Click], rule: RageSet) -> int:
    return rage_clicks(frame(clicks), ["view"], rule)["incident"].n_unique()


def still(number: int, gap: int = 200, dx: int = 0, dy: int = 0) -> list[Click]:
    return [(i * gap, 100 + i * dx, 100 + i * dy, "a") for i in range(number)]


@pytest.mark.parametrize(
    ("clicks", "expected"),
    [
        (still(3, gap=150), "1 1 0 0 1"),
        (still(4), "1 1 1 1 1"),
        (still(3, gap=900), "1 1 0 0 0"),
        (still(8), "1 1 2 1 1"),
        (still(5, dx=25), "1 1 1 0 1"),
        ([*still(2), (400, 100, 100, "b"), (600, 100, 100, "b")], "1 1 1 0 0"),
        (still(16), "1 1 4 1 1"),
        (still(4, dx=20, dy=20), "1 0 1 0 1"),
        # The limits: exactly a second and exactly 30 px.
        (still(3, gap=1000), "1 0 0 0 0"),
        (still(4, dx=30), "0 0 0 0 1"),
        (still(2), "0 0 0 0 0"),
        ([], "0 0 0 0 0"),
    ],
)
def test_streams_of_the_issue(clicks: list[Click], expected: str) -> None:
    assert " ".join(str(incidents(clicks, rule)) for rule in RAGE_SETS) == expected


def test_page_views_and_unknown_positions_have_no_neighbours() -> None:
    two = pl.concat([frame(still(2)), frame(still(2), view=2)])
    assert rage_clicks(two, ["view"]).is_empty()
    nowhere = frame(still(5)).with_columns(x=pl.lit(None, dtype=pl.Int32))
    assert [rage_clicks(nowhere, ["view"], rule)["incident"].n_unique() for rule in RAGE_SETS] == [0, 0, 0, 0, 1]


def test_an_incident_is_the_whole_run_and_fires_once() -> None:
    result = rage_clicks(frame(still(6)), ["view"], "posthog")
    assert result.height == 6
    assert result["fires"].to_list() == [False, False, True, False, False, False]


def slow(clicks: list[Click], rule: str) -> int:
    """The rules as sentences, click after click."""
    if rule == "mixpanel":
        fired, buffer = 0, list[Click]()
        for click in clicks:
            if buffer and (click[0] - buffer[-1][0] >= 1000 or distance(click, buffer[-1]) >= 30):
                buffer = []
            buffer.append(click)
            if len(buffer) == 4:
                fired, buffer = fired + 1, []
        return fired
    if rule == "amplitude":
        closed, burst = list[int](), list[Click]()
        for click in clicks:
            inside = [*burst, click]
            box = [max(c[k] for c in inside) - min(c[k] for c in inside) <= 50 for k in (1, 2)]
            before = burst[-3] if len(burst) >= 3 else burst[0] if burst else None
            if before and click[3] == burst[0][3] and click[0] - before[0] < 1000 and all(box):
                burst = inside
            else:
                closed, burst = [*closed, len(burst)], [click]
        return sum(size >= 4 for size in [*closed, len(burst)])
    runs, length = 0, 1
    for before, click in pairwise(clicks):
        waited = click[0] - before[0]
        goes_on = {
            "default": waited <= 1000 and distance(click, before) < 30,
            "posthog": waited < 1000 and abs(click[1] - before[1]) + abs(click[2] - before[2]) < 30,
            "openreplay": waited < 300 and click[3] == before[3],
        }[rule]
        length = length + 1 if goes_on else 1
        runs += length == 3
    return runs


def distance(a: Click, b: Click) -> float:
    return ((a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2) ** 0.5


steps = st.tuples(
    st.sampled_from([0, 50, 200, 299, 300, 400, 999, 1000, 1001, 5000]),
    st.sampled_from([0, 0, 10, 18, 21, 29, 30, 31]),
    st.sampled_from([0, 0, 10, 21, 29]),
    st.sampled_from("aab"),
)


@settings(max_examples=500, deadline=None)
@given(walk=st.lists(steps, max_size=25), rule=st.sampled_from(RAGE_SETS))
def test_rules_equal_slow_oracles(walk: list[tuple[int, int, int, str]], rule: RageSet) -> None:
    clicks: list[Click] = []
    ms, x, y = 0, 0, 0
    for gap, dx, dy, element in walk:
        ms, x, y = ms + gap, x + dx, y + dy
        clicks.append((ms, x, y, element))
    assert incidents(clicks, rule) == slow(clicks, rule)
