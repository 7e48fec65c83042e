"""People, retention, funnels and zones against slow, obvious oracles in plain Python."""

from collections import defaultdict
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import at, days_from, events_frame, period_rows, product

from pipeline.core.product import Product
from pipeline.core.product_pages import Zone
from pipeline.core.registry import TABLES
from pipeline.domains.data_quality.quality import Came, held_counts, quality_counts
from pipeline.domains.funnels.funnel_steps import step_events
from pipeline.domains.funnels.funnel_tables import funnel_results
from pipeline.events.activity import activity
from pipeline.events.duplicates import event_ids, ids_of
from pipeline.events.zones import zones_of_chain

DAYS = days_from("2026-03-25", 40)
visits = st.sets(st.tuples(st.integers(1, 6), st.integers(0, len(DAYS) - 1)), max_size=40)


def active(result: set[tuple[int, int]]) -> dict[str, pl.LazyFrame]:
    rows = [(person, DAYS[day]) for person, day in sorted(result)]
    return {"activity": pl.LazyFrame(rows, schema={"person_key": pl.Int64, "day": pl.Date}, orient="row")}


@settings(max_examples=500, deadline=None)
@given(result=visits)
def test_people_per_day_week_and_month(result: set[tuple[int, int]]) -> None:
    made = period_rows("people_daily", active(result), DAYS, product())
    first = {person: min(d for p, d in result if p == person) for person, _ in result}
    for i, row in enumerate(made.iter_rows(named=True)):
        for name, width in (("people_active", 1), ("people_active_7d", 7), ("people_active_28d", 28)):
            assert row[name] == len({person for person, day in result if i - width < day <= i}), (name, row["day"])
        now, before = ({p for p, d in result if a < d <= b} for a, b in ((i - 28, i), (i - 56, i - 28)))
        assert row["people_active_28d_before"] == len(before)
        assert row["people_churned_28d"] == len(before - now)
        days = [len({p for p, d in result if d == j}) for j in range(max(0, i - 27), i + 1)]
        assert row["people_active_mean_28d"] == pytest.approx(sum(days) / 28)
        assert row["people_new"] == sum(1 for day in first.values() if day == i)
    assert made["day"].to_list() == DAYS


def test_people_never_add_up_over_days_but_new_people_do() -> None:
    made = period_rows("people_daily", active({(1, 0), (1, 1), (2, 1)}), DAYS[:2], product())
    assert made["people_active"].sum() == 3
    assert made["people_active_7d"][-1] == 2
    assert made["people_new"].sum() == 2
    table = TABLES["people_daily"]
    assert table.column("people_active").adds_over == ()
    assert table.column("people_new").adds_over == ("day",)


@settings(max_examples=500, deadline=None)
@given(result=visits)
def test_retention_equals_the_oracle(result: set[tuple[int, int]]) -> None:
    made = period_rows("retention_cells", active(result), DAYS, product())
    cohorts: dict[int, set[int]] = defaultdict(set)
    for person in {p for p, _ in result}:
        cohorts[min(d for p, d in result if p == person)].add(person)
    expected = [
        (DAYS[start], offset, len(people), len({p for p in people if (p, start + offset) in result}))
        for start, people in sorted(cohorts.items())
        for offset in range(len(DAYS) - start)
    ]
    assert made.select("cohort_day", "day_offset", "people_in_cohort", "people_returned").rows() == expected
    assert (
        made.filter(pl.col("day_offset") == 0)
        .select((pl.col("people_returned") == pl.col("people_in_cohort")).all())
        .item()
    )


def test_a_held_back_day_is_left_out_and_people_still_leave_their_windows_on_it() -> None:
    present = [DAYS[0], DAYS[2]]
    made = period_rows("people_daily", active({(1, 0), (2, 2)}), present, product())
    assert made.select("day", "people_active", "people_active_7d").rows() == [(DAYS[0], 1, 1), (DAYS[2], 1, 2)]
    cells = period_rows("retention_cells", active({(1, 0), (2, 2)}), present, product())
    assert cells.select("day_offset", "people_returned", "mature").rows() == [
        (0, 1, True),
        (1, None, False),
        (2, 0, True),
        (0, 1, True),
    ]


def test_retention_of_nobody_is_empty() -> None:
    assert period_rows("retention_cells", active(set()), [], product()).is_empty()
    assert period_rows("people_daily", active(set()), [], product()).is_empty()


