"""Which page view an event belongs to, and what a page view's row says (metrics.md, "Page view")."""

from datetime import date
from typing import Any

import polars as pl
import pytest
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
    made = assigned(rows).sort("place")
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
