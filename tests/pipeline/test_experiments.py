"""Experiments: statistics against the literature and by simulation, sums against a slow count of each person, verdicts."""

import random
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction
from math import prod, sqrt
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from support import at, days_from, experiment_streams, exposed, feedback_frame, product

from pipeline.core.days import ONE_DAY
from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.domains.experiments.daily import exposures
from pipeline.domains.experiments.experiments import experiment_checks, experiment_days, experiment_results, weights_on
from pipeline.stats import statistics
from pipeline.stats.statistics import Moments

Row = dict[str, Any]
BEGIN = at("2026-03-02T10:00")
RUNS, LOOKS = 10_000, 28


def moments(y: np.ndarray, x: np.ndarray | None = None, d: np.ndarray | None = None) -> Moments:
    before = np.zeros_like(y) if x is None else x
    below = np.ones_like(y) if d is None else d
    pairs = (y, y * y, below, below * below, y * below, before, before * before, before * y)
    return Moments(len(y), *(float(each.sum()) for each in pairs))


def test_one_look_at_the_planned_end_errs_as_often_as_it_says() -> None:
    chance = np.random.default_rng(7)
    hits = chance.binomial(2_000, 0.1, size=(RUNS, 2))
    result = [statistics.proportions(*(Moments(2_000, float(h), float(h)) for h in pair)) for pair in hits]
    share = np.mean([each.p_value < 0.05 for each in result if each is not None])
    assert 0.045 <= share <= 0.055
    # Welch's test on skewed revenue.
    wrong = 0
    for _ in range(2_000):
        sides = [moments(chance.lognormal(3, 1, 400) * (chance.random(400) < 0.5)) for _ in range(2)]
        made = statistics.means(*sides)
        assert made is not None
        wrong += made.p_value < 0.05
    assert 0.035 <= wrong / 2_000 <= 0.065


def test_looking_every_day_errs_seldom_with_the_always_valid_interval() -> None:
    """28 daily looks at an A/A experiment: the fixed interval cries wolf, the always-valid one under 5 %."""
    chance = np.random.default_rng(11)
    a_day, share = 100, 0.1
    hits = chance.binomial(a_day, share, size=(RUNS, 2, LOOKS)).cumsum(axis=2)
    always, fixed = 0, 0
    for run in hits:
        seen = [False, False]
        for look in range(LOOKS):
            n = a_day * (look + 1)
            made = statistics.proportions(*(Moments(n, float(h), float(h)) for h in run[:, look]))
            if made is None or run[:, look].min() < 10:
                continue
            low, high = statistics.always_valid(made.effect, made.error, 0.02)
            seen[0] |= low > 0 or high < 0
            seen[1] |= made.p_value < 0.05
        always += seen[0]
        fixed += seen[1]
    assert always / RUNS < 0.05
    assert fixed / RUNS > 0.15


def test_the_formula_of_the_always_valid_interval() -> None:
    d, v, t2, a = 0.03, 0.0001, 0.0004, 0.05
    half = sqrt(v * (v + t2) / t2 * np.log((v + t2) / (a**2 * v)))
    assert statistics.always_valid(d, sqrt(v), 0.02) == pytest.approx((d - half, d + half))


def test_the_sample_ratio_alarm() -> None:
    assert statistics.sample_ratio_p([5_130, 4_870], [5_000, 5_000]) == pytest.approx(0.0093, abs=1e-4)
    chance = np.random.default_rng(3)
    ones = chance.binomial(10_000, 0.5, size=RUNS)
    alarms = [statistics.sample_ratio_p([n, 10_000 - n], [5_000, 5_000]) < statistics.SAMPLE_RATIO_ALARM for n in ones]
    assert 0.007 <= np.mean(alarms) <= 0.013
    assert statistics.sample_ratio_p([0, 0], [0, 0]) is None
    assert statistics.sample_ratio_p([10], [10]) is None
    # Somebody saw a variant that nobody was to see.
    assert statistics.sample_ratio_p([10, 10, 1], [10, 11, 0]) == 0.0