def test_left_truncated_is_said() -> None:
    made = period_rows("people_daily", active({(1, 0)}), DAYS, product(start_date=DAYS[0]))
    assert made["left_truncated"].to_list() == [i < 28 for i in range(len(DAYS))]


def test_activity_leaves_out_bots_and_nobody() -> None:
    rows = [
        {"occurred_at": at("2026-02-03T10:00"), "person_key": 1},
        {"occurred_at": at("2026-02-03T09:00"), "person_key": 1},
        {"occurred_at": at("2026-02-03T09:00"), "person_key": 2, "is_bot": True},
        {"occurred_at": at("2026-02-03T09:00"), "person_key": None},
    ]
    made = activity(events_frame(rows).lazy(), date(2026, 2, 3))
    assert made.select("person_key", "first_at", "events").rows() == [(1, at("2026-02-03T09:00"), 2)]


# Funnels.


def test_funnel_results_by_period() -> None:
    day = "2026-02-0"  # 2 February 2026 is a Monday
    rows = [
        {"occurred_at": at(f"{day}2T10:00"), "person_key": 1, "page": "home"},
        {"occurred_at": at(f"{day}2T10:05"), "person_key": 1, "page": "product"},
        {"occurred_at": at(f"{day}2T10:10"), "person_key": 1, "kind": "order"},
        {"occurred_at": at(f"{day}8T10:00"), "person_key": 2, "page": "home"},
        {"occurred_at": at(f"{day}9T10:00"), "person_key": 2, "page": "product"},
        {"occurred_at": at(f"{day}2T10:00"), "person_key": 3, "page": "home", "is_bot": True},
    ]
    chosen = product()
    frame = events_frame(rows).lazy()
    days = days_from("2026-02-02", 8)
    parts = [
        step_events(frame.filter(pl.col("occurred_at").dt.date() == each), each, chosen.funnels).lazy() for each in days
    ]
    made = funnel_results(pl.concat(parts), days, chosen)
    counts = made.select("period", "step", "people_converted", "people_mature").rows()
    # The week ends before person 2 goes on; the whole history sees it. Two weeks after entry nobody is mature but one.
    assert counts == [("all", 1, 2, 1), ("all", 2, 2, 1), ("all", 3, 1, 1)] + [
        ("week", step, people, 0) for step, people in ((1, 2), (2, 1), (3, 1))
    ]
    timed = made.filter(pl.col("period") == "week").select("people_timed", "median_us_from_previous").rows()
    assert timed == [(0, None), (1, 300e6), (1, 300e6)]


# Zones.

ZONES = [
    Zone(name="hero", page="home", selectors=("section.hero",)),
    Zone(name="cta", page="home", selectors=("section.hero a.cta", "#buy")),
]
CHAINS = [
    ('<main><section class="hero"><a class="cta big">', [0, 1], 1),
    ('<main><section class="hero"><img>', [0], 0),
    ('<main><a class="cta">', [], None),
    ('<div id="buy"><section class="hero">', [0, 1], 0),
    ('<table><tr><td><section class="hero">', [0], 0),
    ('<section class="hero"><p><div><span>', [0], 0),
    ("", [], None),
    ("<![foo]>", [], None),
    ("no tags at all", [], None),
    ("https://example.com/", [], None),
    ("<" * 2000, [], None),
    ('<section class="hero"' + "<a>" * 5_000, [0], 0),
]


@pytest.mark.parametrize(("chain", "inside", "innermost"), CHAINS)
def test_zones_of_an_element(chain: str, inside: list[int], innermost: int | None) -> None:
    assert zones_of_chain(chain, ZONES) == (inside, innermost)


# Quality.


