"""Device, system and browser of a visit: from user agents, from what sources send, and in all that is broken down by them."""

import random
from collections import Counter, defaultdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import ua_parser
from samples import read
from support import at, days_from, events_frame, ndjson, product

from pipeline.core.canonical import VISIT_COLUMNS
from pipeline.core.days import ONE_DAY
from pipeline.core.product import Product
from pipeline.core.product_file import ProductFileError, parse_product
from pipeline.domains.funnels.funnel_steps import step_events
from pipeline.domains.funnels.funnel_tables import funnel_results
from pipeline.domains.retention.tables import return_cells, return_events
from pipeline.events import visits
from pipeline.events.page_views import page_views
from pipeline.events.sessions import session_events, sessions
from pipeline.events.visits import with_visits

DAY = date(2026, 2, 3)
Row = dict[str, Any]
WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
APPLE = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X)"
ANDROID = "Mozilla/5.0 (Linux; Android 14; SM-S921B)"
SAFARI_ON_MAC = f"{MAC} {APPLE} Version/17.5 Safari/605.1.15"
SAFARI_ON_IPHONE = f"{IPHONE} {APPLE} Version/17.5 Mobile/15E148 Safari/604.1"
CHROME_ON_WINDOWS = f"{WINDOWS} {WEBKIT} Chrome/126.0.0.0 Safari/537.36"
CHROME_ON_ANDROID = f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} Chrome/126.0.0.0 Mobile Safari/537.36"
NOTHING = (None, None, None, None, None)
# device, system, its version, browser, its version
AGENTS: dict[str, tuple[str | None, ...]] = {
    CHROME_ON_WINDOWS: ("desktop", "Windows", "10", "Chrome", "126"),
    f"{WINDOWS} {WEBKIT} Chrome/126.0.0.0 Safari/537.36 Edg/125.0.2592.68": ("desktop", "Windows", "10", "Edge", "125"),
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0": ("desktop", "Windows", "10", "Firefox", "127"),
    f"{WINDOWS} {WEBKIT} Chrome/124.0.0.0 Safari/537.36 OPR/110.0.0.0": ("desktop", "Windows", "10", "Opera", "110"),
    # A version may be a word.
    "Mozilla/5.0 (Windows NT 5.1; rv:52.0) Gecko/20100101 Firefox/52.0": ("desktop", "Windows", "XP", "Firefox", "52"),
    "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko": ("desktop", "Windows", "7", "IE", "11"),
    SAFARI_ON_MAC: ("desktop", "Mac OS X", "10", "Safari", "17"),
    f"{MAC} {WEBKIT} Chrome/126.0.0.0 Safari/537.36": ("desktop", "Mac OS X", "10", "Chrome", "126"),
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14.5; rv:127.0) Gecko/20100101 Firefox/127.0": ("desktop", "Mac OS X", "14", "Firefox", "127"),
    # An iPad that calls itself a Mac is what it says; one that says iPad is a tablet.
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_6) {APPLE} Version/14.0 Safari/605.1.15": ("desktop", "Mac OS X", "10", "Safari", "14"),
    f"Mozilla/5.0 (iPad; CPU OS 12_5_7 like Mac OS X) {APPLE} Version/12.1.2 Mobile/15E148 Safari/604.1": ("tablet", "iOS", "12", "Safari", "12"),
    SAFARI_ON_IPHONE: ("mobile", "iOS", "17", "Safari", "17"),
    f"{IPHONE} {APPLE} CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1": ("mobile", "iOS", "17", "Chrome", "126"),
    f"{IPHONE} {APPLE} FxiOS/127.0 Mobile/15E148 Safari/605.1.15": ("mobile", "iOS", "17", "Firefox", "127"),
    f"{IPHONE} {APPLE} Version/17.0 EdgiOS/125.0.2535.60 Mobile/15E148 Safari/605.1.15": ("mobile", "iOS", "17", "Edge", "125"),
    CHROME_ON_ANDROID: ("mobile", "Android", "10", "Chrome", "126"),
    f"{ANDROID} {WEBKIT} SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36": ("mobile", "Android", "14", "Samsung Internet", "25"),
    "Mozilla/5.0 (Android 14; Mobile; rv:127.0) Gecko/127.0 Firefox/127.0": ("mobile", "Android", "14", "Firefox", "127"),
    f"{ANDROID} {WEBKIT} Chrome/126.0.6478.72 Mobile Safari/537.36 EdgA/125.0.2535.72": ("mobile", "Android", "14", "Edge", "125"),
    f"Mozilla/5.0 (Linux; Android 13; SM-X200) {WEBKIT} Chrome/126.0.0.0 Safari/537.36": ("tablet", "Android", "13", "Chrome", "126"),
    f"Mozilla/5.0 (Linux; Android 12; BRAVIA 4K VH2) {WEBKIT} Chrome/120.0.0.0 Safari/537.36": (None, "Android", "12", "Chrome", "120"),
    f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} Chrome/126.0.0.0 Safari/537.36": ("desktop", "Linux", None, "Chrome", "126"),
    "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0": ("desktop", "Linux", None, "Firefox", "127"),
    "curl/8.5.0": (None, None, None, "curl", "8"),
    "": NOTHING,
    "Mozilla/5.0": NOTHING,
    "something of our own": NOTHING,
    "Other": NOTHING,
}  # fmt: skip