def test_of_fair_experiments_looked_at_every_night_one_in_a_hundred_alarms() -> None:
    """28 nights of 200 people; a fixed p below 0.01 is met by 7 in 100."""
    chance = np.random.default_rng(5)
    nights = chance.binomial(200, 0.5, size=(2_000, 28))
    largest = [statistics.sample_ratio_e([([n, 200 - n], [50, 50]) for n in night]) for night in nights]
    assert np.mean([each >= 100 for each in largest]) <= 0.01
    fixed = [
        min(
            statistics.sample_ratio_p([n, 200 * i - n], [100 * i, 100 * i]) or 0
            for i, n in enumerate(night.cumsum(), 1)
        )
        for night in nights[:500]
    ]
    assert np.mean([p < 0.01 for p in fixed]) > 0.04
    wrong = chance.binomial(200, 0.55, size=(200, 28))
    assert (
        np.mean([statistics.sample_ratio_e([([n, 200 - n], [1, 1]) for n in night]) >= 100 for night in wrong]) > 0.95
    )


def test_evidence_against_the_weights() -> None:
    # One look at 10 people on one of two sides: (B(60, 50) / B(50, 50)) x 2^10, worked out by factorials.
    right = float(Fraction(prod(range(50, 60)), prod(range(100, 110)))) * 2**10
    assert statistics.sample_ratio_e([([10, 0], [1, 1])]) == pytest.approx(right)
    assert statistics.sample_ratio_e([]) == statistics.sample_ratio_e([([5, 5], [1, 1])]) == 1.0
    # Who saw a variant that nobody was to see is proof; where weights change, evidence is gathered anew.
    assert statistics.sample_ratio_e([([10, 1], [1, 0])]) == statistics.MOST_E
    assert statistics.sample_ratio_e([([90, 10], [90, 10]), ([50, 50], [50, 50])]) == 1.0
    both = [([80, 20], [50, 50]), ([10, 90], [90, 10])]
    alone = [statistics.sample_ratio_e([each]) for each in both]
    assert statistics.sample_ratio_e(both) == pytest.approx(min(alone[0] * alone[1], statistics.MOST_E))


def test_the_fixed_p_hides_verdicts_at_the_planned_end_only() -> None:
    """5,132 of 10,000: p = 0.0083, and no evidence that holds at every look."""
    for effect, resolutions in (
        (0.05, {"hidden: sample ratio"}),
        (0.001, {"too early"}),
        (None, {"no difference found"}),
    ):
        reported = metric(minimum_effect=effect) if effect else metric()
        people = [(i, "a" if i < 5_132 else "b", BEGIN) for i in range(10_000)]
        orders = [(i, BEGIN, 1) for i in range(0, 10_000, 5)]
        made = experiment_results(
            experiment_streams(exposed(people), outcomes=bought(orders)),
            days_from("2026-03-02", 30),
            chosen(metrics=reported),
        )
        assert set(made["conclusion"]) == resolutions, effect


def test_the_p_of_a_division_is_shown_at_any_time() -> None:
    p = statistics.sample_ratio_p([501_314, 498_686], [500_000, 500_000])
    assert p == pytest.approx(0.0086, abs=0.00005)
    assert p < statistics.SAMPLE_RATIO_ALARM
    for ones, fires in ((5_132, False), (5_400, True)):
        people = [(i, "a" if i < ones else "b", BEGIN) for i in range(10_000)]
        made = experiment_checks(exposed(people).lazy(), chosen())
        expected = statistics.sample_ratio_p([ones, 10_000 - ones], [5_000, 5_000])
        assert made["ratio_p_value"].to_list() == [expected, expected]
        assert made["ratio_alarm"].to_list() == [fires, fires]


@pytest.mark.parametrize("correlation", [0.3, 0.6, 0.9])
def test_cuped_takes_away_what_the_time_before_explains(correlation: float) -> None:
    chance = np.random.default_rng(5)
    raw, adjusted, reported = [], [], []
    for _ in range(2_000):
        sides = []
        for _ in range(2):
            x = chance.normal(size=500)
            y = correlation * x + sqrt(1 - correlation**2) * chance.normal(size=500)
            sides.append(moments(y, x))
        plain, made = statistics.means(*sides), statistics.cuped(*sides)
        assert plain is not None
        assert made is not None
        raw.append(plain.effect)
        adjusted.append(made.effect)
        reported.append((made.kept, made.error**2 / plain.error**2))
    expected = 1 - correlation**2
    # What it says of itself, and what it does.
    assert np.mean(reported, axis=0) == pytest.approx([expected, expected], rel=0.02)
    assert np.var(adjusted) / np.var(raw) == pytest.approx(expected, rel=0.1)
    assert abs(np.mean(adjusted)) < 3 * np.std(adjusted) / sqrt(len(adjusted))


