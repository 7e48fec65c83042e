"""Zone metrics: streams made by hand with the number worked out in the text, and a slow oracle, millisecond by millisecond."""

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import at, day_of_zones, days_from, events_frame, product, zones_of

from pipeline.core.product import Product
from pipeline.domains.friction.friction_tables import friction_incidents
from pipeline.domains.zones.zone_periods import zone_people_counts
from pipeline.domains.zones.zone_tables import zone_people
from pipeline.events.page_views import page_views
from pipeline.events.sessions import session_events

DAY = date(2026, 2, 3)
TEN = at("2026-02-03T10:00")
CTA = '<main><section class="hero"><a class="cta">'
HERO = '<main><section class="hero"><img>'
ELSE = "<main><footer><a>"
Row = dict[str, Any]
SIZE = {"window_height": 800, "page_height": 3000, "window_width": 1000}
# The hero's line lies at 200 px, the call to action's at 1,200 px.
BOXED = [
    {"name": "hero", "page": "home", "selectors": ["section.hero"], "boxes": [{"y": 100, "height": 200}]},
    {"name": "cta", "page": "home", "selectors": ["a.cta"], "boxes": [{"y": 1150, "height": 100}]},
]


def interaction(ms: int, kind: str = "click", chain: str | None = None, **fields: Any) -> Row:
    where = {"page": "home", "device_type": "desktop", "element_chain": chain}
    return {"occurred_at": TEN + timedelta(milliseconds=ms), "kind": kind, **where, **fields}


def view(ms: int = 0, **fields: Any) -> Row:
    return interaction(ms, "page_view", **{"url": "https://a.example/", **fields})


def frames(rows: list[Row], chosen: Product, day: date = DAY) -> tuple[pl.LazyFrame, pl.LazyFrame, pl.LazyFrame]:
    events = session_events(events_frame(rows).lazy(), day, chosen)
    views = page_views(events.lazy(), day, chosen.sources)
    result = friction_incidents(events.lazy(), views.lazy(), day, chosen)
    return events.lazy(), views.lazy(), result.lazy()


def zone(rows: list[Row], name: str = "hero", **changes: Any) -> Row:
    """The row of a zone over everybody, on the only device."""
    chosen = product(**changes)
    made = zones_of(*frames(rows, chosen), DAY, chosen)
    (row,) = made.filter(pl.col("zone") == name, pl.col("segment") == "", pl.col("variant") == "").rows(named=True)
    return row


def shows(row: Row, **expected: Any) -> None:
    assert {name: row[name] for name in expected} == expected


def test_clicks_on_a_zone_and_one_inside_it() -> None:
    rows = [view(), interaction(4_000, chain=CTA), interaction(5_000, chain=HERO), interaction(6_000, chain=ELSE)]
    # Three clicks on the page; the hero holds the first two, and the first is its inner zone's own.
    shows(
        zone(rows), clicks=2, own_clicks=1, page_clicks=3, page_views_clicked=1, sessions_clicked=1, ms_to_click=4_000
    )
    shows(zone(rows, "cta"), clicks=1, own_clicks=1, ms_to_click=4_000)


def moves(*stops: tuple[int, str | None]) -> list[Row]:
    return [interaction(ms, "move", chain) for ms, chain in stops]


HOVERS: list[tuple[str, list[Row], int, int]] = [
    # In the hero from 1,000 to 1,600.
    ("one hover", moves((1_000, HERO), (1_600, ELSE)), 1, 600),
    ("the zone inside counts for the outer", moves((1_000, HERO), (1_200, CTA), (1_600, ELSE)), 1, 600),
    # Out from 1,500 to 1,599: joined, 1,000 to 2,000.
    ("a gap of 99 ms is none", moves((1_000, HERO), (1_500, ELSE), (1_599, HERO), (2_000, ELSE)), 1, 1_000),
    # Out from 1,500 to 1,600: 500 + 400.
    ("a gap of 100 ms is one", moves((1_000, HERO), (1_500, ELSE), (1_600, HERO), (2_000, ELSE)), 1, 900),
    ("49 ms are no hover", moves((1_000, HERO), (1_049, ELSE)), 0, 0),
    ("50 ms are one", moves((1_000, HERO), (1_050, ELSE)), 1, 50),
    # The page view ends at 3,000 with the next one.
    ("it ends with the page view", [*moves((1_000, HERO)), view(3_000)], 1, 2_000),
    ("it ends where the page is left", [*moves((1_000, HERO)), interaction(1_400, "page_leave"), view(3_000)], 1, 400),
    ("it ends off all elements", [*moves((1_000, HERO), (1_300, None)), view(3_000)], 1, 300),
    ("it ends with 30 s of silence", [*moves((1_000, HERO)), view(300_000)], 1, 30_000),
    ("30 s are no silence yet", [*moves((1_000, HERO)), interaction(31_000, "page_ping"), view(40_000)], 1, 39_000),
    (
        "who types is there",
        [*moves((1_000, HERO)), interaction(30_000, "input"), interaction(95_000, "scroll"), view(99_000)],
        1,
        59_000,
    ),
]


