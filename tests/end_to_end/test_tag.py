"""The tag in a real browser, on a site with a strict policy: what is told is what was done (docs/capture.md)."""

import gzip
import json
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest
from browsers import missing
from capture import landed
from site_of_tag import HOME, NONCE
from support import compute_all, take_all
from tagged_shop import SITE, kinds, of, own_violations, wait, wait_for_events
from typer.testing import CliRunner

from assets.cli import app
from pipeline.core.lake import Lake
from pipeline.core.product_file import load_product
from services.capture.app import STATIC

pytestmark = pytest.mark.slow

BROWSER = Path(__file__).parents[1] / "browser"
# Minified and packed, in bytes (docs/capture.md, "Sizes").
BUDGET = {"t": 8_192, "zones": 3_072, "vitals": 4_096, "surveys": 4_096, "replay": 30_720}


def test_the_parts_keep_to_their_sizes() -> None:
    if not (STATIC / "t.js").is_file():
        missing("the tag (make assets)")
    sizes = {
        file.name.removesuffix(".js").split("-")[0]: len(gzip.compress(file.read_bytes(), 9))
        for file in STATIC.glob("*.js")
    }
    assert set(sizes) == set(BUDGET)
    assert {name: size for name, size in sizes.items() if size > BUDGET[name]} == {}


def test_a_session_is_told_as_it_was(shop: Any) -> None:  # noqa: PLR0915  # a script and what it did
    with shop() as opened:
        page = opened.page()
        asked = list[str]()
        page.on("request", lambda request: asked.append(request.url))
        page.mouse.move(1100, 50)
        page.mouse.move(300, 250)
        page.wait_for_timeout(300)
        page.mouse.move(1100, 50)
        page.wait_for_timeout(100)
        page.click("#cta")
        page.evaluate("scrollTo({top: 2300, behavior: 'instant'})")
        page.wait_for_timeout(700)
        page.evaluate("scrollTo({top: 0, behavior: 'instant'})")
        page.wait_for_timeout(400)
        page.fill("#email", "eve@mail.example")
        page.click("#age")
        page.keyboard.type("many")
        page.click("#send")
        page.wait_for_timeout(100)
        page.evaluate("setTimeout(() => { throw new TypeError('price of 12 is missing') })")
        page.evaluate("fetch('/missing').catch(() => 0)")
        page.evaluate(
            "footfall.identify('u1'); footfall.track('added', {sku: 7}); footfall.experiment('color', 'blue')"
        )
        page.evaluate(
            "footfall.order({id: 'o1', revenue: 12.5, currency: 'EUR'}); footfall.order({id: 'o1', revenue: 12.5, currency: 'EUR'})"
        )
        page.evaluate("footfall.refund({id: 'o1', revenue: 2, currency: 'EUR'})")
        page.wait_for_timeout(1200)
        page.click("#product")
        wait(page, "document.title === 'Page /p/1' && window.footfall?._")
        assert page.evaluate("document.cookie") == ""
        origins = {each.split("/")[2] for each in asked}
        assert origins == {opened.site.url.split("/")[2], opened.collector.url.split("/")[2]}
        with page.expect_event("close"):
            page.close(run_before_unload=True)
        told = opened.told()
        lake, product = Lake(opened.home), load_product(opened.home / "product.yaml")
    found = kinds(told)
    assert [each["url"] for each in of(told, "page_view")] == [opened.site.url + "/", opened.site.url + "/p/1?size=3"]
    assert found["click"] == 4
    assert [each["name"] for each in of(told, "validation")] == ["patternMismatch"]
    assert [each["element_chain"].rsplit("<", 1)[1] for each in of(told, "input")] == [
        'input id="email" type="text" name="email">',
        'input id="age" name="age">',
    ]
    assert of(told, "input")[1]["properties"] == {"changes": 4, "filled": True}
    errors = {(each["error_type"], each["error_message"].split(": ")[-1]) for each in of(told, "error")}
    assert ("TypeError", "price of 12 is missing") in errors
    assert ("FailedRequest", f"404 {opened.site.url}/missing") in errors
    exposed = [each for each in of(told, "exposure") if 'class="low"' in each["element_chain"]]
    assert len(exposed) == 1
    assert 500 <= exposed[0]["duration_ms"] < 5000
    assert [each.get("element_chain") is None for each in of(told, "move")].count(True) >= 1
    assert [each["revenue_micros"] for each in of(told, "order")] == [12_500_000, 12_500_000]
    assert [each["revenue_micros"] for each in of(told, "refund")] == [-2_000_000]
    assert len({each["event_id"] for each in of(told, "order")}) == 1
    assert of(told, "experiment")[0]["variant"] == "blue"
    assert {
        each["user_id"] for each in told if each["sequence"] > of(told, "identify")[0]["sequence"] and "user_id" in each
    } == {"u1"}
    assert of(told, "performance")[0]["lcp_ms"] > 0
    assert len({each["session_id"] for each in told}) == len({each["anonymous_id"] for each in told}) == 1
    assert found["page_leave"] == 2
    assert found["page_ping"] >= 1
    assert "many" not in json.dumps(told)
    assert "mail.example" not in json.dumps(told)
    assert "Account 12" not in json.dumps(told)
    # The whole way: nothing is refused, and the marts are what was done.
    manifests = take_all(lake, product)
    assert sum(each.records_rejected for each in manifests) == 0
    compute_all(lake, product)
    zones = _sums(lake, "zone_metrics", "zone", "clicks")
    assert zones["cta"] == 1
    assert _sums(lake, "zone_metrics", "zone", "page_views_exposed")["low"] == 1
    assert _total(lake, "daily_kpis", "orders") == 1