def test_tests_are_those_of_the_libraries() -> None:
    chance = np.random.default_rng(9)
    a, b = chance.exponential(2, 80), chance.exponential(2.5, 120)
    made = statistics.means(moments(a), moments(b))
    assert made is not None
    theirs = stats.ttest_ind(b, a, equal_var=False)
    assert made.p_value == pytest.approx(theirs.pvalue)
    assert made.interval() == pytest.approx(tuple(theirs.confidence_interval()))
    # A ratio by the delta method, beside a bootstrap of people.
    d = chance.poisson(3, 500) + 1.0
    y = chance.poisson(2 * d).astype(float)
    ratio = statistics.ratios(moments(y[:250], d=d[:250]), moments(y[250:], d=d[250:]))
    assert ratio is not None
    positions = chance.integers(0, 250, size=(4_000, 2, 250))
    drawn = [y[250:][q].sum() / d[250:][q].sum() - y[:250][p].sum() / d[:250][p].sum() for p, q in positions]
    assert ratio.error == pytest.approx(np.std(drawn), rel=0.06)


@pytest.mark.parametrize("test", [statistics.means, statistics.proportions, statistics.ratios, statistics.cuped])
def test_degenerate_input_gives_no_answer(test: Any) -> None:
    none, one, same = Moments(0, 0, 0), Moments(1, 1, 1, 1, 1, 1), moments(np.ones(50))
    for pair in ((none, none), (one, none), (none, one), (one, one), (same, same), (same, none)):
        assert test(*pair) is None


def test_days_until_a_difference_can_be_told() -> None:
    # 2,000 people tell twice the minimum effect in 4 of 5: four times as many tell it itself.
    error = 0.04 / statistics.POWER_ERRORS
    assert statistics.days_until(error, 0.02, 2_000, 100) == 60
    assert statistics.days_until(error, 0.04, 2_000, 100) == 0
    assert statistics.days_until(error, 0.02, 2_000, 0) is None


def chosen(metrics: Row | None = None, **changes: Any) -> Product:
    reported = {
        "variants": {"a": 50, "b": 50}, "control": "a", "window_days": 7,
        "metrics": metrics or {"buy": {"kind": "conversion"}, "money": {"kind": "revenue"}}, **changes,
    }  # fmt: skip
    return product(
        time_zone="UTC", experiments={"note": reported}, segments={"odd": {"kind": "click"}},
        surveys={"s": {"questions": {"why": {"kind": "text"}, "nps": {"kind": "nps"}}}},
    )  # fmt: skip


def bought(rows: Sequence[tuple[int, datetime, int]]) -> pl.DataFrame:
    frame = pl.DataFrame(
        [{"day": w.date(), "person_key": p, "occurred_at": w, "revenue_micros": m} for p, w, m in rows],
        schema={n: TABLES["outcomes"].schema[n] for n in ("day", "person_key", "occurred_at", "revenue_micros")},
    )
    summed = frame.group_by("day", "person_key", "occurred_at").agg(
        orders=pl.len(), revenue_micros=pl.col("revenue_micros").sum()
    )
    return TABLES["outcomes"].conform(summed.with_columns(goal_bits=pl.lit(1), refunds=pl.lit(0)))


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 100_000))
def test_sums_are_those_of_a_slow_count_of_each_person(seed: int) -> None:
    """By day of first exposure; days add up to the whole; people in two variants count nowhere."""
    chance = random.Random(seed)
    seen = [
        (chance.randrange(12), chance.choice("aab"), BEGIN + timedelta(hours=chance.randrange(24 * 12)))
        for _ in range(chance.randrange(25))
    ]
    orders = [
        (chance.randrange(12), BEGIN + timedelta(hours=chance.randrange(-24 * 30, 24 * 20)), chance.randint(-3, 9) * 1_000_000)
        for _ in range(chance.randrange(40))
    ]  # fmt: skip
    by_day: dict[tuple[int, str, date], datetime] = {}
    for person, variant, when in seen:
        key = person, variant, when.date()
        by_day[key] = min(by_day.get(key, when), when)
    days = days_from("2026-02-01", 29 + 16)
    end = BEGIN.replace(hour=0) + ONE_DAY * 16
    made = experiment_days(
        experiment_streams(exposed([(p, v, w) for (p, v, _), w in by_day.items()]), outcomes=bought(orders)),
        days,
        chosen(),
    )
    slow: dict[tuple[str, date], list[float]] = {}
    for person in range(12):
        mine = sorted((w, v) for (p, v, _), w in by_day.items() if p == person)
        if not mine or len({v for _, v in mine}) > 1:
            continue
        first, variant = mine[0]
        cell = slow.setdefault((variant, first.date()), [0, 0, 0.0, 0.0, 0.0])
        cell[0] += 1
        if first + timedelta(days=7) > end:
            continue
        y = sum(m for p, w, m in orders if p == person and first <= w < first + timedelta(days=7)) / 1e6
        x = sum(m for p, w, m in orders if p == person and first - timedelta(days=28) <= w < first) / 1e6
        cell[1:] = [cell[1] + 1, cell[2] + y, cell[3] + y * y, cell[4] + x * y]
    money = made.filter(pl.col("metric") == "money", pl.col("dimension") == "")
    result = {
        (r["variant"], r["day"]): [r["people_exposed"], r["people"], r["sum_y"], r["sum_yy"], r["sum_xy"]]
        for r in money.rows(named=True)
    }
    assert result == {key: pytest.approx(cell) for key, cell in slow.items()}
    # A dimension that has each person once adds up to everybody; a segment doesn't.
    devices = made.filter(pl.col("dimension") == "device_type").group_by("metric").agg(pl.col("people_exposed").sum())
    whole = made.filter(pl.col("dimension") == "").group_by("metric").agg(pl.col("people_exposed").sum())
    assert devices.sort("metric").rows() == whole.sort("metric").rows()


