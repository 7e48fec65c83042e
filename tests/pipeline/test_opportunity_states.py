"""What has become of an opportunity: by the days of its units; and which of several are one."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from opportunity_samples import BEGIN, MONDAY, beside, bit, made, table, visits
from support import at, days_from, feedback_frame, product

from pipeline.core.days import ONE_DAY
from pipeline.core.registry import TABLES
from pipeline.domains.opportunities.opportunities import opportunity_results
from pipeline.domains.opportunities.opportunity_states import parts_of, state_of

SUNDAY = MONDAY + ONE_DAY * 27


@pytest.mark.parametrize(
    ("n", "met", "state"),
    [
        ([100] * 28, [10] * 28, "open"),
        # None of it, or under a tenth, in the last 7 days that hold half the usual views.
        ([100] * 28, [10] * 21 + [0] * 7, "gone"),
        ([100] * 28, [10] * 21 + [0] * 6 + [6], "gone"),
        ([100] * 28, [10] * 21 + [1] * 7, "open"),
        ([100] * 21 + [50] * 7, [10] * 21 + [0] * 7, "gone"),
        # Half the page's views are missing: who knows.
        ([100] * 21 + [49] * 7, [10] * 21 + [0] * 7, "open"),
        ([100] * 21 + [0] * 7, [10] * 21 + [0] * 7, "open"),
        ([100] * 28, [0] * 21 + [10] * 7, "new"),
        ([100] * 28, [0] * 21 + [0] * 6 + [1], "new"),
        ([100] * 28, [1] * 21 + [9] * 7, "growing"),
        ([100] * 28, [10] * 21 + [15] * 7, "growing"),
        ([100] * 28, [10] * 21 + [14] * 7, "open"),
        # Twice as often, but few.
        ([10] * 28, [0, 0, 1] * 7 + [0, 0, 0, 1, 0, 1, 1], "open"),
        # Half as often since a fix: nothing more happens now.
        ([100] * 28, [10] * 10 + [0] * 3 + [1] + [0] * 7 + [1] + [0] * 6, "gone"),
        # As often for two weeks: it grew then, not now.
        ([100] * 28, [0] * 14 + [10] * 14, "open"),
        ([100] * 28, [0] * 7 + [10] * 21, "open"),
        ([100] * 28, [4] * 14 + [2] * 7 + [9] * 7, "growing"),
        # A week of data before is the least.
        ([100] * 13, [10] * 6 + [0] * 7, "open"),
        ([100] * 14, [10] * 7 + [0] * 7, "gone"),
        ([100] * 7, [10] * 7, "open"),
        ([0] * 28, [0] * 28, "open"),
    ],
)  # fmt: skip
def test_state_by_days(n: list[int], met: list[int], state: str) -> None:
    assert state_of(np.array(n), np.array(met))[0] == state


@given(st.integers(0, 20), st.integers(1, 20), st.integers(7, 20), st.integers(20, 500), st.integers(5, 20))
def test_the_day_of_the_change_is_found(quiet: int, lasted: int, after: int, views: int, met: int) -> None:
    """Whatever came before: a trouble that began and was fixed in the time is dated to its fix."""
    had = np.array([0] * quiet + [met] * lasted + [0] * after)
    n = np.full(len(had), views)
    assume(len(had) >= 14)
    assert state_of(n, had) == ("gone", quiet + lasted)
    began = np.array([0] * (len(had) - 7) + [met] * 7)
    assert state_of(n, began) == ("new", len(had) - 7)


def test_a_fix_is_recognised_by_its_release() -> None:
    """Four weeks with a signal that costs something; it stops on a day with a release."""
    chosen = product(releases={"fix": {"day": "2026-02-19"}, "other": {"day": "2026-02-04"}})
    stopped = at("2026-02-19T00:00")
    rows = [
        row | {"met_in_view": row["met_in_view"] * (row["session_began"] < stopped)} for row in visits(1, 0.2, chosen)
    ]
    by_week = made(rows, 28, chosen).sort("as_of").rows(named=True)
    assert [row["state"] for row in by_week] == ["open"] * 3 + ["gone"]
    assert [row["rank"] for row in by_week] == [1, 1, 1, None]
    assert (by_week[-1]["since"], by_week[-1]["release"]) == (date(2026, 2, 19), "fix")


def test_a_change_without_a_release_has_none() -> None:
    chosen = product(releases={"far": {"day": "2026-02-10"}})
    began = at("2026-02-23T00:00")
    rows = [
        row | {"met_in_view": row["met_in_view"] * (row["session_began"] >= began)} for row in visits(1, 0.2, chosen)
    ]
    (last,) = made(rows, 28, chosen).filter(as_of=SUNDAY).rows(named=True)
    assert (last["state"], last["since"], last["release"], last["rank"]) == ("new", date(2026, 2, 23), None, 1)


def test_of_two_that_share_over_half_of_their_sessions_the_stronger_names_it() -> None:
    chosen = product()
    both = bit("error_click", chosen) | bit("rage_click", chosen)
    rows = visits(1, 0.2, chosen)
    met = [row for row in rows if row["met_in_view"]]
    # Three of four with an error clicked in rage, too; slow views are elsewhere.
    for i, row in enumerate(met):
        row["met_in_view"] = both if i % 4 else row["met_in_view"]
    for row in [row for row in rows if not row["met_in_view"]][::7]:
        row["met_in_view"] = bit("slow_page", chosen)
    last = made(rows, 28, chosen).filter(as_of=SUNDAY)
    result = {row["subject"]: row for row in last.rows(named=True)}
    assert result["rage_click"]["part_of"] == result["error_click"]["id"]
    assert (result["error_click"]["rank"], result["rage_click"]["rank"]) == (1, None)
    assert result["slow_page"]["part_of"] is None
    assert result["slow_page"]["rank"] == 2


@given(st.dictionaries(st.sampled_from("abcdef"), st.sets(st.integers(0, 12), min_size=1), min_size=1))
def test_parts_by_a_slow_computation(sessions: dict[str, set[int]]) -> None:
    ordered = sorted(sessions)
    shared = {(a, b): len(sessions[a] & sessions[b]) for a in ordered for b in ordered}
    number = len(set().union(*sessions.values())) + 20
    parts = dict(parts_of(ordered, shared, number))
    whole = [name for name in ordered if name not in parts]
    for name in ordered:
        own = sessions[name]
        stronger = [
            each
            for each in whole
            if each < name
            and len(own & sessions[each]) > len(own) / 2
            and len(own & sessions[each]) / len(own) >= 2 * len(sessions[each]) / number
        ]
        assert parts.get(name) == next(iter(stronger), None)


def test_what_nothing_tells_of_any_more_is_not_gone() -> None:
    """A source stops sending errors while page views go on: nobody knows whether they are met."""
    chosen = product()
    stopped = at("2026-02-19T00:00")
    rows = [
        row | {"met_in_view": row["met_in_view"] * (row["session_began"] < stopped)} for row in visits(1, 0.2, chosen)
    ]
    for until, state in ((28, "gone"), (17, "open")):
        reported = [
            {"session_day": MONDAY + ONE_DAY * i, "rule_set": "default", "signal": "error_click", "page": "home",
             "device_type": "mobile", "page_views": 60, "page_views_measured": 60 if i < until else 0}
            for i in range(28)
        ]  # fmt: skip
        last = made(rows, 28, chosen, daily_friction=table("daily_friction", reported)).filter(as_of=SUNDAY)
        assert last["state"].to_list() == [state]


def themes_of(*, zoom: int, others: int, silent: int, after_goal: bool = False) -> list[str]:
    """The themes of opportunities, of people who speak of the zoom, of others who speak and of some who only rate, by score."""
    chosen = product(surveys={"s": {"questions": {"rate": {"kind": "csat"}, "why": {"kind": "text"}}}})
    answer: dict[str, Any] = {"survey": "s", "language": "en", "session_key": None}
    stated: list[dict[str, Any]] = []
    money: list[dict[str, Any]] = []
    for person in range(90):
        when = BEGIN + timedelta(hours=person)
        who = {
            **answer,
            "day": when.date(),
            "occurred_at": when.isoformat(),
            "person_key": person,
            "response_key": person,
        }
        group, points = (("zoom", zoom), ("else", others), ("", silent))[person % 3]
        stated.append(
            {**who, "question": "rate", "question_kind": "csat", "score": 3, "points": points, "is_valid": True}
        )
        if group:
            stated.append({**who, "question": "why", "question_kind": "text", "text": f"about {group}"})
        if after_goal:
            bought = when - timedelta(minutes=20)
            money.append({"day": bought.date(), "person_key": person, "occurred_at": bought, "goal_bits": 1})
    reported = feedback_frame(stated)
    themes = reported.filter(pl.col("text") == "about zoom").select(
        "source", "event_id", "question", theme=pl.lit("zoom")
    )
    streams = {**beside(feedback=reported, outcomes=table("outcomes", money)), "comment_themes": themes.lazy()}
    none = TABLES["first_views"].schema.to_frame().lazy()
    result = opportunity_results(none, streams, days_from(MONDAY.isoformat(), 28), chosen)
    return result.filter(as_of=SUNDAY)["subject"].to_list()


def test_praise_is_no_opportunity_nor_what_is_said_after_the_goal() -> None:
    assert themes_of(zoom=0, others=100, silent=100) == ["zoom"]
    assert themes_of(zoom=100, others=0, silent=0) == []
    # Beside others who wrote, not beside those who only rated.
    assert themes_of(zoom=60, others=40, silent=90) == []
    assert themes_of(zoom=40, others=60, silent=0) == ["zoom"]
    assert themes_of(zoom=0, others=100, silent=100, after_goal=True) == []
