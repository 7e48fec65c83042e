"""Calibration: units worked out by hand, a slow oracle, and simulations whose effect is known."""

import random
from collections import defaultdict
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import at, events_frame, product

from pipeline.core.product import Product
from pipeline.domains.friction.calibration import first_views, friction_effects
from pipeline.domains.friction.friction_tables import friction_incidents
from pipeline.events.page_views import page_views
from pipeline.events.sessions import session_events
from pipeline.stats.like_for_like import like_for_like

DAY = date(2026, 2, 3)
Row = dict[str, Any]
SEEDS = 20


def interaction(seconds: float, kind: str = "click", **fields: Any) -> Row:
    where = {"page": "home", "url": "https://a.example/", "device_type": "desktop", "element_chain": "<b>"}
    return {"occurred_at": at("2026-02-03T10:00") + timedelta(seconds=seconds), "kind": kind, **where, **fields}


def view(seconds: float, page: str = "home") -> Row:
    return interaction(seconds, "page_view", page=page, url=f"https://a.example/{page}")


def rage(seconds: float, page: str = "home") -> list[Row]:
    return [interaction(seconds + i * 0.2, x=5, y=5, page=page) for i in range(3)]


def firsts(rows: list[Row], **changes: Any) -> tuple[pl.DataFrame, Product]:
    chosen = product(**changes)
    events = session_events(events_frame(rows).lazy(), DAY, chosen).lazy()
    views = page_views(events, DAY, chosen.sources).lazy()
    result = friction_incidents(events, views, DAY, chosen).lazy()
    return first_views(events, views, result, DAY, chosen), chosen


def test_a_session_counts_with_its_first_view_of_each_page() -> None:
    rows = [
        view(0), view(10, "product"), *rage(12, "product"), view(20), *rage(22), view(30, "product"),
        interaction(40, "order", page="product"), view(50, "thanks"),
    ]  # fmt: skip
    made, chosen = firsts(rows)
    bit = 1 << chosen.friction.rules("default").calibrated.index("rage_click")
    result = {row["page"]: row for row in made.rows(named=True)}
    assert {page: row["views_before"] for page, row in result.items()} == {"home": 0, "product": 1, "thanks": 2}
    assert {page: row["met_in_view"] & bit for page, row in result.items()} == {"home": 0, "product": bit, "thanks": 0}
    # The second view of home met it too, but only what came before counts.
    assert {page: row["met_before"] & bit for page, row in result.items()} == {"home": 0, "product": 0, "thanks": bit}
    goals = {page: (row["goals_before"], row["goals_after"]) for page, row in result.items()}
    assert goals == {"home": (0, 1), "product": (0, 1), "thanks": (1, 0)}


def test_who_met_it_earlier_or_reached_the_goal_before_is_on_no_side() -> None:
    made, chosen = firsts([view(0), *rage(1), view(10, "product"), interaction(20, "order"), view(30, "thanks")])
    people = pl.DataFrame({"person_key": [1], "first_at": [at("2026-02-03T10:00")]}).lazy()
    effects = friction_effects(made.lazy(), people, [DAY], chosen).filter(pl.col("period") == "last_28")
    # In no stratum stand five sessions: all are left out, and counted.
    counted = {(r["signal"], r["page"]): r["sessions_left_out"] for r in effects.rows(named=True)}
    assert counted[("rage_click", "home")] == 1
    assert ("rage_click", "product") not in counted
    assert counted[("dead_click", "product")] == 1
    assert ("rage_click", "thanks") not in counted


def test_scores_are_calibrated_where_asked() -> None:
    sets = {"default": {"calibrated_scores": [4, 5]}}
    made, chosen = firsts([view(0), *rage(1)], friction={"rule_sets": sets})
    names = chosen.friction.rules("default").calibrated
    met = made.row(0, named=True)["met_in_view"]
    assert [name for i, name in enumerate(names) if met >> i & 1] == ["rage_click", "score>=4"]


Unit = tuple[int, int, bool, bool]  # person, stratum, with, reached


