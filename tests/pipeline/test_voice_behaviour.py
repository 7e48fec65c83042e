"""Scores beside what people did: what counts as done before an answer, against a slow computation; nothing from noise."""

from datetime import date, datetime, timedelta
from random import Random
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from support import at, days_from, feedback_frame, product

from pipeline.core.registry import TABLES
from pipeline.domains.voice.behaviour import behaviour_results

PRODUCT = product(
    surveys={"shop": {"questions": {"recommend": {"kind": "nps"}}}}, voice={"looks_back_days": 3}, time_zone="UTC"
)
DAYS = days_from("2026-02-02", 14)
POINTS = {"high": 100, "middle": 0, "low": -100}
BESIDE = ("zone_people", "friction_incidents", "step_events", "activity")
NOTHING = {name: TABLES[name].schema.to_frame() for name in BESIDE}


def answered(person: int | None, when: str, score_group: str, **more: Any) -> dict[str, Any]:
    day = at(when).date()
    return {
        "day": day, "occurred_at": at(when).isoformat(), "person_key": person, "question": "recommend", "question_kind": "nps",
        "is_valid": True, "score_group": score_group, "points": POINTS[score_group], **more,
    }  # fmt: skip


def rows_of(table: str, rows: list[dict[str, Any]], **defaults: Any) -> pl.DataFrame:
    schema = TABLES[table].schema
    whole = [{**dict.fromkeys(schema.names()), **defaults, **row} for row in rows]
    return pl.DataFrame(whole, schema=schema, orient="row")


def zones(*rows: dict[str, Any]) -> pl.DataFrame:
    return rows_of("zone_people", list(rows), page="home", zone="cta", is_clicked=False, is_exposed=False)


def results(answers: list[dict[str, Any]], **beside: pl.DataFrame) -> list[dict[str, Any]]:
    tables = {name: beside.get(name, NOTHING[name]).lazy() for name in BESIDE}
    result = behaviour_results(feedback_frame(answers).lazy(), tables, DAYS, PRODUCT)
    return result.filter(pl.col("period") == "last_28").to_dicts()


def test_each_behaviour_counts_where_it_lies_before_the_answer() -> None:
    answers = [
        answered(1, "2026-02-10T12:00:00", "low", variants="e/a, f/b"),
        answered(2, "2026-02-10T12:00:00", "high"),
        answered(None, "2026-02-10T12:00:00", "high"),
    ]
    click = {"person_key": 1, "session_day": date(2026, 2, 10), "is_clicked": True, "is_exposed": True}
    late = {
        "person_key": 2,
        "session_day": date(2026, 2, 10),
        "is_clicked": True,
        "first_click_at": at("2026-02-10T12:00:01"),
    }
    old = {
        "person_key": 2,
        "session_day": date(2026, 2, 6),
        "is_clicked": True,
        "first_click_at": at("2026-02-06T12:00:00"),
    }
    result = results(
        answers,
        zone_people=zones({**click, "first_click_at": at("2026-02-10T12:00:00")}, late, old),
        friction_incidents=rows_of(
            "friction_incidents",
            [
                {"person_key": 1, "signal": "rage_click", "started_at": at("2026-02-07T01:00:00"), "session_day": date(2026, 2, 7)},
                {"person_key": 2, "signal": "rage_click", "started_at": at("2026-02-06T23:00:00"), "session_day": date(2026, 2, 6)},
                {"person_key": 2, "signal": "dead_click", "started_at": at("2026-02-10T13:00:00"), "session_day": date(2026, 2, 10)},
            ],
            rule_set="default",
        ),
        step_events=rows_of(
            "step_events",
            [{"person_key": 2, "steps": 0b101, "occurred_at": at("2026-02-10T11:00:00"), "day": date(2026, 2, 10)}],
            funnel="purchase",
        ),
        activity=rows_of(
            "activity",
            [
                {"person_key": 1, "first_at": at("2026-02-09T10:00:00"), "day": date(2026, 2, 9)},
                {"person_key": 2, "first_at": at("2026-02-02T10:00:00"), "day": date(2026, 2, 2)},
                {"person_key": 2, "first_at": at("2026-02-10T10:00:00"), "day": date(2026, 2, 10)},
            ],
        ),
    )  # fmt: skip
    did = {(row["behaviour"], row["value"]): (row["responses_with"], row["points_with"]) for row in result}
    assert did == {
        ("zone_clicked", "home/cta"): (1, -100),
        ("zone_seen", "home/cta"): (1, -100),
        ("friction", "rage_click"): (1, -100),
        ("funnel_step", "purchase: Home"): (1, 100),
        ("funnel_step", "purchase: Bought"): (1, 100),
        ("lifecycle", "new"): (1, -100),
        ("lifecycle", "returning"): (1, 100),
        ("variant", "e/a"): (1, -100),
        ("variant", "f/b"): (1, -100),
    }


