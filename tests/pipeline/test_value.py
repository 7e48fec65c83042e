"""What people are worth: N-day value, RFM, currencies, behaviour beside value; tables of cases and slow oracles."""

import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support import at, days_from, events_frame, first_seen, product

from pipeline.core.days import ONE_DAY
from pipeline.core.registry import TABLES
from pipeline.domains.kpis.segment_validity import segment_validity
from pipeline.domains.value.behaviour import READS, behaviour_values
from pipeline.domains.value.bgnbd import BgNbd, chance_alive, expected_purchases, fit_gamma_gamma
from pipeline.domains.value.cohorts import revenue_cells, value_counts
from pipeline.domains.value.customers import customers
from pipeline.domains.value.daily import outcomes
from pipeline.events.matching import revenue_of
from pipeline.stats import buckets
from pipeline.stats.standardised import effects, marked, sums

Row = dict[str, Any]
DAY = date(2026, 2, 2)


def bought(rows: Sequence[Row]) -> pl.DataFrame:
    """Outcomes by the contract from person, instant (UTC) and micro-units; below 0: given back."""
    full = [
        {
            "day": row["at"].date(),
            "person_key": row["person"],
            "occurred_at": row["at"],
            "goal_bits": int(row["micros"] >= 0),
            "orders": int(row["micros"] >= 0),
            "refunds": int(row["micros"] < 0),
            "revenue_micros": row["micros"],
        }
        for row in rows
    ]
    summed = pl.DataFrame(full, schema=TABLES["outcomes"].schema).group_by("day", "person_key", "occurred_at")
    return TABLES["outcomes"].conform(
        summed.agg(pl.col("goal_bits").max(), pl.col("orders", "refunds", "revenue_micros").sum())
    )


def seen(rows: Sequence[tuple[int, datetime]]) -> pl.DataFrame:
    """Activity by the contract from person and instant: the first of each day."""
    frame = pl.DataFrame(rows, schema={"person_key": pl.Int64, "first_at": pl.Datetime("us", "UTC")}, orient="row")
    days = frame.with_columns(day=pl.col("first_at").dt.date()).group_by("person_key", "day")
    return TABLES["activity"].conform(
        days.agg(pl.col("first_at").min(), events=pl.len()).with_columns(person_id=pl.format("user:{}", "person_key"))
    )


def test_immature_cohorts_are_left_out_of_the_value() -> None:
    """300 people in three cohorts: 1,540 over all is 5.13 each, but only the first 100 have had their 30 days: 5.00."""
    chosen = product(time_zone="UTC", value={"windows_days": [1, 30]})
    amounts = {at("2026-02-02T10:00"): 500, at("2026-03-02T10:00"): 520, at("2026-03-09T10:00"): 520}
    orders: list[Row] = []
    people: list[tuple[int, datetime]] = []
    for i, (when, amount) in enumerate(amounts.items()):
        members = range(100 * i, 100 * i + 100)
        people += [(person, when) for person in members]
        orders += [{"person": person, "at": when + timedelta(hours=1), "micros": amount * 10_000} for person in members]
    days = days_from("2026-02-02", 37)
    made = value_counts(bought(orders).lazy(), first_seen(seen(people).lazy()), days, chosen)
    result = {row["window_days"]: row for row in made.filter(pl.col("period") == "all").rows(named=True)}
    assert (result[1]["people_mature"], result[1]["revenue_micros"]) == (300, 1_540 * 1_000_000)
    assert result[1]["revenue_micros"] / 1e6 / result[1]["people_mature"] == pytest.approx(5.13, abs=0.005)
    assert (result[30]["people_in_cohort"], result[30]["people_mature"]) == (300, 100)
    assert result[30]["revenue_micros"] / 1e6 / result[30]["people_mature"] == 5.00
    weeks = made.filter(pl.col("period") == "week", pl.col("window_days") == 30).sort("cohort_start")
    assert weeks["people_mature"].to_list() == [100, 0, 0]
    assert weeks["cohort_start"].to_list() == [date(2026, 2, 2), date(2026, 3, 2), date(2026, 3, 9)]


