"""Which page view an event belongs to, and what a page view's row says (docs/definitions/sessions.md, "Page view")."""

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import at, events_frame, product

from pipeline.events.page_views import page_views
from pipeline.events.sessions import session_events

DAY = date(2026, 2, 3)
Row = dict[str, Any]


def assigned(rows: list[Row]) -> pl.DataFrame:
    timed = [{"occurred_at": at(f"2026-02-03T10:{i:02}"), **row} for i, row in enumerate(rows)]
    return session_events(events_frame(timed).lazy(), DAY, product())


def views(rows: list[Row]) -> pl.DataFrame:
    return page_views(assigned(rows).lazy(), DAY, product().sources)


VIEW: Row = {"kind": "page_view"}
CLICK: Row = {"kind": "click"}
ORDER: Row = {"kind": "order"}

# (what, events, for each event the index of its page view's first event or None, attribution of each)
TABLE: list[tuple[str, list[Row], list[int | None], list[str | None]]] = [
    ("by time", [VIEW, CLICK, VIEW, CLICK], [0, 0, 2, 2], ["time"] * 4),
    (
        "by page view id, though another tab was opened since",
        [VIEW | {"page_view_id": "a"}, VIEW | {"page_view_id": "b"}, CLICK | {"page_view_id": "a"}],
        [0, 1, 0],
        ["page_view_id"] * 3,
    ),
    (
        "by tab",
        [
            VIEW | {"tab_id": "1"},
            VIEW | {"tab_id": "2"},
            CLICK | {"tab_id": "1"},
            VIEW | {"tab_id": "1"},
            CLICK | {"tab_id": "1"},
        ],
        [0, 1, 0, 3, 3],
        ["tab"] * 5,
    ),
    (
        "an act without ids goes to the last page view of the session",
        [VIEW | {"page_view_id": "a"}, VIEW | {"page_view_id": "b"}, CLICK],
        [0, 1, 1],
        ["page_view_id", "page_view_id", "time"],
    ),
    (
        "an act with an id goes to a page view that has none",
        [VIEW, CLICK | {"page_view_id": "a"}],
        [0, 0],
        ["time", "time"],
    ),
    (
        "an act with the id of no page view forms an implied one, not another's",
        [VIEW | {"page_view_id": "a"}, CLICK | {"page_view_id": "b"}, CLICK | {"page_view_id": "b"}],
        [0, 1, 1],
        ["page_view_id"] * 3,
    ),
    ("acts before any page view form one implied page view", [CLICK, CLICK, VIEW, CLICK], [0, 0, 2, 2], ["time"] * 4),
    ("an order is no act on a page", [ORDER, VIEW, ORDER], [None, 1, 1], [None, "time", "time"]),
    (
        "a repeated page_view of one id begins a page view",
        [
            VIEW | {"page_view_id": "a"},
            CLICK | {"page_view_id": "a"},
            VIEW | {"page_view_id": "a"},
            CLICK | {"page_view_id": "a"},
        ],
        [0, 0, 2, 2],
        ["page_view_id"] * 4,
    ),
]


@pytest.mark.parametrize(("what", "rows", "wanted", "attributions"), TABLE, ids=[case[0] for case in TABLE])
def test_attribution(what: str, rows: list[Row], wanted: list[int | None], attributions: list[str | None]) -> None:
    made = assigned(rows).sort("event_index")
    keys = made["page_view_key"].to_list()
    assert [None if key is None else keys.index(key) for key in keys] == wanted, what
    assert made["attribution"].to_list() == attributions


def test_implied_page_views_are_marked() -> None:
    made = views([CLICK, VIEW, CLICK])
    assert made["implied"].to_list() == [True, False]
    assert made.select("position", "is_landing", "is_exit").rows() == [(1, True, False), (2, False, True)]


def test_extent_ends_with_the_next_page_view_or_the_session() -> None:
    made = views([VIEW, CLICK, VIEW, CLICK, ORDER])
    assert made["duration_ms"].to_list() == [120_000, 120_000]


def test_extent_in_tabs() -> None:
    made = views([VIEW | {"tab_id": "1"}, VIEW | {"tab_id": "2"}, VIEW | {"tab_id": "1"}, CLICK | {"tab_id": "2"}])
    assert made["duration_ms"].to_list() == [120_000, 120_000, 60_000]


def test_engaged_time_counts_heartbeats_once() -> None:
    pings = [{"kind": "page_ping", "occurred_at": at(f"2026-02-03T10:00:{s:02}")} for s in (5, 15, 16, 25)]
    made = views([VIEW | {"occurred_at": at("2026-02-03T10:00")}, *pings])
    # Distinct floor(t / 10 s): 0, 1, 1, 2 -> 10 x (3 - 1) + 5 s.
    assert made.select("engaged_ms", "engaged_method").rows() == [(25_000, "pings")]
    assert views([VIEW, CLICK]).select("engaged_ms", "engaged_method").rows() == [(None, None)]


