"""Key figures: a slow count of each person as the oracle, parts that add up, releases and hypotheses."""

import random
from collections import defaultdict
from datetime import date
from fractions import Fraction
from math import fsum, log
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import at, days_from, experiment_streams, exposed, first_seen, product

from pipeline.core.days import ONE_DAY
from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.domains.experiments.releases import hypothesis_results, judged, release_results
from pipeline.domains.experiments.section import Hypothesis
from pipeline.domains.kpis import kpis
from pipeline.domains.kpis.daily import session_kpis
from pipeline.domains.kpis.kpi_parts import kpi_parts, mix_and_rate, tree
from pipeline.domains.kpis.kpis import kpi_results
from pipeline.domains.kpis.targets import target_weeks
from pipeline.stats.key_figures import FIGURES

Row = dict[str, Any]
MONDAY = date(2026, 2, 2)


def session(person: int, day: date, **more: Any) -> Row:
    """A session of the person at noon, on desktop."""
    number = hash((person, day.toordinal(), tuple(sorted(map(str, more.items()))))) % 2**40
    return {
        "session_day": day, "session_key": number, "person_key": person, "started_at": at(f"{day}T12:00:00"), "device_type": "desktop",
        "os": "Windows", "browser": "Chrome", "country": "DE", "channel": "direct", "segment_bits": 0, "goal_bits": 0, "has_page_view": True, "is_bounce": False, "orders": 0,
        "revenue_micros": 0, "engaged_ms": None, "friction_score": 0, **more,
    }  # fmt: skip


def frame(rows: list[Row]) -> pl.DataFrame:
    return TABLES["session_kpis"].conform(pl.DataFrame(rows, schema=TABLES["session_kpis"].schema))


def people(rows: list[Row]) -> pl.LazyFrame:
    """people_first of their people."""
    reported = pl.DataFrame(sorted({(r["session_day"], r["person_key"]) for r in rows}), schema={"day": pl.Date, "person_key": pl.Int64}, orient="row")  # fmt: skip
    noon = pl.col("day").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return first_seen(reported.lazy().with_columns(person_id=pl.format("user:{}", "person_key"), first_at=noon))


def results(rows: list[Row], days: list[date], chosen: Product, pages: dict[int, str] | None = None) -> pl.DataFrame:
    views = [{"session_key": key, "page": page} for key, page in (pages or {}).items()]
    days_of = {row["session_key"]: row for row in rows}
    full = [
        {**view, "rule_set": "default", "session_day": days_of[view["session_key"]]["session_day"], "person_key": days_of[view["session_key"]]["person_key"]}
        for view in views
    ]  # fmt: skip
    names = ("session_key", "page", "rule_set", "session_day", "person_key")
    seen = pl.DataFrame(full, schema={name: TABLES["first_views"].schema[name] for name in names})
    feedback = TABLES["feedback"].schema.to_frame()
    return kpi_results(frame(rows).lazy(), people(rows), seen.lazy(), feedback.lazy(), days, chosen)


def drawn(seed: int, days: int) -> list[Row]:
    chance = random.Random(seed)
    result: dict[int, Row] = {}
    for _ in range(chance.randrange(60)):
        orders = chance.choice((0, 0, 1, 2))
        row = session(
            chance.randrange(8) * 2**59,
            MONDAY + ONE_DAY * chance.randrange(days),
            device_type=chance.choice(("desktop", "mobile")),
            os=chance.choice(("Windows", "iOS", "unknown")),
            browser=chance.choice(("Chrome", "Safari")),
            segment_bits=chance.randrange(2),
            goal_bits=int(orders > 0),
            is_bounce=chance.random() < 0.3,
            has_page_view=chance.random() < 0.9,
            orders=orders,
            revenue_micros=orders * chance.randint(1, 99) * 1_000_000,
            engaged_ms=chance.choice((None, 1_000, 7_500)),
            friction_score=chance.randrange(5),
        )
        result[row["session_key"]] = row
    return list(result.values())


