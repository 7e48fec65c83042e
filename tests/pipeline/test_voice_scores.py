"""Scores: what the intervals cover, sums that add up, and an independent computation of clustered intervals."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise
from math import sqrt
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import days_from, feedback_frame, product

from pipeline.core.registry import TABLES
from pipeline.domains.alerts.metric_alerts import metric_alerts
from pipeline.domains.alerts.watched_scores import watched_scores
from pipeline.domains.voice.scores import feedback_counts, score_results
from pipeline.stats.intervals import mean, nps, wilson
from pipeline.stats.periods import usual_periods

DRAWS = 10_000
PRODUCT = product(
    surveys={
        "shop": {"questions": {"recommend": {"kind": "nps"}, "ease": {"kind": "ces"}, "why": {"kind": "text"}}},
        "pulse": {"audience": "team", "questions": {"mood": {"kind": "csat"}}},
    },
    segments={"plus": {"properties": {"plan": "plus"}}, "vip": {"properties": {"vip": "true"}}},
)
DAYS = days_from("2026-02-02", 14)
POINTS = {"nps": {"high": 100, "middle": 0, "low": -100}, "csat": {"high": 100, "middle": 0, "low": 0}}


def scored(
    day: date, score_group: str, *, kind: str = "nps", question: str = "recommend", **more: Any
) -> dict[str, Any]:
    points = more.pop("points", None) if kind == "ces" else POINTS[kind][score_group]
    return {
        "day": day, "question": question, "question_kind": kind, "score_group": score_group, "points": points, "is_valid": True,
        **more,
    }  # fmt: skip


@pytest.mark.parametrize(("p", "d"), [(0.5, 0.2), (0.3, 0.3), (0.7, 0.05), (0.05, 0.8)])
@pytest.mark.parametrize("n", [10, 30, 200])
def test_the_interval_of_an_nps_covers_what_it_says(p: float, d: float, n: int) -> None:
    draws = np.random.default_rng(1).multinomial(n, [p, d, 1 - p - d], DRAWS)
    true = 100 * (p - d)
    ends = [nps(int(high), int(low), n) or (0, 0) for high, low, _ in draws]
    assert 0.93 <= np.mean([low <= true <= high for low, high in ends]) <= 0.98


@pytest.mark.parametrize("n", [10, 30, 100])
def test_wilsons_interval_covers_95_per_cent_on_the_mean(n: int) -> None:
    random = np.random.default_rng(2)
    covered: list[float] = []
    for p in np.arange(0.05, 0.951, 0.05):
        held = {hits: low <= p <= high for hits in range(n + 1) for low, high in [wilson(hits, n) or (0, 0)]}
        covered.append(float(np.mean([held[int(hits)] for hits in random.binomial(n, p, DRAWS)])))
    assert 0.94 <= np.mean(covered) <= 0.96


@pytest.mark.parametrize("shares", [(0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.3), (0.3, 0.1, 0.05, 0.05, 0.1, 0.15, 0.25)])
@pytest.mark.parametrize("n", [30, 100])
def test_the_interval_of_a_ces_covers_what_it_says(shares: tuple[float, ...], n: int) -> None:
    answers = np.random.default_rng(3).choice(np.arange(1, 8), (DRAWS, n), p=shares)
    true = float(np.dot(shares, np.arange(1, 8)))
    totals, squares = answers.sum(1), (answers**2).sum(1)
    ends = [mean(int(t), int(s), n) or (0.0, 0.0) for t, s in zip(totals, squares, strict=True)]
    assert 0.92 <= np.mean([low <= true <= high for low, high in ends]) <= 0.97
    assert mean(100, 400, 29) is None, "too few to tell"


def test_intervals_keep_to_their_scales() -> None:
    low, high = nps(10, 0, 10) or (0, 0)
    assert high == 100
    assert 40 < low < 60
    assert wilson(0, 5) is not None
    assert (wilson(0, 5) or (1, 1))[0] == 0
    assert wilson(0, 0) is None
    assert nps(0, 0, 0) is None


def test_an_nps_worked_out_by_hand() -> None:
    # 5 promoters, 3 passives, 2 detractors of 10: 30. p' = 5.75/13 = .4423, d' = 2.75/13 = .2115; p' - d' = .2308;
    # half = 1.96 sqrt((.6538 - .0533)/13) = 1.96 x .2149 = .4213: -19.05 to 65.21.
    rows = [scored(DAYS[0], score_group) for score_group in ["high"] * 5 + ["middle"] * 3 + ["low"] * 2]
    result = score_results(feedback_frame(rows).lazy(), DAYS, PRODUCT)
    (row,) = result.filter(pl.col("period") == "all", pl.col("dimension") == "").to_dicts()
    assert (row["responses"], row["high"], row["middle"], row["low"], row["points"]) == (10, 5, 3, 2, 300)
    assert (round(row["low_end"], 1), round(row["high_end"], 1)) == (-19.1, 65.2)
    assert row["design_effect"] == 1


def clustered(values: Sequence[tuple[int, int]]) -> float:
    """How much the variance of a mean grows with people as clusters; slow and by the textbook."""
    n, average = len(values), sum(value for _, value in values) / len(values)
    by_person: dict[int, float] = defaultdict(float)
    for person, value in values:
        by_person[person] += value - average
    people = len(by_person)
    simple = sum((value - average) ** 2 for _, value in values)
    if people == n:
        return 1.0
    if people < 2:
        return float(n)
    together = sum(total**2 for total in by_person.values()) * people / (people - 1)
    return max(1.0, together / simple) if simple > 0 else 1.0


@settings(max_examples=500, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["high", "middle", "low"])), min_size=1, max_size=40))
def test_people_who_answer_more_than_once_widen_the_interval(answers: list[tuple[int, str]]) -> None:
    rows = [scored(DAYS[0], score_group, person_key=person) for person, score_group in answers]
    result = score_results(feedback_frame(rows).lazy(), DAYS, PRODUCT)
    (row,) = result.filter(pl.col("period") == "all", pl.col("dimension") == "").to_dicts()
    effect = clustered([(person, POINTS["nps"][score_group]) for person, score_group in answers])
    assert row["design_effect"] == pytest.approx(effect)
    assert row["people"] == len({person for person, _ in answers})
    n, high, low = len(answers) / effect, row["high"] / effect, row["low"] / effect
    p, d = (high + 0.75) / (n + 3), (low + 0.75) / (n + 3)
    half = 1.959964 * sqrt((p + d - (p - d) ** 2) / (n + 3))
    assert row["low_end"] == pytest.approx(max(-100, 100 * (p - d - half)), abs=1e-3)
    assert row["high_end"] == pytest.approx(min(100, 100 * (p - d + half)), abs=1e-3)


EVENT = st.fixed_dictionaries(
    {
        "day": st.sampled_from(DAYS[:4]),
        "kind": st.sampled_from(["survey_shown", "survey_dismissed", "survey_answered", "survey_answered"]),
        "response_key": st.integers(0, 8),
        "question_kind": st.sampled_from(["nps", "text", "choice"]),
        "score_group": st.sampled_from(["high", "middle", "low"]),
        "is_valid": st.booleans(),
        "device_type": st.sampled_from(["mobile", "desktop"]),
        "page": st.sampled_from(["", "home"]),
        "segment_bits": st.integers(0, 3),
        "person_key": st.sampled_from([None, 1, 2]),
        "text": st.sampled_from([None, "good", "bad"]),
    }
)


def event(drawn: dict[str, Any], number: int) -> dict[str, Any]:
    kind = drawn["question_kind"]
    row = {
        **drawn,
        "event_id": f"e{number:03}",
        "question": {"nps": "recommend", "text": "why", "choice": "reason"}[kind],
    }
    if row["kind"] != "survey_answered":
        return {**row, "question": "", "question_kind": "", "is_valid": False, "score_group": None, "text": None}
    row["is_valid"] = kind == "nps" and drawn["is_valid"]
    row["points"] = POINTS["nps"][drawn["score_group"]] if row["is_valid"] else None
    row["score_group"] = drawn["score_group"] if row["is_valid"] else None
    row["text"] = drawn["text"] if kind == "text" else None
    row["non_answer"] = "(blank)" if kind == "text" and drawn["text"] is None else None
    return row


@settings(max_examples=500, deadline=None)
@given(st.lists(EVENT, max_size=40), st.randoms())
def test_counts_against_a_slow_count_in_whatever_order(drawn: list[dict[str, Any]], random: Any) -> None:
    rows = [event(each, i) for i, each in enumerate(drawn)]
    frame = feedback_frame(rows) if rows else TABLES["feedback"].schema.to_frame()
    result = feedback_counts(frame.lazy(), PRODUCT)
    shuffled = list(range(frame.height))
    random.shuffle(shuffled)
    assert feedback_counts(frame[shuffled].lazy(), PRODUCT).equals(result)
    everybody = result.filter(pl.col("segment") == "")
    answered = [row for row in rows if row["kind"] == "survey_answered"]
    last: dict[int, dict[str, Any]] = {}
    for row in sorted(answered, key=lambda r: (r["day"], r["event_id"])):
        # Of texts and choices a response's last; of scores the last that counts.
        last[row["response_key"]] = row
    whole = everybody.filter(pl.col("question") == "")
    assert whole["impressions"].sum() == sum(row["kind"] == "survey_shown" for row in rows)
    assert whole["dismissals"].sum() == sum(row["kind"] == "survey_dismissed" for row in rows)
    assert whole["responses"].sum() == len(last)
    best = {r["response_key"]: r for r in sorted(answered, key=lambda r: (r["day"], r["event_id"])) if r["is_valid"]}
    scores = everybody.filter(pl.col("question") == "recommend")
    assert scores["responses"].sum() == len(best)
    assert scores["points"].sum() == sum(row["points"] for row in best.values())
    assert {n: scores[n].sum() for n in ("high", "low")} == {
        n: sum(row["score_group"] == n for row in best.values()) for n in ("high", "low")
    }
    # A response that is in two segments counts in each.
    segments = {
        name: result.filter(pl.col("segment") == name, pl.col("question") == "recommend") for name in ("plus", "vip")
    }
    for bit, counted in enumerate(segments.values()):
        assert counted["responses"].sum() == sum(bool(row["segment_bits"] >> bit & 1) for row in best.values())


def test_days_add_up_to_the_period_and_people_do_not() -> None:
    rows = [
        scored(day, score_group, person_key=i % 3, device_type=device)
        for i, (day, score_group, device) in enumerate(
            (day, score_group, device)
            for day in DAYS
            for score_group in ("high", "low", "high")
            for device in ("mobile", "desktop")
        )
    ]
    frame = feedback_frame(rows).lazy()
    results = score_results(frame, DAYS, PRODUCT)
    weeks = results.filter(pl.col("period") == "week", pl.col("dimension") == "")
    (whole,) = results.filter(pl.col("period") == "all", pl.col("dimension") == "").to_dicts()
    counts = feedback_counts(frame, PRODUCT).filter(pl.col("question") == "recommend", pl.col("segment") == "")
    for name in ("responses", "high", "middle", "low", "points"):
        assert counts[name].sum() == whole[name] == weeks[name].sum(), name
    assert weeks.height == 2
    assert weeks["people"].sum() == 6
    assert whole["people"] == 3
    for column in TABLES["feedback_counts"].columns:
        if "device_type" in column.adds_over:
            by_device = counts.group_by("device_type").agg(pl.col(column.name).sum())
            assert by_device[column.name].sum() == counts[column.name].sum()


def test_a_response_rate_is_told_only_where_the_showing_is() -> None:
    shown = {"kind": "survey_shown", "question": "", "question_kind": ""}
    rows = [
        *({"day": DAYS[0], "response_key": 100 + i, **shown} for i in range(4)),
        scored(DAYS[0], "high"),
        scored(DAYS[1], "low"),
    ]
    result = feedback_counts(feedback_frame(rows).lazy(), PRODUCT).filter(
        pl.col("question") == "", pl.col("segment") == ""
    )
    assert result.select("day", "impressions", "responses", "responses_measured").rows() == [
        (DAYS[0], 4, 1, 1),
        (DAYS[1], 0, 1, 0),
    ]


def test_a_response_is_booked_where_and_when_its_survey_was_shown() -> None:
    shown = {"kind": "survey_shown", "question": "", "question_kind": ""}
    rows = [
        {"day": DAYS[0], "person_key": 1, "page": "home", **shown},
        {"day": DAYS[0], "person_key": 2, "page": "product", **shown},
        # On another page, and a day later; then a second time to one showing; then without any.
        scored(DAYS[0], "high", person_key=1, page="product", occurred_at=f"{DAYS[0]}T13:00:00+00:00"),
        scored(DAYS[1], "high", person_key=2, page="product"),
        scored(DAYS[2], "high", person_key=2, page="product"),
        scored(DAYS[2], "high", person_key=3, page="product"),
    ]
    result = feedback_counts(feedback_frame(rows).lazy(), PRODUCT).filter(
        pl.col("question") == "", pl.col("segment") == ""
    )
    assert result.select("day", "page", "impressions", "responses", "responses_measured").rows() == [
        (DAYS[0], "home", 1, 1, 1),
        (DAYS[0], "product", 1, 1, 1),
        (DAYS[2], "product", 0, 2, 0),
    ]


def test_an_answer_keeps_its_own_trigger_and_is_measured_by_showings_of_it() -> None:
    shown = {"kind": "survey_shown", "question": "", "question_kind": ""}
    rows = [
        {"day": DAYS[0], "person_key": 1, "trigger": "widget", **shown, "occurred_at": f"{DAYS[0]}T10:00:00+00:00"},
        {
            "day": DAYS[0],
            "person_key": 1,
            "trigger": "exit_intent",
            **shown,
            "occurred_at": f"{DAYS[0]}T11:00:00+00:00",
        },
        # To the first of two showings; to none of its trigger; without a trigger, so to the last showing.
        scored(DAYS[0], "high", person_key=1, trigger="widget"),
        scored(DAYS[1], "high", person_key=1, trigger="email"),
        scored(DAYS[2], "high", person_key=1),
        {"day": DAYS[3], "trigger": "widget", **shown},
        scored(DAYS[3], "high", trigger="widget"),
        scored(DAYS[3], "high", trigger="email"),
    ]
    result = feedback_counts(feedback_frame(rows).lazy(), PRODUCT).filter(
        pl.col("question") == "", pl.col("segment") == ""
    )
    reported = (
        result.select("day", "trigger", "impressions", "responses", "responses_measured").sort("day", "trigger").rows()
    )
    assert reported == [
        (DAYS[0], "exit_intent", 1, 1, 1),
        (DAYS[0], "widget", 1, 1, 1),
        (DAYS[1], "email", 0, 1, 0),
        (DAYS[3], "email", 0, 1, 0),
        (DAYS[3], "widget", 1, 1, 1),
    ]


def test_a_teams_survey_is_shown_from_five_on_and_never_by_group() -> None:
    mood: dict[str, Any] = {"survey": "pulse", "question": "mood", "kind": "survey_answered"}
    rows = [
        {**scored(DAYS[0], "high", kind="csat"), **mood, "device_type": device, "page": "home", "segment_bits": 1}
        for device in ("mobile", "mobile", "desktop", "desktop", "tablet")
    ]
    few = [{**scored(DAYS[7], "low", kind="csat"), **mood} for _ in range(4)]
    frame = feedback_frame([*rows, *few]).lazy()
    assert feedback_counts(frame, PRODUCT).is_empty(), "days less days would tell of single answers"
    results = score_results(frame, DAYS, PRODUCT)
    assert results.select("period", "dimension", "responses").rows() == [("week", "", 5)]


def test_periods_are_complete_weeks_and_the_last_days() -> None:
    named = [(name, first, last) for name, first, last in usual_periods(DAYS, PRODUCT.week_start)]
    assert named[:2] == [("week", DAYS[0], DAYS[6]), ("week", DAYS[7], DAYS[13])]
    assert [name for name, _, _ in named[2:]] == ["last_28", "last_90", "all"]
    assert all(later[1] >= earlier[1] for earlier, later in pairwise(named[:2]))
    assert usual_periods([], PRODUCT.week_start) == []


def test_a_jump_of_detractors_is_an_alert_of_the_common_rule() -> None:
    days = [date(2026, 1, 5) + timedelta(days=7 * week) for week in range(9)]
    rows = [
        scored(day, "low" if i % 10 < (6 if day == days[-1] else 1) else "high", response_key=1000 * n + i)
        for n, day in enumerate(days)
        for i in range(300)
    ]
    series = watched_scores(feedback_counts(feedback_frame(rows).lazy(), PRODUCT).lazy())
    assert set(series["metric"]) == {"low_score: shop/recommend"}
    empty = {
        name: TABLES[name].schema.to_frame().lazy() for name in ("daily_friction", "daily_zones", "daily_sessions")
    }
    incidents = TABLES["friction_incidents"].schema.to_frame().lazy()
    result = metric_alerts(*empty.values(), incidents, days, series)
    assert result.select("day", "metric", "hits", "n").rows() == [(days[-1], "low_score: shop/recommend", 180, 300)]
