"""Retention, lifecycle, stickiness and journeys against slow oracles, over clock changes and time zones."""

from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import journey_steps, lifecycle_states, retention_grid
from support import period_rows, period_sources, product

from pipeline.core.contract import UTC_MICROSECONDS
from pipeline.core.days import days_between
from pipeline.core.registry import TABLES
from pipeline.domains.activity.lifecycle import active_periods, lifecycle, stickiness
from pipeline.domains.journeys.journeys import JourneyRules, edges, sequences, visits
from pipeline.domains.retention.retention import RetentionRules, averages, grouped_retention, retention
from pipeline.domains.retention.tables import return_cells
from pipeline.stats import buckets
from pipeline.stats.periods import Calendar, Unit

ZONES = ["UTC", "Europe/Berlin", "America/Los_Angeles", "Pacific/Auckland", "Asia/Kolkata", "America/Sao_Paulo"]
# Clocks change on 29 March 2026 in Berlin, on 8 March in Los Angeles, on 5 April in Auckland.
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
HOURS = st.integers(0, 24 * 45)
STREAM = st.lists(st.tuples(st.sampled_from("abc"), HOURS, st.booleans(), st.booleans()), max_size=25)


def frame(rows: list[tuple[str, int, bool, bool]]) -> pl.LazyFrame:
    schema = {"person_key": pl.String, "occurred_at": UTC_MICROSECONDS, "is_start": pl.Boolean, "returns": pl.Boolean}
    return pl.LazyFrame(
        [(p, BEGIN + timedelta(hours=h), s, r) for p, h, s, r in rows], schema=schema, orient="row"
    ).with_columns(is_named=pl.col("is_start"))


def period_of(at: datetime, unit: Unit, zone: str, week_start: str) -> date:
    """The first local day of the period, worked out by hand."""
    day = at.astimezone(ZoneInfo(zone)).date()
    if unit == "month":
        return day.replace(day=1)
    if unit == "week":
        return day - timedelta(days=(day.weekday() + (week_start == "sunday")) % 7)
    return day


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("unit", ["day", "week", "month"])
@pytest.mark.parametrize("week_start", ["monday", "sunday"])
def test_periods_follow_the_local_calendar(zone: str, unit: Any, week_start: Any) -> None:
    calendar = Calendar(unit, zone, week_start)
    before = None
    for hour in range(0, 24 * 60, 1):
        at = BEGIN + timedelta(hours=hour, minutes=59)
        first = period_of(at, unit, zone, week_start)
        if first != before:
            number = calendar.number_of(at)
            assert calendar.first_day(number) == first
            assert calendar.number_of(calendar.start(number)) == number
            assert calendar.number_of(calendar.start(number) - timedelta(microseconds=1)) == number - 1
            before = first


def test_hours_are_whole_local_hours_and_a_repeated_hour_is_another_one() -> None:
    kolkata = Calendar("hour", "Asia/Kolkata")
    number = kolkata.number_of(datetime(2026, 3, 1, 10, 29, tzinfo=UTC))
    assert kolkata.start(number) == datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    berlin = Calendar("hour", "Europe/Berlin")
    repeated = [berlin.number_of(datetime(2026, 10, 25, hour, 30, tzinfo=UTC)) for hour in (0, 1)]
    assert repeated[1] - repeated[0] == 1


