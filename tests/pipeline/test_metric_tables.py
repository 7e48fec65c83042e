"""What the product file says about funnels, retention and journeys, from events to tables."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import at, events_frame, period_sources, product

from pipeline.core.days import days_between
from pipeline.core.product_file import ProductFileError, parse_product
from pipeline.core.product_matches import Match
from pipeline.core.registry import TABLES
from pipeline.domains.features.features import feature_counts, feature_days
from pipeline.domains.funnels.funnel_steps import step_events
from pipeline.domains.funnels.funnel_tables import funnel_durations, funnel_results, funnel_trend_counts
from pipeline.domains.journeys.tables import journey_edge_counts, journey_events, journey_paths
from pipeline.domains.retention.tables import return_cells, return_events
from pipeline.events.matching import matches
from pipeline.events.sessions import session_events

DAY = date(2026, 2, 2)
HOME = {"label": "Home", "kind": "page_view", "page": "home"}
CART = {"label": "Cart", "kind": "page_view", "page": "cart"}
BOUGHT = {"label": "Bought", "kind": "order"}


def event(minute: int, person: int, **changes: Any) -> dict[str, Any]:
    when = at("2026-02-02T10:00") + timedelta(minutes=minute)
    return {"occurred_at": when, "person_key": person, "event_id": f"{person}-{minute}", **changes}


EVENTS = [
    event(0, 1, page="home", device_type="mobile", session_id="s1"),
    event(1, 1, page="cart", device_type="desktop", session_id="s2"),
    event(2, 1, kind="order", device_type="desktop", session_id="s2"),
    event(0, 2, page="home", device_type="desktop", session_id="s3"),
    event(1, 2, kind="error", session_id="s3"),
    event(2, 2, page="cart", device_type="desktop", session_id="s3"),
    event(3, 3, page="home", device_type=None, session_id=None),
    event(4, 4, page="home", is_bot=True),
]


def results(**funnel: Any) -> pl.DataFrame:
    chosen = product(
        funnels={"f": {"steps": [HOME, CART, BOUGHT], **funnel}},
        pages=[{"name": "home", "urls": ["/"]}, {"name": "cart", "urls": ["/cart"]}],
        zones=[],
    )
    events = events_frame(EVENTS).lazy()
    rows = step_events(events, DAY, chosen.funnels, session_events(events, DAY, chosen).lazy()).lazy()
    return funnel_results(rows, [DAY], chosen)


def counts(made: pl.DataFrame) -> dict[str, list[int]]:
    return {
        str(group): part.sort("step")["people_converted"].to_list()
        for (group,), part in made.partition_by("group", as_dict=True).items()
    }


@pytest.mark.parametrize(
    ("funnel", "expected"),
    [
        ({}, {"": [3, 2, 1]}),
        ({"order": "strict"}, {"": [3, 1, 1]}),
        ({"order": "unordered"}, {"": [3, 2, 1]}),
        ({"exclusions": [{"kind": "error"}]}, {"": [2, 1, 1]}),
        ({"exclusions": [{"kind": "error", "after": "Cart"}]}, {"": [3, 2, 1]}),
        ({"exclusions": [{"kind": "error"}], "exclusion_ends": "attempt"}, {"": [3, 1, 1]}),
        # Ours: also of who bears no id of the source.
        ({"unit": "session"}, {"": [3, 1, 0]}),
        ({"unit": "session_id"}, {"": [2, 1, 0]}),
        # 60 s from step 1: the cart in time, the order not.
        ({"window": "1m"}, {"": [3, 1, 0]}),
        ({"window": "2m"}, {"": [3, 2, 1]}),
        ({"window": "119s"}, {"": [3, 1, 0]}),
        ({"breakdown": {"by": "device_type"}}, {"": [3, 2, 1], "mobile": [1, 1, 1], "desktop": [1, 1, 0], "(none)": [1, 0, 0]}),
        ({"breakdown": {"by": ["device_type"], "attribution": "last_touch", "limit": 1}}, {"": [3, 2, 1], "desktop": [2, 2, 1], "Other": [1, 0, 0]}),
        ({"breakdown": {"by": "device_type", "attribution": "step", "step": "Cart"}}, {"": [3, 2, 1], "desktop": [2, 2, 1]}),
        ({"hold_constant": "device_type"}, {"": [2, 1, 0]}),
    ],
)  # fmt: skip
def test_a_funnel_of_the_product_file(funnel: dict[str, Any], expected: dict[str, list[int]]) -> None:
    assert counts(results(**funnel).filter(period="all")) == expected


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("exclusions: [{kind: error, after: Nowhere}]", "no step 'Nowhere'"),
        ("exclusions: [{kind: error, after: B, before: A}]", "lies between a step and a later one"),
        ("order: unordered\n    exclusions: [{kind: error, after: B}]", "spans? it whole"),
        ("order: unordered\n    first_entry: true", "are for ordered"),
        ("breakdown: {by: device_type, attribution: step}", "belong together"),
        ("breakdown: {by: colour}", "'colour' is not promoted"),
        ("window: 7", "7 is no window; write a number with s, m, h, d or w, for example 30m, 2h or 7d"),
        ("window: 0m", "'0m' is no window"),
        ("window: 9000h", "366 days at most"),
        ("window: 30m\n    window_days: 7", "either `window` or `window_days`"),
        ("unit: basket", "'basket' is not promoted"),
        ("hold_constant: country\n    breakdown: {by: country}", "either `breakdown` or `hold_constant`"),
    ],
)
def test_check_names_what_a_funnel_says_wrong(text: str, fault: str) -> None:
    steps = "[{label: A, kind: order}, {label: B, kind: refund}, {label: C, kind: click}]"
    with pytest.raises(ProductFileError, match=fault):
        parse_product(
            f"name: x\nstart_date: 2026-01-01\nsources: {{web: {{}}}}\nfunnels:\n  f:\n    steps: {steps}\n    {text}\n"
        )


def test_of_whom_the_window_is_over_has_a_rate_of_its_own() -> None:
    """Two enter a day before the end of the period, one an hour before it."""
    hour = 60
    rows = [
        event(0, 1, page="home"), event(hour, 1, kind="order"), event(0, 2, page="home"),
        event(13 * hour - 1, 3, page="home"), event(13 * hour, 3, kind="order"),
    ]  # fmt: skip
    chosen = product(funnels={"f": {"steps": [HOME, BOUGHT], "window": "2h"}}, goals={}, zones=[], retention={})
    steps = step_events(events_frame(rows).lazy(), DAY, chosen.funnels).lazy()
    whole = funnel_results(steps, [DAY], chosen).filter(period="all")
    names = ("people_entered", "people_converted", "people_mature", "people_converted_of_mature")
    assert whole.sort("step").select(names).rows() == [(3, 3, 2, 2), (3, 2, 2, 1)]


def test_a_session_over_midnight_is_one_for_a_funnel() -> None:
    """It began the day before, on which it is booked; the source sends no ids."""
    night = 13 * 60
    rows = [
        event(night - 5, 1, page="home", url="/"),
        event(night + 5, 1, kind="order"),
        event(night + 90, 1, kind="order"),
    ]
    chosen = product(funnels={"f": {"steps": [HOME, BOUGHT], "window": "1d", "unit": "session"}})
    next_day = DAY + timedelta(days=1)
    events = events_frame(rows).lazy()
    booked = pl.concat([session_events(events, each, chosen) for each in (DAY, next_day)]).lazy()
    is_first = pl.col("occurred_at") < at("2026-02-02T23:00")
    parts = [events.filter(is_first), events.filter(~is_first)]
    steps = [step_events(part, day, chosen.funnels, booked) for part, day in zip(parts, (DAY, next_day), strict=True)]
    made = funnel_results(pl.concat(steps).lazy(), [DAY, next_day], chosen).filter(period="all").sort("step")
    assert made["people_converted"].to_list() == [1, 1]
    assert steps[1]["entity_key"].n_unique() == 2


def test_durations_and_trends_of_a_funnel() -> None:
    chosen = product(funnels={"f": {"steps": [HOME, BOUGHT], "window_days": 1}}, goals={}, zones=[], retention={})
    rows = step_events(events_frame(EVENTS).lazy(), DAY, chosen.funnels).lazy()
    durations = funnel_durations(rows, [DAY], chosen)
    assert durations.rows() == [("f", 120, 180, 1), ("f", 180, 240, 0)]
    trends = funnel_trend_counts(rows, [DAY, DAY + timedelta(days=7)], chosen)
    assert trends.rows() == [("f", DAY, 3, 1, True), ("f", DAY + timedelta(days=7), 0, 0, False)]


def test_nothing_configured_is_nothing_computed() -> None:
    chosen = product(funnels={}, retention={}, journeys={})
    frame = events_frame(EVENTS).lazy()
    for name, made in {
        "step_events": step_events(frame, DAY, chosen.funnels),
        "return_events": return_events(frame, DAY, chosen),
        "journey_events": journey_events(frame, DAY, chosen.journeys),
        "funnel_durations": funnel_durations(TABLES["step_events"].schema.to_frame().lazy(), [], chosen),
        "return_cells": return_cells(TABLES["return_events"].schema.to_frame().lazy(), [], chosen),
        "journey_paths": journey_paths(TABLES["journey_events"].schema.to_frame().lazy(), [], chosen),
        "feature_days": feature_days(frame, DAY, chosen),
        "feature_counts": feature_counts(TABLES["feature_days"].schema.to_frame().lazy(), [DAY], chosen),
    }.items():
        assert made.is_empty()
        assert made.schema == TABLES[name].schema


def test_retention_of_buyers_counts_hours_and_keeps_first_ever_honest() -> None:
    rows = [
        event(0, 1, kind="order", name="big", page="home"),
        event(5, 1, kind="order", name="big", page="cart"),
        event(60, 1),
        event(0, 2, kind="order", name="big", page="cart"),
        event(61, 2, kind="order", name="big", page="home"),
    ]
    chosen = product(
        retention={
            "ever": {
                "start": {"kind": "order", "name": "big", "page": "home"},
                "cohort": "first_ever",
                "period": "day",
                "periods": 2,
            },
            "any": {"period": "day", "periods": 2},
        }
    )
    made = return_events(events_frame(rows).lazy(), DAY, chosen)
    ever = made.filter(retention="ever").select("person_key", "is_start", "is_named", "is_first_start", "returns")
    assert ever.rows() == [
        (1, True, True, True, 2),
        (1, False, False, False, 1),
        (2, False, True, False, 1),
        (2, True, True, True, 1),
    ]
    cells = return_cells(made.lazy(), [DAY], chosen)
    assert cells.filter(offset=0).select("retention", "people_in_cohort").rows() == [("any", 2), ("ever", 1)]


def test_journeys_of_pages_and_of_events() -> None:
    rows = [
        event(0, 1, page="home", url="https://a.example/?q=1"),
        event(1, 1, page="cart", url="https://a.example/cart"),
        event(2, 1, kind="click", name="buy"),
        event(3, 1, page=None, url="https://a.example/x"),
        event(0, 2, page="home", url="https://a.example/"),
        event(1, 2, page="cart", url="https://a.example/cart/"),
    ]
    chosen = product(
        journeys={"p": {}, "u": {"items": "urls"}, "e": {"items": "events", "groupings": ["b*y"]}}, funnels={}
    )
    items = journey_events(events_frame(rows).lazy(), DAY, chosen.journeys)
    paths = journey_paths(items.lazy(), [DAY], chosen)
    shown = {name: paths.filter(journey=name).select("path", "visits", "people").rows() for name in ("p", "u", "e")}
    assert shown["p"] == [("home > cart", 1, 1), ("home > cart > (other page)", 1, 1)]
    assert shown["u"] == [
        ("https://a.example > https://a.example/cart", 1, 1),
        ("https://a.example > https://a.example/cart > https://a.example/x", 1, 1),
    ]
    assert ("page_view > b*y > page_view", 1, 1) in shown["e"]
    result = journey_edge_counts(items.lazy(), [DAY], chosen).filter(journey="p", source="1_home")
    assert result.select("target", "transitions", "people", "mean_wait_us").rows() == [("2_cart", 2, 2, 60e6)]


@pytest.mark.parametrize(
    ("first_time", "unit", "expected"),
    [
        # Person 1: pro on the 2nd at 10:00; the order of the 3rd fits. Person 2: free first, then pro. Person 3: pro, twice.
        (None, "person", [3, 2]),
        ("fitting", "person", [3, 1]),
        ("ever", "person", [2, 1]),
        # An event without a session is in no session's funnel, but it was the person's first.
        ("ever", "session_id", [1, 1]),
    ],
)
def test_a_step_may_ask_for_the_first_time(first_time: str | None, unit: str, expected: list[int]) -> None:
    days = [DAY, DAY + timedelta(days=1)]
    day = 24 * 60
    rows = [
        event(0, 1, kind="custom", name="plan", prop_plan="pro", session_id="a"),
        event(5, 1, kind="order", session_id="a"),
        event(0, 2, kind="custom", name="plan", prop_plan="free", session_id="b"),
        event(day, 2, kind="custom", name="plan", prop_plan="pro", session_id="c"),
        event(0, 3, kind="custom", name="plan", prop_plan="pro", session_id=None),
        event(day, 3, kind="custom", name="plan", prop_plan="pro", session_id="d"),
        event(day + 5, 3, kind="order", session_id="d"),
    ]
    step = {"label": "Pro", "kind": "custom", "name": "plan", "properties": {"plan": "pro"}, "first_time": first_time}
    # Within six hours: who took the plan on the 2nd and ordered on the 3rd is no convert.
    funnel = {"steps": [step, BOUGHT], "window_days": 1, "unit": unit}
    chosen = product(funnels={"f": funnel})
    plans = pl.Series("prop_plan", [row.get("prop_plan") for row in rows], dtype=pl.String)
    frame = events_frame([{k: v for k, v in row.items() if k != "prop_plan"} for row in rows]).with_columns(plans)
    shifted = frame.with_columns(
        pl.when(pl.col("person_key") == 3, pl.col("kind") == "order")
        .then(pl.col("occurred_at") + timedelta(minutes=1))
        .otherwise("occurred_at")
    )
    rows_of = [
        step_events(shifted.filter(pl.col("occurred_at").dt.date() == each).lazy(), each, chosen.funnels)
        for each in days
    ]
    made = funnel_results(pl.concat(rows_of).lazy(), days, chosen)
    assert counts(made.filter(period="all"))[""] == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("7", [True, False, False, False, False]),
        (["7", "true"], [True, False, False, False, True]),
        ({"is_not": "7"}, [False, True, True, True, True]),
        ({"contains": "SHOE"}, [False, True, False, False, False]),
        ({"not_contains": ["shoe", "7"]}, [False, False, True, True, True]),
        ({"regex": "^r?e?d sh"}, [False, True, False, False, False]),
        ({"not_regex": "^red"}, [True, False, True, True, True]),
        ({"gt": 6.5, "lte": 7}, [True, False, False, False, False]),
        ({"lt": 0}, [False, False, False, True, False]),
        ({"is_set": False}, [False, False, True, False, False]),
        ({"is_set": True, "is_not": "7"}, [False, True, False, True, True]),
    ],
)
def test_conditions_on_properties(condition: Any, expected: list[bool]) -> None:
    match = Match.model_validate({"properties": {"plan": condition}})
    values = pl.DataFrame({"prop_plan": ["7", "red shoes", None, "-0.5", "true"]})
    assert values.select(matches(match)).to_series().to_list() == expected


def test_retention_by_group_needs_the_same_value_and_first_ever_has_one_group() -> None:
    week = 7 * 24 * 60
    rows = [
        event(0, 1, kind="order", country="DE"),
        event(week, 1, kind="order", country="AT"),
        event(0, 2, kind="order", country="DE"),
        event(1, 2, kind="order", country="AT"),
        event(week, 2, kind="order", country="AT"),
        event(0, 3, kind="order", country=None),
    ]
    days = [DAY + timedelta(days=i) for i in range(14)]

    def cells(cohort: str, limit: int = 10) -> dict[str, list[tuple[int, int]]]:
        buyers = {"start": {"kind": "order"}, "period": "week", "periods": 2, "cohort": cohort}
        chosen = product(retention={"r": {**buyers, "breakdown": {"by": "country", "limit": limit}}})
        frame = events_frame(rows)
        parts = [
            return_events(frame.filter(pl.col("occurred_at").dt.date() == each).lazy(), each, chosen) for each in days
        ]
        made = return_cells(pl.concat(parts).lazy(), days, chosen)
        first = made.filter(cohort_start=DAY).sort("offset")
        return {
            str(group): part.select("people_in_cohort", "people_returned").rows()
            for (group,), part in first.partition_by("group", as_dict=True).items()
        }

    # Everybody: three start, 1 and 2 come back. By country: 1 comes back elsewhere, 2 starts in two countries.
    assert cells("recurring") == {
        "": [(3, 3), (3, 2)],
        "DE": [(2, 2), (2, 0)],
        "AT": [(1, 1), (1, 1)],
        "(none)": [(1, 1), (1, 0)],
    }
    # Of the first event ever only: 2 is German, wherever else they ordered.
    assert cells("first_ever") == {
        "": [(3, 3), (3, 2)],
        "DE": [(2, 2), (2, 0)],
        "(none)": [(1, 1), (1, 0)],
    }
    # AT is the largest: one starts there in the first week, two in the second.
    assert cells("recurring", limit=1)["Other"] == [(3, 3), (3, 0)]


def test_days_that_begin_within_an_hour_keep_their_events() -> None:
    # 18:45 UTC is 00:15 of the next day in India: the hour 18:00 is of two days.
    chosen = product(time_zone="Asia/Kolkata", retention={"r": {"period": "day", "periods": 2}})
    day = date(2026, 2, 2)
    frame = events_frame([{"occurred_at": at("2026-02-01T18:45"), "person_key": 1}])
    cells = return_cells(return_events(frame.lazy(), day, chosen).lazy(), [day, day + timedelta(days=1)], chosen)
    assert cells.filter(pl.col("people_in_cohort") > 0)["cohort_start"].unique().to_list() == [day]


@settings(max_examples=40, deadline=None)
@given(
    interactions=st.lists(
        st.tuples(st.integers(0, 40 * 24), st.integers(1, 3), st.integers(0, 2)), min_size=1, max_size=40
    ),
    window=st.sampled_from(["1d", "7d", "16d"]),
)
def test_weeks_of_entry_each_from_their_own_days_are_those_of_all_days(
    interactions: list[tuple[int, int, int]], window: str
) -> None:
    days = days_between(DAY, DAY + timedelta(days=40))
    begin = at(f"{DAY}T00:00")
    rows = [
        {
            "occurred_at": begin + timedelta(hours=h),
            "day": (begin + timedelta(hours=h)).date(),
            "person_key": p,
            "entity_key": p,
            "funnel": "f",
            "steps": 1 << s,
            "excluded": 0,
            "first": 0,
            "value": "",
            "tie": 0,
        }
        for h, p, s in sorted(set(interactions))
    ]
    frame = TABLES["step_events"].conform(pl.DataFrame(rows, schema=TABLES["step_events"].schema)).lazy()
    steps = [{"label": name, "kind": kind} for name, kind in (("a", "page_view"), ("b", "click"), ("c", "order"))]
    chosen = product(zones=[], time_zone="UTC", funnels={"f": {"steps": steps, "window": window}})
    whole = funnel_trend_counts(frame, days, chosen)
    by_week = period_sources("funnel_trend_counts", {"step_events": frame}, days, chosen)
    assert by_week.table.compute(by_week).equals(whole)
    assert by_week.stored, "the first weeks are kept"
    again = replace(period_sources("funnel_trend_counts", {"step_events": frame}, days, chosen), stored=by_week.stored)
    assert again.table.compute(again).equals(whole)
