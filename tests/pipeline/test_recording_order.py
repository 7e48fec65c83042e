"""One order of a recording's events, whatever the chunks, the lines and the instant."""

import json
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded import BEGIN, chosen, computed, element, kept, mutation, text
from support import drop, ndjson, product, take_all

from pipeline.core.lake import Lake
from pipeline.core.states import published_days, scan_days
from pipeline.domains.replays.recording_order import Piece, in_turn
from pipeline.ingest.sources.rrweb_wrappers import moment

META = (0, 4, {"href": "https://a.example/", "width": 1000, "height": 600})
PAGE = {"type": 0, "id": 1, "childNodes": [element(2, "html", {}, element(3, "body", {}, element(10, "div", {})))]}
SNAPSHOT = (1, 2, {"node": PAGE, "initialOffset": {"left": 0, "top": 0}})


def added(node: int, parent: int = 10, following: int | None = None) -> dict[str, Any]:
    return mutation(adds=[{"parentId": parent, "nextId": following, "node": element(node, "p", {})}])


def press(kind: int, node: int = 10) -> dict[str, Any]:
    return {"source": 2, "type": kind, "id": node, "x": 1, "y": 1}


GONE = mutation(removes=[{"parentId": 10, "id": 40}])
CLASS = mutation(attributes=[{"id": 40, "attributes": {"class": "on"}}])
WORDS = mutation(adds=[{"parentId": 40, "nextId": None, "node": text(41, "hello")}])
# What comes before the instant, and what happens in it, in its right order.
INSTANTS: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]]]] = {
    "parents first": ([], [added(40), CLASS, WORDS]),
    "a node before what comes before it": ([], [added(41, 10), added(40, 10, following=41)]),
    "nodes in turn": ([], [added(40), added(41), added(42)]),
    "what is there goes before it comes in again": ([added(40)], [GONE, added(40)]),
    "what isn't there comes in before it goes": ([], [added(40), GONE]),
    "a press before its click, and that before what it changed": ([], [press(1), press(5), press(0), press(2), added(40)]),
    "no click on what isn't there": ([], [added(40), press(2, 40)]),
    "a click on what then goes": ([added(40)], [press(2, 40), GONE]),
}  # fmt: skip


def pieces(events: Sequence[tuple[int, int, dict[str, Any]]]) -> list[Piece]:
    """Each event with its place as the number by which it is known; the first ones last, so that it tells no order."""
    return [Piece(at, kind, 1000 - i, json.dumps({"data": data})) for i, (at, kind, data) in enumerate(events)]


@pytest.mark.parametrize("name", INSTANTS)
def test_within_a_millisecond_the_page_tells_the_order(name: str) -> None:
    before, instant = INSTANTS[name]
    earlier = [META, SNAPSHOT, *((10 + i, 3, data) for i, data in enumerate(before))]
    whole = pieces([*earlier, *((1000, 3, data) for data in instant)])
    right = [piece.text for piece in whole]
    for instantly in permutations(whole[len(earlier) :]):
        assert in_turn([*instantly, *whole[: len(earlier)]]) == (right, 0)


def test_more_events_in_a_millisecond_than_any_browser_makes_take_no_time() -> None:
    many = [(1000, 3, added(40 + i, 39 + i)) for i in range(20_000)]
    assert len(in_turn(pieces([META, SNAPSHOT, *reversed(many)]))[0]) == 20_002


def recorded(session: str, events: Sequence[tuple[int, int, dict[str, Any]]]) -> list[dict[str, Any]]:
    about = {"sessionId": session, "distinct_id": f"d-{session}"}
    return [{**about, "type": kind, "timestamp": BEGIN + at, "data": data} for at, kind, data in events]


VISIT = [
    META, SNAPSHOT, (900, 3, press(2)), (1000, 3, added(40)), (1000, 3, CLASS), (1000, 3, WORDS), (1000, 3, added(50, 41)),
    (4000, 3, {"source": 3, "id": 1, "x": 0, "y": 200}), (5000, 3, press(2, 40)),
]  # fmt: skip