def _rows(lake: Lake, mart: str) -> list[dict[str, Any]]:
    rows = pl.read_parquet(lake.path(f"marts/{mart}.parquet")).to_dicts()
    # Those of everybody.
    return [row for row in rows if not row.get("segment") and not row.get("variant")]


def _sums(lake: Lake, mart: str, by: str, column: str) -> dict[str, int]:
    sums = Counter[str]()
    for row in _rows(lake, mart):
        sums[row[by]] += row[column] or 0
    return dict(sums)


def _total(lake: Lake, mart: str, column: str) -> int:
    return sum(row[column] or 0 for row in _rows(lake, mart) if row.get("device_type") in (None, "desktop"))


def test_what_comes_before_the_settings_counts_and_nothing_is_lost_at_leaving(shop: Any) -> None:
    with shop() as opened:
        page = opened.context.new_page()

        def slow(route: Any) -> None:
            page.wait_for_timeout(800)
            route.continue_()

        page.route("**/settings.json", slow)
        page.goto(opened.site.url + "/", wait_until="commit")
        wait(page, "window.footfall && !Array.isArray(footfall) && document.querySelector('#cta')")
        assert page.evaluate("footfall._.state.consent") == "unknown"
        assert page.evaluate("Object.keys(localStorage).length") == 0
        page.click("#cta")
        wait(page, "footfall._.state.consent === 'yes'")
        # Left at once, with more than a browser takes at leaving: 39 of 3 KB.
        page.evaluate("for (let i = 0; i < 39; i++) footfall.track('many', {n: i, text: 'x '.repeat(1500)})")
        page.goto(opened.site.url + "/p/1")
        wait(page, "window.footfall?._?.state.consent === 'yes'")
        # What didn't fit at leaving is told by the next page.
        wait_for_events(opened, 41)
        # A click, and the tab is closed.
        page.click("h1")
        page.evaluate("footfall.track('last')")
        with page.expect_event("close"):
            page.close(run_before_unload=True)
        told = opened.told()
    assert [each["element_chain"].rsplit("<", 1)[1] for each in of(told, "click")] == [
        'button id="cta" class="cta a">',
        "h1>",
    ]
    clicked = next(each for each in of(told, "click") if "cta" in each["element_chain"])
    assert clicked["page_view_id"] == of(told, "page_view")[0]["page_view_id"]
    assert of(told, "page_view")[0]["properties"]["zones_watched"] == "hero cta low"
    numbers = [each["properties"]["n"] for each in told if each.get("name") == "many"]
    assert sorted(numbers) == list(range(39))
    assert [each["name"] for each in told if each.get("name") == "last"] == ["last"]
    assert len({each["event_id"] for each in told}) == len(told)
    assert not any(each["properties"].get("lost") for each in told if "properties" in each)