@settings(max_examples=500, deadline=None)
@given(
    rows=STREAM,
    unit=st.sampled_from(["day", "week", "month"]),
    zone=st.sampled_from(ZONES),
    cohort=st.sampled_from(["recurring", "first_time"]),
    mode=st.sampled_from(["on", "on_or_after", "until", "streak"]),
    minimum=st.integers(1, 2),
    brackets=st.sampled_from([(), (2, 3), (1, 1, 4)]),
    columns=st.sampled_from([None, 5]),
)
def test_retention_equals_the_oracle(  # noqa: PLR0913, PLR0917
    rows: list[Any], unit: Any, zone: str, cohort: Any, mode: Any, minimum: int, brackets: Any, columns: int | None
) -> None:
    calendar = Calendar(unit, zone, "monday")
    first, last = BEGIN + timedelta(days=4), BEGIN + timedelta(days=36)
    rules = RetentionRules(
        calendar, first, last, columns=columns, cohort=cohort, mode=mode, minimum=minimum, brackets=brackets
    )
    result = {(r, c): n for r, c, n in retention(frame(rows).select(pl.all()), rules).rows()}
    top = calendar.number_of(first)
    number = calendar.number_of(last) - top + 1
    starts: dict[str, list[int]] = defaultdict(list)
    returns: dict[str, list[int]] = defaultdict(list)
    for person, hour, is_start, is_return in rows:
        position = calendar.number_of(BEGIN + timedelta(hours=hour)) - top
        if is_start:
            starts[person].append(position)
        if is_return:
            returns[person].append(position)
    offsets = [[j] for j in range(columns or number)]
    if brackets:
        edges_of = [0, *(1 + sum(brackets[:i]) for i in range(len(brackets) + 1))]
        offsets = [list(range(a, b)) for a, b in pairwise(edges_of)]
    expected = retention_grid(starts, returns, number, offsets, kind=cohort, mode=mode, minimum=minimum)
    assert {(r - top, c): n for (r, c), n in result.items() if n} == {
        # Without a number of columns rows grow shorter, as the grid ends.
        (r, c): n
        for (r, c), n in expected.items()
        if n and (columns or brackets or r + c < number)
    }


def test_first_ever_needs_that_very_event_to_fit() -> None:
    rows = [
        ("a", 0, False, False),
        ("a", 24, True, False),
        ("a", 48, False, True),
        ("b", 24, True, False),
        ("b", 48, False, True),
    ]
    stream = frame(rows).with_columns(is_named=~pl.col("returns"))
    rules = RetentionRules(Calendar("day"), BEGIN, BEGIN + timedelta(days=3), cohort="first_ever")
    cells = retention(stream, rules).filter(pl.col("returned") > 0)
    assert cells.select("offset", "returned").rows() == [(0, 1), (1, 1)]


def test_elapsed_days_count_clock_hours_from_the_first_start() -> None:
    rows = [("a", 14, True, True), ("a", 37, False, True), ("a", 38, False, True), ("a", 14 + 48, False, True)]
    rules = RetentionRules(Calendar("day"), BEGIN, BEGIN + timedelta(days=9), columns=4, elapsed=True)
    assert retention(frame(rows), rules).filter(cohort=Calendar("day").number_of(BEGIN))["returned"].to_list() == [
        1,
        1,
        1,
        0,
    ]
    with pytest.raises(ValueError, match="needs calendar periods"):
        RetentionRules(Calendar("day"), BEGIN, BEGIN, mode="on_or_after", elapsed=True)


def test_groups_of_retention_and_other() -> None:
    rows = [
        ("a", 1, True, True, "x"),
        ("a", 25, True, True, "x"),
        ("b", 1, True, True, "y"),
        ("b", 25, True, True, "x"),
        ("c", 1, True, True, None),
    ]
    stream = pl.concat([frame([row[:4]]).with_columns(v=pl.lit(row[4], dtype=pl.String)) for row in rows])
    rules = RetentionRules(Calendar("day"), BEGIN, BEGIN + timedelta(days=1))
    cells = grouped_retention(stream, rules, "v", limit=1)
    assert cells.filter(offset=0).group_by("v").agg(pl.col("returned").sum()).sort("v").rows() == [
        ("Other", 2),
        ("x", 3),
    ]
    assert cells.filter(offset=1)["returned"].to_list() == [0, 1]


def test_three_averages() -> None:
    cells = pl.DataFrame(
        {
            "offset": [1, 1, 1],
            "people_in_cohort": [1000, 500, 7],
            "people_returned": [500, 400, 7],
            "mature": [True, True, False],
        }
    )
    (row,) = averages(cells).rows()
    assert row == (1, 0.6, 0.65, 0.56)


