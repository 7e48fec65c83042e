"""A real page in a real browser, recorded by rrweb while a script acts: what the marts say is what the script did."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from browsers import missing
from support import at, compute_all, drop, product, take_all

from pipeline.core.lake import Lake
from pipeline.core.states import published_days, scan_days
from pipeline.report.replays import player
from pipeline.report.write import write_report

BROWSER = Path(__file__).parents[1] / "browser"
RECORDER = BROWSER / "node_modules/@rrweb/record/dist/record.umd.min.cjs"
ADDRESS = "https://shop.example/"
BEGIN = at("2026-02-03T10:00")
# Places in page.html, in px from the page's top left corner; nothing is beside the column of the aside.
HERO, BUTTON, DEAD, COUNTER, ASIDE, FOOTER_TOP = (700, 250), (240, 330), (240, 630), (700, 630), 1240, 2700
WINDOW, PAGE_HEIGHT = {"width": 1280, "height": 800}, 3000
PRODUCT: dict[str, Any] = {
    "sources": {"rec": {"format": "rrweb"}},
    "properties": {},
    "pages": [{"name": "home", "urls": ["/"]}],
    "zones": [
        {"name": name, "page": "home", "selectors": [selector], "boxes": [{"y": y, "height": height}]}
        for name, selector, y, height in (
            ("hero", "section.hero", 100, 400),
            ("hero_button", "section.hero button.cta", 300, 60),
            ("dead", "div.dead", 600, 60),
            ("counter", "div.counter", 600, 60),
            ("footer", "footer", 2700, 300),
        )
    ],
    "funnels": {},
}


@dataclass(frozen=True)
class Interaction:
    """What the script did: when by the page's own clock (ms), where in the page, how far the page was scrolled then."""

    name: str
    at: int
    x: int
    y: int
    scroll_y: int


@dataclass(frozen=True)
class Recording:
    """What rrweb recorded, what was done, and the home in which it was computed."""

    events: list[dict[str, Any]]
    interactions: list[Interaction]
    lake: Lake

    def done(self, name: str) -> list[Interaction]:
        """The acts of that name."""
        return [interaction for interaction in self.interactions if interaction.name == name]

    def rows(self, kind: str) -> list[dict[str, Any]]:
        """The accepted events of that kind in their order, with `at` in ms."""
        days = published_days(self.lake, "session_events")
        result = scan_days(self.lake, "session_events", days).filter(pl.col("kind") == kind).sort("event_index")
        return result.with_columns(at=pl.col("occurred_at").dt.timestamp("ms")).collect().to_dicts()

    def mart(self, name: str) -> pl.DataFrame:
        """A mart."""
        return pl.read_parquet(self.lake.path(f"marts/{name}.parquet"))


class Visitor:
    """Acts in a page at places of the page, and notes each act just before it."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.interactions: list[Interaction] = []
        self.scroll_y = 0

    def _note(self, name: str, x: int, y: int) -> None:
        self.interactions.append(Interaction(name, self.page.evaluate("Date.now()"), x, y, self.scroll_y))

    def wait(self, ms: int) -> None:
        self.page.wait_for_timeout(ms)

    def move(self, name: str, x: int, y: int) -> None:
        self._note(name, x, y)
        self.page.mouse.move(x, y - self.scroll_y)

    def click(self, name: str, x: int, y: int) -> None:
        self._note(name, x, y)
        self.page.mouse.click(x, y - self.scroll_y)

    def scroll(self, to: int) -> None:
        """At once, and with the pointer beside all zones: what a page does under a resting pointer is nobody's act."""
        self._note("scroll", 0, to)
        self.page.evaluate("to => window.scrollTo({top: to, behavior: 'instant'})", to)
        self.scroll_y = to


def visit(page: Any) -> list[Interaction]:
    """The script."""
    hand = Visitor(page)
    hand.move("aside", ASIDE, 50)
    hand.wait(300)
    hand.move("into_hero", *HERO)
    hand.wait(300)
    hand.move("in_hero", HERO[0] + 20, HERO[1])
    hand.wait(300)
    hand.move("out_of_hero", ASIDE, HERO[1])
    hand.scroll(200)
    hand.wait(500)
    hand.click("hero_button", *BUTTON)
    hand.wait(700)
    hand.click("dead", *DEAD)
    hand.wait(3000)
    for _ in range(4):
        hand.click("counter", *COUNTER)
        hand.wait(100)
    hand.move("aside", ASIDE, COUNTER[1])
    hand.scroll(PAGE_HEIGHT - WINDOW["height"])
    hand.wait(500)
    hand.move("aside", ASIDE, FOOTER_TOP - 100)
    # Time goes on, and what rrweb holds back comes out.
    hand.wait(600)
    hand.move("aside", ASIDE, FOOTER_TOP - 90)
    hand.wait(600)
    return hand.interactions


