"""Heatmaps: cells worked out by hand, and a slow oracle, pixel by pixel."""

from collections import Counter
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import at, events_frame, product

from pipeline.domains.zones.heatmap import heatmap_cells
from pipeline.domains.zones.told import positions_told_by
from pipeline.events.page_views import page_views
from pipeline.events.sessions import session_events

DAY = date(2026, 2, 3)
TEN = at("2026-02-03T10:00")
Row = dict[str, Any]
END = 2_100
OTHER = {"page": "other"}
WIDE = {"window_width": 1_440, "window_height": 800, "page_height": 3_000}


def interaction(ms: int, kind: str = "click", **fields: Any) -> Row:
    where = {"page": "home", "url": "https://a.example/", "device_type": "desktop"}
    return {"occurred_at": TEN + timedelta(milliseconds=ms), "kind": kind, **where, **WIDE, **fields}


def cells(rows: list[Row], kind: str, device: str | None = "desktop", **page: Any) -> pl.DataFrame:
    pages = [{"name": "home", "urls": ["/"], **page}]
    chosen = product(pages=pages, zones=[], funnels={})
    events = session_events(events_frame(rows).lazy(), DAY, chosen).lazy()
    views = page_views(events, DAY, chosen.sources).lazy()
    made = heatmap_cells(events, views, DAY, chosen, positions_told_by(events, views)).filter(
        pl.col("kind") == kind, pl.col("page") == "home"
    )
    return made if device is None else made.filter(pl.col("device_type") == device)


@pytest.mark.parametrize(
    ("x", "width", "limit", "expected"),
    [
        # A window of 1,440 with content of 1,200 in its middle: 120 is its left edge, 1,320 its right.
        (120, 1_440, 1_200, 0),
        (119, 1_440, 1_200, -1),
        (720, 1_440, 1_200, 50),
        (1_319, 1_440, 1_200, 99),
        (1_320, 1_440, 1_200, 100),
        # A window narrower than the content is the content.
        (0, 390, 1_200, 0),
        (389, 390, 1_200, 99),
        # Without a limit the window is.
        (720, 1_440, None, 50),
    ],
)
def test_x_lies_in_the_content(x: int, width: int, limit: int | None, expected: int) -> None:
    result = cells(
        [interaction(0, "page_view"), interaction(1, x=x, y=45, window_width=width)], "click", content_max_width=limit
    )
    assert result.select("x_bin", "y_bin", "events", "page_views").rows() == [(expected, 2, 1, 1)]


def test_cells_hold_clicks_and_page_views() -> None:
    rows = [
        interaction(0, "page_view"),
        *(interaction(i, x=5, y=5) for i in (1, 20, 40)),
        interaction(50, "page_view"),
        interaction(60, x=5, y=19),
    ]
    assert cells(rows, "click").select("events", "page_views").rows() == [(4, 2)]


def test_what_keeps_its_place_in_the_window_is_a_layer_of_its_own() -> None:
    rows = [
        interaction(0, "page_view"),
        interaction(1, x=5, y=1_030, scroll_y=1_000, is_fixed=True),
        interaction(20, x=5, y=1_030),
    ]
    assert cells(rows, "click").select("layer", "y_bin").sort("layer").rows() == [("fixed", 1), ("page", 51)]


def test_a_click_without_a_place_is_in_no_cell() -> None:
    rows = [
        interaction(0, "page_view"),
        interaction(1, x=5),
        interaction(20, y=5),
        interaction(40, x=5, y=5, window_width=None),
    ]
    rows.append(interaction(60, x=5, y=5, is_fixed=True))
    assert cells(rows, "click").is_empty()


