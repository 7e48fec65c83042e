"""The small site with the tag, in a browser, beside its collector."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from browsers import missing, open_browser, violations
from capture import collector, home_at, landed
from site_of_tag import HOME, Site, site

from services.capture.app import STATIC

PRODUCT = """
name: Shop
time_zone: UTC
start_date: 2026-01-01
sources:
  web:
    heartbeat_s: 10
    minimum_visit_s: 1
    capabilities: [hover, exposure, exposure_time, dead_click, js_error, web_vitals, scroll, engaged]
  replays: {format: rrweb, replay: {events: false}}
capture: {origins: ["%s"], recordings: replays, replays: %s, consent: %s}
pages:
  - {name: home, urls: ["/"]}
  - {name: product, urls: ["/p/:id"]}
zones:
  - {name: hero, page: home, selectors: ["section.hero"]}
  - {name: cta, page: home, selectors: ["section.hero button.cta"]}
  - {name: low, page: home, selectors: ["section.low"]}
goals:
  purchase: {kind: order}
funnels:
  buy:
    window_days: 1
    steps:
      - {label: Home, kind: page_view, page: home}
      - {label: Product, kind: page_view, page: product}
      - {label: Bought, kind: order}
"""
# That of a headless browser is a bot's.
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"


@dataclass
class Shop:
    """A site, its collector and its home, and a browser's context over them."""

    site: Site
    home: Path
    collector: Any
    context: Any

    def page(self, path: str = "/") -> Any:
        page = self.context.new_page()
        page.goto(self.site.url + path)
        wait(page, "window.footfall && !Array.isArray(footfall) && footfall._.state.consent !== 'unknown'")
        return page

    def taken(self) -> int:
        """How many events the collector has taken."""
        counts = dict(line.split() for line in httpx.get(f"{self.collector.url}/metrics").text.splitlines())
        return int(counts.get("footfall_capture_events_total", 0))

    def told(self) -> list[dict[str, Any]]:
        """All that was told, once the browser and the collector have ended."""
        # With a context its requests end, also those that outlive their page.
        before = -1
        while before != (before := self.taken()):
            time.sleep(1)
        self.context.close()
        self.collector.end()
        return landed(self.home)


SITE = {"/": HOME, "/p/1": "<h1>Coat</h1>", "/p/2": "<h1>Hat</h1>", "/thanks": "<h1>Thanks</h1>"}


@contextmanager
def open_shop(
    folder: Path,
    browser: Any,
    consent: str = "none",
    replays: float = 0,
    pages: dict[str, str] | None = None,
    more: str = "",
    **context: Any,
) -> Iterator[Shop]:
    """A site with the tag, its collector, and a browser's context over them."""
    if not (STATIC / "t.js").is_file():
        missing("the tag (make assets)")
    # The site names the collector in its policy, the collector the site in its product file.
    lang = context.pop("lang", "en")
    home = home_at(folder / "home", PRODUCT % ("http://127.0.0.1:1", replays, consent) + more)
    with collector(home, "--rate", "0") as running, site(running.url, pages or SITE, lang=lang) as served:
        home_at(home, PRODUCT % (served.url, replays, consent) + more)
        _wait_for_origin(running.url, served.url)
        made = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **context})
        yield Shop(served, home, running, made)
        made.close()


@contextmanager
def agent_browser() -> Iterator[Any]:
    """A browser that says to be none without a head: a context's own agent isn't that of its beacons."""
    with open_browser(f"--user-agent={AGENT}") as opened:
        yield opened


def _wait_for_origin(url: str, origin: str) -> None:
    """The collector looks at its product file every other second."""
    until = time.monotonic() + 60
    while httpx.post(f"{url}/e", content=b"{", headers={"origin": origin}).status_code == 403:
        assert time.monotonic() < until
        time.sleep(0.2)


def wait(page: Any, expression: str) -> None:
    """Until it is true there; the page's policy forbids what Playwright has for it."""
    until = time.monotonic() + 60
    while True:
        try:
            if page.evaluate(f"() => !!({expression})"):
                return
        except Exception as fault:  # a page that is being left
            if "context was destroyed" not in str(fault):
                raise
        assert time.monotonic() < until, expression
        page.wait_for_timeout(50)


def wait_for_events(opened: Shop, number: int) -> None:
    """Until the collector has taken so many."""
    until = time.monotonic() + 60
    while opened.taken() < number:
        assert time.monotonic() < until
        time.sleep(0.1)


def kinds(told: list[dict[str, Any]]) -> Counter[str]:
    return Counter(each["kind"] for each in told)


def of(told: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [each for each in told if each["kind"] == kind]


def own_violations(page: Any) -> list[str]:
    """What axe finds in what the tag shows; the page's own faults are the page's."""
    return [
        each["id"] for each in violations(page) if any("data-footfall" in str(node["target"]) for node in each["nodes"])
    ]