@pytest.mark.parametrize(("rows", "hovered", "ms"), [h[1:] for h in HOVERS], ids=[h[0] for h in HOVERS])
def test_hovers(rows: list[Row], hovered: int, ms: int) -> None:
    shows(zone([view(), *rows]), page_views_hovered=hovered, hover_ms=ms)


def test_engagement_and_hesitation() -> None:
    rows = [view(), *moves((1_000, HERO), (1_300, ELSE), (2_000, HERO)), interaction(2_700, chain=CTA)]
    # The last hover before the click began at 2,000.
    shows(zone(rows), page_views_hovered_clicked=1, page_views_hesitated=1, hesitation_ms=700)
    # On the inner zone the pointer was only seen by the click itself: the hover begins with it, and none came before.
    shows(zone([*rows, view(4_000)], "cta"), page_views_hesitated=0, page_views_hovered=1, hover_ms=1_300)


def test_a_finger_never_hovers() -> None:
    rows = [view(), *moves((1_000, HERO), (2_000, ELSE))]
    row = zone([{**row, "device_type": "mobile"} for row in rows])
    shows(row, page_views_measured_hover=0, page_views_hovered=0)


def test_what_no_source_tells_is_not_measured() -> None:
    row = zone([view(), interaction(1_000, chain=HERO)])
    shows(row, page_views=1, page_views_measured_hover=0, page_views_measured_exposure=0, exposure_method=None)
    shows(row, page_views_measured_dead_click=0, page_views_measured_js_error=0)


def test_exposure_is_measured_where_the_source_watches_the_zone() -> None:
    blind = {"source": "noid", "anonymous_id": "d2", "person_key": 2}
    rows = [
        view(), interaction(1_000, "exposure", CTA, duration_ms=500),
        view() | blind, interaction(1_000, "exposure", ELSE, duration_ms=500) | blind,
        view() | blind | {"anonymous_id": "d3", "person_key": 3},
    ]  # fmt: skip
    shows(zone(rows, "cta"), page_views=3, page_views_measured_exposure=1, page_views_exposed=1)
    # Where nobody told of the zone that day its page views stay; the mart asks its whole history.
    elsewhere = zone([view(), interaction(1_000, "exposure", ELSE, duration_ms=500)], "cta")
    shows(elsewhere, page_views_measured_exposure=1, page_views_exposed=0)


def test_exposure_by_own_events() -> None:
    rows = [
        view(),
        interaction(1_000, "exposure", HERO, duration_ms=500),
        # Overlaps the first by 200 ms: 1,000 to 2,000 in all.
        interaction(1_300, "exposure", CTA, duration_ms=700),
        # Too short to have been seen.
        interaction(5_000, "exposure", HERO, duration_ms=149),
    ]
    shows(zone(rows), exposure_method="events", page_views_exposed=1, exposure_ms=1_000, page_views_exposed_timed=1)
    shows(zone(rows, "cta"), exposure_ms=700, page_views_exposed_clicked=0)
    untold = zone([view(), interaction(1_000, "exposure", HERO)])
    shows(untold, page_views_exposed=1, page_views_exposed_timed=0, exposure_ms=0)


def test_exposure_by_element_tracking() -> None:
    sources = {"web": {"format": "snowplow"}}
    rows = [
        view(),
        interaction(1_000, "exposure", HERO, duration_ms=0),
        interaction(3_000, "exposure", HERO, duration_ms=400),
        interaction(9_000, "exposure", HERO, duration_ms=1_500),
    ]
    # Each event bears the total so far.
    shows(zone(rows, sources=sources), exposure_method="element_tracking", page_views_exposed=1, exposure_ms=1_500)