def test_a_window_is_of_seconds_and_refunds_count_on_their_own_day() -> None:
    chosen = product(time_zone="Europe/Berlin", value={"windows_days": [2]})
    begin = at("2026-03-28T12:00")
    rows = [
        {"person": 1, "at": begin, "micros": 10_000_000},
        {"person": 1, "at": begin + timedelta(days=1), "micros": -4_000_000},
        # 172,800 s later, whatever the clock change in between says.
        {"person": 1, "at": begin + timedelta(days=2), "micros": 7_000_000},
        {"person": 1, "at": begin + timedelta(days=2, microseconds=-1), "micros": 500_000},
    ]
    made = value_counts(bought(rows).lazy(), first_seen(seen([(1, begin)]).lazy()), days_from("2026-03-28", 5), chosen)
    assert made.filter(pl.col("period") == "all")["revenue_micros"].to_list() == [6_500_000]


def _slow_value(rows: list[Row], people: list[tuple[int, datetime]], end: datetime, length: int) -> tuple[int, int]:
    begun: dict[int, datetime] = {}
    for person, when in people:
        begun[person] = min(begun.get(person, when), when)
    window = timedelta(days=length)
    mature = {person for person, when in begun.items() if when + window <= end}
    inside = [
        row["micros"] for row in rows
        if row["person"] in mature and begun[row["person"]] <= row["at"] < begun[row["person"]] + window
    ]  # fmt: skip
    return len(mature), sum(inside)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([1, 4]))
def test_value_is_that_of_a_slow_look_at_each_person(seed: int, ranges: int) -> None:
    chance = random.Random(seed)
    begin = at("2026-02-02T00:00")
    people = [
        (chance.randrange(6) * 2**60 - 2**61, begin + timedelta(minutes=chance.randrange(14 * 1440))) for _ in range(12)
    ]
    rows: list[Row] = [
        {"person": person, "at": when + timedelta(minutes=chance.randrange(8 * 1440)), "micros": chance.randint(-5, 9) * 1_000_000}
        for person, when in people
        for _ in range(chance.randrange(3))
    ]  # fmt: skip
    rows = [row for row in rows if row["at"] < begin + timedelta(days=16)]
    chosen = product(time_zone="UTC", value={"windows_days": [1, 3, 7]})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(buckets, "BUCKET_ROWS", 10**9 if ranges == 1 else 4)
        made = value_counts(bought(rows).lazy(), first_seen(seen(people).lazy()), days_from("2026-02-02", 16), chosen)
    for row in made.filter(pl.col("period") == "all").rows(named=True):
        slow = _slow_value(rows, people, begin + timedelta(days=16), row["window_days"])
        assert (row["people_mature"], row["revenue_micros"]) == slow
    by_week = made.filter(pl.col("period") == "week").group_by("window_days").agg(pl.col("revenue_micros").sum())
    whole = made.filter(pl.col("period") == "all").select("window_days", "revenue_micros")
    assert by_week.sort("window_days").rows() == whole.sort("window_days").rows()


def test_nothing_bought_gives_empty_tables() -> None:
    none = bought([]).lazy()
    assert revenue_cells(none, days_from("2026-02-02", 3)).is_empty()
    assert customers(none, first_seen(seen([]).lazy()), days_from("2026-02-02", 3), product()).is_empty()
    assert value_counts(none, first_seen(seen([]).lazy()), [], product()).is_empty()


