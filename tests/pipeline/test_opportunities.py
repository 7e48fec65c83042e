"""Opportunities: units by hand, what is claimed in simulations with and without an effect, ranking, history, evidence."""

import random
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from opportunity_samples import BEGIN, MICROS, MONDAY, Row, beside, bit, incident, made, table, view, visits
from support import days_from, feedback_frame, product

from pipeline.core.days import ONE_DAY
from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.domains.opportunities.evidence import opportunity_evidence
from pipeline.domains.opportunities.opportunities import id_of, opportunity_results, spans
from pipeline.stats import buckets


def test_a_planted_loss_is_claimed_and_its_cost_lies_in_the_interval() -> None:
    chosen = product()
    held = 0
    for seed in range(20):
        rows = visits(seed, 0.15, chosen)
        row = made(rows, 28, chosen).filter(pl.col("as_of") == MONDAY + ONE_DAY * 27).row(0, named=True)
        assert row["claimed"]
        assert (row["kind"], row["subject"], row["goal"], row["rank"]) == ("friction", "error_click", "buy", 1)
        met = sum(r["met_in_view"] > 0 for r in rows) / 4
        assert row["met_per_week"] == met
        held += row["cost_low_95"] <= 0.15 * met * 100 <= row["cost_high_95"]
        assert row["cost_low_95"] < row["cost_low"] < row["cost_per_week"] < row["cost_high"] < row["cost_high_95"]
    assert held >= 17


def test_a_friction_without_effect_is_not_claimed() -> None:
    """Those who met it look longer and buy more: the plain comparison calls it good, the estimator nothing."""
    chosen = product()
    claimed = 0
    for seed in range(60):
        last = made(visits(seed, 0.0, chosen), 28, chosen).filter(pl.col("as_of") == MONDAY + ONE_DAY * 27)
        claimed += last.row(0, named=True)["claimed"]
    # One of twenty by chance: q < 0.10 of a single test, and half of these say that it helps.
    assert claimed <= 8


def test_ranges_of_people_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = product()
    rows = [{**row, "person_key": row["person_key"] * 2**52} for row in visits(1, 0.15, chosen)]
    whole = made(rows, 28, chosen)
    monkeypatch.setattr(buckets, "BUCKET_ROWS", 4_000)
    assert made(rows, 28, chosen).equals(whole)


def test_what_few_met_is_the_same_for_any_number_of_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    """A zone, a page and a group that a range of people alone would not look at."""
    chosen = product(
        time_zone="UTC",
        funnels={"buy": {"steps": [{"label": "Cart", "kind": "page_view", "page": "home"}, {"label": "Pay", "kind": "click"}], "window_days": 3, "breakdown": {"by": "country"}}},
    )  # fmt: skip
    chance = random.Random(2)
    rows: list[Row] = []
    met: list[Row] = []
    taken: list[Row] = []
    for i in range(900):
        key, when = i * 2**54 - 2**63, BEGIN + timedelta(minutes=chance.randrange(20 * 1440))
        is_met = i % 40 == 0
        own = view(key, when, met=bit("rage_click", chosen) * is_met, buys=chance.random() < 0.3)
        rows.append({**own, "page": "product" if i % 300 == 0 else "home"})
        if is_met:
            met.append(incident(key, when, "rage_click", zone="cta"))
        step = {"funnel": "buy", "person_key": key, "entity_key": key, "value": "CH" if i % 60 == 0 else "DE"}
        taken.append({**step, "day": when.date(), "occurred_at": when, "steps": 1})
    tables = {"friction_incidents": table("friction_incidents", met), "step_events": table("step_events", taken)}
    whole = made(rows, 28, chosen, **tables)
    assert {"friction", "zone", "funnel_drop"} == set(whole["kind"])
    monkeypatch.setattr(buckets, "BUCKET_ROWS", 1_500)
    assert made(rows, 28, chosen, **tables).equals(whole)


def test_ids_say_what_an_opportunity_is_and_stay() -> None:
    assert id_of("zone", "checkout", "error_click in pay", "default") == "ace7e18878"
    assert id_of("zone", "checkout", "error_click in pay", "strict") != "ace7e18878"