def reported(rows: list[Row]) -> list[tuple[str | None, ...]]:
    """What each row's visit is told to be."""
    schema = {"visit": pl.Int64, "user_agent": pl.String, **dict.fromkeys(VISIT_COLUMNS, pl.String)}
    frame = pl.DataFrame([{**dict.fromkeys(schema), "visit": 0, **row} for row in rows], schema=schema)
    return with_visits(frame, "visit").select(VISIT_COLUMNS).rows()


@pytest.mark.parametrize("agent", AGENTS)
def test_a_user_agent_tells(agent: str) -> None:
    assert reported([{"user_agent": agent}]) == [AGENTS[agent]]


@pytest.mark.parametrize(
    "agent",
    [
        "a" * 100_000, "Mozilla/5.0 (" * 8_000, "Chrome/" + "1" * 100_000, "Android; " * 11_000, "\x00" * 100_000, "é" * 100_000,
        "x" * 1_000 + CHROME_ON_WINDOWS,
    ],
)  # fmt: skip
def test_a_hostile_user_agent_costs_and_tells_little(agent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    monkeypatch.setattr(
        visits, "_device_of_agent", lambda text, real=visits._device_of_agent: (looked.append(len(text)), real(text))[1]
    )
    (result,) = reported([{"user_agent": agent}])
    assert looked == [1_000]
    assert all(value is None or len(value) <= 100 for value in result)
    # What is cut off tells nothing.
    assert "Windows" not in result


def test_each_agent_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    parse = ua_parser.parser
    monkeypatch.setattr(ua_parser, "parser", lambda agent, domains: (looked.append(agent), parse(agent, domains))[1])
    rows = [
        {"visit": i // 60, "user_agent": (CHROME_ON_WINDOWS, SAFARI_ON_MAC, None)[(i + i // 60) % 3]}
        for i in range(3_000)
    ]
    assert {row[3] for row in reported(rows)} == {"Chrome", "Safari"}
    assert sorted(looked) == [SAFARI_ON_MAC, CHROME_ON_WINDOWS]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        # The first event bears none; what is told later holds for it too.
        ([{}, {"user_agent": CHROME_ON_WINDOWS}, {}], AGENTS[CHROME_ON_WINDOWS]),
        # The first of which anything is known.
        ([{"user_agent": ""}, {"user_agent": "Mozilla/5.0"}, {"user_agent": SAFARI_ON_MAC}, {"user_agent": CHROME_ON_WINDOWS}],
         AGENTS[SAFARI_ON_MAC]),
        # What was sent wins, wherever in the visit; what was not is told by the agent.
        ([{"user_agent": SAFARI_ON_IPHONE}, {"os": "iPadOS", "os_version": "17.5.1"}], ("mobile", "iPadOS", "17", "Safari", "17")),
        ([{"user_agent": SAFARI_ON_IPHONE, "device_type": "tablet"}], ("tablet", "iOS", "17", "Safari", "17")),
        ([{"device_type": "mobile"}, {"device_type": "tablet"}], ("mobile", None, None, None, None)),
        # A version is one of its own name.
        ([{"user_agent": CHROME_ON_WINDOWS, "browser": "Brave"}], ("desktop", "Windows", "10", "Brave", None)),
        ([{"user_agent": CHROME_ON_WINDOWS, "browser": "Chrome"}], ("desktop", "Windows", "10", "Chrome", "126")),
        ([{"user_agent": CHROME_ON_WINDOWS, "browser": "Chrome", "browser_version": "99.0"}], ("desktop", "Windows", "10", "Chrome", "99")),
        ([{"user_agent": CHROME_ON_WINDOWS, "browser_version": "99"}], ("desktop", "Windows", "10", "Chrome", "126")),
        ([{"os": "Windows"}, {"os": "Android", "os_version": "14"}], (None, "Windows", None, None, None)),
        ([{"os": "Windows"}, {"os": "Android", "os_version": "14"}, {"os": "Windows", "os_version": "11"}], (None, "Windows", "11", None, None)),
        # Words that say nothing.
        ([{"os": "Other", "browser": "(not set)", "device_type": " "}, {"os": "<Other>", "browser": "unknown"}], NOTHING),
        ([{"os": "Unknown", "user_agent": CHROME_ON_WINDOWS}], AGENTS[CHROME_ON_WINDOWS]),
        # One name for what sources write in many ways.
        ([{"os": "Macintosh", "os_version": "Macintosh Intel 10.15", "browser": "Microsoft Edge", "browser_version": "126.0.1"}],
         (None, "Mac OS X", "10", "Edge", "126")),
        ([{"os": "macOS", "os_version": "14.5", "browser": "Mobile Safari"}], (None, "Mac OS X", "14", "Safari", None)),
        ([{"os": "iPhone OS", "os_version": "iOS 17.5", "browser": "Chrome iOS"}], (None, "iOS", "17", "Chrome", None)),
        ([{"os": "android", "os_version": "v9", "browser": "Internet Explorer"}], (None, "Android", "9", "IE", None)),
        ([{"os": "Windows", "os_version": "Vista", "browser": "Mobile"}], (None, "Windows", "Vista", "Mobile", None)),
        ([{}], NOTHING),
    ],
)  # fmt: skip
def test_a_visit_is_told_once(rows: list[Row], expected: tuple[str | None, ...]) -> None:
    assert reported(rows) == [expected] * len(rows)