def test_rfm_scores_by_how_many_are_strictly_worse() -> None:
    """Ten buyers: the last purchase of each a day later than that of the one before; values 1 x 5, 2 x 5."""
    rows = [
        {"person": i, "at": at("2026-02-02T10:00") + ONE_DAY * i, "micros": (1 + i // 5) * 1_000_000} for i in range(10)
    ]
    active = seen([(row["person"], row["at"]) for row in rows])
    made = customers(bought(rows).lazy(), first_seen(active.lazy()), days_from("2026-02-02", 12), product()).sort(
        "person_key"
    )
    assert made["recency_score"].to_list() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert made["frequency_score"].to_list() == [1] * 10
    assert made["monetary_score"].to_list() == [1] * 5 + [3] * 5
    # Ten people tell nothing of how buyers return.
    assert made["chance_alive"].null_count() == 10


def test_other_currencies_are_changed_at_the_rate_of_their_day() -> None:
    chosen = product(
        exchange_rates={"USD": 0.5, "CHF": [{"rate": 1.0}, {"valid_from": "2026-02-03", "rate": 2.0}]}, currency="EUR"
    )
    # Midnight of 3 February in Berlin is 23:00 UTC.
    cases = [
        ("order", "EUR", "2026-02-02T10:00", 10, 10), ("order", None, "2026-02-02T10:00", 10, 10),
        ("order", "USD", "2026-02-02T10:00", 11, 6), ("refund", "USD", "2026-02-02T10:00", -10, -5),
        ("order", "CHF", "2026-02-02T22:59", 10, 10), ("order", "CHF", "2026-02-02T23:00", 10, 20),
        ("order", "JPY", "2026-02-02T10:00", 10, None), ("click", "EUR", "2026-02-02T10:00", 10, None),
    ]  # fmt: skip
    rows = [
        {"occurred_at": at(when), "kind": kind, "currency": currency, "revenue_micros": micros}
        for kind, currency, when, micros, _ in cases
    ]
    result = events_frame(rows).select(revenue_of(chosen))["revenue_micros"].to_list()
    assert result == [expected for *_, expected in cases]


def test_outcomes_leave_out_bots_and_put_an_instant_together() -> None:
    when = at("2026-02-02T10:00")
    rows = [
        {"occurred_at": when, "kind": "order", "revenue_micros": 5},
        {"occurred_at": when, "kind": "order", "revenue_micros": 7},
        {"occurred_at": when, "kind": "refund", "revenue_micros": -2},
        {"occurred_at": when, "kind": "order", "revenue_micros": 100, "is_bot": True, "person_key": 2},
        {"occurred_at": when, "kind": "order", "revenue_micros": 100, "person_key": None},
    ]
    made = outcomes(events_frame(rows).lazy(), DAY, product())
    assert made.rows(named=True) == [
        {"day": DAY, "person_key": 1, "occurred_at": when, "goal_bits": 1, "orders": 2, "refunds": 1, "revenue_micros": 10}
    ]  # fmt: skip


def validity_of(bits: Sequence[tuple[int, str, int]]) -> list[tuple[str, int, str, str | None, int]]:
    rows = [
        {"person_key": person, "started_at": at(when), "segment_bits": bit, "session_key": i}
        for i, (person, when, bit) in enumerate(bits)
    ]
    schema = {name: TABLES["session_kpis"].schema[name] for name in ("person_key", "started_at", "segment_bits", "session_key")}  # fmt: skip
    chosen = product(segments={"a": {"kind": "click"}, "b": {"kind": "order"}})
    active = pl.DataFrame({"person_key": [1, 2], "person_id": ["user:1", "user:2"]})
    made = segment_validity(pl.DataFrame(rows, schema=schema).lazy(), active.lazy(), chosen)
    return [
        (r["segment"], r["person_key"], f"{r['valid_from']:%dT%H}", r["valid_to"] and f"{r['valid_to']:%dT%H}", r["sessions"])
        for r in made.rows(named=True)
    ]  # fmt: skip


def test_a_person_is_in_a_segment_until_a_session_that_is_not() -> None:
    reported = [
        (1, "2026-02-02T10:00", 1), (1, "2026-02-03T10:00", 3), (1, "2026-02-04T10:00", 2), (1, "2026-02-05T10:00", 1),
        # Two sessions that begin at once, on two devices: what one of them fits, counts.
        (2, "2026-02-02T10:00", 0), (2, "2026-02-02T10:00", 1),
    ]  # fmt: skip
    assert validity_of(reported) == [
        ("a", 1, "02T10", "04T10", 2), ("a", 1, "05T10", None, 1), ("a", 2, "02T10", None, 2), ("b", 1, "03T10", "05T10", 2),
    ]  # fmt: skip


def _slow_effect(people: list[Row], did: set[int]) -> float | None:
    cells: dict[str, dict[bool, list[int]]] = defaultdict(lambda: defaultdict(list))
    for person in people:
        cells[person["s"]][person["person_key"] in did].append(person["y"])
    kept = [c for c in cells.values() if min(len(c[True]), len(c[False])) >= 5]
    n = sum(len(c[True]) for c in kept)
    if not n:
        return None
    return sum(sum(c[True]) - len(c[True]) * sum(c[False]) / len(c[False]) for c in kept) / n


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10_000))
def test_standardised_effects_are_those_of_a_slow_count(seed: int) -> None:
    chance = random.Random(seed)
    people = [
        {"person_key": i, "s": chance.choice("abc"), "y": chance.randint(-3, 9)} for i in range(chance.randint(1, 80))
    ]
    did = {i for i in range(len(people)) if chance.random() < 0.4}
    frame = pl.DataFrame(people)
    interactions = pl.DataFrame(
        {"person_key": sorted(did), "b": ["x"] * len(did)}, schema={"person_key": pl.Int64, "b": pl.String}
    )
    made = effects(*sums(frame, interactions, ["s"], ["b"]), ["s"], ["b"], 1)
    slow = _slow_effect(people, did)
    result = made["effect"].to_list()
    assert (result == [pytest.approx(slow, abs=1e-6)]) if slow is not None else result in ([], [None])