def scrolled(*stops: tuple[int, int]) -> list[Row]:
    return [view(**SIZE), *(interaction(ms, "scroll", scroll_y=y, **SIZE) for ms, y in stops)]


def test_exposure_by_scrolling() -> None:
    rows = [*scrolled((1_000, 300), (4_000, 100), (4_100, 2_000), (6_000, 400)), view(9_000, **SIZE)]
    # The window shows 0-800, at 1,000 300-1,100, at 4,000 100-900, at 4,100 2,000-2,800, at 6,000 400-1,200.
    # The hero's line (200): 0 to 1,000, and 4,000 to 4,100, which is too short. The other's (1,200): 6,000 to 9,000.
    shows(zone(rows, zones=BOXED), exposure_method="scroll", page_views_exposed=1, exposure_ms=1_000)
    shows(zone(rows, "cta", zones=BOXED), page_views_exposed=1, exposure_ms=3_000, page_views_measured_exposure=2)
    # The second page view is over at once: its only event is the session's last.


def test_a_hidden_page_shows_nothing() -> None:
    rows = [*scrolled((500, 0)), interaction(1_000, "page_leave"), interaction(5_000, chain=ELSE), view(6_000)]
    # 0 to 1,000 and 5,000 to 6,000.
    shows(zone(rows, zones=BOXED), exposure_ms=2_000)


def test_scrolling_tells_nothing_of_a_zone_whose_place_is_not_known() -> None:
    row = zone(scrolled((1_000, 300), (4_000, 100)))
    shows(row, exposure_method=None, page_views_measured_exposure=0, page_views_exposed=0)


def test_a_tab_behind_another_shows_nothing() -> None:
    front = [{**row, "tab_id": "a"} for row in scrolled((1_000, 0))]
    rows = [*front, view(3_000, tab_id="b", page="product"), interaction(8_000, chain=ELSE, tab_id="b", page="product")]
    back = {**interaction(9_000, chain=HERO, **SIZE), "tab_id": "a"}
    # 0 to 3,000; from 3,000 to 9,000 the other tab lay before it, and after that the session was over.
    shows(zone([*rows, back], zones=BOXED), exposure_ms=3_000)


@pytest.mark.parametrize("ms", [1_700_000_000_000, 9_000_000_000_000_000])
def test_an_absurd_duration_is_no_known_time(ms: int) -> None:
    rows = [
        view(),
        interaction(1_000, "exposure", HERO, duration_ms=ms),
        interaction(2_000, "exposure", HERO, duration_ms=400),
    ]
    shows(zone(rows), page_views_exposed=1, exposure_ms=400)


def test_exposure_by_reach_has_no_time() -> None:
    pings = [interaction(ms, "page_ping", scroll_y=y, **SIZE) for ms, y in ((10_000, 300), (20_000, 500))]
    row = zone([view(**SIZE), *pings], "cta", zones=BOXED)
    shows(row, exposure_method="scroll_reach", page_views_exposed=1, exposure_ms=0, page_views_measured_exposure_time=0)
    # 399 + 800 stays a pixel above the line.
    short = [view(**SIZE), interaction(10_000, "page_ping", scroll_y=399, **SIZE)]
    shows(zone(short, "cta", zones=BOXED), page_views_measured_exposure=1, page_views_exposed=0)


def test_conversion_and_revenue_after_a_click() -> None:
    order = {"revenue_micros": 5_000_000, "currency": "EUR"}
    before = [view(), interaction(1_000, "order", **order), interaction(2_000, chain=HERO)]
    shows(zone(before), sessions_clicked=1, sessions_converted_after_click=0, revenue_micros_after_click=0)
    after = [
        view(),
        interaction(1_000, chain=HERO),
        interaction(1_000, "order", **order),
        interaction(2_000, "refund", revenue_micros=-1_000_000),
    ]
    # The order of the same instant stands after the click in the total order.
    shows(zone(after), sessions_converted_after_click=1, revenue_micros_after_click=4_000_000)


def test_a_goal_told_by_a_server_joins_by_person() -> None:
    def server(ms: int) -> Row:
        return interaction(ms, "order", page=None, source="noid", anonymous_id="server", revenue_micros=7_000_000)

    minutes = 60_000
    rows = [view(), interaction(1_000, chain=HERO), interaction(2_000, chain=ELSE)]
    # The session ends at 2,000: the window reaches to 30 min later.
    shows(
        zone([*rows, server(2_000 + 30 * minutes)]),
        sessions_converted_after_click=1,
        revenue_micros_after_click=7_000_000,
    )
    shows(zone([*rows, server(2_001 + 30 * minutes)]), sessions_converted_after_click=0)
    shows(zone([*rows, server(500)]), sessions_converted_after_click=0)