def test_quality_counts_balance() -> None:
    raw = pl.LazyFrame(
        {
            "source": ["web"] * 5,
            "event_id": ["a", "a", "b", None, "c"],
            "placeholder_ids": [None, "user_id", None, None, None],
        }
    )
    events = events_frame(
        [
            {"occurred_at": at("2026-02-03T10:00"), "received_at": at("2026-02-04T10:00:01"), "page": "home"},
            {
                "occurred_at": at("2026-02-03T10:00"),
                "is_bot": True,
                "bot_rule": "user_agent",
                "kind": "order",
                "revenue_micros": 7,
            },
            {"occurred_at": at("2026-02-03T10:00"), "person_key": None, "kind": "order", "revenue_micros": 5},
        ]
    ).lazy()
    repeated = pl.DataFrame({"source": ["web"], "event_id": ["c"]})
    sessions = pl.LazyFrame({"source": ["web"], "is_split": [True], "is_bot": [False]})
    came = Came(raw, event_ids(ids_of(raw)).lazy(), repeated)
    held = held_counts(events, product())
    made = quality_counts(came, [held], events, sessions, date(2026, 2, 3), product())
    # What happened is that of all people together, however they are divided.
    halves = [events.filter(pl.col("person_key").is_null()), events.filter(pl.col("person_key").is_not_null())]
    parts = [held_counts(half, product()) for half in halves]
    assert quality_counts(came, parts, events, sessions, date(2026, 2, 3), product()).equals(made)
    (row,) = made.iter_rows(named=True)
    kept = row["events"] + row["events_duplicate"] + row["events_duplicate_of_earlier_days"] + row["clicks_merged"]
    assert row["events_accepted"] == kept == 5
    expected = {
        "events_placeholder_ids": 1,
        "events_clock_doubtful": 0,
        "events_duplicate": 1,
        "events_duplicate_of_earlier_days": 1,
        "events_without_bots": 2,
        "events_bot_user_agent": 1,
        "events_without_person": 1,
        "events_received_within_7d": 1,
        "events_without_received_at": 2,
        "orders_by_order_day": 2,
        "orders_by_order_day_without_bots": 1,
        "revenue_micros_by_order_day": 12,
        "revenue_micros_by_order_day_without_bots": 5,
        "sessions_split": 1,
        "sessions_without_bots": 1,
        "people_active": 1,
        "page_view_events": 1,
        "page_view_events_unknown_page": 0,
    }
    assert {name: row[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("interaction", "boxed", "measured", "timed"),
    [
        # Positions of the window tell what was in it where it is known where a zone lies, as zone metrics say.
        ({"kind": "scroll", "scroll_y": 400, "window_height": 800}, True, 1, 1),
        ({"kind": "page_ping", "scroll_y": 400, "window_height": 800}, True, 1, 0),
        ({"kind": "scroll", "scroll_y": 400, "window_height": 800}, False, 0, 0),
        ({"kind": "scroll", "scroll_y": 400}, True, 0, 0),
        ({"kind": "exposure", "duration_ms": 900}, False, 1, 1),
    ],
)
def test_exposure_counts_as_measured_where_zones_can_tell_it(
    interaction: dict[str, Any], *, boxed: bool, measured: int, timed: int
) -> None:
    raw = pl.LazyFrame(schema={"source": pl.String, "event_id": pl.String, "placeholder_ids": pl.String})
    rows = [{"occurred_at": at("2026-02-03T10:00")}, {"occurred_at": at("2026-02-03T10:01"), **interaction}]
    sessions = pl.LazyFrame(schema={"source": pl.String, "is_split": pl.Boolean, "is_bot": pl.Boolean})
    boxes = [{"y": 100, "height": 50}] if boxed else []
    chosen = product(zones=[{"name": "hero", "page": "home", "selectors": [".hero"], "boxes": boxes}])
    none = pl.DataFrame(schema={"source": pl.String, "event_id": pl.String})
    came = Came(raw, event_ids(ids_of(raw)).lazy(), none)
    events = events_frame(rows).lazy()
    made = quality_counts(came, [held_counts(events, chosen)], events, sessions, date(2026, 2, 3), chosen)
    names = ["page_view_events_measured_exposure", "page_view_events_measured_exposure_time"]
    assert made.select(names).rows() == [(measured, timed)]


def test_periods_begin_on_the_products_first_weekday() -> None:
    days = days_from("2026-02-02", 15)
    for start, expected in (("monday", [2, 9]), ("sunday", [8])):
        chosen: Product = product(week_start=start)
        rows = TABLES["step_events"].schema.to_frame().lazy()
        made = funnel_results(rows, days, chosen).filter(pl.col("period") == "week")
        assert sorted(set(made["period_start"].dt.day())) == expected
        for begin, end in pairwise(sorted(set(made["period_start"]))):
            assert end - begin == timedelta(days=7)
