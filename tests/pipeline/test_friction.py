"""Friction signals: streams made by hand with the number worked out in the text, and tables that balance."""

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from support import at, events_frame, friction_of_day, product

from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.domains.friction.friction import normalised
from pipeline.domains.friction.friction_tables import friction_incidents, session_friction
from pipeline.domains.friction.section import FrictionRules
from pipeline.events.page_views import page_views
from pipeline.events.sessions import session_events, sessions

DAY = date(2026, 2, 3)
BUTTON = '<main><button class="buy">'
Row = dict[str, Any]


def interaction(seconds: float, kind: str = "click", **fields: Any) -> Row:
    return {"occurred_at": at("2026-02-03T10:00") + timedelta(seconds=seconds), "kind": kind, **fields}


def view(seconds: float, page: str = "home", **fields: Any) -> Row:
    url = fields.pop("url", f"https://a.example/{page}")
    return interaction(seconds, "page_view", page=page, url=url, **fields)


def click(seconds: float, x: int = 10, y: int = 10, **fields: Any) -> Row:
    return interaction(seconds, x=x, y=y, **{"element_chain": BUTTON, "page": "home", **fields})


def tables(rows: list[Row], chosen: Product | None = None) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Incidents, scores of sessions, daily sums."""
    rules = chosen or product()
    events = session_events(events_frame(rows).lazy(), DAY, rules)
    views = page_views(events.lazy(), DAY, rules.sources)
    result = friction_incidents(events.lazy(), views.lazy(), DAY, rules)
    scores = session_friction(result.lazy(), sessions(events.lazy(), DAY).lazy(), views.lazy(), DAY)
    return result, scores, friction_of_day(result.lazy(), events.lazy(), views.lazy(), DAY, rules)


def signals(rows: list[Row], **friction: Any) -> list[str]:
    chosen = product(friction={"rule_sets": {"default": friction}}) if friction else None
    return tables(rows, chosen)[0].sort("started_at", "signal")["signal"].to_list()


def rage(start: float, number: int = 3) -> list[Row]:
    return [click(start + i * 0.2) for i in range(number)]


def scrolls(*positions: int, height: int = 2000) -> list[Row]:
    sizes = {"window_height": 500, "page_height": height}
    return [view(0), *(interaction(1 + i, "scroll", scroll_y=y, **sizes) for i, y in enumerate(positions))]


STREAMS: list[tuple[str, list[Row], list[str]]] = [
    ("three clicks in a page view", [view(0), *rage(5)], ["rage_click"]),
    ("two page views cut a run", [view(0), *rage(5, 2), view(5.3), *rage(5.4, 2)], []),
    ("a field is made for it", [view(0), *(click(5 + i / 5, element_chain="<form><input>") for i in range(5))], []),
    ("a button is none, also as an input",
     [view(0), *(click(5 + i / 5, element_chain='<form><input type="Submit">') for i in range(5))], ["rage_click"]),
    ("what may be edited is made for it", [view(0), *(click(5 + i / 5, element_chain='<p contenteditable=""><b>') for i in range(5))], []),
    ("what may not is not",
     [view(0), *(click(5 + i / 5, element_chain='<p contenteditable="false"><b>') for i in range(5))], ["rage_click"]),
    ("between clicks on a field a run goes on",
     [view(0), click(5), click(5.2, element_chain="<form><input>"), click(5.4), click(5.6)], ["rage_click"]),
    ("a dead click", [view(0), click(5), interaction(5, "custom", name="$dead_click")], ["dead_click"]),
    ("a link may do nothing at once",
     [view(0), click(5, element_chain='<a href="/x">'), interaction(5, "custom", name="dead_click", element_chain='<a href="/x"><b>')], []),
    ("a link without an address is dead", [view(0), click(5, element_chain="<a><b>"), interaction(5, "custom", name="dead_click")], ["dead_click"]),
    ("one that leads nowhere too",
     [view(0), *(row for i, href in enumerate(("#", "JavaScript:")) for row in
      (click(5 + i, element_chain=f'<a href="{href}">'), interaction(5 + i, "custom", name="dead_click")))], ["dead_click"] * 2),
    ("an input that is a button is dead",
     [view(0), click(5, element_chain='<input type="button">'), interaction(5, "custom", name="dead_click")], ["dead_click"]),
    ("a click within a second of the tab's leaving did something",
     [view(0), click(5), interaction(5, "custom", name="dead_click"), interaction(6, "page_leave")], []),
    ("or of its coming up", [view(0), interaction(4.2, "page_leave"), click(5), interaction(5, "custom", name="dead_click")], []),
    ("later it didn't",
     [view(0), click(5), interaction(5, "custom", name="dead_click"), interaction(6.1, "page_leave")], ["dead_click"]),
    ("the last of two clicks before an error", [view(0), click(4), click(5), interaction(5.9, "error", error_message="x")], ["error_click"]),
    ("an error a moment too late", [view(0), click(5), interaction(6.001, "error")], []),
    ("an error exactly a second after", [view(0), click(5), interaction(6, "error")], ["error_click"]),
    ("one error after three clicks is one", [view(0), click(2), click(3.5), click(5), interaction(5.5, "error")], ["error_click"]),
    ("an error of the next page view", [view(0), click(5), view(5.2), interaction(5.5, "error")], []),
    ("not found by status", [view(0), click(1), view(2, "gone", http_status=404)], ["broken_link"]),
    ("not found by title", [view(0, page_title="404 - nothing here")], ["broken_link"]),
    ("found", [view(0, http_status=200, page_title="4042 shoes")], []),
    ("quick back: six seconds on B", [view(0), view(10, "b"), view(16, "home")], ["quick_back"]),
    ("seven seconds aren't quick", [view(0), view(10, "b"), view(17, "home")], []),
    ("a goal on B", [view(0), view(10, "b"), interaction(12, "order", page="b"), view(16, "home")], []),
    ("A, B, C is no way back", [view(0), view(10, "b"), view(16, "c")], []),
    ("another tab", [view(0, tab_id="1"), view(10, "b", tab_id="2"), view(16, "home", tab_id="1")], []),
    ("three times one page in 15 s", [view(0), view(8), view(15)], ["page_loop"]),
    ("in 16 s", [view(0), view(8), view(16)], []),
    ("five times in a row are one incident", [view(i * 3) for i in range(5)], ["page_loop"]),
    ("a form sent three times", [view(0), *(interaction(i, "form_submit", element_chain="<form>") for i in (1, 5, 9))], ["form_retry"]),
    ("two forms", [view(0), *(interaction(i, "form_submit", element_chain=f'<form id="{i % 2}">') for i in (1, 2, 3, 4))], []),
    ("a field that refuses three times", [view(0), *(interaction(i, "validation", element_chain="<input>") for i in (1, 2, 3))], ["form_retry"]),
    ("a slow page", [view(0), interaction(1, "performance", lcp_ms=4001)], ["slow_page"]),
    ("as slow as allowed", [view(0), interaction(1, "performance", lcp_ms=4000, inp_ms=500, cls_e4=2500)], []),
    ("shifts over two measurements",
     [view(0), interaction(1, "performance", cls_e4=100), interaction(2, "performance", cls_e4=2501)], ["slow_page"]),
    # 0 -> 1500 -> 0 -> 1500 -> 0: three turns, 6,000 px of 4 x (2000 - 500).
    ("up and down", scrolls(0, 1500, 0, 1500, 0), ["excessive_scroll"]),
    ("two turns", scrolls(0, 1500, 0, 1500), []),
    ("small turns aren't turns", scrolls(*[1500, 1100] * 20), []),
    ("not far enough: 4,000 px", scrolls(0, 1000, 0, 1000, 0), []),
    ("nothing", [view(0)], []),
    ("no page view", [interaction(0, "order")], []),
]  # fmt: skip


@pytest.mark.parametrize(("rows", "expected"), [s[1:] for s in STREAMS], ids=[s[0] for s in STREAMS])
def test_signals(rows: list[Row], expected: list[str]) -> None:
    assert signals(rows) == expected


def test_a_rule_set_has_its_own_numbers() -> None:
    assert signals([view(0), *rage(5, 4)], rage_clicks=5) == []
    assert signals([view(0), *rage(5, 4)], rage="mixpanel") == ["rage_click"]
    assert signals([view(0, url="https://a.example/gone/x")], not_found_urls=["/gone/*"]) == ["broken_link"]


@pytest.mark.parametrize(
    ("element", "is_rage"),
    [
        ('<input type="text">', False),
        ("<input>", False),
        ('<input type="number">', False),
        ("<textarea>", False),
        ('<div contenteditable="true">', False),
        ('<label><input type="checkbox">', True),
        ('<input type="RADIO">', True),
        ('<input type="submit">', True),
        ("<p>", True),
    ],
)
def test_what_is_clicked_many_times_by_its_nature_is_no_rage(element: str, *, is_rage: bool) -> None:
    rows = [view(0), *(click(5 + i / 5, element_chain=f"<main>{element}") for i in range(4))]
    assert signals(rows) == (["rage_click"] if is_rage else [])


def test_own_selectors_add_to_the_built_in_ones_unless_they_replace_them() -> None:
    def on(chain: str) -> list[Row]:
        return [view(0), *(click(5 + i / 5, element_chain=chain) for i in range(4))]

    own: dict[str, Any] = {"repetition": ["button.plus"], "dead_exempt": ["button.quiet"]}
    plus, field = on('<main><button class="plus">'), on('<input type="text">')
    assert [signals(plus), signals(field)] == [["rage_click"], []]
    assert [signals(plus, **own), signals(field, **own)] == [[], []]
    only = {"repetition": {"selectors": ["button.plus"], "replace": True}}
    assert [signals(plus, **only), signals(field, **only)] == [[], ["rage_click"]]
    dead = {chain: [view(0), click(5, element_chain=chain), interaction(5, "custom", name="dead_click")] for chain in
            ('<button class="quiet">', '<a href="/x">', "<button>")}  # fmt: skip
    assert [signals(rows, **own) for rows in dead.values()] == [[], [], ["dead_click"]]
    versions = {FrictionRules.model_validate(rules).version for rules in ({}, own, only)}
    assert len(versions) == 3


def test_evidence_names_page_element_zone_and_what_led_there() -> None:
    rows = [
        view(0, url="https://a.example/", device_type="mobile"),
        *(click(5 + i / 5, element_chain='<section class="hero"><a class="cta">') for i in range(3)),
        view(9, "gone", url="https://a.example/gone?q=1", http_status=410),
    ]
    result, _, _ = tables(rows)
    raging = result.filter(signal="rage_click").row(0, named=True)
    shown = {name: raging[name] for name in ("page", "zone", "element", "clicks", "offset_ms", "device_type", "detail")}
    assert shown == {
        "page": "home", "zone": "cta", "element": '<a class="cta">', "clicks": 3, "offset_ms": 5000,
        "device_type": "mobile", "detail": "3 clicks",
    }  # fmt: skip
    broken = result.filter(signal="broken_link").row(0, named=True)
    assert (broken["page"], broken["came_from"], broken["element"], broken["detail"]) == (
        "gone", "home", '<a class="cta">', "https://a.example/gone (410)",
    )  # fmt: skip


def test_incidents_that_share_a_click_count_once_and_three_times_at_most() -> None:
    # A rage run of four clicks, a dead one and an error among them: one group of the weight 4. And five slow errors alone.
    shared = [view(0), *rage(5, 4), interaction(5.2, "custom", name="$dead_click"), interaction(5.5, "error")]
    result, scores, _ = tables(shared)
    assert result["friction_group"].n_unique() == 1
    assert result.height == 3
    assert scores.select("incidents", "score").row(0) == (3, 4)
    # Four rage runs far apart in one page view count three times: 12; another page view's count anew: 4.
    far = [view(0), *(row for i in range(4) for row in rage(5 + 10 * i)), view(100), *rage(110)]
    assert tables(far)[1].select("incidents", "score").row(0) == (5, 16)


def test_daily_sums_know_what_was_measured() -> None:
    rows = [view(0, device_type="mobile"), *rage(5), view(100, "product")]
    rows += [
        view(0, device_type="desktop", person_key=2, anonymous_id="d2"),
        interaction(1, "error", person_key=2, anonymous_id="d2"),
    ]
    rows += [view(0, device_type="desktop", person_key=3, is_bot=True, anonymous_id="d3")]
    _, _, sums = tables(rows)
    numbers = {
        (r["signal"], r["page"], r["device_type"]): (r["incidents"], r["page_views_with"], r["page_views"], r["page_views_measured"])
        for r in sums.rows(named=True)
    }  # fmt: skip
    assert numbers["rage_click", "home", "mobile"] == (1, 1, 1, 1)
    assert numbers["rage_click", "product", "mobile"] == (0, 0, 1, 1)
    # Only the desktops of this source told of an error; nobody of vitals.
    assert numbers["error_click", "home", "mobile"] == (0, 0, 1, 0)
    assert numbers["error_click", "home", "desktop"] == (0, 0, 1, 1)
    assert numbers["slow_page", "home", "desktop"] == (0, 0, 1, 0)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Timeout after 3,000 ms", "Timeout after <n> ms"),
        ("Cannot read 'name' of undefined", "Cannot read <text> of undefined"),
        ("GET https://a.example/x?id=9 failed", "GET <address> failed"),
        ("user 550e8400-e29b-41d4-a716-446655440000 gone", "user <id> gone"),
        ("at 0x7f3a9c001b2d", "at <id>"),
        (None, None),
    ],
)
def test_messages_of_one_kind_are_one(message: str | None, expected: str | None) -> None:
    result = pl.DataFrame({"m": [message]}, schema={"m": pl.String}).select(normalised(pl.col("m"))).item()
    assert result == expected


def test_minutes_are_the_same_for_one_session_and_for_many() -> None:
    """Polars divides a column by a number otherwise than a single row: 609 of 2,000 differed in the last bit."""
    keys = list(range(400))
    schema = TABLES["friction_incidents"].schema
    blank = {name: 0 if dtype.is_integer() else "x" if dtype == pl.String else None for name, dtype in schema.items()}
    rows = [
        {**blank, "session_key": k, "page_view_key": k, "incident_key": k, "friction_group": k, "weight": 1}
        for k in keys
    ]
    result = pl.DataFrame(rows, schema=schema, orient="row")
    lasted = pl.DataFrame({"session_key": keys, "duration_ms": [61_000 + 1_234 * k for k in keys]})
    views = pl.LazyFrame({"session_key": keys, "engaged_ms": [None] * 400}, schema={"session_key": pl.Int64, "engaged_ms": pl.Int64})  # fmt: skip
    whole = session_friction(result.lazy(), lasted.lazy(), views, DAY).sort("session_key")
    assert whole["minutes"].to_list() == [(61_000 + 1_234 * k) / 60_000 for k in keys]
    for k in keys[:40]:
        one = pl.col("session_key") == k
        alone = session_friction(result.lazy().filter(one), lasted.lazy().filter(one), views.filter(one), DAY)
        assert alone["minutes"].item() == whole["minutes"][k]