def test_scroll_depth_is_an_integer_share_cut_at_one() -> None:
    size = {"window_height": 900, "page_height": 3000}
    made = views([VIEW | size | {"scroll_y": 0}, {"kind": "scroll", "scroll_y": 101} | size])
    assert made["scroll_depth_e4"].to_list() == [3336]
    over = views([VIEW | {"window_height": 900, "page_height": 800, "scroll_y": 0}])
    assert over["scroll_depth_e4"].to_list() == [10_000]
    for unmeasured in ({}, {"window_height": 900, "page_height": 0, "scroll_y": 0}):
        assert views([VIEW | unmeasured])["scroll_depth_e4"].to_list() == [None]


# A slow, obvious oracle: decision 0003, sentence by sentence, event by event.

INTERACTIONS = {"click", "scroll", "page_ping"}


def oracle(session: list[Row]) -> list[tuple[str | None, str | None]]:
    """For each event of a session in order: the id of its page view's first event, and how it was joined."""
    result: list[tuple[str | None, str | None]] = []
    implied: dict[tuple[str, str | None], str] = {}
    for i, event in enumerate(session):
        before = [e for e in session[: i + 1] if e["kind"] == "page_view"]
        nameless = [e for e in before if e["page_view_id"] is None and e["tab_id"] is None]
        if event["page_view_id"] is not None:
            scope, value = "page_view_id", event["page_view_id"]
            own = [e for e in before if e["page_view_id"] == value]
        elif event["tab_id"] is not None:
            scope, value = "tab", event["tab_id"]
            own = [e for e in before if e["tab_id"] == value]
        else:
            scope, value, own, nameless = "time", None, [], before
        if own:
            result.append((own[-1]["event_id"], scope))
        elif nameless:
            result.append((nameless[-1]["event_id"], "time"))
        elif event["kind"] in INTERACTIONS:
            result.append((implied.setdefault((scope, value), event["event_id"]), scope))
        else:
            result.append((None, None))
    return result


@st.composite
def one_day(draw: st.DrawFn) -> list[Row]:
    # The day of 25 hours, around the hour that comes twice; ties and pauses that cut sessions.
    night = at("2026-10-25T00:30")
    return [
        {
            "event_id": f"e{i:02}",
            "occurred_at": night + timedelta(minutes=draw(st.integers(0, 100))),
            "sequence": draw(st.sampled_from([None, 1, 2])),
            "kind": draw(
                st.sampled_from(["page_view", "page_view", "click", "scroll", "page_ping", "order", "custom"])
            ),
            "page_view_id": draw(st.sampled_from([None, None, "a", "b"])),
            "tab_id": draw(st.sampled_from([None, None, "1", "2"])),
            "person_key": draw(st.sampled_from([1, 1, 2, None])),
        }
        for i in range(draw(st.integers(0, 14)))
    ]


@settings(max_examples=300, deadline=None)
@given(rows=one_day())
def test_page_views_equal_the_oracle(rows: list[Row]) -> None:
    day = date(2026, 10, 25)
    made = session_events(events_frame(rows).lazy(), day, product())
    by_id = {row["event_id"]: row for row in rows}
    shown = page_views(made.lazy(), day, product().sources)
    extents = {row["page_view_key"]: row for row in shown.iter_rows(named=True)}
    for _, part in made.sort("event_index").group_by("session_key", maintain_order=True):
        session = [by_id[event] for event in part["event_id"]]
        instants = [(e["occurred_at"], e["sequence"] is None, e["sequence"] or 0, e["event_id"]) for e in session]
        assert instants == sorted(instants), "the total order of docs/definitions/events.md"
        keys = part["page_view_key"].to_list()
        first = [None if key is None else part["event_id"][keys.index(key)] for key in keys]
        assert list(zip(first, part["attribution"], strict=True)) == oracle(session)
        begun = list(dict.fromkeys(key for key in keys if key is not None))
        assert [extents[key]["position"] for key in begun] == list(range(1, len(begun) + 1))
        for key in begun:
            interactions = [e for e, own in zip(session, keys, strict=True) if own == key]
            assert extents[key]["events"] == len(interactions)
            assert extents[key]["started_at"] == interactions[0]["occurred_at"]
            # It ends with the next page view of its tab, without a tab with the session's next, however late an act came.
            later = [first[keys.index(other)] for other in begun[begun.index(key) + 1 :]]
            tab = interactions[0]["tab_id"]
            nexts = [
                by_id[each] for each in later if each is not None and (tab is None or by_id[each]["tab_id"] == tab)
            ]
            assert extents[key]["ended_at"] == (nexts or session[-1:])[0]["occurred_at"]
            assert extents[key]["implied"] == (interactions[0]["kind"] != "page_view")
    assert sum(row["events"] for row in extents.values()) == made["page_view_key"].drop_nulls().len()