def _slow(rows: list[Row], born: dict[int, date], first: date, last: date) -> dict[str, tuple[int, int | None]]:
    """Numerator and denominator of each figure, counted one after the other."""
    length = last - first + ONE_DAY
    inside = [r for r in rows if first <= r["session_day"] <= last]
    before = {r["person_key"] for r in rows if first - length <= r["session_day"] < first}
    people = {r["person_key"] for r in inside}
    n, engaged = len(inside), [r["engaged_ms"] for r in inside if r["engaged_ms"] is not None]
    orders, revenue = sum(r["orders"] for r in inside), sum(r["revenue_micros"] for r in inside)
    return {
        "people": (len(people), None),
        "new_people": (sum(first <= born[p] <= last for p in people), None),
        "returning_people": (sum(born[p] < first for p in people), None),
        "sessions": (n, None),
        "orders": (orders, None),
        "revenue": (revenue, None),
        "conversion": (sum(r["goal_bits"] > 0 for r in inside), n),
        "bounce_rate": (sum(r["is_bounce"] for r in inside), sum(r["has_page_view"] for r in inside)),
        "orders_per_person": (orders, len(people)),
        "revenue_per_person": (revenue, len(people)),
        "average_order": (revenue, orders),
        "sessions_per_person": (n, len(people)),
        "retention": (len(before & people), len(before)),
        "churn": (len(before - people), len(before)),
        "engaged_seconds": (sum(engaged), len(engaged)),
        "frustration": (sum(r["friction_score"] for r in inside), n),
    }


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 100_000), st.sampled_from([1, 4]))
def test_figures_are_those_of_a_slow_count(seed: int, ranges: int) -> None:
    rows, days = drawn(seed, 21), days_from(MONDAY.isoformat(), 21)
    chosen = product(segments={"some": {"kind": "click"}})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kpis, "ranges_of", lambda _rows: ranges)
        made = results(rows, days, chosen)
    born: dict[int, date] = {}
    for row in rows:
        born[row["person_key"]] = min(born.get(row["person_key"], date.max), row["session_day"])
    groups = {
        ("", ""): rows,
        ("device_type", "mobile"): [r for r in rows if r["device_type"] == "mobile"],
        ("os", "unknown"): [r for r in rows if r["os"] == "unknown"],
        ("browser", "Safari"): [r for r in rows if r["browser"] == "Safari"],
        ("segment", "some"): [r for r in rows if r["segment_bits"]],
    }
    for (dimension, value), own in groups.items():
        for first, last in (
            (MONDAY + ONE_DAY * 7, MONDAY + ONE_DAY * 13),
            (MONDAY + ONE_DAY * 14, MONDAY + ONE_DAY * 20),
        ):
            slow = _slow(own, born, first, last)
            # Who came back is asked of everybody, whatever they came back with.
            everybody = _slow(rows, born, first, last)
            cells = made.filter(
                pl.col("period") == "week", pl.col("period_start") == first, pl.col("dimension") == dimension, pl.col("value") == value
            )  # fmt: skip
            reported = {r["kpi"]: (r["numerator"], r["denominator"]) for r in cells.rows(named=True)}
            if dimension:
                for name in ("retention", "churn"):
                    slow.pop(name)
                    reported.pop(name, None)
            else:
                assert slow == everybody
            if reported:
                assert reported == slow
            else:
                assert not own


def test_the_interval_is_that_of_people_not_of_sessions() -> None:
    """Conversion by the delta method over people: with numpy on the people's own sums."""
    rows = [r for seed in range(6) for r in drawn(seed, 14)]
    rows = [{**r, "person_key": i % 11} for i, r in enumerate(rows)]
    made = results(rows, days_from(MONDAY.isoformat(), 14), product())
    row = made.filter(pl.col("kpi") == "conversion", pl.col("period") == "week", pl.col("period_start") == MONDAY + ONE_DAY * 7, pl.col("dimension") == "").row(0, named=True)  # fmt: skip
    squares = []
    for first in (MONDAY + ONE_DAY * 7, MONDAY):
        sums: dict[int, np.ndarray] = defaultdict(lambda: np.zeros(2))
        for r in rows:
            if first <= r["session_day"] < first + ONE_DAY * 7:
                sums[r["person_key"]] += (r["goal_bits"] > 0, 1)
        y, x = np.array(list(sums.values())).T
        squares.append(((y - y.sum() / x.sum() * x) ** 2).sum() / x.sum() ** 2)
    assert row["change_high"] - row["change"] == pytest.approx(1.959964 * np.sqrt(sum(squares)))