def two_sides(
    n: int, shares: tuple[float, float]
) -> tuple[list[tuple[int, str, datetime]], list[tuple[int, datetime, int]]]:
    """n people a side, exposed over ten days; the first of each side's people buy within an hour."""
    seen = [(i, "a" if i < n else "b", BEGIN + ONE_DAY * (i % 10)) for i in range(2 * n)]
    buyers = [p for p, v, _ in seen if (p if v == "a" else p - n) < shares[v == "b"] * n]
    return seen, [(p, seen[p][2] + timedelta(hours=1), 10_000_000) for p in buyers]


def results(n: int, shares: tuple[float, float], **changes: Any) -> dict[str, Row]:
    seen, orders = two_sides(n, shares)
    chosen_one = chosen(**changes)
    made = experiment_results(
        experiment_streams(exposed(seen), outcomes=bought(orders)), days_from("2026-03-02", 30), chosen_one
    )
    return {r["metric"]: r for r in made.filter(pl.col("dimension") == "").rows(named=True)}


def metric(**more: Any) -> Row:
    return {"buy": {"kind": "conversion", **more}}


def test_verdicts() -> None:
    assert results(99, (0.2, 0.5), metrics=metric())["buy"]["conclusion"] == "too few"
    assert results(200, (0.01, 0.03), metrics=metric())["buy"]["conclusion"] == "too few"
    # A handful of orders tells nothing of revenue either, and is no test that weighs on others.
    few = results(200, (0.0, 0.03), metrics={"money": {"kind": "revenue"}})["money"]
    assert (few["conclusion"], few["p_value"], few["q_value"]) == ("too few", None, None)
    assert results(400, (0.2, 0.4), metrics=metric())["buy"]["conclusion"] == "better"
    assert results(400, (0.2, 0.4), metrics=metric(better="lower"))["buy"]["conclusion"] == "worse"
    assert results(400, (0.2, 0.21), metrics=metric())["buy"]["conclusion"] == "no difference found"
    early = results(400, (0.2, 0.25), metrics=metric(minimum_effect=0.02))["buy"]
    assert early["conclusion"] == "too early"
    assert early["always_low"] < early["low"] < early["high"] < early["always_high"]
    # (400 + 400) people in 10 days of exposure; 0.02 needs (0.0295 x 2.8 / 0.02) squared times as many.
    people = 800 * (early["detectable"] / 0.02) ** 2
    assert early["days_to_go"] == pytest.approx((people - 800) / (800 / (30 - 7)), abs=1)
    late = results(4_000, (0.2, 0.2), metrics=metric(minimum_effect=0.05))["buy"]
    assert (late["conclusion"], late["days_to_go"]) == ("no difference found", 0)


