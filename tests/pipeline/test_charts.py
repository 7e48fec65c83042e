"""Charts over time, read back from the picture: places in order of time, also over a month's end with a release."""

import re
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import polars as pl
import pytest

from pipeline.report import charts

# In the order of their texts, "02 Feb" comes before "26 Jan".
WEEKS = [date(2026, 1, 19) + timedelta(days=7 * i) for i in range(5)]
SHARES = [0.277, 0.25, 0.21, 0.18, 0.156]
RELEASES = {"new gallery": date(2026, 2, 4), "long ago": date(2025, 12, 1), "to come": date(2026, 2, 23)}
_POINT = re.compile(
    r'aria-label="[^"]*(?:week|start): (\d\d \w{3});[^"]*"[^>]*?(?:transform="translate\(([\d.]+)|d="M([\d.]+))'
)


def positions(drawn: str) -> list[float]:
    """Where each point or bar stands, left to right by what its label says, in order of time."""
    result = {text: float(position or bar) for text, position, bar in _POINT.findall(drawn)}
    return [result[f"{week:%d %b}"] for week in WEEKS if f"{week:%d %b}" in result]


def drawings() -> dict[str, Any]:
    shares = pl.DataFrame({"week": WEEKS, "rate": SHARES})
    states = pl.DataFrame([(week, state, 5, i) for week in WEEKS for i, state in enumerate(("new", "dormant"))],
                          schema=["week", "state", "people", "order"], orient="row")  # fmt: skip
    scores = pl.DataFrame(
        {"start": WEEKS, "score": SHARES, "low_end": SHARES, "high_end": SHARES, "responses": [9] * 5}
    )
    return {
        "rates": lambda releases: charts.rates(shares, "week", "rate", "share", releases),
        "lifecycle": lambda releases: charts.lifecycle(states, "states", releases),
        "band": lambda releases: charts.band(scores, "score", "points", releases),
    }


@pytest.mark.parametrize("name", ["rates", "lifecycle", "band"])
@pytest.mark.parametrize("releases", [{}, RELEASES], ids=["none", "a release"])
def test_time_goes_from_left_to_right(name: str, releases: dict[str, date]) -> None:
    drawn = str(drawings()[name](releases))
    at = positions(drawn)
    assert len(at) == len(WEEKS)
    assert at == sorted(set(at))
    steps = [b - a for a, b in pairwise(at)]
    assert max(steps) - min(steps) < 0.02 * max(steps), "weeks are equally long"
    assert ("new gallery" in drawn) == bool(releases)
    assert "long ago" not in drawn
    assert "to come" not in drawn


def test_a_release_within_the_last_period_is_on_the_chart() -> None:
    assert "goes live" in str(drawings()["rates"]({"goes live": WEEKS[-1] + timedelta(days=6)}))
    assert "goes live" not in str(drawings()["rates"]({"goes live": WEEKS[-1] + timedelta(days=7)}))


@pytest.mark.parametrize(("days", "has_points"), [(1, True), (2, False)])
def test_a_line_of_one_day_is_a_point(days: int, has_points: bool) -> None:
    frame = pl.DataFrame({"day": WEEKS[:days], "rate": SHARES[:days], "signal": ["rage click"] * days})
    drawn = charts.line(frame, ("day", "rate", "signal"), "share by day", ".0%")
    assert ("mark-symbol role-mark" in drawn) == has_points