def test_visits_are_told_apart() -> None:
    rows = [{"visit": 1, "user_agent": CHROME_ON_WINDOWS}, {"visit": 2}, {"visit": 3, "os": "Linux"}, {"visit": 1}]
    assert [row[1] for row in reported(rows)] == ["Windows", None, "Linux", "Windows"]
    assert reported([]) == []


def test_what_is_told_is_carried_to_session_events_sessions_and_page_views() -> None:
    rows: list[Row] = [
        {"occurred_at": at("2026-02-03T10:00")},
        {"occurred_at": at("2026-02-03T10:01"), "kind": "click", "user_agent": SAFARI_ON_IPHONE},
        {"occurred_at": at("2026-02-03T10:02"), "kind": "order", "user_agent": CHROME_ON_WINDOWS},
        # Another visit, of which nothing is told.
        {"occurred_at": at("2026-02-03T12:00")},
    ]
    events = session_events(events_frame(rows).lazy(), DAY, product())
    by_id = dict(events.select("event_id", pl.struct(VISIT_COLUMNS)).rows())
    phone = dict(zip(VISIT_COLUMNS, AGENTS[SAFARI_ON_IPHONE], strict=True))
    assert [by_id[f"e{i}"] for i in range(4)] == [phone] * 3 + [dict.fromkeys(VISIT_COLUMNS)]
    made = sessions(events.lazy(), DAY).sort("started_at").select(VISIT_COLUMNS)
    assert made.rows() == [AGENTS[SAFARI_ON_IPHONE], ("unknown", None, None, None, None)]
    views = page_views(events.lazy(), DAY, product().sources).sort("started_at")
    assert views["device_type"].to_list() == ["mobile", "unknown"]