def test_an_uneven_division_hides_verdicts_and_numbers_of_the_report() -> None:
    seen, orders = two_sides(400, (0.2, 0.4))
    uneven = seen[:300] + seen[400:]
    made = experiment_results(
        experiment_streams(exposed(uneven), outcomes=bought(orders)), days_from("2026-03-02", 30), chosen()
    )
    assert set(made["conclusion"]) == {"hidden: sample ratio"}


def test_people_in_two_variants_are_set_aside_from_the_whole_experiment() -> None:
    seen = [(1, "a", BEGIN), (1, "b", BEGIN + ONE_DAY), (2, "a", BEGIN), (3, "b", BEGIN), (4, "c", BEGIN)]
    made = experiment_checks(exposed(seen).lazy(), chosen())
    reported = {
        r["variant"]: (r["people_exposed"], r["people_set_aside"], r["people_counted"]) for r in made.rows(named=True)
    }
    # Nobody planned for c: who saw it is shown and doesn't count.
    assert reported == {"a": (2, 1, 1), "b": (2, 1, 1), "c": (1, 0, 0)}
    assert made["is_configured"].to_list() == [True, True, False]


def test_weights_are_those_in_force_on_the_day() -> None:
    ramp = [{"valid_from": "2026-03-05", "weights": {"a": 50, "b": 50}}]
    reported = chosen(variants={"a": 90, "b": 10}, ramps=ramp)
    assert weights_on(reported.experiments["note"], date(2026, 3, 4)) == {"a": 90, "b": 10}
    assert weights_on(reported.experiments["note"], date(2026, 3, 5)) == {"a": 50, "b": 50}
    early = [(i, "a" if i < 90 else "b", BEGIN) for i in range(100)]
    late = [(i, "a" if i < 150 else "b", BEGIN + ONE_DAY * 4) for i in range(100, 200)]
    made = experiment_checks(exposed([*early, *late]).lazy(), reported)
    assert made["people_expected"].to_list() == [140.0, 60.0]
    assert made["ratio_p_value"].to_list() == [1.0, 1.0]
    flat = experiment_checks(exposed([*early, *late]).lazy(), chosen(variants={"a": 50, "b": 50}))
    assert flat["ratio_alarm"].all()


def test_an_experiment_that_the_product_file_lacks_is_shown_and_not_judged() -> None:
    rows = exposed([(1, "a", BEGIN), (2, "b", BEGIN)])
    made = experiment_checks(rows.lazy(), product())
    assert made["people_counted"].to_list() == [1, 1]
    assert not made["is_configured"].any()
    assert made["people_expected"].null_count() == 2
    assert experiment_results(experiment_streams(rows), days_from("2026-03-02", 9), product()).is_empty()


def test_other_metrics_count_what_they_say() -> None:
    """Of one person: exposed at 10:00; came back on days 0 and 3, met two groups of friction, gave a score of 9."""
    when = BEGIN
    active = pl.DataFrame(
        [{"day": d.date(), "person_key": 1, "person_id": "user:1", "first_at": d, "events": 1} for d in (when, when + ONE_DAY * 3)],
        schema=TABLES["activity"].schema,
    )  # fmt: skip
    incidents = pl.DataFrame(
        [
            {"session_day": when.date(), "rule_set": "default", "person_key": 1, "started_at": when + timedelta(minutes=m), "friction_group": g}
            for m, g in ((-5, 1), (5, 2), (6, 2), (9, 3))
        ],
        schema={n: TABLES["friction_incidents"].schema[n] for n in ("session_day", "rule_set", "person_key", "started_at", "friction_group")},
    )  # fmt: skip
    answers = feedback_frame(
        [
            {"day": when.date(), "occurred_at": (when + ONE_DAY).isoformat(), "person_key": 1, "survey": "s", "question": "nps",
             "question_kind": "nps", "score": 9, "points": 100, "is_valid": True, "score_group": "high"}
        ]
    )  # fmt: skip
    reported = chosen(
        metrics={"back": {"kind": "retention"}, "upset": {"kind": "friction", "better": "lower"}, "nps": {"kind": "score", "survey": "s"}}
    )  # fmt: skip
    made = experiment_days(
        experiment_streams(exposed([(1, "b", when)]), activity=active, friction_incidents=incidents, feedback=answers),
        days_from("2026-03-02", 10),
        reported,
    )
    result = {
        r["metric"]: (r["sum_y"], r["sum_d"], r["sum_x"])
        for r in made.filter(pl.col("dimension") == "").rows(named=True)
    }
    assert result == {"back": (1.0, 1.0, 0.0), "upset": (2.0, 1.0, 1.0), "nps": (100.0, 1.0, 0.0)}


