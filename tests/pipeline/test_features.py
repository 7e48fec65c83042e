"""Feature adoption: worked by hand, and against a slow count per person."""

from datetime import date, datetime, timedelta
from statistics import median
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from support import at, events_frame, product

from pipeline.domains.features.features import feature_counts, feature_days

MONDAY = date(2026, 2, 2)
CHAIN = '<main><section class="hero"><a class="cta">'
FEATURES = {
    "search": {"events": [{"name": "search"}], "again_days": 7},
    "cta": {"zones": ["home/cta"], "could": {"kind": "page_view", "page": "home"}, "again_days": 7},
}
PRODUCT = product(features=FEATURES, start_date=MONDAY)
DAYS = [MONDAY + timedelta(days=i) for i in range(14)]


def counted(rows: list[dict[str, Any]]) -> dict[tuple[str, str, date], dict[str, Any]]:
    frame = events_frame(rows)
    local = pl.col("occurred_at").dt.convert_time_zone(PRODUCT.time_zone).dt.date()
    # A day without events has no rows (`test_a_day_of_nobody_has_no_rows`), and they are most of these.
    there = frame.select(local).to_series().unique().sort()
    parts = [feature_days(frame.filter(local == day).lazy(), day, PRODUCT) for day in there]
    made = feature_counts(pl.concat([NO_DAYS, *parts]).lazy(), DAYS, PRODUCT)
    return {(r["feature"], r["period"], r["period_start"]): r for r in made.rows(named=True)}


NO_DAYS = feature_days(events_frame([]).lazy(), MONDAY, PRODUCT)


def test_a_day_of_nobody_has_no_rows() -> None:
    assert NO_DAYS.is_empty()


def sizes(row: dict[str, Any]) -> tuple[int, ...]:
    names = ("could", "tried", "first", "first_mature", "again", "with_revenue", "with_revenue_tried")
    return tuple(row[f"people_{name}"] for name in names)


def test_adoption_by_hand() -> None:
    def event(day: int, hour: int, person: int, **fields: Any) -> dict[str, Any]:
        return {"occurred_at": at("2026-02-02T10:00") + timedelta(days=day, hours=hour), "person_key": person, **fields}

    result = counted([
        # 1 searches on Monday twice and on Tuesday again, and buys.
        event(0, 0, 1), event(0, 1, 1, name="search"), event(0, 2, 1, name="search"), event(1, 0, 1, name="search"),
        event(2, 0, 1, kind="order", revenue_micros=5, currency="EUR"),
        # 2 searches twice on one day: no second use. A refund alone is no purchase.
        event(0, 0, 2, name="search"), event(0, 3, 2, name="search"),
        event(8, 0, 2, kind="refund", revenue_micros=-5, currency="EUR"),
        # 3 searches in the second week, again within it: its seven days aren't over by then.
        event(0, 0, 3), event(9, 0, 3, name="search"), event(10, 0, 3, name="search"),
        # 4 sees the home page and clicks the button; 5 sees it only; 6 clicks elsewhere; a bot does all.
        event(0, 0, 4, page="home", device_type="mobile"),
        event(0, 0, 4, kind="click", page="home", device_type="mobile", element_chain=CHAIN),
        event(0, 0, 5, page="home"), event(0, 1, 6, kind="click", page="home", element_chain="<main><p>"),
        event(0, 0, 7, name="search", is_bot=True), event(0, 0, 7, kind="click", page="home", element_chain=CHAIN, is_bot=True),
    ])  # fmt: skip
    whole = result["search", "all", MONDAY]
    assert sizes(whole) == (6, 3, 3, 2, 1, 1, 1)
    # From the first event: 1 h, at once, 9 days.
    assert whole["median_seconds_to_first_use"] == 3600
    assert sizes(result["search", "week", MONDAY]) == (6, 2, 2, 2, 1, 1, 1)
    assert sizes(result["search", "week", MONDAY + timedelta(days=7)]) == (2, 1, 1, 0, 0, 0, 0)
    assert sizes(result["cta", "all", MONDAY]) == (2, 1, 1, 1, 0, 1, 0)
    assert {(period, start) for _, period, start in result} == {
        ("all", MONDAY), ("last_28", MONDAY), ("week", MONDAY), ("week", MONDAY + timedelta(days=7)),
    }  # fmt: skip


interactions = st.lists(
    st.tuples(st.integers(0, 13 * 24 + 20), st.integers(1, 4), st.sampled_from(["view", "search", "buy"])), max_size=25
)


@settings(max_examples=500, deadline=None)
@given(interactions=interactions)
def test_adoption_equals_a_slow_count(interactions: list[tuple[int, int, str]]) -> None:
    kinds: dict[str, dict[str, Any]] = {
        "view": {},
        "search": {"name": "search"},
        "buy": {"kind": "order", "revenue_micros": 1, "currency": "EUR"},
    }
    begin = at("2026-02-01T23:30")
    rows = [{"occurred_at": begin + timedelta(hours=h), "person_key": p, **kinds[k]} for h, p, k in interactions]
    result = counted(rows)
    people: dict[int, list[tuple[datetime, date, str]]] = {}
    for hour, person, kind in interactions:
        when = begin + timedelta(hours=hour)
        # Berlin is an hour ahead in February.
        people.setdefault(person, []).append((when, (when + timedelta(hours=1)).date(), kind))
    end = at("2026-02-15T23:00")
    for period, first, last in (("all", MONDAY, DAYS[-1]), ("week", MONDAY, DAYS[6]), ("week", DAYS[7], DAYS[13])):
        could, tried, started, mature, again, buyers, both = (set[int]() for _ in range(7))
        waits: list[float] = []
        for person, own in people.items():
            here = [kind for _, day, kind in own if first <= day <= last]
            could |= {person} if here else set()
            tried |= {person} if "search" in here else set()
            buyers |= {person} if "buy" in here else set()
            both |= {person} if {"search", "buy"} <= set(here) else set()
            uses = sorted((when, day) for when, day, kind in own if kind == "search")
            if uses and first <= uses[0][1] <= last:
                started.add(person)
                waits.append((uses[0][0] - min(when for when, _, _ in own)).total_seconds())
                if uses[0][0] + timedelta(days=7) <= end:
                    mature.add(person)
                    if any(day > uses[0][1] and when <= uses[0][0] + timedelta(days=7) for when, day in uses):
                        again.add(person)
        row = result["search", period, first]
        assert sizes(row) == tuple(len(s) for s in (could, tried, started, mature, again, buyers, both))
        assert row["median_seconds_to_first_use"] == (median(waits) if waits else None)