def test_what_has_no_time_before_is_not_compared() -> None:
    rows = [session(1, MONDAY + ONE_DAY * i) for i in range(14)]
    made = results(rows, days_from(MONDAY.isoformat(), 14), product()).filter(pl.col("dimension") == "")
    weeks = {
        r["period_start"]: r
        for r in made.filter(pl.col("period") == "week", pl.col("kpi") == "sessions").rows(named=True)
    }
    assert weeks[MONDAY]["figure_before"] is None
    assert weeks[MONDAY + ONE_DAY * 7]["change"] == 0
    # A week that lacks a day isn't compared with a whole one.
    days = days_from(MONDAY.isoformat(), 14)
    lacking = results(rows, [day for day in days if day != days[9]], product()).filter(pl.col("dimension") == "")
    week = lacking.filter(pl.col("period") == "last_7", pl.col("kpi") == "sessions").row(0, named=True)
    assert (week["mature"], week["change"]) == (False, None)
    # Two weeks are no 28 days.
    recent = made.filter(pl.col("period") == "last_28", pl.col("kpi") == "sessions").row(0, named=True)
    assert (recent["figure"], recent["mature"]) == (14, False)
    back = made.filter(pl.col("period") == "week", pl.col("kpi") == "retention").sort("period_start")
    assert back["figure"].to_list() == [None, 1.0]
    assert results([], [], product()).is_empty()


def test_pages_and_rare_values() -> None:
    rows = [session(i, MONDAY + ONE_DAY * 8, country=f"C{i:02}") for i in range(25)]
    rows += [session(100 + i, MONDAY + ONE_DAY * 8, country="C00") for i in range(3)]
    pages = {row["session_key"]: "home" for row in rows[:4]}
    staged = product(
        pages=[{"name": "home", "urls": ["/"], "stage": "discover"}, {"name": "product", "urls": ["/p/*"]}],
        zones=[],
        funnels={},
    )
    made = results(rows, days_from(MONDAY.isoformat(), 14), staged, pages)
    week = made.filter(
        pl.col("period") == "week", pl.col("period_start") == MONDAY + ONE_DAY * 7, pl.col("kpi") == "sessions"
    )
    countries = dict(week.filter(pl.col("dimension") == "country").select("value", "numerator").rows())
    assert countries["C00"] == 4
    assert countries["Other"] == 5
    assert len(countries) == 21
    assert dict(week.filter(pl.col("dimension") == "page").select("value", "numerator").rows()) == {"home": 4}
    assert dict(week.filter(pl.col("dimension") == "page_group").select("value", "numerator").rows()) == {"discover": 4}


positive = st.floats(0.01, 1e6)


@settings(max_examples=500, deadline=None)
@given(st.lists(positive, min_size=3, max_size=3), st.lists(positive, min_size=3, max_size=3))
def test_parts_of_a_product_add_up_to_its_change(before: list[float], after: list[float]) -> None:
    change = np.prod(after) - np.prod(before)
    scale = max(1.0, abs(np.prod(after)), abs(np.prod(before)))
    assert fsum(tree(before, after)) == pytest.approx(change, abs=1e-9 * scale)
    # A factor that didn't change has no part.
    same = tree(before, [after[0], before[1], before[2]])
    assert same[1:] == [pytest.approx(0, abs=1e-6 * scale)] * 2


def test_parts_of_a_change_that_is_none_are_no_noise() -> None:
    # 100 to 105 people, 7 orders of 10 in both: what people add, orders per person take away.
    parts = tree([100, 7 / 100, 10], [105, 7 / 105, 10])
    assert parts == pytest.approx([70 * log(105 / 100), 70 * log(100 / 105), 0], rel=1e-6)


def test_a_factor_of_nothing_is_divided_by_shapley() -> None:
    # From 0 x 2 x 5 to 10 x 4 x 5: the first factor did most of it.
    parts = tree([0, 2, 5], [10, 4, 5])
    assert fsum(parts) == pytest.approx(200)
    assert parts == pytest.approx([150, 50, 0])
    assert tree([0, 1, 1], [0, 2, 2]) == pytest.approx([0, 0, 0])