def _first_weeks(seed: int, effect: float) -> tuple[pl.DataFrame, dict[str, pl.LazyFrame]]:
    """People of whom the active ones do more of everything and come back more; `x` adds `effect` to coming back."""
    chance = random.Random(seed)
    visits: list[tuple[int, datetime]] = []
    used: list[Row] = []
    sessions: list[Row] = []
    for person in range(1_500):
        begin = at("2026-02-02T10:00") + timedelta(days=chance.randrange(5))
        activity = 1 + min(3, int(chance.expovariate(0.8)))
        days = [begin + ONE_DAY * i for i in range(activity)]
        visits += [(person, day) for day in days]
        about = {"device_type": "mobile", "channel": "search", "session_key": person}
        sessions.append({"person_key": person, "started_at": begin, "session_day": begin.date(), **about})
        did = [name for name in ("x", *(f"n{i}" for i in range(9))) if chance.random() < 0.15 * activity]
        used += [
            {"person_key": person, "day": begin.date(), "first_at": begin, "feature": name, "uses": 1} for name in did
        ]
        if chance.random() < 0.1 * activity + (effect if "x" in did else 0):
            visits.append((person, begin + ONE_DAY * chance.randint(8, 30)))
    empty = {name: TABLES[name].schema.to_frame().lazy() for name in READS}
    features = pl.DataFrame(used, schema={n: TABLES["feature_days"].schema[n] for n in used[0]})
    known = pl.DataFrame(sessions, schema={n: TABLES["session_kpis"].schema[n] for n in sessions[0]})
    return seen(visits), {**empty, "feature_days": features.lazy(), "session_kpis": known.lazy()}


def test_a_behaviour_without_effect_is_not_marked_though_active_people_do_more_of_it() -> None:
    days = days_from("2026-02-02", 60)
    marks = 0
    for seed in range(20):
        active, beside = _first_weeks(seed, 0.0)
        result = behaviour_values(active.lazy(), beside, days, product()).filter(pl.col("outcome") == "retained")
        assert result.height == 10
        # The plain comparison calls all of it good.
        assert result["plain_difference"].mean() > 0.03
        marks += int(result["is_marked"].sum())
    # At q < 0.10 a night with any mark at all is one in ten where nothing has an effect.
    assert marks <= 6