def recorded(browser: Any) -> tuple[list[dict[str, Any]], list[Interaction]]:
    """rrweb's events and the script's acts, from a page that no network is needed for."""
    page = browser.new_page(viewport=WINDOW)
    html = (BROWSER / "page.html").read_text()
    page.route("**/*", lambda route: route.fulfill(body=html, content_type="text/html"))
    page.goto(ADDRESS)
    page.add_script_tag(path=RECORDER)
    page.evaluate("""() => {
        window.recorded = [];
        rrwebRecord.record({emit: event => window.recorded.push(event)});
        rrwebRecord.record.addCustomEvent('footfall:page', {height: document.documentElement.scrollHeight});
    }""")
    interactions = visit(page)
    events = page.evaluate("window.recorded")
    page.close()
    return events, interactions


@pytest.fixture(scope="module")
def recording(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    if not RECORDER.is_file():
        missing("@rrweb/record (npm ci --prefix tests/browser)")
    events, interactions = recorded(browser)
    # One fixed day: a visit over midnight would be two sessions.
    moved = int(BEGIN.timestamp() * 1000) - events[0]["timestamp"]
    events = [{**event, "timestamp": event["timestamp"] + moved} for event in events]
    interactions = [
        Interaction(interaction.name, interaction.at + moved, interaction.x, interaction.y, interaction.scroll_y)
        for interaction in interactions
    ]
    home, chosen = tmp_path_factory.mktemp("home"), product(**PRODUCT)
    drop(home, "rec/recording.json", json.dumps(events).encode())
    lake = Lake(home)
    (manifest,) = take_all(lake, chosen)
    assert manifest.balances
    assert not manifest.rejected
    compute_all(lake, chosen)
    return Recording(events, interactions, lake)


def test_the_replay_opens_at_the_rage_click(recording: Recording, browser: Any) -> None:
    if player() is None:
        missing("the player (make assets)")
    report = write_report(recording.lake, product(**PRODUCT)).parent
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    faults: list[str] = []
    page.on("console", lambda stated: faults.append(stated.text) if stated.type == "error" else None)
    page.on("pageerror", lambda fault: faults.append(str(fault)))
    page.goto((report / "friction.html").as_uri())
    page.locator("tr", has_text="rage click").locator("a").first.click()
    page.wait_for_selector("#status[data-state=playing]")
    first = min(interaction.at for interaction in recording.done("counter"))
    moment = first - recording.events[0]["timestamp"]
    at = int(page.locator("#status").get_attribute("data-at"))
    assert abs(at - (moment - 8_000)) <= LATE_MS, "it plays from eight seconds before it"
    told = page.locator("#moments [data-kind=rage_click]").first
    assert abs(int(told.get_attribute("data-at")) - moment) <= LATE_MS
    shown = page.frame_locator("#player iframe").locator("body")
    assert shown.locator("div.counter").count() == 1, "the page that was recorded"
    box = page.locator("#player iframe").bounding_box()
    assert box is not None
    assert box["width"] > 300
    marks = page.locator("#moments a").evaluate_all(
        "all => all.map(each => [each.dataset.kind, Number(each.dataset.at)])"
    )
    assert page.locator("#moments [data-kind=click]", has_text="counter").count() == len(recording.done("counter"))
    page.locator("#after").click()
    stepped = int(page.locator("#status").get_attribute("data-at"))
    assert stepped in [at - 2_000 for kind, at in marks if kind in ("rage_click", "dead_click")]
    clicks = [at for kind, at in marks if kind == "click"]
    assert len(clicks) == sum(interaction.name in CLICKED for interaction in recording.interactions)
    assert {kind for kind, _ in marks} == {"page", "click", "rage_click", "dead_click"}
    page.locator("#moments [data-kind=dead_click]").click()
    page.wait_for_selector("#status[data-state=playing]")
    page.evaluate("replay.getReplayer().setConfig({speed: 64})")
    page.wait_for_selector("#status[data-state=finished]", timeout=60_000)
    page.close()
    assert not faults


CLICKED = ("hero_button", "dead", "counter")


def test_each_click_is_where_and_when_it_was_made(recording: Recording) -> None:
    made = [interaction for interaction in recording.interactions if interaction.name in CLICKED]
    clicks = recording.rows("click")
    assert [(c["x"], c["y"], c["scroll_y"]) for c in clicks] == [(a.x, a.y, a.scroll_y) for a in made]
    ends = [*(interaction.at for interaction in recording.interactions), recording.events[-1]["timestamp"]]
    for click, interaction in zip(clicks, made, strict=True):
        after = min(end for end in ends if end > interaction.at)
        assert interaction.at <= click["at"] <= after, f"{interaction.name} was over when the next act began"


def test_clicks_by_zone(recording: Recording) -> None:
    made = Counter(interaction.name for interaction in recording.interactions if interaction.name in CLICKED)
    zones = {row["zone"]: (row["clicks"], row["own_clicks"]) for row in recording.mart("zone_metrics").to_dicts()}
    assert made == {"hero_button": 1, "dead": 1, "counter": 4}
    assert zones == {
        "hero": (made["hero_button"], 0),
        **{name: (made[name], made[name]) for name in (*CLICKED, "footer")},
    }


def test_one_rage_click_and_one_dead_click(recording: Recording) -> None:
    result = recording.mart("friction_events").sort("started_at")
    assert result.select("signal", "zone", "element", "clicks").rows() == [
        ("dead_click", "dead", '<div class="dead" role="button">', 1),
        ("rage_click", "counter", '<div class="counter" role="button">', 4),
    ]
    clicks = {row["y"] * 10_000 + row["x"]: row["occurred_at"] for row in reversed(recording.rows("click"))}
    assert result["started_at"].to_list() == [clicks[y * 10_000 + x] for x, y in (DEAD, COUNTER)]


def test_scrolls_and_the_height_of_the_page(recording: Recording) -> None:
    scrolls = recording.rows("scroll")
    assert (
        [row["scroll_y"] for row in scrolls]
        == [interaction.y for interaction in recording.done("scroll")]
        == [200, 2200]
    )
    assert {(row["page_height"], row["window_height"]) for row in scrolls} == {(PAGE_HEIGHT, WINDOW["height"])}


def test_moves_into_the_hero(recording: Recording) -> None:
    (came,), (left,) = recording.done("into_hero"), recording.done("out_of_hero")
    moves = [row for row in recording.rows("move") if 'class="hero"' in row["element_chain"] and row["at"] < left.at]
    assert [(row["x"], row["y"]) for row in moves] == [HERO, (HERO[0] + 20, HERO[1])]
    assert came.at <= moves[0]["at"] < moves[-1]["at"] < left.at


# rrweb samples the pointer every 50 ms, and the script's clock is read before each act, on machines that do more.
LATE_MS = 300


def test_hovers_last_as_long_as_the_pointer_stayed(recording: Recording) -> None:
    zones = {row["zone"]: row for row in recording.mart("zone_metrics").to_dicts()}
    interactions = {interaction.name: interaction.at for interaction in reversed(recording.interactions)}
    first = interactions["out_of_hero"] - interactions["into_hero"]
    second = interactions["dead"] - interactions["hero_button"]
    assert zones["hero"]["page_views_measured_hover"] == zones["hero"]["page_views_hovered"] == 1
    assert abs(zones["hero"]["hover_seconds_total"] * 1000 - first - second) <= 2 * LATE_MS
    assert abs(zones["hero_button"]["hover_seconds_total"] * 1000 - second) <= LATE_MS
    assert (
        abs(zones["dead"]["hover_seconds_total"] * 1000 - (interactions["counter"] - interactions["dead"])) <= LATE_MS
    )
    assert zones["footer"]["page_views_hovered"] == 0
    # The last hover before the click began when the pointer came for it.
    assert zones["hero"]["hesitation_seconds_total"] * 1000 <= LATE_MS
    assert zones["hero"]["page_views_hovered_clicked"] == 1


def test_exposure_is_what_the_window_showed(recording: Recording) -> None:
    zones = {row["zone"]: row for row in recording.mart("zone_metrics").to_dicts()}
    down, bottom = recording.done("scroll")
    begin, end = recording.rows("page_view")[0]["at"], max(row["at"] for row in recording.rows("move"))
    # Up to the second scroll the window showed the middle of all but the footer; from then on the footer's only.
    assert down.at < bottom.at
    for name in ("hero", "hero_button", "dead", "counter"):
        assert zones[name]["exposure_method"] == "scroll"
        assert abs(zones[name]["exposure_seconds_total"] * 1000 - (bottom.at - begin)) <= LATE_MS, name
    assert abs(zones["footer"]["exposure_seconds_total"] * 1000 - (end - bottom.at)) <= LATE_MS
    assert [zones[name]["attractiveness_rate"] for name in ("hero", "footer")] == [1.0, 0.0]
    assert zones["counter"]["page_views_raged"] == zones["dead"]["page_views_dead_clicked"] == 1


def test_heatmap_cells_are_where_the_script_clicked(recording: Recording) -> None:
    cells = recording.mart("heatmaps")
    made = Counter(
        (interaction.x * 100 // WINDOW["width"], interaction.y // 20)
        for interaction in recording.interactions
        if interaction.name in CLICKED
    )
    clicks = cells.filter(pl.col("kind") == "click")
    assert {(x, y): n for x, y, n in clicks.select("x_bin", "y_bin", "events").rows()} == made
    reach = recording.mart("scroll_reach")
    assert reach["y_px"].max() == PAGE_HEIGHT - 20
    assert reach["fold_px_approx"].unique().to_list() == [WINDOW["height"] + 10]
    attention = dict(cells.filter(pl.col("kind") == "attention").select("y_px", pl.col("seconds") * 1000).rows())
    down, bottom = recording.done("scroll")
    begin = recording.rows("page_view")[0]["at"]
    # The top was seen until the first scroll, what lies at 900 px from then to the second.
    assert abs(attention[0] - (down.at - begin)) <= LATE_MS
    assert abs(attention[900] - (bottom.at - down.at)) <= LATE_MS
