"""Sessions against a slow, obvious oracle that reads docs/definitions/sessions.md line by line, and against a table of edge days."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import at, events_frame, product

from pipeline.core.days import day_start
from pipeline.core.product import Product
from pipeline.events.sessions import session_events, sessions

PAUSE = timedelta(minutes=30)
Row = dict[str, Any]


def computed(rows: list[Row], chosen: Product) -> dict[frozenset[str], date]:
    """Sessions as footfall computes them: each day from that day and its neighbours only."""
    frame = events_frame(rows).with_columns(
        local=pl.col("occurred_at").dt.convert_time_zone(chosen.time_zone).dt.date()
    )
    result: dict[frozenset[str], date] = {}
    days = sorted(set(frame["local"]))
    for day in [days[0] - timedelta(days=1), *days] if days else []:
        near = frame.filter((pl.col("local") - pl.lit(day)).dt.total_days().abs() <= 1).drop("local")
        made = session_events(near.sample(fraction=1.0, shuffle=True, seed=1).lazy(), day, chosen)
        for (_,), part in made.group_by("session_key"):
            ids = frozenset(part["event_id"])
            assert ids not in result
            result[ids] = day
    return result


def oracle(rows: list[Row], chosen: Product) -> dict[frozenset[str], date]:
    """docs/definitions/sessions.md, "Session", sentence by sentence, in plain Python over the whole history."""
    zone = ZoneInfo(chosen.time_zone)
    units: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        if row["person_key"] is not None:
            units[(row["person_key"], row["anonymous_id"], row["source"])].append(row)
    result: dict[frozenset[str], date] = {}
    for events in units.values():
        by_day: dict[date, list[Row]] = defaultdict(list)
        for event in sorted(events, key=lambda e: (e["occurred_at"], e["event_id"])):
            by_day[event["occurred_at"].astimezone(zone).date()].append(event)
        pieces = [piece for day in sorted(by_day) for piece in _pieces(day, by_day[day])]
        joined: set[int] = set()
        for i, (day, source_id, piece) in enumerate(pieces):
            if i in joined:
                continue
            ids = [e["event_id"] for e in piece]
            begins = day_start(day, zone)
            reaches_back = piece[0]["occurred_at"] - begins <= PAUSE
            for j, (other_day, other_id, other) in enumerate(pieces):
                is_first = other_id is not None or j == min(
                    k for k, (d, s, _) in enumerate(pieces) if d == other_day and s is None
                )
                is_last = source_id is not None or i == max(
                    k for k, (d, s, _) in enumerate(pieces) if d == day and s is None
                )
                if (
                    other_day == day + timedelta(days=1)
                    and other_id == source_id
                    and is_first
                    and is_last
                    and other[0]["occurred_at"] - piece[-1]["occurred_at"] <= PAUSE
                    and not reaches_back
                ):
                    ids += [e["event_id"] for e in other]
                    joined.add(j)
            result[frozenset(ids)] = day
    return result


def _pieces(day: date, events: list[Row]) -> Iterable[tuple[date, str | None, list[Row]]]:
    by_id: dict[str, list[Row]] = defaultdict(list)
    derived: list[list[Row]] = []
    for event in events:
        if event["session_id"] is not None:
            by_id[event["session_id"]].append(event)
        elif derived and event["occurred_at"] - derived[-1][-1]["occurred_at"] <= PAUSE:
            derived[-1].append(event)
        else:
            derived.append([event])
    yield from ((day, None, piece) for piece in derived)
    yield from ((day, name, piece) for name, piece in by_id.items())


# Around the nights on which the clocks change in Berlin (29 March, 25 October 2026), and an ordinary one.
NIGHTS = [datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC), datetime(2026, 6, 10, tzinfo=UTC)]
ZONES = ["Europe/Berlin", "UTC", "America/Los_Angeles", "Pacific/Auckland", "Asia/Kolkata"]


@st.composite
def streams(draw: st.DrawFn) -> list[Row]:
    night = draw(st.sampled_from(NIGHTS))
    # Minutes around two midnights, in steps that make ties and exact half hours likely.
    minutes = st.one_of(
        st.integers(-300, 3300).map(lambda m: m * 5 // 5),
        st.integers(-10, 110).map(lambda m: m * 30),
        st.sampled_from([0, 30, 60, 1380, 1410, 1439, 1440, 1441, 1470, 2879, 2880, 2910]),
    )
    return [
        {
            "event_id": f"e{i}",
            "occurred_at": night + timedelta(minutes=draw(minutes), microseconds=draw(st.sampled_from([0, 0, 1]))),
            "person_key": draw(st.sampled_from([1, 1, 2, None])),
            "anonymous_id": draw(st.sampled_from(["d1", "d1", "d2", None])),
            "source": draw(st.sampled_from(["web", "web", "app"])),
            "session_id": draw(st.sampled_from([None, None, "s1", "s2"])),
        }
        for i in range(draw(st.integers(0, 14)))
    ]


def side_by_side(several: list[list[Row]]) -> list[Row]:
    """Streams of different people as one: what a call costs is shared by all of them."""
    return [
        {
            **row,
            "event_id": f"{n}-{row['event_id']}",
            "person_key": None if row["person_key"] is None else 10 * n + row["person_key"],
        }
        for n, rows in enumerate(several)
        for row in rows
    ]


# Ten streams each.
@settings(max_examples=30, deadline=None)
@given(several=st.lists(streams(), min_size=10, max_size=10), zone=st.sampled_from(ZONES))
def test_sessions_equal_the_oracle(several: list[list[Row]], zone: str) -> None:
    chosen, rows = product(time_zone=zone), side_by_side(several)
    assert computed(rows, chosen) == oracle(rows, chosen)


@settings(max_examples=10, deadline=None)
@given(several=st.lists(streams(), min_size=10, max_size=10))
def test_every_event_with_a_person_is_in_one_session_of_at_most_two_days(several: list[list[Row]]) -> None:
    rows = side_by_side(several)
    result = computed(rows, product())
    ids = [event for session in result for event in session]
    assert sorted(ids) == sorted(row["event_id"] for row in rows if row["person_key"] is not None)
    days = {row["event_id"]: row["occurred_at"].astimezone(ZoneInfo("Europe/Berlin")).date() for row in rows}
    for session, booked in result.items():
        assert {days[event] for event in session} <= {booked, booked + timedelta(days=1)}


# (what, local instants in Berlin, session id, sessions as groups of indices)
NIGHT_TABLE: list[tuple[str, list[str], str | None, list[list[int]]]] = [
    ("pause of 30 minutes holds", ["2026-02-03T10:00", "2026-02-03T10:30"], None, [[0, 1]]),
    ("pause over 30 minutes cuts", ["2026-02-03T10:00", "2026-02-03T10:30:00.000001"], None, [[0], [1]]),
    ("over midnight", ["2026-02-03T23:50", "2026-02-04T00:10"], None, [[0, 1]]),
    ("over midnight by source id", ["2026-02-03T23:50", "2026-02-04T00:10"], "s", [[0, 1]]),
    ("source id, long pause on one day", ["2026-02-03T08:00", "2026-02-03T20:00"], "s", [[0, 1]]),
    ("source id, long pause over midnight", ["2026-02-03T23:00", "2026-02-04T00:10"], "s", [[0], [1]]),
    (
        "third day starts anew",
        ["2026-02-03T23:50", "2026-02-04T00:10", "2026-02-04T23:55", "2026-02-05T00:05"],
        "s",
        [[0, 1, 2], [3]],
    ),
    (
        "derived piece that reaches back to midnight is cut at the next",
        ["2026-02-04T00:30", *[f"2026-02-04T{h:02}:{m:02}" for h in range(1, 24) for m in (0, 30)], "2026-02-05T00:00"],
        None,
        [list(range(47)), [47]],
    ),
    (
        "the night with 23 hours: 01:50 and 03:10 are 20 minutes apart",
        ["2026-03-29T01:50+01:00", "2026-03-29T03:10+02:00"],
        None,
        [[0, 1]],
    ),
    (
        "the night with 25 hours: 02:50 and the second 02:10 are 20 minutes apart",
        ["2026-10-25T02:50+02:00", "2026-10-25T02:10+01:00"],
        None,
        [[0, 1]],
    ),
]


@pytest.mark.parametrize(("what", "times", "source_id", "groups"), NIGHT_TABLE, ids=[case[0] for case in NIGHT_TABLE])
def test_nights(what: str, times: list[str], source_id: str | None, groups: list[list[int]]) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    instants = [
        result if (result := datetime.fromisoformat(text)).tzinfo else result.replace(tzinfo=berlin) for text in times
    ]
    rows = [
        {
            "event_id": f"e{i}",
            "occurred_at": t.astimezone(UTC),
            "session_id": source_id,
            "person_key": 1,
            "source": "web",
        }
        for i, t in enumerate(instants)
    ]
    result = sorted(sorted(int(e[1:]) for e in session) for session in computed(rows, product()))
    assert result == groups, what


def test_source_ids_can_be_ignored() -> None:
    rows = [
        {"occurred_at": at("2026-02-03T10:00"), "session_id": "a"},
        {"occurred_at": at("2026-02-03T10:10"), "session_id": "b"},
    ]
    full = [{"event_id": f"e{i}", "person_key": 1, "source": "web", **row} for i, row in enumerate(rows)]
    assert len(computed(full, product())) == 2
    assert len(computed(full, product(sessions={"use_source_ids": False}))) == 1


def test_a_cut_source_session_is_marked() -> None:
    rows = [
        {"occurred_at": at("2026-02-03T10:00"), "session_id": "a"},
        {"occurred_at": at("2026-02-04T10:00"), "session_id": "a"},
        {"occurred_at": at("2026-02-03T12:00"), "session_id": "b"},
    ]
    days = (date(2026, 2, 3), date(2026, 2, 4))
    made = pl.concat([session_events(events_frame(rows).lazy(), day, product()) for day in days])
    assert sorted(made.select("source_session_id", "is_split").rows()) == [("a", False), ("a", True), ("b", False)]


def test_a_source_session_over_three_days_is_cut_and_counted() -> None:
    times = ("2026-01-05T22:50", "2026-01-05T23:10", "2026-01-06T22:50", "2026-01-06T23:10")
    rows = [{"occurred_at": at(time), "session_id": "a"} for time in times]
    made = [session_events(events_frame(rows).lazy(), date(2026, 1, day), product()) for day in (5, 6, 7)]
    assert [frame.height for frame in made] == [3, 0, 1]
    assert [frame["is_split"].any() for frame in made] == [False, False, True]


def test_session_row() -> None:
    rows: list[Row] = [
        {"occurred_at": at("2026-02-03T10:00"), "page": "home", "device_type": None, "country": "DE"},
        {"occurred_at": at("2026-02-03T10:01"), "kind": "click", "device_type": "mobile"},
        {"occurred_at": at("2026-02-03T10:02"), "page": "product"},
        {"occurred_at": at("2026-02-03T10:03"), "kind": "order", "revenue_micros": 5_000_000},
        {"occurred_at": at("2026-02-03T10:04"), "kind": "refund", "revenue_micros": -2_000_000},
        {"occurred_at": at("2026-02-03T10:05"), "kind": "order", "revenue_micros": 9, "currency": "USD"},
    ]
    day = date(2026, 2, 3)
    (row,) = sessions(session_events(events_frame(rows).lazy(), day, product()).lazy(), day).iter_rows(named=True)
    expected = {
        "events": 6,
        "page_views": 2,
        "page_views_implied": 0,
        "clicks": 1,
        "goal_events": 2,
        "orders": 2,
        "revenue_micros": 3_000_000,
        "duration_ms": 300_000,
        "is_bounce": False,
        "landing_page": "home",
        "exit_page": "product",
        "device_type": "mobile",
        "country": "DE",
        "session_day": day,
    }
    assert {name: row[name] for name in expected} == expected