def test_refunds_without_an_order_are_no_factors() -> None:
    """1 person, no order and -20; then 2 people, 1 order and 50: 20 of the 70 aren't explained by the factors."""
    before = session(1, MONDAY, revenue_micros=-20_000_000)
    after = [session(1, MONDAY + ONE_DAY * 7, orders=1, revenue_micros=50_000_000), session(2, MONDAY + ONE_DAY * 8)]
    made = kpi_parts(frame([before, *after]).lazy(), days_from(MONDAY.isoformat(), 14), product())
    reported = made.filter(pl.col("kind") == "tree", pl.col("period") == "last_7").sort("part")
    assert reported.select("part", "before", "after", pl.col("contribution").round(2)).rows() == [
        ("orders per person", 0, 0.5, 20.83),
        ("people", 1, 2, 8.33),
        ("revenue per order", 0, 50, 20.83),
        ("unexplained", -20, 0, 20),
    ]
    assert reported["contribution_micros"].sum() == 70_000_000
    both = kpi_parts(
        frame([before, session(1, MONDAY + ONE_DAY * 7, revenue_micros=-5_000_000)]).lazy(),
        days_from(MONDAY.isoformat(), 14), product(),
    ).filter(pl.col("kind") == "tree", pl.col("period") == "last_7")  # fmt: skip
    assert dict(both.select("part", "contribution").rows()) == {
        "people": 0, "orders per person": 0, "revenue per order": 0, "unexplained": 15,
    }  # fmt: skip


sums = st.dictionaries(
    st.sampled_from("abcd"),
    st.fixed_dictionaries({"y": st.integers(-50, 10**7), "x": st.integers(0, 10**5)}),
    max_size=4,
)


@settings(max_examples=500, deadline=None)
@given(sums, sums)
def test_mix_and_rate_add_up_to_the_change(before: dict[str, dict[str, int]], after: dict[str, dict[str, int]]) -> None:
    wholes = [(sum(e["y"] for e in side.values()), sum(e["x"] for e in side.values())) for side in (before, after)]
    parts = mix_and_rate(before, after)
    if not all(x for _, x in wholes):
        assert parts == []
        return
    change = Fraction(*wholes[1]) - Fraction(*wholes[0])
    scale = max(1.0, *(abs(y / x) for y, x in wholes), *(abs(p.contribution) for p in parts))
    assert fsum(p.contribution for p in parts) == pytest.approx(float(change), abs=1e-9 * scale)


def test_simpsons_paradox_is_all_mix() -> None:
    """Both groups convert better, the whole worse: the rates add, the mix takes away."""
    before = {"desktop": {"y": 80, "x": 800}, "mobile": {"y": 4, "x": 200}}
    after = {"desktop": {"y": 24, "x": 200}, "mobile": {"y": 24, "x": 800}}
    parts = {(p.kind, p.part): p.contribution for p in mix_and_rate(before, after)}
    assert parts["rate", "desktop"] > 0
    assert parts["rate", "mobile"] > 0
    assert parts["mix", "desktop"] < 0
    assert parts["mix", "mobile"] < 0
    assert fsum(parts.values()) == pytest.approx(48 / 1000 - 84 / 1000)
    only_mix = mix_and_rate(before, {"desktop": {"y": 20, "x": 200}, "mobile": {"y": 16, "x": 800}})
    assert [p.contribution for p in only_mix if p.kind == "rate"] == pytest.approx([0, 0])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 100_000))
def test_published_parts_add_up_to_the_cent(seed: int) -> None:
    rows, days = drawn(seed, 14), days_from(MONDAY.isoformat(), 14)
    chosen = product(segments={"some": {"kind": "click"}})
    made = kpi_parts(frame(rows).lazy(), days, chosen).filter(pl.col("period") == "week")
    weeks = results(rows, days, chosen).filter(
        pl.col("period") == "week", pl.col("dimension") == "", pl.col("period_start") == MONDAY + ONE_DAY * 7
    )
    reported = {r["kpi"]: r for r in weeks.rows(named=True)}
    for (kpi, is_tree, _), own in made.with_columns(is_tree=pl.col("kind") == "tree").partition_by(
        ["kpi", "is_tree", "dimension"], as_dict=True
    ).items():  # fmt: skip
        change = reported[kpi]["change"]
        assert fsum(own["contribution"]) == pytest.approx(change, abs=1e-6)
        if kpi == "revenue":
            micros = round(change * 1_000_000)
            assert own["contribution_micros"].sum() == micros
        assert is_tree == (own["kind"][0] == "tree")
        assert FIGURES[str(kpi)].unit == "currency" or own["contribution_micros"].null_count() == own.height