def test_friction_on_a_zone() -> None:
    clicks = [interaction(1_000 + i * 200, chain=CTA, x=5, y=5) for i in range(3)]
    rows = [
        view(),
        *clicks,
        interaction(1_500, "error", error_message="x"),
        interaction(1_400, "custom", name="dead_click"),
    ]
    shows(zone(rows), page_views_raged=1, page_views_error_clicked=1, page_views_dead_clicked=1)
    shows(zone(rows), page_views_measured_dead_click=1, page_views_measured_js_error=1)


def test_segments_and_variants_count_besides_everybody() -> None:
    rows = [
        view(prop_plan="plus"),
        interaction(1_000, chain=HERO, prop_plan="plus"),
        interaction(1_500, "experiment", experiment_id="button", variant="green"),
        view(anonymous_id="d2", person_key=2),
    ]
    chosen = product(segments={"payers": {"kind": "click"}, "nobody": {"kind": "refund"}})
    made = zones_of(*frames(rows, chosen), DAY, chosen).filter(pl.col("zone") == "hero")
    result = made.select("segment", "variant", "page_views", "clicks").rows()
    assert sorted(result) == [("", "", 2, 1), ("", "button/green", 1, 1), ("payers", "", 1, 1)]


def test_zone_versions_by_day_and_device() -> None:
    zones = [
        {"name": "z", "page": "home", "selectors": ["a.old"], "valid_to": "2026-02-03"},
        {"name": "z", "page": "home", "selectors": ["a.new"], "valid_from": "2026-02-04"},
        {"name": "tap", "page": "home", "selectors": ["a"], "device_type": "mobile"},
    ]
    chosen = product(zones=zones)
    given_frames = frames([view(), interaction(1_000, chain='<a class="old">')], chosen)
    counted = {day: zones_of(*given_frames, day, chosen).rows(named=True) for day in days_from("2026-02-03", 2)}
    result = [(row["zone_version"], row["clicks"]) for rows in counted.values() for row in rows]
    assert result == [(date(2026, 1, 1), 1), (date(2026, 2, 4), 0)]


# The oracle: a pointer and a window on a grid of 10 ms, looked at millisecond by millisecond.

_STOPS = st.lists(
    st.tuples(
        st.integers(0, 300).map(lambda n: n * 10),
        st.sampled_from(["move", "click", "scroll", "exposure", "page_leave"]),
        st.sampled_from([HERO, CTA, ELSE, None]),
        st.integers(0, 20).map(lambda n: n * 100),
        st.integers(0, 40).map(lambda n: n * 10),
    ),
    max_size=14,
    unique_by=lambda stop: stop[0],
)
END = 3_500


def _lies_in(name: str, chain: str | None) -> bool:
    return chain == CTA or (name == "hero" and chain == HERO)


def _runs(inside: list[bool]) -> list[tuple[int, int]]:
    result: list[tuple[int, int]] = []
    for ms, is_in in enumerate(inside):
        if is_in and ms > 0 and inside[ms - 1]:
            result[-1] = (result[-1][0], ms + 1)
        elif is_in:
            result.append((ms, ms + 1))
    return result