def test_a_zone_that_holds_nearly_all_of_a_signal_tells_it_alone() -> None:
    chosen = product()
    rows = visits(1, 0.15, chosen)
    met = [row for row in rows if row["met_in_view"]]
    for share, kinds in ((1.0, ["zone"]), (0.5, ["friction", "zone"])):
        zoned = [
            incident(
                row["session_key"], row["session_began"], "error_click", zone="cta" if i < share * len(met) else None
            )
            for i, row in enumerate(met)
        ]
        result = made(rows, 28, chosen, friction_incidents=table("friction_incidents", zoned))
        last = result.filter(pl.col("as_of") == result["as_of"].max())
        assert sorted(last["kind"]) == kinds
        assert last.filter(pl.col("kind") == "zone")["subject"].to_list() == ["error_click in cta"]


def test_a_broken_link_is_met_on_the_page_that_leads_to_it() -> None:
    chosen = product()
    rows = visits(1, 0.15, chosen, "broken_link")
    led = [
        incident(row["session_key"], row["session_began"], "broken_link", page="(other)", page_view_key=-row["session_key"], came_from="home")
        for row in rows
        if row["met_in_view"]
    ]  # fmt: skip
    plain = [{**row, "met_in_view": 0} for row in rows]
    result = made(plain, 28, chosen, friction_incidents=table("friction_incidents", led))
    last = result.filter(pl.col("as_of") == result["as_of"].max())
    assert last.select("kind", "page", "subject", "claimed").rows() == [("broken_link", "home", "broken_link", True)]
    assert last["sessions_with_all"].item() == len(led)


def funnel(**changes: Any) -> Product:
    steps = [
        {"label": "Cart", "kind": "page_view", "page": "home"}, {"label": "Pay", "kind": "click"}, {"label": "Bought", "kind": "order"},
    ]  # fmt: skip
    reported = {"steps": steps, "window_days": 3, "breakdown": {"by": "device_type"}, **changes}
    return product(time_zone="UTC", funnels={"buy": reported})