def estimated(units: list[Unit], ranges: int = 1) -> Row:
    frame = pl.DataFrame(units, schema=["person_key", "stratum", "is_with", "reached"], orient="row")
    spread = frame.with_columns(person_key=(pl.col("person_key") - 500) * 2**53, signal=pl.lit("s"))
    return like_for_like(spread.filter, ["signal"], ["stratum"], ranges).row(0, named=True)


def slow(units: list[Unit]) -> tuple[float, float] | None:
    """Effect and its standard error, by the definition."""
    strata: dict[int, list[Unit]] = defaultdict(list)
    for unit in units:
        strata[unit[1]].append(unit)
    kept = {s: us for s, us in strata.items() if min(sum(u[2] for u in us), sum(not u[2] for u in us)) >= 5}
    n_with = sum(u[2] for us in kept.values() for u in us)
    if not kept:
        return None
    rate = {(s, w): float(np.mean([u[3] for u in us if u[2] == w])) for s, us in kept.items() for w in (True, False)}
    effect = sum(sum(u[2] for u in us) * (rate[s, False] - rate[s, True]) for s, us in kept.items()) / n_with
    pulls: dict[int, float] = defaultdict(float)
    for s, us in kept.items():
        w = sum(u[2] for u in us)
        for person, _, is_with, reached in us:
            own = rate[s, False] - reached - effect if is_with else (reached - rate[s, False]) * w / (len(us) - w)
            pulls[person] += own / n_with
    people = len(pulls)
    error = (sum(p * p for p in pulls.values()) * people / (people - 1)) ** 0.5 if people > 1 else float("nan")
    return effect, error


@settings(max_examples=500, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 2), st.booleans(), st.booleans()), min_size=1, max_size=120),
    st.sampled_from([1, 4]),
)
def test_the_estimator_equals_the_oracle(units: list[Unit], ranges: int) -> None:
    row, expected = estimated(units, ranges), slow(units)
    if expected is None:
        assert row["effect"] is None
        assert row["sessions_left_out"] == len(units)
        return
    assert row["effect"] == pytest.approx(expected[0], abs=1e-8)
    if row["low"] is not None:
        assert row["low"] == pytest.approx(expected[0] - 1.959964 * expected[1], abs=1e-7)


def simulated(seed: int, harm: float) -> tuple[Row, float]:
    """Sessions whose length raises both friction met and the goal reached; `harm` is what a signal takes away.

    Returns the estimate for one page and the plain comparison of sessions with any signal and without.
    """
    rng = random.Random(seed)
    units: list[Unit] = []
    plain: dict[bool, list[bool]] = {True: [], False: []}
    for person in range(900):
        for _ in range(rng.choice((1, 1, 2, 3))):
            views = 1 + min(int(rng.expovariate(0.3)), 12)
            met = [rng.random() < 0.12 for _ in range(views)]
            # The page comes early or late in a session, whatever its length.
            position = min(int(rng.expovariate(0.8)), views - 1)
            chance = 0.04 + 0.03 * views - harm * met[position]
            reached = rng.random() < max(0.0, chance)
            plain[any(met)].append(reached)
            if met[position] or not any(met[:position]):
                units.append((person, min((position + 1) // 2, 2), met[position], reached))
    gap = float(np.mean(plain[False]) - np.mean(plain[True]))
    return estimated(units), gap


def test_nothing_is_found_where_nothing_was_planted() -> None:
    runs = [simulated(seed, 0.0) for seed in range(SEEDS)]
    # The plain comparison says that friction helps, by several points.
    assert all(gap < -0.05 for _, gap in runs)
    assert sum(row["low"] <= 0 <= row["high"] for row, _ in runs) >= 17


def test_a_planted_effect_lies_in_the_interval() -> None:
    rows = [simulated(seed, 0.10)[0] for seed in range(SEEDS)]
    # Where the chance was below the harm, less was taken away than planted.
    assert sum(row["low"] <= 0.10 <= row["high"] for row in rows) >= 17
    assert sum(row["low"] > 0 for row in rows) >= 15