def test_a_page_view_for_each_change_of_the_address(shop: Any) -> None:
    with shop() as opened:
        page = opened.page()
        for script in (
            "history.pushState({}, '', '/p/1')",
            "history.pushState({}, '', '/p/1')",  # the same
            "history.replaceState({}, '', '/p/1?color=red')",  # another question to the same page
            "location.hash = 'reviews'",
            "history.replaceState({}, '', '/p/2')",
            "history.pushState({}, '', '/p/1'); history.replaceState({}, '', '/p/1')",
            "history.back()",
        ):
            page.evaluate(script)
            page.wait_for_timeout(150)
        told = opened.told()
    views = [each["url"].removeprefix(opened.site.url) for each in of(told, "page_view")]
    assert views == ["/", "/p/1", "/p/2", "/p/1", "/p/2"]
    assert [each["properties"]["navigation"] for each in of(told, "page_view")] == ["load", *["route"] * 4]
    assert len({each["page_view_id"] for each in of(told, "page_view")}) == 5
    assert kinds(told)["page_leave"] == 5


@pytest.mark.parametrize("framework", ["react", "vue"])
def test_the_router_of_a_framework(shop: Any, framework: str, tmp_path: Path) -> None:
    apps, made = BROWSER / "apps", tmp_path / "app.js"
    esbuild = STATIC.parent / "web/node_modules/.bin/esbuild"
    if not (BROWSER / "node_modules" / framework).is_dir() or not esbuild.exists():
        missing("react, vue and esbuild (npm ci --prefix tests/browser, make assets)")
    command = [
        esbuild,
        apps / f"{framework}.mjs",
        "--bundle",
        '--define:process.env.NODE_ENV="production"',
        f"--outfile={made}",
    ]
    subprocess.run(command, check=True, capture_output=True)
    body = f'<div id=app></div><script nonce={NONCE} src="/app.js"></script>'
    with shop(pages={"/": body, "/p/1": body, "/p/2": body, "/app.js": made.read_text()}) as opened:
        page = opened.page()
        for selector, heading in (
            ("#to-1", "Product 1"),
            ("#more", "Product 1"),
            ("#next", "Product 2"),
            ("#back", "Home"),
            ("#to-2", "Product 2"),
        ):
            page.click(selector)
            page.get_by_role("heading", name=heading).wait_for()
            page.wait_for_timeout(200)
        page.click("#nothing")
        page.wait_for_timeout(3000)
        told = opened.told()
    views = of(told, "page_view")
    assert [each["url"].removeprefix(opened.site.url) for each in views] == ["/", "/p/1", "/p/2", "/", "/p/2"]
    clicks = of(told, "click")
    assert len(clicks) == 6
    # A click belongs to the page on which it was made, not to the one that it led to.
    assert [each["url"].removeprefix(opened.site.url) for each in clicks] == ["/", "/p/1", "/p/1", "/p/2", "/", "/p/2"]
    dead = [each["element_chain"].rsplit("<", 1)[1] for each in told if each.get("name") == "dead_click"]
    assert dead == ['button id="nothing">']