ANSWER = st.tuples(
    st.integers(1, 6), st.integers(0, 13), st.integers(0, 86_399), st.sampled_from(["high", "middle", "low"])
)
CLICK = st.tuples(st.integers(1, 6), st.integers(0, 13), st.integers(0, 86_399), st.sampled_from(["cta", "hero"]))


@settings(max_examples=500, deadline=None)
@given(st.lists(ANSWER, min_size=1, max_size=20), st.lists(CLICK, max_size=20))
def test_zones_against_a_slow_computation(
    answers: list[tuple[int, int, int, str]], clicks: list[tuple[int, int, int, str]]
) -> None:
    midnight = datetime.fromisoformat("2026-02-02T00:00:00+00:00")
    first: dict[tuple[int, int, str], datetime] = {}
    for person, day, second, zone in clicks:
        when = midnight + timedelta(days=day, seconds=second)
        key = (person, day, zone)
        first[key] = min(first.get(key, when), when)
    frame = zones(
        *(
            {"person_key": person, "session_day": DAYS[day], "zone": zone, "is_clicked": True, "first_click_at": when}
            for (person, day, zone), when in first.items()
        )
    )
    reported = [(p, d, midnight + timedelta(days=d, seconds=s), score_group) for p, d, s, score_group in answers]
    expected: dict[str, tuple[int, int, int, int]] = {}
    for zone in ("cta", "hero"):
        having = [
            any(p == person and z == zone and day - 3 <= d <= day and when <= at_ for (p, d, z), when in first.items())
            for person, day, at_, _ in reported
        ]
        points = [POINTS[score_group] for *_, score_group in reported]
        lows = [score_group == "low" for *_, score_group in reported]
        if any(having) and not all(having):
            expected[f"home/{zone}"] = (
                sum(having),
                sum(p for p, has in zip(points, having, strict=True) if has),
                sum(low and has for low, has in zip(lows, having, strict=True)),
                sum(low and not has for low, has in zip(lows, having, strict=True)),
            )
    rows = [answered(p, when.isoformat(), score_group) for p, _, when, score_group in reported]
    result = {
        row["value"]: (row["responses_with"], row["points_with"], row["low_with"], row["low_without"])
        for row in results(rows, zone_people=frame)
    }
    assert result == expected


def simulated(seed: int) -> list[dict[str, Any]]:
    """600 people; who met a dead click has 25 fewer promoters and 25 more detractors of 100. Twenty things mean nothing."""
    random = Random(seed)
    answers: list[dict[str, Any]] = []
    interactions: list[dict[str, Any]] = []
    common = {"started_at": at("2026-02-10T11:00:00"), "session_day": date(2026, 2, 10)}
    for person in range(600):
        met = random.random() < 0.3
        score_group = random.choices(["high", "middle", "low"], [0.3, 0.3, 0.4] if met else [0.55, 0.3, 0.15])[0]
        answers.append(answered(person, "2026-02-10T12:00:00", score_group))
        signals = ["dead_click"] * met + [f"noise{i}" for i in range(20) if random.random() < 0.3]
        interactions += [{"person_key": person, "signal": signal, **common} for signal in signals]
    return results(answers, friction_incidents=rows_of("friction_incidents", interactions, rule_set="default"))


def test_what_has_no_effect_is_not_claimed_and_what_has_one_is() -> None:
    runs = [simulated(seed) for seed in range(20)]
    claimed = [{row["value"] for row in run if (row["q_value"] or 1) < 0.05} for run in runs]
    assert all("dead_click" in names for names in claimed)
    assert sum(len(names) - 1 for names in claimed) <= 4, "of 400 tests of noise"
    dead = [next(row for row in run if row["value"] == "dead_click") for run in runs]
    assert sum(row["effect_low"] < -50 < row["effect_high"] for row in dead) >= 17
    assert all(max(run, key=lambda row: row["low_difference_low"] or -1)["value"] == "dead_click" for run in runs), (
        "what detractors do differently comes out on top"
    )


def test_nobody_who_answered_gives_no_rows() -> None:
    assert not results([answered(None, "2026-02-10T12:00:00", "low")])
    assert behaviour_results(
        feedback_frame([]).lazy(), {name: frame.lazy() for name, frame in NOTHING.items()}, [], PRODUCT
    ).is_empty()