@settings(max_examples=500, deadline=None)
@given(
    rows=st.lists(st.tuples(st.sampled_from("abc"), HOURS), max_size=25),
    earlier=st.dictionaries(st.sampled_from("abc"), st.integers(0, 24 * 60)),
    unit=st.sampled_from(["day", "week", "month"]),
    zone=st.sampled_from(ZONES),
)
def test_lifecycle_equals_the_oracle(
    rows: list[tuple[str, int]], earlier: dict[str, int], unit: Any, zone: str
) -> None:
    calendar = Calendar(unit, zone, "monday")
    first, last = BEGIN + timedelta(days=6), BEGIN + timedelta(days=40)
    active: dict[str, set[int]] = defaultdict(set)
    born = {
        p: BEGIN + timedelta(hours=min([h for q, h in rows if q == p] + [10**4]) - earlier.get(p, 0)) for p in "abc"
    }
    for person, hour in rows:
        active[person].add(calendar.number_of(BEGIN + timedelta(hours=hour)))
    created = pl.DataFrame(
        {"person_key": list(born), "created_at": list(born.values())},
        schema={"person_key": pl.String, "created_at": UTC_MICROSECONDS},
    )
    stream = frame([(p, h, True, True) for p, h in rows])
    result = lifecycle(active_periods(stream, calendar), created, calendar, first, last)
    expected = lifecycle_states(
        active,
        {p: calendar.number_of(at) for p, at in born.items()},
        calendar.number_of(first),
        calendar.number_of(last),
    )
    shown = {
        (row["period"], name): row[name]
        for row in result.rows(named=True)
        for name in ("new", "returning", "resurrecting", "dormant")
    }
    assert {cell: n for cell, n in shown.items() if n} == {cell: n for cell, n in expected.items() if n}
    assert result.height == calendar.number_of(last) - calendar.number_of(first) + 1


