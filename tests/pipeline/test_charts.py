"""Charts read back from the picture: their order, their axes and their values are the rows', and time goes rightwards."""

import re
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import polars as pl
import pytest
from drawn import Drawing, Mark

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


def test_bars_are_as_long_as_their_values_in_their_order() -> None:
    rows = [("z last in the alphabet", 30.0, "30"), ("a", 12.5, "12.5"), ("m", 0.0, "0")]
    frame = pl.DataFrame(rows, schema=["what", "value", "shown"], orient="row")
    drawn = Drawing(charts.bars(frame, "label", "views"))
    assert drawn.labels("y") == [what for what, _, _ in rows]
    assert drawn.labels("x")[0] in ("0", "0.0"), "bars begin at zero"
    assert bars_of(drawn) == {what: pytest.approx((0, value), abs=0.1) for what, value, _ in rows}
    assert {drawn.named("y", text.middle[1]): text.text for text in drawn.of("text")} == {w: s for w, _, s in rows}


def bars_of(drawn: Drawing) -> dict[str, tuple[float, float]]:
    """Each bar's ends on the axis of numbers by its label."""
    return {
        drawn.named("y", bar.middle[1]): (drawn.value("x", bar.left), drawn.value("x", bar.right))
        for bar in drawn.of("rect")
    }


def test_a_funnel_shows_its_steps_in_order() -> None:
    # In the order of their names, "cart" would stand before "product".
    rows = [(2, "cart", 40, "40 (40 %)"), (0, "visit", 100, "100"), (1, "product", 80, "80 (80 %)")]
    frame = pl.DataFrame(rows, schema=["step", "step_name", "people_converted", "shown"], orient="row")
    drawn = Drawing(charts.steps(frame, "label"))
    assert drawn.labels("y") == ["visit", "product", "cart"]
    assert bars_of(drawn) == {name: pytest.approx((0, people), abs=0.5) for _, name, people, _ in rows}
    assert {drawn.named("y", text.middle[1]): text.text for text in drawn.of("text")} == {r[1]: r[3] for r in rows}


def test_funnels_beside_each_other_share_one_scale() -> None:
    rows = [(0, "visit", 100, "now"), (0, "visit", 50, "before"), (1, "cart", 20, "now"), (1, "cart", 25, "before")]
    frame = pl.DataFrame(rows, schema=["step", "step_name", "people_converted", "of"], orient="row")
    drawn = Drawing(charts.steps_beside(frame.with_columns(shown=pl.col("people_converted").cast(pl.String)), "label"))
    colours = {charts.BLUE: "now", charts.GREY: "before"}
    result = {(drawn.named("y", bar.middle[1]), colours[bar.colour]): drawn.value("x", bar.right) for bar in drawn.of("rect")}  # fmt: skip
    assert result == {(name, of): pytest.approx(people, abs=0.5) for _, name, people, of in rows}
    for text in drawn.of("text"):
        (bar,) = (bar for bar in drawn.of("rect") if abs(bar.middle[1] - text.middle[1]) < charts_step(drawn) / 2)
        assert drawn.value("x", bar.right) == pytest.approx(float(text.text), abs=0.5)
    # The first range is drawn above the other.
    tops = {colours[bar.colour]: bar.top for bar in drawn.of("rect") if drawn.named("y", bar.middle[1]) == "visit"}
    assert tops["now"] < tops["before"]


def charts_step(drawn: Drawing) -> float:
    return min(bar.bottom - bar.top for bar in drawn.of("rect"))


def test_shares_show_value_and_interval_of_each_group() -> None:
    rows = [("b", 0.30, 0.25, 0.35, "desktop"), ("b", 0.20, 0.10, 0.30, "phone"),
            ("a", 0.50, 0.45, 0.55, "desktop"), ("a", 0.05, 0.0, 0.2, "phone")]  # fmt: skip
    frame = pl.DataFrame(rows, schema=["what", "value", "low", "high", "of"], orient="row")
    drawn = Drawing(charts.shares(frame, "label", "click rate"))
    assert drawn.labels("y") == ["b", "a"]
    assert drawn.labels("x")[0] == "0%"
    groups = {charts.LINES[0]: "desktop", charts.LINES[1]: "phone"}
    points = {(drawn.named("y", m.middle[1]), groups[m.colour]): drawn.value("x", m.middle[0]) for m in drawn.of("symbol")}  # fmt: skip
    ranges = {(drawn.named("y", m.middle[1]), groups[m.colour]): (drawn.value("x", m.left), drawn.value("x", m.right)) for m in drawn.of("rule")}  # fmt: skip
    assert points == {(what, of): pytest.approx(value, abs=0.003) for what, value, _, _, of in rows}
    assert ranges == {(what, of): pytest.approx((low, high), abs=0.003) for what, _, low, high, of in rows}