def test_a_behaviour_with_effect_is_marked_and_its_interval_holds_it() -> None:
    days = days_from("2026-02-02", 60)
    held = 0
    for seed in range(20):
        active, beside = _first_weeks(seed, 0.15)
        result = behaviour_values(active.lazy(), beside, days, product()).filter(
            pl.col("outcome") == "retained", pl.col("behaviour") == "x"
        )
        row = result.row(0, named=True)
        assert row["is_marked"]
        held += row["low"] <= 0.15 <= row["high"]
    assert held >= 17


def test_outcomes_start_on_day_7_and_only_mature_people_count() -> None:
    """Of five who did it and were there on one day only, two came back in time; of five active twice, on day 6, none."""
    begin = at("2026-02-02T10:00")
    later = {0: 7, 1: 34, 2: 35, **dict.fromkeys(range(5, 10), 6), **dict.fromkeys(range(15, 20), 5)}
    visits = [(person, begin) for person in range(20)] + [(p, begin + ONE_DAY * day) for p, day in later.items()]
    empty = {name: TABLES[name].schema.to_frame().lazy() for name in READS}
    used = [{"person_key": p, "day": begin.date(), "first_at": begin, "feature": "x", "uses": 1} for p in range(10)]
    features = pl.DataFrame(used, schema={n: TABLES["feature_days"].schema[n] for n in used[0]}).lazy()
    beside = {**empty, "feature_days": features}
    days = days_from("2026-02-02", 35)
    row = behaviour_values(seen(visits).lazy(), beside, days, product()).row(0, named=True)
    assert (row["outcome"], row["people_with"], row["people_without"]) == ("retained", 10, 10)
    assert (row["mean_with"], row["mean_without"]) == (pytest.approx(0.2), pytest.approx(0.0))
    # Fewer than 30 people a side are no test.
    assert row["p_value"] is None
    assert behaviour_values(seen(visits).lazy(), beside, days[:34], product()).is_empty()