def test_a_visit_over_midnight_is_told_on_the_day_before() -> None:
    night = at("2026-02-03T22:50")
    rows: list[Row] = [
        {"occurred_at": night, "user_agent": SAFARI_ON_IPHONE},
        {"occurred_at": night + timedelta(minutes=20), "kind": "order", "user_agent": CHROME_ON_WINDOWS},
    ]
    events = events_frame(rows)
    booked = pl.concat([session_events(events.lazy(), each, product()) for each in (DAY, DAY + ONE_DAY)])
    after = events.filter(pl.col("kind") == "order").lazy()
    steps = [{"label": "A", "kind": "order"}, {"label": "B", "kind": "click"}]
    chosen = product(funnels={"f": {"steps": steps, "breakdown": {"by": ["os", "browser_version"]}}})
    assert step_events(after, DAY + ONE_DAY, chosen.funnels, booked.lazy())["value"].to_list() == ["iOS · 17"]


def drawn(seed: int) -> list[Row]:
    """Visits of a few people, whose first events bear a user agent, another's system, or nothing."""
    chance = random.Random(seed)
    agents = (SAFARI_ON_IPHONE, CHROME_ON_WINDOWS, CHROME_ON_ANDROID, None, "junk")
    rows: list[Row] = []
    for i in range(60):
        person, begin = (
            chance.randrange(12),
            at("2026-02-02T08:00") + timedelta(days=chance.randrange(14), hours=2 * (i % 6)),
        )
        rows += [
            {
                "person_key": person, "anonymous_id": f"d{person}", "occurred_at": begin + timedelta(minutes=j, seconds=i),
                "kind": chance.choice(("page_view", "click", "order")), "user_agent": chance.choice(agents),
                "browser": chance.choice((None, None, None, "Samsung Internet")),
            }
            for j in range(chance.randrange(1, 4))
        ]  # fmt: skip
    return rows


def slow_browsers(rows: list[Row]) -> list[str | None]:
    """The browser of each row's visit, event by event: a new visit after 30 minutes."""
    known = {SAFARI_ON_IPHONE: "Safari", CHROME_ON_WINDOWS: "Chrome", CHROME_ON_ANDROID: "Chrome"}
    of_visit: dict[int, list[int]] = defaultdict(list)
    last: dict[int, tuple[Any, int]] = {}
    for i in sorted(range(len(rows)), key=lambda i: (rows[i]["occurred_at"], f"e{i}")):
        person, when = rows[i]["person_key"], rows[i]["occurred_at"]
        before = last.get(person)
        visit = before[1] if before and when - before[0] <= timedelta(minutes=30) else i
        last[person] = when, visit
        of_visit[visit].append(i)
    result: list[str | None] = [None] * len(rows)
    for positions in of_visit.values():
        sent = [rows[i]["browser"] for i in positions if rows[i]["browser"]]
        agent = [known[rows[i]["user_agent"]] for i in positions if rows[i]["user_agent"] in known]
        for i in positions:
            result[i] = (sent or agent or [None])[0]
    return result


def days_of(rows: list[Row], chosen: Product) -> tuple[list[date], dict[date, pl.DataFrame], dict[date, pl.DataFrame]]:
    """Days, and per day its events and those of its sessions."""
    events = events_frame(rows)
    local = pl.col("occurred_at").dt.convert_time_zone(chosen.time_zone).dt.date()
    days = days_from("2026-02-02", 16)
    own = {day: events.filter(local == day) for day in days}
    return days, own, {day: session_events(events.lazy(), day, chosen) for day in days}