def test_effects_stand_beside_a_line_at_zero() -> None:
    rows = [("worse", -0.2, -0.3, -0.1, "down"), ("nothing", 0.01, -0.05, 0.07, "unclear"), ("better", 0.1, 0.05, 0.15, "up")]  # fmt: skip
    frame = pl.DataFrame(rows, schema=["what", "effect", "low", "high", "conclusion"], orient="row")
    colours = {"up": charts.GREEN, "unclear": charts.GREY, "down": charts.RED}
    drawn = Drawing(charts.intervals(frame, "label", "change", colours))
    zero, *ranges = drawn.of("rule")
    assert drawn.value("x", zero.left) == pytest.approx(0, abs=0.003)
    assert drawn.labels("y") == [row[0] for row in rows]
    result = {drawn.named("y", m.middle[1]): (drawn.value("x", m.left), drawn.value("x", m.right)) for m in ranges}
    assert result == {what: pytest.approx((low, high), abs=0.003) for what, _, low, high, _ in rows}
    points = {drawn.named("y", m.middle[1]): (drawn.value("x", m.middle[0]), m.colour) for m in drawn.of("symbol")}
    for what, effect, _, _, conclusion in rows:
        assert points[what] == (pytest.approx(effect, abs=0.003), colours[conclusion])


def test_parts_of_a_change_go_down_and_up_from_zero() -> None:
    rows = [("visits", 120.0), ("conversion", -300.0), ("basket", 45.0)]
    drawn = Drawing(charts.parts(pl.DataFrame(rows, schema=["what", "amount"], orient="row"), "label", "EUR"))
    assert drawn.labels("y") == [what for what, _ in rows]
    for bar in drawn.of("rect"):
        amount = dict(rows)[drawn.named("y", bar.middle[1])]
        ends = drawn.value("x", bar.left), drawn.value("x", bar.right)
        assert ends == pytest.approx((min(amount, 0), max(amount, 0)), abs=2)
        assert bar.colour == (charts.RED if amount < 0 else charts.GREEN)


def test_lines_run_through_their_values_each_in_its_colour() -> None:
    rates = {"rage": [0.02, 0.05, 0.01, 0.0, 0.03], "dead": [0.05, 0.04, 0.04, 0.02, 0.01]}
    rows = [(week, value, name) for name, values in rates.items() for week, value in zip(WEEKS, values, strict=True)]
    frame = pl.DataFrame(rows, schema=["day", "rate", "signal"], orient="row")
    drawn = Drawing(charts.line(frame, ("day", "rate", "signal"), "label", ".1%"))
    assert drawn.labels("x") == [f"{week:%d %b}" for week in WEEKS]
    lines = {line.colour: line for line in drawn.of("line")}
    for colour, values in zip(charts.LINES, rates.values(), strict=False):
        assert [drawn.named("x", x) for x, _ in lines[colour].points] == [f"{week:%d %b}" for week in WEEKS]
        assert [drawn.value("y", y) for _, y in lines[colour].points] == pytest.approx(values, abs=0.0005)


def test_a_small_line_begins_at_zero() -> None:
    frame = pl.DataFrame({"day": WEEKS, "rate": [2.0, 4.0, 1.0, 0.0, 3.0]})
    (line,) = Drawing(charts.spark(frame, "day", "rate", "label")).of("line")
    heights = [line.bottom - y for _, y in line.points]
    assert [4 * height / max(heights) for height in heights] == pytest.approx(frame["rate"].to_list(), abs=0.1)


def test_a_target_is_a_rule_at_its_height() -> None:
    frame = pl.DataFrame({"week_start": WEEKS, "figure": [1.0, 2.0, 3.0, 4.0, 5.0], "target": [3.0] * 5})
    drawn = Drawing(charts.target_line(frame, "orders"))
    (line,) = drawn.of("line")
    assert {round(rule.top, 3) for rule in drawn.of("rule")} == {round(line.points[2][1], 3)}
    assert [y for _, y in line.points] == sorted((y for _, y in line.points), reverse=True)


def test_a_band_has_the_score_between_its_ends() -> None:
    scores, low, high = [10.0, 12.0, -3.0, 16.0, 2.0], [5.0, 6.0, -9.0, 8.0, 0.0], [20.0, 21.0, 4.0, 23.0, 9.0]
    frame = pl.DataFrame({"start": WEEKS, "score": scores, "low_end": low, "high_end": high, "responses": [9] * 5})
    drawn = Drawing(charts.band(frame, "label", "points"))
    (line,), (area,) = drawn.of("line"), drawn.of("area")
    assert [drawn.value("y", y) for _, y in line.points] == pytest.approx(scores, abs=0.3)
    ends = [drawn.value("y", y) for _, y in area.points]
    assert sorted(ends) == pytest.approx(sorted(low + high), abs=0.3)