def test_sessions_of_the_day_with_engagement_and_friction() -> None:
    day = MONDAY
    names = ("session_key", "person_key", "is_bot", "started_at", "device_type", "os", "browser", "country", "channel", "segment_bits",
             "goal_bits", "page_views", "page_views_implied", "is_bounce", "orders", "revenue_micros")  # fmt: skip
    rows = [
        (1, 1, False, at("2026-02-02T10:00"), "mobile", None, "Safari", None, "paid", 1, 2, 0, 1, True, 1, 5),
        (2, 1, False, at("2026-02-02T11:00"), "mobile", "iOS", None, "AT", "paid", 0, 0, 0, 0, False, 0, 0),
        (3, 2, True, at("2026-02-02T11:00"), "mobile", "iOS", None, "AT", "paid", 0, 0, 1, 0, True, 0, 0),
    ]
    sessions = pl.DataFrame(rows, schema={n: TABLES["sessions"].schema[n] for n in names}, orient="row")
    views = pl.DataFrame({"session_key": [1, 1, 2], "engaged_ms": [5_000, None, None]}, schema={"session_key": pl.Int64, "engaged_ms": pl.Int64})  # fmt: skip
    friction = pl.DataFrame({"rule_set": ["default", "strict"], "session_key": [1, 2], "score": [7, 9]})
    made = session_kpis(sessions.lazy(), views.lazy(), friction.lazy(), day, product()).sort("session_key")
    reported = made.select(
        "session_key", "os", "browser", "country", "has_page_view", "engaged_ms", "friction_score"
    ).rows()
    assert reported == [
        (1, "unknown", "Safari", "unknown", True, 5_000, 7),
        (2, "iOS", "unknown", "AT", False, None, 0),
    ]


def released(jump: float, days: int = 56, **changes: Any) -> tuple[list[Row], Product]:
    """Sessions of which a share converts, more on weekends, and `jump` more from the release on."""
    chance = random.Random(1)
    rows: list[Row] = []
    for i in range(days):
        day = MONDAY + ONE_DAY * i
        share = 0.2 + 0.1 * (day.weekday() >= 5) + (jump if i >= 28 else 0)
        rows += [
            session(1_000 * i + person, day, goal_bits=int(chance.random() < share), friction_score=person % 2)
            for person in range(300)
        ]
    reported = {"big": {"day": MONDAY + ONE_DAY * 28, "note": "new button"}, **changes}
    return rows, product(releases=reported)


def test_a_release_is_compared_with_the_same_weekdays() -> None:
    rows, chosen = released(0.05)
    # Three days after it began with a weekend would look like a jump without the weekdays.
    made = release_results(frame(rows).lazy(), days_from(MONDAY.isoformat(), 56), chosen)
    row = made.filter(pl.col("kpi") == "conversion").row(0, named=True)
    assert (row["days_before"], row["days_after"]) == (28, 28)
    assert row["low"] <= 0.05 <= row["high"]
    assert row["low"] > 0
    still = made.filter(pl.col("kpi") == "frustration").row(0, named=True)
    assert (still["change"], still["p_value"]) == (pytest.approx(0, abs=1e-9), None)
    # One day after it is compared with the four Mondays before: too few to tell how days differ.
    few = release_results(frame(rows).lazy(), days_from(MONDAY.isoformat(), 29), chosen)
    assert few.filter(pl.col("kpi") == "conversion").select("days_after", "change").row(0) == (1, None)


def test_days_without_a_session_count_as_nothing() -> None:
    """A segment with a session on every third day before, on two of three after: twice as many."""
    rows = [session(i, MONDAY + ONE_DAY * i, segment_bits=int(i % 3 == 0 if i < 28 else i % 3 != 0)) for i in range(56)]
    chosen = product(releases={"big": {"day": MONDAY + ONE_DAY * 28}}, segments={"few": {"kind": "click"}})
    made = release_results(frame(rows).lazy(), days_from(MONDAY.isoformat(), 56), chosen)
    row = made.filter(pl.col("kpi") == "sessions", pl.col("segment") == "few").row(0, named=True)
    assert (row["days_before"], row["days_after"]) == (28, 28)
    assert row["after"] > 1.5 * row["before"]
    # A quotient of nothing is none.
    rate = made.filter(pl.col("kpi") == "conversion", pl.col("segment") == "few").row(0, named=True)
    assert rate["days_before"] == 10