@pytest.mark.parametrize("seed", range(6))
def test_funnels_and_retention_by_browser_are_those_of_a_slow_count(seed: int) -> None:
    rows = drawn(seed)
    steps = [{"label": "Seen", "kind": "page_view"}, {"label": "Bought", "kind": "order"}]
    chosen = product(
        funnels={"f": {"steps": steps, "window_days": 1, "breakdown": {"by": "browser"}}},
        retention={"r": {"period": "week", "periods": 2, "cohort": "recurring", "breakdown": {"by": "browser"}}},
    )
    days, own, booked = days_of(rows, chosen)
    before = [pl.concat([booked[day - ONE_DAY], booked[day]]) if day > days[0] else booked[day] for day in days]
    made = [
        step_events(own[day].lazy(), day, chosen.funnels, near.lazy()) for day, near in zip(days, before, strict=True)
    ]
    table = funnel_results(pl.concat(made).lazy(), days, chosen).filter(period="all", step=1)
    browsers = slow_browsers(rows)
    # First touch: the first event that fits a step and tells a browser names the group of who took the first step.
    matter = sorted((row["occurred_at"], row["person_key"], row["kind"], browser) for row, browser in zip(rows, browsers, strict=True) if row["kind"] != "click")  # fmt: skip
    entered = {person for _, person, kind, _ in matter if kind == "page_view"}
    groups: dict[int, str] = {}
    for _, person, _, browser in matter:
        if browser:
            groups.setdefault(person, browser)
    counted = Counter(groups.get(person, "(none)") for person in entered)
    assert dict(table.select("group", "people_entered").rows()) == {"": len(entered), **counted}
    back = [return_events(own[day].lazy(), day, chosen, near.lazy()) for day, near in zip(days, before, strict=True)]
    cells = return_cells(pl.concat(back).lazy(), days, chosen).filter(cohort_start=date(2026, 2, 2))
    active: dict[tuple[str, int], set[int]] = defaultdict(set)
    for row, browser in zip(rows, browsers, strict=True):
        active[browser or "(none)", (row["occurred_at"].date() - date(2026, 2, 2)).days // 7].add(row["person_key"])
    result = {(g, o): (c, r) for g, o, c, r in cells.filter(pl.col("group") != "").select("group", "offset", "people_in_cohort", "people_returned").rows()}  # fmt: skip
    expected = {
        (group, week): (len(active[group, 0]), len(active[group, 0] & active[group, week]))
        for group in {group for group, _ in active}
        for week in (0, 1)
    }
    assert result == expected


@pytest.mark.parametrize("seed", range(6))
def test_segments_by_browser_are_those_of_a_slow_count(seed: int) -> None:
    rows = drawn(seed)
    chosen = product(
        segments={
            "buyers_on_chrome": {"kind": "order", "browser": "Chrome"},
            "chrome_or_samsung": {"browser": ["Chrome", "Samsung Internet"]},
            "phones": {"device_type": "mobile", "os": ["iOS", "Android"]},
        }
    )
    _, _, booked = days_of(rows, chosen)
    events = pl.concat(booked.values())
    bits = {name: set(events.filter(pl.col("segment_bits") & 1 << i != 0)["event_id"]) for i, name in enumerate(sorted(chosen.segments))}  # fmt: skip
    of = list(enumerate(zip(rows, slow_browsers(rows), strict=True)))
    assert bits["buyers_on_chrome"] == {f"e{i}" for i, (row, b) in of if b == "Chrome" and row["kind"] == "order"}
    assert bits["chrome_or_samsung"] == {f"e{i}" for i, (_, b) in of if b in ("Chrome", "Samsung Internet")}
    phones = events.filter(pl.col("device_type") == "mobile", pl.col("os").is_in(["iOS", "Android"]))
    assert bits["phones"] == set(phones["event_id"])
    assert bits["phones"]


def test_the_product_file_knows_segments_and_breakdowns_by_visit() -> None:
    text = "name: x\nstart_date: 2026-01-01\nsources: {web: {}}\n"
    chosen = parse_product(f"{text}segments: {{old: {{os: Windows, os_version: [XP, '7']}}}}\n")
    assert chosen.segments["old"].visit == {"os": ("Windows",), "os_version": ("XP", "7")}
    with pytest.raises(ProductFileError, match="fits every event"):
        parse_product(f"{text}segments: {{all: {{}}}}\n")
    with pytest.raises(ProductFileError, match="browser"):
        parse_product(f"{text}goals: {{g: {{kind: order, browser: Chrome}}}}\n")


SNOWPLOW = {
    "event_id": "1",
    "event_name": "page_view",
    "dvce_created_tstamp": "2026-02-03 10:00:00.000",
    "domain_userid": "d",
}
AMPLITUDE = {"event_type": "e", "event_time": "2026-02-03 10:00:00.000000", "device_id": "d", "uuid": "u"}
UA_CONTEXT = {"osFamily": "Windows", "osMajor": "XP", "useragentFamily": "Chrome Mobile", "useragentMajor": "49"}


@pytest.mark.parametrize(
    ("source", "record", "expected"),
    [
        ("canonical", {"event_id": "1", "kind": "click", "occurred_at": "2026-02-03T10:00:00Z", "os": "iOS", "os_version": "17.5", "browser": "Safari"},
         (None, "iOS", "17.5", "Safari", None)),
        ("segment", {"type": "track", "messageId": "1", "timestamp": "2026-02-03T10:00:00Z", "event": "e", "context": {
            "os": {"name": "iPhone OS", "version": "8.1.3"}, "device": {"type": "ios", "model": "iPhone7,2"}}}, ("mobile", "iPhone OS", "8.1.3", None, None)),
        ("segment", {"type": "track", "messageId": "1", "timestamp": "2026-02-03T10:00:00Z", "event": "e", "context": {
            "os": {"name": "", "version": ""}, "device": {"type": "ios", "model": "iPad13,4"}}}, ("tablet", None, None, None, None)),
        ("posthog", {"uuid": "1", "event": "$pageview", "timestamp": "2026-02-03T10:00:00Z", "distinct_id": "d", "properties": {
            "$os": "Mac OS X", "$os_version": "10.15.7", "$browser": "Chrome", "$browser_version": 126}}, (None, "Mac OS X", "10.15.7", "Chrome", "126")),
        ("mixpanel", {"event": "e", "properties": {"time": 1770112800, "$insert_id": "1", "$device_id": "d", "distinct_id": "d", "$os": "Windows",
            "$browser": "Microsoft Edge", "$browser_version": 126}}, (None, "Windows", None, "Microsoft Edge", "126")),
        ("ga4", {"user_pseudo_id": "d", "event_timestamp": "1770112800000000", "event_name": "page_view", "device": {"category": "desktop",
            "operating_system": "Windows", "operating_system_version": "Windows 10", "web_info": {"browser": "Edge", "browser_version": "126.0"}}},
         ("desktop", "Windows", "Windows 10", "Edge", "126.0")),
        # On the web Amplitude's system is the browser.
        ("amplitude", {**AMPLITUDE, "platform": "Web", "os_name": "Chrome", "os_version": "126", "device_type": "Windows"},
         ("desktop", "Windows", None, "Chrome", "126")),
        ("amplitude", {**AMPLITUDE, "platform": "Web", "os_name": "Chrome Mobile", "os_version": "126", "device_type": "Samsung SM-S921B"},
         (None, None, None, "Chrome Mobile", "126")),
        ("amplitude", {**AMPLITUDE, "platform": "Web", "os_name": "Chrome Mobile", "device_family": "Samsung Phone"},
         ("mobile", None, None, "Chrome Mobile", None)),
        ("amplitude", {**AMPLITUDE, "platform": "iOS", "os_name": "ios", "os_version": "17.5", "device_type": "Apple iPhone"},
         ("mobile", "ios", "17.5", None, None)),
        # Snowplow's enrichments tell nothing that the user agent doesn't, and are read where it isn't there.
        ("snowplow", {**SNOWPLOW, "useragent": SAFARI_ON_MAC, "os_family": "Windows", "br_family": "Chrome"}, NOTHING),
        ("snowplow", {**SNOWPLOW, "os_family": "Windows", "br_family": "Chrome", "br_version": "49.0.2623"}, (None, "Windows", None, "Chrome", "49.0.2623")),
        ("snowplow", {**SNOWPLOW, "os_family": "Mac OS X", "derived_contexts": {"data": [{"schema": "iglu:com.snowplowanalytics.snowplow/ua_parser_context/jsonschema/1-0-0", "data": UA_CONTEXT}]}},
         (None, "Windows", "XP", "Chrome Mobile", "49")),
    ],
)  # fmt: skip
def test_sources_send_systems_and_browsers(source: Any, record: Row, expected: tuple[Any, ...], tmp_path: Path) -> None:
    _, manifest, rows = read(tmp_path, source, "a.ndjson", ndjson([record]))
    assert not manifest.rejected
    assert rows.select(VISIT_COLUMNS).rows() == [expected]
