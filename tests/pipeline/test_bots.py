"""Who is taken for a program besides its user agent (docs/definitions/events.md, "Bots"), at the limits of each rule."""

from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from support import at, events_frame

from pipeline.core.product import Bots
from pipeline.events.bots import crowds, one_event_devices, with_bots, with_crowds

AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/144.0.0.0 Safari/537.36"
START = at("2026-02-03T10:00")


def flagged(rows: list[dict[str, Any]], **limits: int) -> dict[str | None, int]:
    frame = events_frame(
        [{"user_agent": AGENT, "country": "DE", "url": "https://a.example/?x=1", **row} for row in rows]
    )
    bots = Bots(**limits)  # pyright: ignore[reportArgumentType]
    by_themselves = with_bots(frame.drop("is_bot", "bot_rule"), bots)
    result = with_crowds(by_themselves, crowds(one_event_devices(frame), bots))
    assert (result["is_bot"] == result["bot_rule"].is_not_null()).all()
    return dict(result["bot_rule"].value_counts().rows())


def crowd(number: int, seconds: float, **more: Any) -> list[dict[str, Any]]:
    step = timedelta(seconds=seconds / max(1, number - 1))
    return [
        {"anonymous_id": f"d{i}", "occurred_at": START + step * i, "url": f"https://a.example/?n={i}", **more}
        for i in range(number)
    ]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (crowd(51, 600), {"one_event_devices": 51}),
        (crowd(50, 1), {None: 50}),
        (crowd(51, 601), {None: 51}),
        (crowd(60, 600, country=None), {None: 60}),
        (crowd(30, 60) + [{**row, "anonymous_id": f"x{i}", "country": "FR"} for i, row in enumerate(crowd(30, 60))], {None: 60}),
        ([*crowd(51, 60), {"anonymous_id": "d0", "occurred_at": START + timedelta(hours=3)}], {None: 52}),
        ([*crowd(52, 60), {"anonymous_id": "d0", "occurred_at": START + timedelta(hours=3)}], {"one_event_devices": 51, None: 2}),
        ([*crowd(51, 60), {"anonymous_id": "late", "occurred_at": START + timedelta(hours=2)}], {"one_event_devices": 51, None: 1}),
    ],
    ids=["51 in ten minutes", "50", "51 in more", "no country", "two countries", "one came back", "52 less one", "one later"],
)  # fmt: skip
def test_crowds(rows: list[dict[str, Any]], expected: dict[str | None, int]) -> None:
    assert flagged(rows) == expected


def test_a_crawlers_day_is_its_own() -> None:
    crawler = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
    rows: list[dict[str, Any]] = [
        {"anonymous_id": "d", "user_agent": crawler, "occurred_at": START},
        {"anonymous_id": "d", "user_agent": None, "kind": "click", "occurred_at": START + timedelta(hours=3)},
        {"anonymous_id": "d", "user_agent": None, "kind": "order", "occurred_at": START - timedelta(hours=3)},
        {"anonymous_id": None, "user_id": "u", "user_agent": crawler, "occurred_at": START},
        {"anonymous_id": None, "user_id": "u", "user_agent": AGENT, "occurred_at": START},
        {"anonymous_id": None, "user_agent": crawler, "occurred_at": START},
        {"anonymous_id": None, "user_agent": None, "occurred_at": START},
        {"anonymous_id": "person", "occurred_at": START},
    ]
    assert flagged(rows) == {"user_agent": 6, None: 2}


def hand(number: int, seconds: float, kind: str = "click") -> list[dict[str, Any]]:
    step = timedelta(seconds=seconds / number)
    return [{"anonymous_id": "d", "kind": kind, "occurred_at": START + step * i} for i in range(number)]


def test_pace() -> None:
    assert flagged([*hand(121, 60), {"anonymous_id": "d", "kind": "order", "occurred_at": START}]) == {"pace": 122}
    assert flagged(hand(120, 10)) == {None: 120}
    assert flagged(hand(500, 60, "move")) == {None: 500}
    assert flagged(hand(11, 10), interactions_per_minute=10) == {"pace": 11}
    assert flagged([{**row, "anonymous_id": None, "user_id": None} for row in hand(200, 10)]) == {None: 200}


def test_user_agents_come_first() -> None:
    rows = [{**row, "user_agent": "Googlebot/2.1"} for row in crowd(60, 60)]
    assert flagged(rows) == {"user_agent": 60}


def test_order_changes_nothing() -> None:
    rows = crowd(80, 700)
    one, other = (
        with_bots(
            events_frame([{"user_agent": AGENT, "country": "DE", **row} for row in each]).drop("is_bot", "bot_rule"),
            Bots(),
        )  # pyright: ignore[reportCallIssue]
        .sort("anonymous_id")
        .select("anonymous_id", "bot_rule")
        for each in (rows, rows[::-1])
    )
    assert one.equals(other)
    assert isinstance(one, pl.DataFrame)