def test_the_local_day_of_the_exposure_is_no_return() -> None:
    """Exposed at 00:10 in a session of the day before: what the person did at 00:10 is no return."""
    when = at("2026-03-03T00:10")
    rows = exposed([(1, "b", when)]).with_columns(day=pl.lit(date(2026, 3, 2)))
    active = pl.DataFrame(
        [{"day": d.date(), "person_key": 1, "person_id": "user:1", "first_at": d, "events": 1} for d in (when - timedelta(minutes=20), when)],
        schema=TABLES["activity"].schema,
    )  # fmt: skip
    reported = chosen(metrics={"back": {"kind": "retention"}})
    made = experiment_days(experiment_streams(rows, activity=active), days_from("2026-03-02", 12), reported)
    assert made.filter(pl.col("dimension") == "")["sum_y"].to_list() == [0.0]


def test_exposures_are_the_first_of_a_person_day_and_variant() -> None:
    when = at("2026-03-02T10:00")
    schema = TABLES["session_events"].schema
    reported = (
        (0, None, None, False, 1), (1, "note", "a", False, 0), (2, "note", "a", False, 2), (3, "x/y", "z/1", False, 0), (4, "note", "b", True, 0),
    )  # fmt: skip
    rows = [
        {"person_key": 1, "session_key": 7, "event_index": position, "occurred_at": when + timedelta(minutes=position), "experiment_id": experiment,
         "variant": None if experiment is None else f"{experiment}/{variant}", "is_bot": bot, "segment_bits": bits}
        for position, experiment, variant, bot, bits in reported
    ]  # fmt: skip
    events = pl.DataFrame(rows, schema={n: schema[n] for n in rows[0]})
    names = ("session_key", "device_type", "os", "browser", "country", "channel")
    sessions = pl.DataFrame([(7, "mobile", "iOS", None, None, "direct")], schema={n: TABLES["sessions"].schema[n] for n in names}, orient="row")  # fmt: skip
    made = exposures(events.lazy(), sessions.lazy(), when.date())
    assert made.select("os", "browser").unique().rows() == [("iOS", "unknown")]
    result = made.select("experiment_id", "variant", "exposures", "first_at", "country", "segment_bits").rows()
    # What made the session part of a segment after the exposure may follow from it.
    assert result == [
        ("note", "a", 2, when + timedelta(minutes=1), "unknown", 1), ("x/y", "z/1", 1, when + timedelta(minutes=3), "unknown", 3),
    ]  # fmt: skip


def test_experiments_of_one_id_at_other_times_and_with_other_windows() -> None:
    days = days_from("2026-02-01", 80)
    first = [(p, "ab"[p % 2], BEGIN + timedelta(days=p % 5)) for p in range(20)]
    again = [(p, "ba"[p % 2], BEGIN + timedelta(days=20 + p % 5)) for p in range(20)]
    between = [(50, "a", BEGIN + timedelta(days=12))]
    reported = {
        "id": "note",
        "variants": {"a": 50, "b": 50},
        "control": "a",
        "metrics": {"buy": {"kind": "conversion"}},
    }
    early, late = {"valid_to": BEGIN.date() + timedelta(days=9)}, {"valid_from": BEGIN.date() + timedelta(days=20)}
    twice = product(
        time_zone="UTC",
        experiments={
            "one": {**reported, **early}, "two": {**reported, **late}, "long": {**reported, **late, "window_days": 14},
            "note": {**reported, "id": "else"},
        },
    )  # fmt: skip
    orders = [(p, BEGIN + timedelta(days=20 + p % 5 + 9), 1) for p in range(20)]
    streams = experiment_streams(exposed([*first, *again, *between]), outcomes=bought(orders))
    checks = experiment_checks(streams.exposures, twice)
    # Nobody saw two variants of one of them, though all did of the id.
    whole = checks.group_by("experiment").agg(pl.col("people_exposed", "people_set_aside").sum()).sort("experiment")
    assert whole.rows() == [("long", 20, 0), ("one", 20, 0), ("two", 20, 0)]
    sums = (
        experiment_days(streams, days, twice)
        .filter(dimension="")
        .group_by("experiment")
        .agg(pl.col("people_with").sum())
    )
    assert dict(sums.rows()) == {"one": 0, "two": 0, "long": 20}