def test_an_instant_cut_by_the_end_of_a_chunk_is_whole(tmp_path: Path) -> None:
    """The first chunk ends with an element that comes in, the second begins with what is said of it."""
    cut, one = recorded("cut", VISIT), recorded("one", VISIT)
    drop(tmp_path, "rec/a.ndjson", ndjson(cut[4:]))
    drop(tmp_path, "rec/b.ndjson", ndjson(cut[:4]))
    drop(tmp_path, "rec/c.ndjson", ndjson(one))
    rows = computed(tmp_path, chosen(mask=[], hide=[]))
    assert rows.select("events_of_unknown_elements", "completeness").rows() == [(0, "whole")] * 2
    first, second = (kept(tmp_path, row) for row in rows.to_dicts())
    reported = [[(e["type"], e["data"].get("source"), e["data"].get("adds")) for e in each] for each in (first, second)]
    named = [[a["node"]["id"] for a in adds] for _, _, adds in reported[0] if adds]
    assert named == [[40], [41], [50]]
    assert [each[:2] for each in reported[0]] == [each[:2] for each in reported[1]]


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000), files=st.integers(1, 3))
def test_lines_in_any_order_in_any_files(tmp_path_factory: pytest.TempPathFactory, seed: int, files: int) -> None:
    """The order never differs; positions and elements don't either where all lines are in one file."""
    chance, lines = Random(seed), recorded("s", VISIT)
    home = tmp_path_factory.mktemp("home")
    chance.shuffle(lines)
    for i in range(files):
        part = [*lines[i::files], *chance.sample(lines[i::files], 1)]
        drop(home, f"rec/{i}.ndjson", ndjson(part))
    stated = chosen(mask=[], hide=[])
    (row,) = computed(home, stated).to_dicts()
    assert row["events_of_unknown_elements"] == 0
    assert [(e["type"], e["data"].get("source"), e["timestamp"] - BEGIN) for e in kept(home, row)] == [
        (kind, data.get("source"), at) for at, kind, data in VISIT
    ]
    if files == 1:
        lake = Lake(home)
        (day,) = published_days(lake, "events")
        clicks = scan_days(lake, "events", [day]).filter(pl.col("kind") == "click").sort("occurred_at").collect()
        # Of what one instant says in any order the last isn't known; an element's place is.
        clicks = clicks.with_columns(pl.col("element_chain").str.replace(' class="on"', ""))
        assert clicks.select("x", "y", "element_chain").rows() == [
            (1, 1, "<html><body><div>"), (1, 201, "<html><body><div><p>")
        ]  # fmt: skip


WRAPPED = recorded("s", [META, SNAPSHOT, (500, 3, press(2))])
BARE = [{name: each[name] for name in ("type", "timestamp", "data")} for each in WRAPPED]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.ndjson", ndjson(reversed(WRAPPED))),
        ("a.json", json.dumps({"events": BARE[::-1], "sessionId": "s", "distinct_id": "d-s"}).encode()),
        ("a.ndjson", ndjson([{"events": BARE[::-1], "sessionId": "s", "distinct_id": "d-s"}])),
        ("a.ndjson", ndjson([{"data": BARE[i:], "sessionId": "s", "distinct_id": "d-s"} for i in (2, 0)])),
        ("a.json", json.dumps({"data": {"events": BARE}, "sessionId": "s", "distinct_id": "d-s"}).encode()),
        ("a.ndjson", ndjson([{**event, "timestamp": str(event["timestamp"])} for event in reversed(WRAPPED)])),
    ],
    ids=["lines", "document", "events", "data", "within data", "times as text"],
)
def test_wrappers_are_read_in_order_of_time(name: str, data: bytes, tmp_path: Path) -> None:
    drop(tmp_path, f"rec/{name}", data)
    stated = product(sources={"rec": {"format": "rrweb"}}, properties={})
    (manifest,) = take_all(Lake(tmp_path), stated)
    assert (manifest.file_rule, manifest.balances, manifest.records_rejected) == (None, True, 0)
    frames = [pl.read_parquet(tmp_path / part.key) for parts in manifest.days.values() for part in parts]
    clicks = pl.concat(frames).filter(pl.col("kind") == "click").unique("event_id")
    assert clicks.select("anonymous_id", "session_id", "x", "y", "element_chain").rows() == [
        ("d-s", "s", 1, 1, "<html><body><div>")
    ]


def test_a_line_whose_time_nobody_can_read_is_read_where_it_stands() -> None:
    assert [
        moment(line) for line in (b"{", b"[]", b"7", b'{"timestamp":"x"}', b'{"data":[1]}', b'{"timestamp":[1]}')
    ] == [None] * 6
    assert moment(b'["w",{"timestamp":7,"type":4,"data":{"x":[1]}}]') == (7, 1)
