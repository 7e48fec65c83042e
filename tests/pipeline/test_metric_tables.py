"""What the product file says about funnels, retention and journeys, from events to tables."""

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from support import at, events_frame, product

from pipeline.contracts import TABLES
from pipeline.metrics.funnel_tables import funnel_durations, funnel_results, funnel_trend_counts, step_events
from pipeline.metrics.people_tables import (
    journey_edge_counts,
    journey_events,
    journey_ways,
    return_cells,
    return_events,
)
from pipeline.product_file import ProductFileError, parse_product

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
    rows = step_events(events_frame(EVENTS).lazy(), DAY, chosen.funnels).lazy()
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
        ({"unit": "session"}, {"": [2, 1, 0]}),
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


def test_durations_and_trends_of_a_funnel() -> None:
    chosen = product(funnels={"f": {"steps": [HOME, BOUGHT], "window_days": 1}}, goals={}, zones=[], retention={})
    rows = step_events(events_frame(EVENTS).lazy(), DAY, chosen.funnels).lazy()
    durations = funnel_durations(rows, chosen)
    assert durations.rows() == [("f", 120, 180, 1), ("f", 180, 240, 0)]
    trends = funnel_trend_counts(rows, [DAY, DAY + timedelta(days=7)], chosen)
    assert trends.rows() == [("f", DAY, 3, 1, True), ("f", DAY + timedelta(days=7), 0, 0, False)]


def test_nothing_configured_is_nothing_computed() -> None:
    chosen = product(funnels={}, retention={}, journeys={})
    frame = events_frame(EVENTS).lazy()
    for name, made in {
        "step_events": step_events(frame, DAY, chosen.funnels),
        "return_events": return_events(frame, DAY, chosen.retention),
        "journey_events": journey_events(frame, DAY, chosen.journeys),
        "funnel_durations": funnel_durations(TABLES["step_events"].schema.to_frame().lazy(), chosen),
        "return_cells": return_cells(TABLES["return_events"].schema.to_frame().lazy(), [], chosen),
        "journey_ways": journey_ways(TABLES["journey_events"].schema.to_frame().lazy(), [], chosen),
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
    made = return_events(events_frame(rows).lazy(), DAY, chosen.retention)
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
    ways = journey_ways(items.lazy(), [DAY], chosen)
    shown = {name: ways.filter(journey=name).select("way", "visits", "people").rows() for name in ("p", "u", "e")}
    assert shown["p"] == [("home > cart", 1, 1), ("home > cart > (other page)", 1, 1)]
    assert shown["u"] == [
        ("https://a.example > https://a.example/cart", 1, 1),
        ("https://a.example > https://a.example/cart > https://a.example/x", 1, 1),
    ]
    assert ("page_view > b*y > page_view", 1, 1) in shown["e"]
    found = journey_edge_counts(items.lazy(), [DAY], chosen).filter(journey="p", source="1_home")
    assert found.select("target", "transitions", "people", "mean_wait_us").rows() == [("2_cart", 2, 2, 60e6)]