def test_who_may_have_done_it_after_the_step_is_on_neither_side() -> None:
    """Of a day only the first use is known: who used it before the step, too, may have used it again after."""
    begin = at("2026-02-02T10:00")
    people = range(40)
    steps = [
        {"day": DAY, "funnel": "purchase", "person_key": p, "occurred_at": begin + timedelta(minutes=m), "steps": bits}
        for p in people
        for m, bits in ((0, 1), *([(30, 2)] if p % 2 else []))
    ]
    # 0-9 before the step, 10-19 between the steps, 20-29 within seconds of the next one, 30-39 not at all.
    when = {0: -5, 1: 10, 2: 29.95}
    used = [
        {"person_key": p, "day": DAY, "first_at": begin + timedelta(minutes=when[p // 10]), "feature": "x", "uses": 1}
        for p in people
        if p // 10 in when
    ]
    empty = {name: TABLES[name].schema.to_frame() for name in READS}
    tables = {
        **empty,
        "feature_days": pl.DataFrame(used, schema={n: TABLES["feature_days"].schema[n] for n in used[0]}),
        "step_events": pl.DataFrame(steps, schema={n: TABLES["step_events"].schema[n] for n in steps[0]}),
    }
    active = seen([(p, begin) for p in people])
    made = behaviour_values(
        active.lazy(), {n: t.lazy() for n, t in tables.items()}, days_from("2026-02-02", 20), product()
    )
    (row,) = made.filter(pl.col("kind") == "step_suggestion").rows(named=True)
    assert row["behaviour"] == "purchase: Home > feature x"
    # Those without: whose only use was the step's own click, if they took the step, and those of none.
    late = sum(p % 2 == 0 for p in range(20, 30))
    assert (row["people_with"], row["people_without"]) == (10 + late, 20 - late)


def test_a_value_without_a_mean_is_not_expected() -> None:
    chance = np.random.default_rng(1)
    x = np.ones(5_000)
    assert fit_gamma_gamma(x, chance.pareto(0.6, 5_000) + 0.5) is None
    assert fit_gamma_gamma(x[:50], x[:50]) is None


def test_marks_are_over_all_behaviours_of_an_outcome() -> None:
    tests = pl.DataFrame({"outcome": ["a"] * 4, "p_value": [0.01, 0.04, 0.3, None]})
    made = marked(tests, ["outcome"]).sort("p_value", nulls_last=True)
    assert made["q_value"].to_list() == [pytest.approx(0.03), pytest.approx(0.06), pytest.approx(0.3), None]
    assert made["is_marked"].to_list() == [True, True, False, False]


# r, alpha, a, b, repeats, weeks to the last, weeks seen, weeks ahead; the value by mpmath with 60 digits.
DAILY = (0.935791, 1.93954, 1.71998, 26.5377)
EXPECTED = [
    ((*DAILY, 388, 57.0, 57.0, 521.428571), 458.9195609683472),
    ((*DAILY, 484, 71.4, 71.5, 260.714), 461.3885097233894),
    ((*DAILY, 1061, 156.3, 156.4, 156.4), 579.9377131132804),
    # Gone for three years: as good as never again.
    ((*DAILY, 1061, 1.5, 156.4, 156.4), 0.0),
    # The published example of two purchases in 30.43 of 38.86 weeks.
    ((0.243, 4.414, 0.793, 2.426, 2, 30.43, 38.86, 39.0), 1.2260281747671444),
    ((0.5, 4, 1.00001, 2.5, 3, 10.0, 20.0, 520.0), 5.903790933252136),
    # Both limits.
    ((0.5, 4, 1.0, 2.5, 3, 10.0, 20.0, 52.0), 1.8970269444033232),
    ((0.5, 4, 0.4, 0.6, 0, 0.0, 20.0, 52.0), 0.747905951631079),
]


@pytest.mark.parametrize(("given", "right"), EXPECTED)
def test_purchases_ahead_of_anybody_over_any_time(given: tuple[float, ...], right: float) -> None:
    r, alpha, a, b, x, t_x, t, ahead = given
    person = [np.array([float(each)]) for each in (x, t_x, t)]
    with np.errstate(all="raise", under="ignore"):
        result = expected_purchases(BgNbd(r, alpha, a, b, 0), person[0], person[1], person[2], ahead)
    assert float(result[0]) == pytest.approx(right, rel=1e-6, abs=1e-12)


@settings(max_examples=200, deadline=None)
@given(
    parameters=st.tuples(*(st.floats(low, high) for low, high in ((0.01, 200), (0.1, 1000), (0.01, 50), (0.01, 500)))),
    x=st.integers(0, 5000), recent=st.floats(0, 1), t=st.floats(1, 600), ahead=st.floats(1, 530),
)  # fmt: skip
@example(parameters=(1.0, 1.0, 7.0, 1.0), x=99, recent=1.0, t=3.0, ahead=28.0)
@example(parameters=(66.0, 1.0, 24.0, 1.0), x=148, recent=1.0, t=1.0, ahead=47.0)
@example(parameters=(65.5, 1.0, 26.0, 1.0), x=146, recent=1.0, t=1.0, ahead=22.0)
@example(parameters=(0.5, 0.1015625, 0.5, 178.0), x=0, recent=0.0, t=1.0, ahead=220.0)
@example(parameters=(0.5, 0.1015625, 0.5, 173.0), x=0, recent=0.0, t=1.0, ahead=221.0)
def test_nobody_is_without_an_expectation(
    parameters: tuple[float, float, float, float], x: int, recent: float, t: float, ahead: float
) -> None:
    model = BgNbd(*(float(f"{each:.6g}") for each in parameters), log_likelihood=0)
    t_x = recent * t if x else 0.0
    person = [np.array([each]) for each in (float(x), t_x, t)]
    soon, late = (
        float(expected_purchases(model, person[0], person[1], person[2], far)[0]) for far in (ahead, 2 * ahead)
    )
    assert 0 <= soon <= late * (1 + 1e-6) + 1e-9
    assert np.isfinite(late)
    assert 0 <= float(chance_alive(model, person[0], person[1], person[2])[0]) <= 1