# Markup, what a click on #x does, whether that is dead.
ELEMENTS: dict[str, tuple[str, bool]] = {
    "a button without effect": ("<button id=x>b</button>", True),
    "a box without effect": ("<div id=x style>b</div>", True),
    "a picture of text": ("<p><span id=x>b</span></p>", True),
    "a link to nowhere": ('<a id=x href="#">b</a>', True),
    "a link": ('<a href="/none"><i id=x>b</i></a>', False),
    "a button that changes the page": ("<button id=x data-does=change>b</button>", False),
    "a button that answers late": ("<button id=x data-does=late>b</button>", False),
    "a button that answers too late": ("<button id=x data-does=too_late>b</button>", True),
    "a button that scrolls": ("<button id=x data-does=scroll>b</button>", False),
    "a button that opens a detail": ("<details><summary id=x>b</summary>more</details>", False),
    "a field": ("<input id=x>", False),
    "a box to tick": ("<input id=x type=checkbox>", False),
    "a label": ("<label id=x>b <input></label>", False),
    "a select": ("<select id=x><option>b</select>", False),
    "an editable element": ("<div id=x contenteditable>b</div>", False),
    "a canvas": ("<canvas id=x width=50 height=20></canvas>", False),
    "a button in a shadow root that answers": ("<span id=x data-does=shadow>b</span>", False),
    "a form that refuses": ("<form><input required><button id=x>b</button></form>", False),
    "a button that moves the focus": ("<input id=f><button id=x data-does=focus>b</button>", False),
    "what isn't to be judged": ("<button id=x data-ff-no-dead>b</button>", False),
}
DOES = """() => {
  const does = {
    change: () => document.body.append('more'),
    late: () => setTimeout(() => document.body.append('more'), 2000),
    too_late: () => setTimeout(() => document.body.append('more'), 4500),
    scroll: () => scrollTo({top: 90, behavior: 'instant'}),
    focus: () => document.querySelector('#f').focus(),
  };
  const x = document.querySelector('#x');
  if (x.dataset.does === 'shadow') {
    const root = x.attachShadow({mode: 'open'});
    root.innerHTML = '<button>b</button>';
    root.querySelector('button').onclick = () => setTimeout(() => root.append('more'), 300);
  } else x.addEventListener('click', does[x.dataset.does] || (() => 0));
}"""


def test_which_clicks_are_dead(shop: Any) -> None:
    pages = {f"/{i}": markup for i, (markup, _) in enumerate(ELEMENTS.values())}
    with shop(pages=pages) as opened:
        tabs = [opened.page(path) for path in pages]
        for tab in tabs:
            tab.evaluate(DOES)
            tab.wait_for_timeout(50)
            tab.click("#x")
        # Without a head all of them are in front.
        assert {tab.evaluate("document.visibilityState") for tab in tabs} == {"visible"}
        tabs[-1].wait_for_timeout(3200)
        told = opened.told()
    clicked = {each["url"].rsplit("/", 1)[1] for each in of(told, "click")}
    assert clicked == {str(i) for i in range(len(ELEMENTS))}
    dead = {each["url"].rsplit("/", 1)[1] for each in told if each.get("name") == "dead_click"}
    names = list(ELEMENTS)
    assert {names[int(each)] for each in dead} == {name for name, (_, is_dead) in ELEMENTS.items() if is_dead}


def test_nothing_is_stored_or_sent_before_a_yes_and_nothing_stays_after_a_no(shop: Any) -> None:
    with shop(consent="ask") as opened:
        page = opened.page()
        sent = list[str]()
        page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
        page.click("#cta")
        page.wait_for_timeout(2500)
        assert sent == []
        assert page.evaluate("Object.keys(localStorage).length + Object.keys(sessionStorage).length") == 0
        page.evaluate("footfall.consent(true)")
        page.evaluate("footfall.track('after_yes')")
        page.wait_for_timeout(2500)
        assert sent
        assert "footfall_device" in page.evaluate("Object.keys(localStorage)")
        # On the next page nobody asks again.
        page.reload()
        wait(page, "window.footfall?._?.state.consent === 'yes'")
        page.evaluate("footfall.consent(false); footfall.track('after_no')")
        assert page.evaluate("Object.keys(localStorage)") == ["footfall_consent"]
        assert page.evaluate("Object.keys(sessionStorage)") == []
        page.wait_for_timeout(2500)
        told = opened.told()
    names = {each.get("name") for each in told}
    assert "after_yes" in names
    assert "after_no" not in names
    assert of(told, "page_view")[0]["properties"]["navigation"] == "consent"
    assert kinds(told)["click"] == 0