def _oracle(stops: list[tuple[int, str, str | None, int, int]], name: str) -> Row:
    line = {"hero": 200, "cta": 1_200}[name]
    pointer: str | None = None
    top, visible = 0, True
    over, seen = [False] * END, [False] * END
    by_ms = {stop[0]: stop[1:] for stop in stops}
    reported = [
        (ms, ms + span) for ms, (kind, chain, _, span) in by_ms.items() if kind == "exposure" and _lies_in(name, chain)
    ]
    for ms in range(END):
        if ms in by_ms:
            kind, chain, y, _ = by_ms[ms]
            pointer = chain if kind in ("move", "click") else None if kind == "page_leave" else pointer
            top = y if kind == "scroll" else top
            # Only acts that show the page tell that it is there again.
            visible = False if kind == "page_leave" else visible or kind in ("scroll", "click")
        over[ms] = _lies_in(name, pointer)
        seen[ms] = visible and top <= line <= top + 800
    hovers: list[list[int]] = []
    for begin, end in _runs(over):
        if hovers and begin - hovers[-1][1] < 100:
            hovers[-1][1] = end
        else:
            hovers.append([begin, end])
    long = [(begin, end) for begin, end in hovers if end - begin >= 50]
    clicks = [ms for ms, (kind, chain, *_) in by_ms.items() if kind == "click" and _lies_in(name, chain)]
    before = [begin for begin, _ in long if clicks and begin < min(clicks)]
    shown = [False] * (END + 500)
    for begin, end in reported if any(s[1] == "exposure" for s in stops) else _runs(seen):
        if end - begin >= 150:
            shown[begin:end] = [True] * (end - begin)
    return {
        "clicks": len(clicks),
        "ms_to_click": min(clicks, default=0),
        "hover_ms": sum(end - begin for begin, end in long),
        "hesitation_ms": min(clicks) - max(before) if before else 0,
        "exposure_ms": sum(shown),
        "page_views_exposed_clicked": int(any(shown) and bool(clicks)),
    }


# Eight streams an example, each on a device of its own: its rows stand apart.
@settings(max_examples=70, deadline=None)
@given(st.lists(_STOPS, min_size=8, max_size=8))
def test_zones_equal_the_oracle(streams: list[list[tuple[int, str, str | None, int, int]]]) -> None:
    rows: list[Row] = []
    for i, stops in enumerate(streams):
        own = {"device_type": f"device {i}", "person_key": i, "anonymous_id": f"d{i}"}
        rows.append(view(sequence=0, **SIZE) | own)
        for ms, kind, chain, y, span in sorted(stops):
            fields: Row = {"scroll_y": y} if kind == "scroll" else {"duration_ms": span} if kind == "exposure" else {}
            rows.append(interaction(ms, kind, chain, sequence=1, **fields, **SIZE) | own)
        # The next page ends the view; it tells the pointer and the scrolling of this source.
        rows += [
            interaction(END, "page_view", url="https://a.example/p/1", page="product") | own,
            interaction(END + 10, "move", ELSE) | own,
            interaction(END + 20, "scroll", scroll_y=0, **SIZE) | own | {"page": "product"},
        ]
    chosen = product(zones=BOXED)
    made = zones_of(*frames(rows, chosen), DAY, chosen)
    for i, stops in enumerate(streams):
        for name in ("hero", "cta"):
            (row,) = made.filter(pl.col("zone") == name, pl.col("device_type") == f"device {i}").rows(named=True)
            shows(row, **_oracle(stops, name))


# Over longer times.


def person_days(rows: list[Row], days: int, **changes: Any) -> pl.DataFrame:
    chosen = product(**changes)
    dates = days_from("2026-02-01", days)
    people, starts = [], []
    for day in dates:
        local = pl.col("occurred_at").dt.convert_time_zone("Europe/Berlin").dt.date()
        events, views, result = frames(events_frame(rows).filter(local == day).rows(named=True), chosen, day)
        people.append(zone_people(day_of_zones(events, views, result, day, chosen), day, chosen))
        starts.append(
            events.group_by("session_key")
            .agg(pl.col("person_key").first(), is_bot=pl.lit(value=False), started_at=pl.col("occurred_at").min())
            .collect()
        )
    return zone_people_counts(pl.concat(people).lazy(), pl.concat(starts).lazy(), dates, chosen)


def on(day: int, hour: int, kind: str = "page_view", **fields: Any) -> Row:
    return {
        "sequence": 1,
        **interaction(0, kind, **fields),
        "occurred_at": at(f"2026-02-{day:02}T{hour:02}:00"),
        "url": "https://a.example/",
    }


def test_people_do_not_add_over_days_and_returns_need_a_later_session() -> None:
    rows = [
        # Clicks on the 2nd and the 4th, and comes back on the 4th: of two days clicked one has a return within 7 days.
        on(2, 10), on(2, 10, "click", chain=HERO, sequence=9), on(4, 10), on(4, 10, "click", chain=HERO, sequence=9),
        # Sees it and never clicks.
        on(2, 12, person_key=2, anonymous_id="d2"),
    ]  # fmt: skip
    made = person_days(rows, 14).filter(pl.col("zone") == "hero", pl.col("device_type") == "")
    by_day = made.filter(pl.col("period") == "day")
    whole = made.filter(pl.col("period") == "all").row(0, named=True)
    assert by_day["people_clicked"].sum() == 2
    shows(whole, people_viewed=2, people_clicked=1, person_days_clicked_7d=2, person_days_returned_7d=1)
    # No source tells what was in a window: nobody knows, which is not nobody.
    shows(whole, people_exposed=None, people_hovered=None)
    # Nobody's 28 days are over yet.
    shows(whole, person_days_clicked_28d=0, person_days_returned_28d=0)