def test_attention_is_the_time_in_the_window() -> None:
    rows = [
        interaction(0, "page_view"),
        interaction(1_000, "scroll", scroll_y=400),
        interaction(3_000, "page_leave"),
        interaction(9_000, "page_view"),
    ]
    result = dict(cells(rows, "attention").select("y_bin", "ms").rows())
    # 0-800 for a second, 400-1,200 for two; then the page was hidden.
    assert {result[y // 20] for y in range(400)} == {1_000}
    assert {result[y // 20] for y in range(400, 800)} == {3_000}
    assert {result[y // 20] for y in range(800, 1_200)} == {2_000}
    assert max(result) == 59


def test_an_hour_without_an_act_is_no_hour_of_looking() -> None:
    rows = [interaction(0, "page_view"), interaction(1_000, "scroll", scroll_y=0), interaction(1_500_000, "page_view")]
    assert cells(rows, "attention")["ms"].max() == 31_000


def test_reach_and_fold() -> None:
    rows = [
        interaction(0, "page_view"), interaction(1_000, "scroll", scroll_y=1_000), interaction(2_000, "scroll", scroll_y=200),
        interaction(3_000, "page_view", window_height=600), interaction(4_000, "page_ping", window_height=600, scroll_y=100),
    ]  # fmt: skip
    reached = dict(cells(rows, "reach").select("y_bin", "page_views").rows())
    # The first reached 1,800 px, the second 700.
    assert reached == {y: 2 if y < 35 else 1 for y in range(90)}
    assert cells(rows, "fold").select("y_bin", "page_views").sort("y_bin").rows() == [(30, 1), (40, 1)]


def test_who_never_scrolled_where_scrolling_is_told_reached_the_fold() -> None:
    rows = [interaction(0, "page_view"), interaction(1_000, "scroll", scroll_y=1_000), interaction(3_000, "page_view")]
    reached = dict(cells(rows, "reach").select("y_bin", "page_views").rows())
    assert reached == {y: 2 if y < 40 else 1 for y in range(90)}


def test_pings_tell_how_far_and_not_when() -> None:
    rows = [
        interaction(0, "page_view"),
        interaction(10_000, "page_ping", scroll_y=1_000),
        interaction(20_000, "page_view"),
    ]
    assert cells(rows, "attention").is_empty()
    assert cells(rows, "reach")["y_bin"].max() == 89
    left = [
        interaction(0, "page_view"),
        interaction(10_000, "page_leave", scroll_y=1_000),
        interaction(20_000, "page_view"),
    ]
    assert cells(left, "reach")["y_bin"].max() == 89


@pytest.mark.parametrize("y", [2**31 - 1, -700, -(2**31)])
def test_an_absurd_position_makes_no_endless_page(y: int) -> None:
    rows = [interaction(0, "page_view"), interaction(1_000, "scroll", scroll_y=y), interaction(2_000, "page_view")]
    for kind in ("attention", "reach"):
        assert cells(rows, kind).height <= 5_040
    assert dict(cells(rows, "attention").select("y_bin", "ms").rows())[39] in (1_000, 2_000)


def test_width_classes_are_of_the_page_view() -> None:
    rows = [interaction(0, "page_view", window_width=1_280), interaction(1, x=5, y=5, window_width=500)]
    assert cells(rows, "click")["width_class"].to_list() == ["1280-1919"]


_INTERACTIONS = st.lists(
    st.tuples(st.integers(1, 200), st.sampled_from(["scroll", "click", "page_leave"]), st.integers(0, 60)),
    max_size=10,
    unique_by=lambda each: each[0],
)


# Eight streams an example, each on a device of its own: its cells stand apart.
@settings(max_examples=70, deadline=None)
@given(st.lists(_INTERACTIONS, min_size=8, max_size=8))
def test_attention_and_reach_equal_the_oracle(streams: list[list[tuple[int, str, int]]]) -> None:
    rows: list[Row] = []
    for i, interactions in enumerate(streams):
        own = {"device_type": f"d{i}", "person_key": i, "anonymous_id": f"d{i}"}
        rows.append(interaction(0, "page_view", **own))
        for ms, kind, y in sorted(interactions):
            position = {"scroll_y": y * 10} if kind == "scroll" else {"x": 5, "y": y * 10} if kind == "click" else {}
            rows.append(interaction(ms * 10, kind, **position, **own))
        rows += [
            interaction(END, "page_view", **own | OTHER),
            interaction(END + 10, "scroll", scroll_y=0, **own | OTHER),
        ]
    looked, reached = (cells(rows, kind, device=None) for kind in ("attention", "reach"))
    for i, interactions in enumerate(streams):
        seen, deepest = _looked_at(interactions)
        own_rows = pl.col("device_type") == f"d{i}"
        assert dict(looked.filter(own_rows).select("y_bin", "ms").rows()) == seen
        every = dict.fromkeys(range((deepest + 19) // 20), 1)
        assert dict(reached.filter(own_rows).select("y_bin", "page_views").rows()) == every


def _looked_at(interactions: list[tuple[int, str, int]]) -> tuple[dict[int, int], int]:
    """Milliseconds of each bin in the window, and the lowest px that was, looked up millisecond by millisecond."""
    seen: Counter[int] = Counter()
    top, visible, deepest = 0, True, 800
    reported = {ms * 10: (kind, y * 10) for ms, kind, y in interactions}
    for ms in range(END):
        if ms in reported:
            kind, y = reported[ms]
            top = y if kind == "scroll" else top
            visible = kind != "page_leave"
        deepest = max(deepest, top + 800) if visible else deepest
        seen.update(range(top // 20, (top + 799) // 20 + 1) if visible else ())
    return dict(seen), deepest