@pytest.mark.parametrize(
    ("consent", "zone", "is_told"),
    [("by_law", "Europe/Berlin", False), ("by_law", "America/New_York", True), ("none", "Europe/Berlin", True)],
)
def test_consent_by_law_and_global_privacy_control(shop: Any, consent: str, zone: str, *, is_told: bool) -> None:
    with shop(consent=consent, timezone_id=zone) as opened:
        page = opened.page()
        page.wait_for_timeout(2300)
        opened.context.add_init_script("Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})")
        signalled = opened.page("/p/1")
        signalled.evaluate("footfall.track('never')")
        signalled.wait_for_timeout(2300)
        told = opened.told()
    assert {each["url"].removeprefix(opened.site.url) for each in of(told, "page_view")} == (
        {"/"} if is_told else set()
    )
    assert not any(each.get("name") == "never" for each in told)


def test_a_recording_is_whole_and_holds_nothing_that_was_typed(shop: Any) -> None:
    fields = HOME.replace("<main>", '<main><input type=hidden value="token-hidden-77"><textarea id=area></textarea>')
    with shop(replays=1, pages={**SITE, "/": fields}) as opened:
        page = opened.page()
        wait(page, "footfall._.stop.toString().length > 30")
        page.fill("#email", "typed-in-email")
        page.fill("#area", "typed-in-area")
        page.click("#note")
        page.keyboard.type("typed-in-note ")
        page.click("#cta")
        page.evaluate("document.body.append('it answers')")
        page.wait_for_timeout(3500)
        page.click("#product")
        wait(page, "document.title === 'Page /p/1' && window.footfall?._?.stop.toString().length > 30")
        page.wait_for_timeout(3500)
        opened.told()
        lake, product = Lake(opened.home), load_product(opened.home / "product.yaml")
        chunks = landed(opened.home, "replays")
    recorded = json.dumps(chunks)
    for secret in ("typed-in", "token-hidden", "My own words", "Account 12"):
        assert secret not in recorded
    assert "it answers" in recorded
    assert len({each["session_id"] for each in chunks}) == 1
    assert sum(each.records_rejected for each in take_all(lake, product)) == 0
    compute_all(lake, product)
    (replay,) = pl.read_parquet(lake.path("marts/replays.parquet")).to_dicts()
    assert replay["page_views"] == 2
    assert replay["completeness"] == "whole"


def test_zones_are_picked_by_clicking_and_get_the_next_click(shop: Any) -> None:
    run = CliRunner()
    with shop() as opened:
        home = ["--home", str(opened.home)]
        assert run.invoke(app, ["zones", "--accept", *home]).exit_code == 1
        said = run.invoke(app, ["zones", "--pick", *home])
        (query,) = [line.strip() for line in said.stdout.splitlines() if "footfall=zones#" in line]
        page = opened.context.new_page()
        page.goto(f"{opened.site.url}/{query}")
        form = page.locator("[data-footfall] form")
        form.wait_for()
        page.click("#send")
        assert "button#send" in form.inner_text()
        # The page did nothing with it: its form isn't sent.
        assert page.url == f"{opened.site.url}/{query}"
        page.keyboard.press("ArrowUp")
        assert "form#signup" in form.inner_text()
        assert own_violations(page) == []
        form.get_by_role("textbox").fill("signup")
        form.get_by_role("button", name="Add").click()
        form.get_by_role("button", name="Send").click()
        page.get_by_text("Sent.").wait_for()
        page.close()
        accepted = run.invoke(app, ["zones", "--accept", *home])
        assert accepted.exit_code == 0, accepted.output
        assert run.invoke(app, ["check", *home]).exit_code == 0
        # Used up.
        answer = httpx.post(
            f"{opened.collector.url}/z",
            json={"v": 1, "token": query.split("#")[1], "zones": []},
            headers={"origin": opened.site.url},
        )
        assert answer.status_code == 403
        visitor = opened.page()
        visitor.click("#email")
        visitor.wait_for_timeout(100)
        told = opened.told()
        lake, product = Lake(opened.home), load_product(opened.home / "product.yaml")
    assert len(of(told, "page_view")) == 1
    zone = next(each for each in product.zones if each.name == "signup")
    assert zone.selectors == ("form#signup",)
    assert zone.boxes[0].device_type == "desktop"
    take_all(lake, product)
    compute_all(lake, product)
    assert _sums(lake, "zone_metrics", "zone", "clicks")["signup"] == 1