def test_another_release_ends_the_days_after() -> None:
    rows, chosen = released(0.05, small={"day": MONDAY + ONE_DAY * 38})
    made = release_results(frame(rows).lazy(), days_from(MONDAY.isoformat(), 56), chosen)
    reported = dict(
        made.filter(pl.col("kpi") == "conversion").select("release", pl.struct("days_before", "days_after")).rows()
    )
    assert reported == {"big": {"days_before": 28, "days_after": 10}, "small": {"days_before": 10, "days_after": 18}}


@pytest.mark.parametrize(
    ("expected", "size", "ends", "conclusion"),
    [
        ("higher", None, (0.1, 0.3), "supported"),
        ("higher", None, (-0.3, -0.1), "refuted"),
        ("higher", None, (-0.1, 0.3), "too little data yet"),
        ("lower", None, (-0.3, -0.1), "supported"),
        ("lower", None, (0.1, 0.3), "refuted"),
        ("higher", 0.05, (0.1, 0.3), "supported"),
        ("higher", 0.10, (0.1, 0.3), "too little data yet"),
        ("higher", 0.20, (0.1, 0.3), "refuted"),
        ("higher", 0.05, (None, None), "too little data yet"),
    ],
)
def test_hypotheses_are_judged_by_the_whole_interval(
    expected: str, size: float | None, ends: Any, conclusion: str
) -> None:
    believed = Hypothesis.model_validate(
        {"statement": "s", "metric": "conversion", "expected": expected, "size": size, "release": "r"}
    )
    assert judged(believed, 2.0, *ends)[0] == conclusion


def test_hypotheses_of_releases_and_experiments() -> None:
    rows, chosen = released(0.05)
    reported = product(
        releases={"big": {"day": MONDAY + ONE_DAY * 28}},
        experiments={
            "note": {"variants": {"a": 1, "b": 1}, "control": "a", "metrics": {"buy": {"kind": "conversion"}}}
        },
        hypotheses={
            "more": {"statement": "More convert", "metric": "conversion", "expected": "higher", "release": "big"},
            "calm": {"statement": "Calmer", "metric": "frustration", "expected": "lower", "release": "big"},
            "buys": {"statement": "More buy", "metric": "buy", "expected": "higher", "experiment": "note"},
        },
    )
    few = exposed([(i, "ab"[i % 2], at("2026-02-03T10:00")) for i in range(20)])
    made = hypothesis_results(frame(rows).lazy(), experiment_streams(few), days_from(MONDAY.isoformat(), 56), reported)
    resolutions = {r["hypothesis"]: (r["conclusion"], r["reason"]) for r in made.rows(named=True)}
    assert resolutions["more"][0] == "supported"
    assert resolutions["calm"] == ("too little data yet", "there is no interval yet")
    assert resolutions["buys"] == ("too little data yet", "too few people")
    assert release_results(frame(rows).lazy(), [], chosen).is_empty()


def test_each_complete_week_stands_beside_its_target() -> None:
    chosen = product(
        targets={"conversion": {"value": 0.5, "by": "2026-03-01"}, "bounce_rate": {"value": 0.2, "better": "lower"}}
    )
    about = {"dimension": "", "value": "", "unit": "share", "mature": True, "period": "week", "figure": 0.4}
    rows = [
        {**about, "kpi": "conversion", "period_start": date(2026, 2, 2)},
        {**about, "kpi": "conversion", "period_start": date(2026, 2, 9), "figure": 0.6},
        # What isn't over, isn't a week, isn't everybody, has no target, or wasn't measured.
        {**about, "kpi": "conversion", "period_start": date(2026, 2, 16), "mature": False},
        {**about, "kpi": "conversion", "period_start": date(2026, 2, 2), "period": "day"},
        {**about, "kpi": "conversion", "period_start": date(2026, 2, 2), "dimension": "os", "value": "iOS"},
        {**about, "kpi": "orders", "period_start": date(2026, 2, 2)},
        {**about, "kpi": "bounce_rate", "period_start": date(2026, 2, 2), "figure": None},
    ]
    full = [{"period_end": row["period_start"], "people": 0, **row} for row in rows]
    made = target_weeks(pl.DataFrame(full, schema=TABLES["kpi_results"].schema).lazy(), chosen)
    assert made.select("kpi", "week_start", "figure", "target", "better", "target_day").rows() == [
        ("conversion", date(2026, 2, 2), 0.4, 0.5, "higher", date(2026, 3, 1)),
        ("conversion", date(2026, 2, 9), 0.6, 0.5, "higher", date(2026, 3, 1)),
    ]