@pytest.mark.parametrize(("hours", "returned"), [(7 * 24, 1), (7 * 24 + 1, 0)])
def test_a_return_comes_within_seven_times_24_hours(hours: int, returned: int) -> None:
    click = at("2026-02-02T10:00")
    rows = [
        {**on(2, 10), "occurred_at": click}, {**on(2, 10, "click", chain=HERO, sequence=9), "occurred_at": click},
        {**on(2, 10), "occurred_at": click + timedelta(hours=hours)},
    ]  # fmt: skip
    made = person_days(rows, 14).filter(
        pl.col("zone") == "hero", pl.col("period") == "all", pl.col("device_type") == ""
    )
    shows(made.row(0, named=True), person_days_clicked_7d=1, person_days_returned_7d=returned)


@pytest.mark.parametrize("ranges", [1, 4])
def test_ranges_of_people_give_the_same_rows(ranges: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        {**on(day, 10, kind, chain=HERO), "person_key": person * 2**61, "anonymous_id": f"d{person}"}
        for person, day in ((-3, 2), (-1, 3), (1, 4), (3, 9))
        for kind in ("page_view", "click")
    ]
    whole = person_days(rows, 14)

    def so_many(_rows: int) -> int:
        return ranges

    monkeypatch.setattr("pipeline.domains.zones.zone_periods.ranges_of", so_many)
    assert person_days(rows, 14).equals(whole)
    assert whole.select("period", "period_start", "page", "zone", "device_type").is_unique().all()


def test_zones_that_are_gone_hold_nothing_back() -> None:
    rows = [on(2, 10), on(2, 10, "click", chain=HERO, sequence=9)]
    chosen = product()
    events, views, result = frames(rows, chosen, date(2026, 2, 2))
    people = zone_people(day_of_zones(events, views, result, date(2026, 2, 2), chosen), date(2026, 2, 2), chosen)
    sessions = pl.LazyFrame(
        schema={"person_key": pl.Int64, "started_at": pl.Datetime("us", "UTC"), "is_bot": pl.Boolean}
    )
    renamed = product(zones=[{"name": "top", "page": "home", "selectors": ["section.hero"]}])
    made = zone_people_counts(people.lazy(), sessions, [date(2026, 2, 2)], renamed)
    assert set(made["zone"]) == {"", "top"}
    assert (made["people_clicked"] <= made["people_viewed"]).all()


def test_who_saw_a_zone_is_not_known_where_nothing_ever_told_of_it() -> None:
    rows = [on(2, 10), on(2, 10, "exposure", chain=CTA, duration_ms=500, sequence=9)]
    zones = [{"name": name, "page": "home", "selectors": [f".{name}"]} for name in ("hero", "cta", "else")]
    made = (
        person_days(rows, 3, zones=zones)
        .filter(pl.col("device_type") == "", pl.col("period") == "day")
        .sort("period_start")
    )
    # The call to action lies in the hero: who saw the one saw the other. The other zone nothing tells of.
    seen = {name: rows["people_exposed"].to_list() for (name,), rows in made.group_by("zone")}
    assert seen == {"cta": [1], "hero": [1], "": [None], "else": [None]}
    assert made["people_viewed"].unique().to_list() == [1]
    # Nor before the first day on which something did.
    earlier = [on(1, 10), on(1, 10, "exposure", chain=ELSE, duration_ms=500, sequence=9)]
    made = person_days([*earlier, *rows], 3).filter(zone="cta", device_type="", period="day").sort("period_start")
    assert made["people_exposed"].to_list() == [None, 1]


def test_a_window_that_is_not_over_is_not_counted() -> None:
    rows = [on(8, 10), on(8, 10, "click", chain=HERO, sequence=9)]
    for days, known in ((14, 0), (15, 1)):
        made = person_days(rows, days).filter(pl.col("zone") == "hero", pl.col("period") == "all")
        assert made["person_days_clicked_7d"].to_list() == [known, known]