def steps_of(seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """People at the cart on two devices; on mobile 40 % go on to pay, elsewhere 60 %; half of these buy for 100."""
    chance = random.Random(seed)
    taken: list[Row] = []
    money: list[Row] = []
    for person in range(1_200):
        device = "mobile" if person % 2 else "desktop"
        when = BEGIN + timedelta(minutes=chance.randrange(24 * 1440))
        about = {"funnel": "buy", "person_key": person, "entity_key": person, "value": device}
        taken.append({**about, "day": when.date(), "occurred_at": when, "steps": 1})
        if chance.random() < (0.4 if device == "mobile" else 0.6):
            later = when + timedelta(minutes=5)
            taken.append({**about, "day": later.date(), "occurred_at": later, "steps": 2})
            if chance.random() < 0.5:
                paid = later + timedelta(minutes=5)
                taken.append({**about, "day": paid.date(), "occurred_at": paid, "steps": 4})
                money.append({"day": paid.date(), "person_key": person, "occurred_at": paid, "orders": 1, "revenue_micros": 100 * MICROS})  # fmt: skip
    return table("step_events", taken), table("outcomes", money)


def test_a_funnel_drop_is_what_a_group_loses_beside_others() -> None:
    taken, money = steps_of(3)
    result = made([], 28, funnel(), step_events=taken, outcomes=money)
    last = {r["subject"]: r for r in result.filter(pl.col("as_of") == result["as_of"].max()).rows(named=True)}
    assert set(last) == {"Cart, mobile", "Cart, desktop", "Pay, mobile", "Pay, desktop"}
    row = last["Cart, mobile"]
    assert row["claimed"]
    assert row["goal"] == "Pay"
    assert row["effect"] == pytest.approx(0.2, abs=0.06)
    # 150 people a week lose 0.2 steps each, which bring 100 for one in two.
    assert row["cost_low_95"] <= 150 * 0.2 * 50 <= row["cost_high_95"]
    assert not last["Pay, mobile"]["claimed"]
    assert not last["Cart, desktop"]["claimed"]
    # Whose window isn't over doesn't count: 18 days of 21 are looked at, and a week is a week of these.
    short = made([], 21, funnel(), step_events=taken, outcomes=money)
    until = BEGIN.replace(hour=0) + ONE_DAY * 18
    mature = taken.filter(pl.col("steps") == 1, pl.col("occurred_at") < until, pl.col("value") == "mobile").height
    own = short.filter(pl.col("as_of") == short["as_of"].max(), pl.col("subject") == "Cart, mobile")
    assert own["sessions_with_all"].item() == mature
    assert own["met_per_week"].item() == pytest.approx(mature / 18 * 7)


def test_of_a_breakdown_the_largest_groups_are_looked_at() -> None:
    taken, money = steps_of(3)
    result = made([], 28, funnel(breakdown={"by": "device_type", "limit": 1}), step_events=taken, outcomes=money)
    assert {subject.rpartition(", ")[2] for subject in result["subject"]} <= {"mobile", "desktop"}
    last = result.filter(pl.col("as_of") == result["as_of"].max())
    assert last.height == 2, "one group at each of two steps"


def test_a_closed_one_is_followed_though_a_zone_tells_it_better() -> None:
    rows = visits(1, 0.15, product())
    zoned = [
        incident(row["session_key"], row["session_began"], "error_click", zone="cta")
        for row in rows
        if row["met_in_view"]
    ]
    page = id_of("friction", "home", "error_click", "default")
    closed = product(opportunities={"items": {page: {"closed": "2026-02-12"}}})
    result = made(rows, 28, closed, friction_incidents=table("friction_incidents", zoned))
    last = result.filter(pl.col("as_of") == result["as_of"].max())
    assert set(last["kind"]) == {"zone", "friction"}


def test_a_theme_is_told_by_what_people_do_after_their_comment() -> None:
    chance = random.Random(5)
    stated: list[Row] = []
    money: list[Row] = []
    for person in range(800):
        when = BEGIN + timedelta(minutes=chance.randrange(20 * 1440))
        is_about = person % 4 == 0
        text = "the zoom of the picture is broken" if is_about else "all was good and quick and friendly"
        stated.append({"day": when.date(), "occurred_at": when.isoformat(), "person_key": person, "survey": "s", "question": "why",
                     "question_kind": "text", "text": text, "language": "en", "response_key": person, "session_key": None if person % 5 else person})  # fmt: skip
        if chance.random() < (0.2 if is_about else 0.5):
            later = when + timedelta(hours=1)
            money.append({"day": later.date(), "person_key": person, "occurred_at": later, "goal_bits": 1, "revenue_micros": 50 * MICROS})  # fmt: skip
    reported = feedback_frame(stated)
    chosen = product(surveys={"s": {"questions": {"why": {"kind": "text"}}}}, themes={"zoom": {"words": ["zoom"]}})
    themes = reported.filter(pl.col("text").str.contains("zoom")).select(
        "source", "event_id", "question", theme=pl.lit("zoom")
    )
    streams = {**beside(feedback=reported, outcomes=table("outcomes", money)), "comment_themes": themes.lazy()}
    none = TABLES["first_views"].schema.to_frame().lazy()
    result = opportunity_results(none, streams, days_from(MONDAY.isoformat(), 28), chosen)
    row = result.filter(pl.col("as_of") == result["as_of"].max()).row(0, named=True)
    assert (row["kind"], row["page"], row["subject"], row["claimed"]) == ("theme", "s", "zoom", True)
    assert row["effect"] == pytest.approx(0.3, abs=0.1)
    evidence = opportunity_evidence(none, streams, days_from(MONDAY.isoformat(), 28), chosen)
    watched = evidence.filter(pl.col("id") == row["id"], pl.col("kind") == "session")
    # Only comments made in a session have one to watch: that of every fifth person here.
    assert watched.height == 10
    assert {key % 20 for key in watched["session_key"]} == {0}
    own = evidence.filter(pl.col("id") == row["id"], pl.col("kind") == "quote")
    # The same words of many people are one quote.
    assert own["detail"].to_list() == ["the zoom of the picture is broken"]


def test_effort_orders_by_cost_for_a_week_of_work() -> None:
    chosen = product()
    rows = [
        *visits(1, 0.15, chosen),
        *({**r, "page": "product", "session_key": -r["session_key"]} for r in visits(2, 0.12, chosen)),
    ]
    first = made(rows, 28, chosen)
    last = first.filter(pl.col("as_of") == first["as_of"].max()).sort("rank")
    assert last["weeks_of_work"].to_list() == [1.0, 1.0]
    behind = last["id"][1]
    reported = product(opportunities={"items": {behind: {"weeks": 0.25}}, "weeks": 2, "cost_per_week": 3_000})
    again = made(rows, 28, reported)
    turned = again.filter(pl.col("as_of") == again["as_of"].max()).sort("rank")
    assert turned["id"][0] == behind
    assert turned["weeks_of_work"].to_list() == [0.25, 2.0]
    assert turned["effort_stated"].to_list() == [True, False]
    assert turned["payback_weeks"][0] == pytest.approx(0.25 * 3_000 / turned["cost_per_week"][0])
    assert turned["cd3"][0] == pytest.approx(turned["cost_per_week"][0] / 0.25)


def test_history_holds_eight_weeks_and_the_one_before_each_closing() -> None:
    days = days_from("2026-01-05", 7 * 20 + 3)
    ends = [span.last for span, _ in spans(days, product())]
    assert ends == [date(2026, 1, 11) + ONE_DAY * 7 * i for i in range(12, 20)]
    closed = product(opportunities={"items": {"abc": {"closed": "2026-02-10"}}})
    assert date(2026, 2, 8) in {span.last for span, _ in spans(days, closed)}
    # At the start there are fewer than four weeks to look at.
    early = spans(days_from("2026-01-05", 15), product())
    assert [(span.first, span.last, span.weeks) for span, _ in early] == [
        (date(2026, 1, 5), date(2026, 1, 11), 1), (date(2026, 1, 5), date(2026, 1, 18), 2),
    ]  # fmt: skip
    assert spans([], product()) == []


def test_nothing_is_claimed_without_goal_or_days() -> None:
    chosen = product(goals={})
    assert made(visits(1, 0.15, product()), 28, chosen).is_empty()
    assert made([], 28, product()).is_empty()
    assert made(visits(1, 0.15, product()), 3, product()).is_empty()
    none = TABLES["first_views"].schema.to_frame().lazy()
    assert opportunity_evidence(none, beside(), days_from("2026-02-02", 28), chosen).is_empty()


def test_a_goal_without_money_is_counted_in_goals() -> None:
    chosen = product(goals={"sign_up": {"kind": "custom", "name": "sign_up"}})
    rows = [{**row, "revenue_after_micros": 0} for row in visits(1, 0.15, chosen)]
    result = made(rows, 28, chosen)
    row = result.filter(pl.col("as_of") == result["as_of"].max()).row(0, named=True)
    assert row["claimed"]
    assert row["lost_low"] > 0
    assert row["order_value"] is None
    assert row["cost_per_week"] is None


def test_evidence_is_of_different_people_who_missed_the_goal_at_the_moment_it_happened() -> None:
    chosen = product(surveys={"s": {"questions": {"nps": {"kind": "nps"}, "why": {"kind": "text"}}}})
    rows = visits(1, 0.15, chosen)
    met = [row for row in rows if row["met_in_view"]]
    zoned = [incident(row["session_key"], row["session_began"] + timedelta(seconds=2), "error_click") for row in met]
    # One person meets it in very many sessions.
    shared = [{**row, "person_key": 1} if i % 2 else row for i, row in enumerate(zoned)]
    answer = {"day": date(2026, 2, 20), "survey": "s", "language": "en", "response_key": 5, "session_key": met[3]["session_key"], "person_key": met[3]["person_key"]}  # fmt: skip
    reported = feedback_frame(
        [
            {**answer, "question": "nps", "question_kind": "nps", "score": 2, "points": -100, "is_valid": True, "score_group": "low"},
            {**answer, "question": "why", "question_kind": "text", "text": "The button failed, mail me at a@b.example please"},
        ]
    )  # fmt: skip
    streams = beside(friction_incidents=table("friction_incidents", shared), feedback=reported)
    made_ = opportunity_evidence(table("first_views", rows).lazy(), streams, days_from(MONDAY.isoformat(), 28), chosen)
    own = made_.filter(pl.col("id") == id_of("friction", "home", "error_click", "default"))
    sessions = own.filter(pl.col("kind") == "session").sort("position")
    assert sessions.height == 10
    people = {row["session_key"]: row["person_key"] for row in shared}
    assert len({people[key] for key in sessions["session_key"]}) == 10
    missed = {row["session_key"] for row in rows if not row["goals_after"]}
    assert set(sessions["session_key"]) <= missed
    assert sessions["happened_at"].is_sorted(descending=True)
    assert sessions["offset_ms"].unique().to_list() == [1_500]
    quotes = own.filter(pl.col("kind") == "quote")
    assert quotes["score"].to_list() == [2]
    assert "a@b.example" not in quotes["detail"][0]