@settings(max_examples=500, deadline=None)
@given(
    rows=st.lists(st.tuples(st.sampled_from("abc"), HOURS), max_size=25),
    unit=st.sampled_from(["hour", "day", "week"]),
    width=st.integers(1, 3),
    criterion=st.sampled_from([None, ("gte", 2), ("lte", 1), ("exact", 2)]),
    cumulative=st.booleans(),
)
def test_stickiness_equals_the_oracle(rows: Any, unit: Any, width: int, criterion: Any, cumulative: bool) -> None:
    calendar = Calendar(unit, "Europe/Berlin", "monday")
    first, last = BEGIN + timedelta(days=6), BEGIN + timedelta(days=40)
    stream = frame([(p, h, True, True) for p, h in rows])
    result = stickiness(
        active_periods(stream, calendar), calendar, first, last, criterion=criterion, width=width, cumulative=cumulative
    )
    bottom, top = calendar.number_of(last), calendar.number_of(first)
    buckets: Counter[tuple[str, int]] = Counter()
    for person, hour in rows:
        number = calendar.number_of(BEGIN + timedelta(hours=hour))
        if top <= number <= bottom:
            buckets[person, (bottom - number) // width] += 1
    fits = {
        None: lambda _n: True,
        "gte": lambda n: n >= criterion[1],
        "lte": lambda n: n <= criterion[1],
        "exact": lambda n: n == criterion[1],
    }
    kept = Counter(person for (person, _), n in buckets.items() if fits[criterion and criterion[0]](n))
    expected = [
        sum(n >= k if cumulative else n == k for n in kept.values())
        for k in range(1, -(-(bottom - top + 1) // width) + 1)
    ]
    assert result["entities"].to_list() == expected


PATHS = st.lists(
    st.tuples(st.integers(0, 200), st.sampled_from(["/", "a", "b", "c"])), max_size=14, unique_by=lambda e: e[0]
)


@settings(max_examples=500, deadline=None)
@given(
    people=st.lists(PATHS, min_size=1, max_size=3),
    start=st.sampled_from([None, "a"]),
    end=st.sampled_from([None, "b"]),
    steps=st.integers(2, 5),
)
def test_journeys_equal_the_oracle(
    people: list[list[tuple[int, str]]], start: str | None, end: str | None, steps: int
) -> None:
    schema = {"person_key": pl.Int64, "occurred_at": UTC_MICROSECONDS, "item": pl.String}
    rows = [(i, BEGIN + timedelta(minutes=m), item) for i, path in enumerate(people) for m, item in path]
    result = visits(pl.LazyFrame(rows, schema=schema, orient="row"), JourneyRules(start, end, steps))
    expected = [visit for path in people for visit in journey_steps(sorted(path), 30, start, end, steps)]
    shown = result.group_by("visit", maintain_order=True).agg("item")["item"].to_list()
    assert shown == [[item for _, item in visit] for visit in expected]
    moves: Counter[tuple[str, str]] = Counter()
    for visit in expected:
        for i, (a, b) in enumerate(pairwise(visit), start=1):
            moves[f"{i}_{a[1]}", f"{i + 1}_{b[1]}"] += 1
    assert {(r["source"], r["target"]): r["transitions"] for r in edges(result, limit=1000).rows(named=True)} == dict(
        moves
    )
    whole = Counter(tuple(item for _, item in visit) for visit in expected)
    assert {tuple(r["items"]): r["visits"] for r in sequences(result, limit=1000).rows(named=True)} == dict(whole)


def test_items_are_folded_and_left_out_before_runs_are_judged() -> None:
    schema = {"person_key": pl.Int64, "occurred_at": UTC_MICROSECONDS, "item": pl.String}
    items = ["/p/1", "/ad", "/p/2/", "/cart", None, "/thanks/"]
    rows = [(1, BEGIN + timedelta(minutes=i), item) for i, item in enumerate(items)]
    result = visits(
        pl.LazyFrame(rows, schema=schema, orient="row"),
        JourneyRules(excluded=("/ad/",), groupings=("/p/*",), end="/thanks/"),
    )
    assert result["item"].to_list() == ["/p/*", "/cart", "/thanks"]
    assert result["wait_us"].to_list() == [None, 60e6, 120e6], "a run's last time counts"


def test_edges_that_no_first_step_leads_to_are_dropped_with_what_led_there() -> None:
    schema = {"person_key": pl.Int64, "occurred_at": UTC_MICROSECONDS, "item": pl.String}
    rows = [
        (p, BEGIN + timedelta(minutes=m), item)
        for p in (1, 2, 3)
        for m, item in enumerate(["a", "b" if p < 3 else "x", "c"])
    ]
    steps = visits(pl.LazyFrame(rows, schema=schema, orient="row"), JourneyRules())
    assert edges(steps, limit=3).select("source", "target", "transitions", "people").rows() == [
        ("1_a", "2_b", 2, 2),
        ("2_b", "3_c", 2, 2),
        ("1_a", "2_x", 1, 1),
    ]
    assert edges(steps, most=1, limit=1)["target"].to_list() == ["2_x"]


# The tables.


def activity(result: list[tuple[int, int]], first: date) -> pl.LazyFrame:
    """Rows of activity: (person, day number)."""
    schema = TABLES["activity"].schema
    at = datetime.combine(first, datetime.min.time(), tzinfo=UTC) + timedelta(hours=12)
    rows = [(first + timedelta(days=d), p, f"user:{p}", at + timedelta(days=d), 1) for p, d in result]
    return pl.LazyFrame(rows, schema=schema, orient="row")


MONDAY = date(2026, 3, 23)


def test_lifecycle_table_knows_which_periods_are_whole() -> None:
    days = days_between(MONDAY, MONDAY + timedelta(days=13))
    rows = {"activity": activity([(1, 0), (1, 8), (2, 7), (3, 0)], MONDAY)}
    made = period_rows("lifecycle_counts", rows, [d for d in days if d != days[9]], product())
    weeks = made.filter(period="week").select("people_new", "people_returning", "people_dormant", "mature").rows()
    assert weeks == [(2, 0, 0, True), (1, 1, -1, False)]
    assert made.filter(period="day").height == 14
    assert period_rows("lifecycle_counts", {"activity": activity([], MONDAY)}, [], product()).is_empty()


@settings(max_examples=100, deadline=None)
@given(
    interactions=st.sets(st.tuples(st.integers(1, 5), st.integers(0, 69)), min_size=1, max_size=60),
    missing=st.sets(st.integers(1, 68), max_size=3),
)
def test_lifecycle_by_day_week_and_month_is_that_of_a_slow_look(
    interactions: set[tuple[int, int]], missing: set[int]
) -> None:
    days = [day for n, day in enumerate(days_between(MONDAY, MONDAY + timedelta(days=69))) if n not in missing]
    # What is on a day that is held back isn't known.
    rows = sorted(each for each in interactions if each[1] not in missing)
    made = period_rows("lifecycle_counts", {"activity": activity(rows, MONDAY)}, days, product(week_start="monday"))
    starts = {
        "day": lambda day: day,
        "week": lambda day: day - timedelta(days=day.weekday()),
        "month": lambda day: day.replace(day=1),
    }
    for period, start_of in starts.items():
        people: dict[date, set[int]] = {}
        for person, number in rows:
            people.setdefault(start_of(MONDAY + timedelta(days=number)), set()).add(person)
        before: set[int] = set()
        ever: set[int] = set()
        shown = made.filter(period=period)
        assert shown.height == len({start_of(day) for day in days_between(days[0], days[-1])})
        for row in shown.iter_rows(named=True):
            here = people.get(row["period_start"], set())
            assert row["people_new"] == len(here - ever)
            assert row["people_returning"] == len(here & before & ever)
            assert row["people_resurrecting"] == len((here & ever) - before)
            assert row["people_dormant"] == -len(before - here)
            before, ever = here, ever | here


@settings(max_examples=60, deadline=None)
@given(
    interactions=st.sets(st.tuples(st.integers(1, 8), st.integers(0, 139)), max_size=80),
    nights=st.lists(st.integers(1, 139), max_size=4),
    late=st.none() | st.tuples(st.integers(1, 8), st.integers(0, 139)),
    ranges=st.booleans(),
)
def test_what_is_carried_from_month_to_month_is_what_all_days_give(
    interactions: set[tuple[int, int]], nights: list[int], late: tuple[int, int] | None, ranges: bool
) -> None:
    """Night after night with what the nights before kept, and at once: equal rows."""
    whole = days_between(MONDAY, MONDAY + timedelta(days=139))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(buckets, "BUCKET_ROWS", 20 if ranges else 10**9)
        for name in ("activity_returns", "people_first"):
            at_once = period_sources(name, {"activity": activity(sorted(interactions), MONDAY)}, whole, product())
            expected = at_once.table.compute(at_once)
            known = interactions - {late}
            stored: dict[tuple[str, ...], pl.DataFrame] = {}
            for night in sorted(nights):
                frames = {"activity": activity(sorted(known), MONDAY)}
                sources = replace(period_sources(name, frames, whole[:night], product()), stored=stored)
                sources.table.compute(sources)
            if late in interactions:
                # A late event changes its day, and what was kept of days up to it counts no more.
                day = str(whole[late[1]])
                stored = {key: frame for key, frame in stored.items() if day not in key}
            frames = {"activity": activity(sorted(interactions), MONDAY)}
            sources = replace(period_sources(name, frames, whole, product()), stored=stored)
            assert sources.table.compute(sources).equals(expected)


def test_a_night_reads_the_days_since_the_last_closed_month() -> None:
    days = days_between(date(2026, 1, 1), date(2026, 6, 10))
    rows = {"activity": activity([(1, n) for n in range(len(days))], days[0])}
    before = period_sources("activity_returns", rows, days[:-1], product())
    before.table.compute(before)
    after = replace(period_sources("activity_returns", rows, days, product()), stored=before.stored)
    after.table.compute(after)
    assert min(after.read) == date(2026, 5, 1), "April has been over for more than 35 days, May hasn't"


def test_stickiness_table_has_whole_weeks_and_the_last_28_days() -> None:
    days = days_between(MONDAY, MONDAY + timedelta(days=9))
    rows = {"activity": activity([(1, 0), (1, 1), (2, 0), (2, 8)], MONDAY)}
    made = period_rows("stickiness_counts", rows, days, product())
    week = made.filter(period="week").select("days_active", "people", "people_or_more").head(2).rows()
    assert week == [(1, 1, 2), (2, 1, 1)]
    assert made.filter(period="last_28")["people"].to_list() == [0, 2, *[0] * 26]


def test_return_cells_are_mature_when_their_time_is_over() -> None:
    days = days_between(MONDAY, MONDAY + timedelta(days=13))
    chosen = product(
        retention={
            "on": {"period": "week", "periods": 3},
            "after": {"period": "week", "periods": 2, "mode": "on_or_after"},
            "elapsed": {"period": "day", "periods": 2, "elapsed": True},
        }
    )
    at = datetime(2026, 3, 23, 9, tzinfo=UTC)
    rows = [
        (MONDAY, name, 1, at + timedelta(days=d), "", at + timedelta(days=d), True, True, True, 1)
        for name in ("on", "after", "elapsed")
        for d in (0, 1, 7)
    ]
    made = return_cells(pl.LazyFrame(rows, schema=TABLES["return_events"].schema, orient="row"), days, chosen)
    shown = {
        name: made.filter(retention=name, cohort_start=MONDAY).select("offset", "people_returned", "mature").rows()
        for name in ("on", "after", "elapsed")
    }
    assert shown["on"] == [(0, 1, True), (1, 1, True), (2, 0, False)]
    assert shown["after"] == [(0, 1, True), (1, 1, True)]
    assert shown["elapsed"] == [(0, 1, True), (1, 1, True)]
