"""Dead clicks of recordings: when a click is told dead, and that nothing else ever is."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from samples import RR, read, rr

from pipeline.domains.friction.section import FrictionRules
from pipeline.events.chains import chains_within

BUTTON = {"type": 2, "id": 2, "tagName": "button", "attributes": {"id": "b"}, "childNodes": []}
SNAPSHOT = rr(2, {"node": {"type": 0, "id": 1, "childNodes": [BUTTON]}, "initialOffset": {"top": 40, "left": 0}}, 1)
# Clicks come at 1000 ms; this is the first event that shows that their time is over.
OVER = 3500
MUTATION: dict[str, Any] = {
    "source": 0,
    "adds": [],
    "removes": [],
    "attributes": [],
    "texts": [{"id": 2, "value": "x"}],
}
SCROLL, SELECTION = {"source": 3, "id": 1, "x": 0, "y": 9}, {"source": 14, "ranges": []}
META = {"width": 1000, "height": 500}


def click(ms: int = 1000) -> dict[str, Any]:
    return rr(3, {"source": 2, "type": 2, "id": 2, "x": 5, "y": 6}, ms)


def move(ms: int, offset: int = 0) -> dict[str, Any]:
    return rr(3, {"source": 1, "positions": [{"x": 1, "y": 2, "id": 2, "timeOffset": offset}]}, ms)


def taken(home: Path, *events: dict[str, Any], lines: bool = True) -> pl.DataFrame:
    """Rows of a recording whose events stand in this order."""
    every = [RR, SNAPSHOT, *events]
    data = "\n".join(map(json.dumps, every)) if lines else json.dumps(every)
    _, manifest, rows = read(home, "rrweb", "r.ndjson" if lines else "r.json", data.encode())
    assert manifest.balances
    assert not manifest.rejected
    return rows


def dead(rows: pl.DataFrame) -> list[int]:
    """When the clicks that are told dead were made, in ms."""
    reported = rows.filter(pl.col("name") == "dead_click")
    return sorted((reported["occurred_at"].dt.timestamp("ms") - RR["timestamp"]).to_list())


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (rr(3, MUTATION, 3499), []),
        (rr(3, MUTATION, 3500), []),
        (rr(3, MUTATION, 3501), [1000]),
        (rr(3, MUTATION, 999), [1000]),
        (rr(3, SCROLL, 1099), []),
        (rr(3, SCROLL, 1100), []),
        (rr(3, SCROLL, 1101), [1000]),
        (rr(3, {**SCROLL, "id": 2}, 1050), []),
        (rr(3, SELECTION, 1099), []),
        (rr(3, SELECTION, 1101), [1000]),
        (rr(3, {"source": 5, "id": 2, "text": "x"}, 3499), []),
        (rr(3, {"source": 5, "id": 2, "text": "x"}, 3501), [1000]),
        (rr(3, {"source": 7, "id": 2, "type": 0}, 1200), []),
        (rr(3, {"source": 8, "id": 2, "adds": []}, 1200), []),
        (rr(4, {**META, "href": "https://a.example/next"}, 3499), []),
        (rr(4, {**META, "href": "https://a.example/"}, 1200), [1000]),
        ({**SNAPSHOT, "timestamp": RR["timestamp"] + 3499}, []),
        (rr(5, {"tag": "t", "payload": {}}, 1200), [1000]),
        (move(1200), [1000]),
    ],
)  # fmt: skip
def test_what_speaks_for_a_click_and_how_soon(answer: dict[str, Any], expected: list[int], tmp_path: Path) -> None:
    events = sorted([click(), answer, move(OVER + 2)], key=lambda event: event["timestamp"])
    rows = taken(tmp_path, *events)
    assert dead(rows) == expected
    assert rows.filter(kind="click").height == 1


def test_a_dead_click_is_told_as_its_click_stood(tmp_path: Path) -> None:
    later = [
        rr(3, SCROLL, 1500),
        rr(4, {**META, "width": 7, "href": "https://a.example/"}, 1600),
        rr(3, MUTATION, 9000),
    ]
    rows = taken(tmp_path, click(), *later)
    columns = [
        "element_chain",
        "x",
        "y",
        "url",
        "page_view_id",
        "session_id",
        "anonymous_id",
        "window_width",
        "occurred_at",
    ]
    (reported,), (made,) = (
        rows.filter(pl.col(by) == value).select(columns).rows()
        for by, value in (("name", "dead_click"), ("kind", "click"))
    )
    assert reported == made
    assert reported[:3] == ('<button id="b">', 5, 46)


def test_nothing_is_told_before_time_went_on(tmp_path: Path) -> None:
    assert dead(taken(tmp_path / "end", click(), move(3499), click(3499))) == []
    assert dead(taken(tmp_path / "batch", click(), move(3500, -400))) == [1000], "a batch is sent when its time is over"


def test_a_page_that_is_left_late_says_nothing_of_its_last_click(tmp_path: Path) -> None:
    away = [rr(4, {**META, "href": "https://a.example/slow"}, 5000), rr(3, MUTATION, 9000)]
    assert dead(taken(tmp_path / "at once", click(), *away)) == []
    assert dead(taken(tmp_path / "seen", click(), move(4000), *away)) == [1000]


def test_windows_speak_for_their_own_clicks_only(tmp_path: Path) -> None:
    other = {"window_id": "w2"}
    rows = taken(tmp_path / "answer", click(), {**rr(3, MUTATION, 1200), **other}, move(OVER))
    assert dead(rows) == [1000]
    rows = taken(tmp_path / "time", click(), {**move(9000), **other})
    assert dead(rows) == [], "time went on in the other window"


def test_each_click_waits_for_its_own_answer(tmp_path: Path) -> None:
    events = [click(1000), click(1200), rr(3, MUTATION, 3600), click(3700), move(6300)]
    assert dead(taken(tmp_path, *events)) == [1000, 3700]


@pytest.mark.parametrize("lines", [True, False], ids=["lines", "document"])
def test_an_answer_may_stand_before_its_click(lines: bool, tmp_path: Path) -> None:
    assert dead(taken(tmp_path, rr(3, MUTATION, 1010), click(), move(OVER), lines=lines)) == []


@pytest.mark.parametrize(
    ("link", "inner", "chain"),
    [
        ({"href": "https://a.example/f.pdf?x=1", "class": "dl"}, None, '<a class="dl" href="/f.pdf">'),
        ({"href": "https://other.example/", "target": "_blank"}, None, '<a href="/">'),
        ({"href": "/f.pdf"}, "span", '<a href="/f.pdf"><span>'),
        ({"xlink:href": "/f.pdf"}, "path", '<a href="/f.pdf"><path>'),
        ({"href": "mailto:anna@a.example"}, None, '<a href="mailto:">'),
        # A recorder writes `#` so.
        ({"href": "https://a.example/#"}, None, '<a href="#">'),
        ({}, "span", "<a><span>"),
    ],
)
def test_an_address_is_kept_as_its_path(link: dict[str, Any], inner: str | None, chain: str, tmp_path: Path) -> None:
    within = [{"type": 2, "id": 2, "tagName": inner, "attributes": {}, "childNodes": []}] if inner else []
    node = {"type": 2, "id": 3 if inner else 2, "tagName": "a", "attributes": link, "childNodes": within}
    page = rr(2, {"node": {"type": 0, "id": 1, "childNodes": [node]}, "initialOffset": {"top": 0, "left": 0}}, 2)
    rows = taken(tmp_path, page, click(), move(OVER))
    assert rows.filter(kind="click")["element_chain"].to_list() == [chain]
    # Whether it is dead is the rule set's to say: it knows what links are.
    assert dead(rows) == [1000]
    exempt = chains_within([chain], FrictionRules.model_validate({}).exempt)
    assert bool(exempt) == (chain not in ('<a href="#">', "<a><span>"))


def test_a_recording_sent_twice_tells_the_same_dead_clicks(tmp_path: Path) -> None:
    events = [click(), click(1100), move(4000)]
    ids = [
        taken(tmp_path / str(lines), *events, lines=lines).filter(pl.col("name") == "dead_click")["event_id"].to_list()
        for lines in (True, False)
    ]
    assert len(set(ids[0])) == 2
    assert ids[0] == ids[1]


def test_a_machine_that_clicks_without_end_is_read_in_no_time(tmp_path: Path) -> None:
    rows = taken(tmp_path, *(click(1000 + i // 100) for i in range(20_000)), move(OVER + 200))
    assert 0 < len(dead(rows)) <= 100
    assert rows.filter(kind="click").height == 20_000


def test_a_recorder_may_tell_the_height_of_its_page(tmp_path: Path) -> None:
    def reported(height: Any, ms: int) -> dict[str, Any]:
        return rr(5, {"tag": "footfall:page", "payload": {"height": height}}, ms)

    events = [
        move(10), reported(3000, 20), rr(3, SCROLL, 30), reported("none", 35), move(40), reported(3200, 50), rr(3, SCROLL, 60),
        rr(4, {**META, "href": "https://a.example/next"}, 70), {**SNAPSHOT, "timestamp": RR["timestamp"] + 71}, rr(3, SCROLL, 80),
    ]  # fmt: skip
    rows = taken(tmp_path, *events)
    assert rows.filter(~pl.col("kind").is_in(["page_view"]))["page_height"].to_list() == [None, 3000, 3000, 3200, None]
    assert rows.filter(kind="custom").is_empty()