def test_shares_by_age_stand_at_their_age() -> None:
    frame = pl.DataFrame({"period_number": list(range(12)), "pooled": [1.0] + [0.5 / n for n in range(1, 12)]})
    drawn = Drawing(charts.rates(frame, "period_number", "pooled", "label"))
    assert drawn.labels("x") == [str(n) for n in range(12)], "10 comes after 9"
    points = {int(drawn.named("x", m.middle[0])): drawn.value("y", m.middle[1]) for m in drawn.of("symbol")}
    assert points == {n: pytest.approx(rate, abs=0.005) for n, rate in frame.rows()}


def test_states_of_people_stack_up_and_down_from_zero() -> None:
    rows = [("new", 30, 0), ("returning", 50, 1), ("resurrecting", 5, 2), ("dormant", -40, 3)]
    frame = pl.DataFrame([(week, state, people + i, order) for i, week in enumerate(WEEKS) for state, people, order in rows],
                         schema=["week", "state", "people", "order"], orient="row")  # fmt: skip
    drawn = Drawing(charts.lifecycle(frame, "label"))
    colours = dict(zip((charts.GREEN, charts.BLUE, charts.ORANGE, charts.RED), (r[0] for r in rows), strict=True))
    for i in range(len(WEEKS)):
        bars = sorted(drawn.of("rect"), key=lambda bar: bar.middle[0])[4 * i : 4 * i + 4]
        sizes = {colours[bar.colour]: drawn.value("y", bar.top) - drawn.value("y", bar.bottom) for bar in bars}
        assert sizes == {state: pytest.approx(abs(people + i), abs=0.6) for state, people, _ in rows}
        up = [bar for bar in bars if colours[bar.colour] != "dormant"]
        assert drawn.value("y", max(bar.bottom for bar in up)) == pytest.approx(0, abs=0.5)


def test_cohorts_stand_in_their_rows_the_darker_the_more() -> None:
    rows = [("9 Feb", 0, 1.0, "100 %"), ("9 Feb", 1, 0.4, "40 %"), ("9 Feb", 2, 0.1, "10 %"),
            ("16 Feb", 0, 1.0, "100 %"), ("16 Feb", 1, 0.6, "60 %"), ("16 Feb", 2, None, "")]  # fmt: skip
    frame = pl.DataFrame(rows, schema=["cohort", "period_number", "rate", "shown"], orient="row")
    drawn = Drawing(charts.triangle(frame, "label"))
    assert drawn.labels("y") == ["9 Feb", "16 Feb"], "in their order, not their alphabet's"

    def at(mark: Mark) -> tuple[str, int]:
        return drawn.named("y", mark.middle[1]), int(drawn.named("x", mark.middle[0]))

    assert {at(text): text.text for text in drawn.of("text") if text.text} == {r[:2]: r[3] for r in rows if r[3]}
    tiles = {at(tile): tile.colour for tile in drawn.of("rect")}
    light = {place: sum(map(int, re.findall(r"\d+", colour))) for place, colour in tiles.items() if "rgb" in colour}
    rate = {r[:2]: r[2] for r in rows if r[2] is not None}
    assert sorted(light, key=lambda place: -light[place]) == sorted(light, key=lambda place: rate[place])
    assert tiles["16 Feb", 2] == "#9aa0a620", "what isn't over yet is grey"


def test_figures_of_cohorts_can_be_read_on_every_blue() -> None:
    # Far from 0, as revenue is: the least is as light as the greatest is dark.
    rows = [(f"{i}", 0, 900.0 + i, f"{900 + i}") for i in range(21)]
    drawn = Drawing(
        charts.triangle(pl.DataFrame(rows, schema=["cohort", "period_number", "rate", "shown"], orient="row"), "label")
    )
    tiles = {drawn.named("y", tile.middle[1]): tile.colour for tile in drawn.of("rect") if "rgb" in tile.colour}
    inks = {
        drawn.named("y", text.middle[1]): text.colour
        for text in drawn.of("text")
        if text.text in {row[3] for row in rows}
    }
    assert len(tiles) == len(inks) == 21

    def light(colour: str) -> float:
        named = {"white": "#ffffff"}.get(colour, colour)
        parts = (
            [int(named[i : i + 2], 16) for i in (1, 3, 5)]
            if named.startswith("#")
            else list(map(int, re.findall(r"\d+", named)))
        )
        linear = [p / 255 / 12.92 if p <= 10 else ((p / 255 + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    contrast = {at: sorted((light(tiles[at]) + 0.05, light(inks[at]) + 0.05)) for at in tiles}
    assert min(more / less for less, more in contrast.values()) > 3.9
