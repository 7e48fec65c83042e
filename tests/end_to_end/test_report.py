"""The report as a product manager opens it: in a real browser, from disk, without a fault, a request or a script."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support import at, compute_all, drop, ndjson, product, record, take_all

from pipeline.lake import Lake
from pipeline.report.flow import flow_of
from pipeline.report.parts import duration
from pipeline.report.write import NotPublishedError, write_report

# What stands where there is no number.
DASH = "\u2013"
HOSTILE = '"><script>document.title="taken"</script><img src=x onerror=alert(1)>'
PAGES = ("index", "retention", "funnels", "journeys")
CHANGES: dict[str, Any] = {
    "name": HOSTILE,
    "properties": {},
    "funnels": {
        "buy": {
            "steps": [{"label": HOSTILE, "kind": "page_view", "page": "home"}, {"label": "Bought", "kind": "order"}],
            "window_days": 1,
            "breakdown": {"by": "country"},
        }
    },
    "retention": {"weekly": {"period": "week", "periods": 3}},
    "journeys": {"ways": {"items": "events"}},
}


def made(home: Path) -> Lake:
    """Three weeks of a few people; names and countries that try to break out."""
    rows: list[dict[str, Any]] = []
    for day in range(21):
        for person in range(6):
            if (day + person) % 3:
                continue
            begin = at("2026-02-02T09:00") + timedelta(days=day, minutes=person)
            who = {"anonymous_id": f"d{person}", "country": HOSTILE}
            rows += [
                record(f"v{day}-{person}", begin.isoformat(), url="https://a.example/", **who),
                record(f"c{day}-{person}", (begin + timedelta(minutes=1)).isoformat(), "custom", name=HOSTILE, **who),
                record(
                    f"o{day}-{person}",
                    (begin + timedelta(minutes=2)).isoformat(),
                    "order",
                    revenue_micros=9_000_000,
                    order_id=f"{day}-{person}",
                    **who,
                ),
            ]
    drop(home, "web/a.ndjson", ndjson(rows))
    lake = Lake(home)
    chosen = product(**CHANGES)
    take_all(lake, chosen)
    compute_all(lake, chosen)
    return lake


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lake = made(tmp_path_factory.mktemp("home"))
    return write_report(lake, product(**CHANGES)).parent


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_opens_without_a_fault_or_a_request(
    report: Path, browser: Any, name: str, width: int, scheme: str
) -> None:
    faults: list[str] = []
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.on("console", lambda said: faults.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda fault: faults.append(str(fault)))
    page.on("dialog", lambda dialog: faults.append(dialog.message))
    page.on("request", lambda asked: None if asked.url.startswith("file:") else faults.append(asked.url))
    page.goto((report / f"{name}.html").as_uri())
    assert page.locator("h1").count() == 1
    assert page.locator("script, img, link").count() == 0
    assert page.title() != "taken"
    if width < 600:
        assert page.evaluate("document.documentElement.scrollWidth") <= width, "nothing sticks out of a phone"
    assert page.evaluate("[...document.querySelectorAll('svg')].every(svg => svg.querySelector('title'))")
    for link in page.locator("nav a").all():
        link.click()
    page.close()
    assert not faults


def test_what_the_pages_say(report: Path, browser: Any) -> None:
    page = browser.new_page()
    said: dict[str, str] = {}
    for name in PAGES:
        page.goto((report / f"{name}.html").as_uri())
        said[name] = page.inner_text("main")
    page.close()
    assert "Week from 16 February 2026" in said["index"]
    assert "14 people" not in said["index"]
    for words in ("126 EUR", "Conversion", "100.0%"):
        assert words in said["index"], words
    assert "Retention: weekly" in said["retention"]
    assert "Dormant, below the line" in said["retention"]
    assert HOSTILE in said["funnels"], "shown as it is written"
    assert "2.0 min" in said["funnels"]
    assert "page_view > " in said["journeys"]


def test_pages_are_small_and_the_same_marts_give_the_same_bytes(report: Path) -> None:
    before = {path.name: path.read_bytes() for path in report.glob("*.html")}
    assert set(before) == {f"{name}.html" for name in PAGES}
    assert max(map(len, before.values())) < 2_000_000
    write_report(Lake(report.parent), product(**CHANGES))
    assert {path.name: path.read_bytes() for path in report.glob("*.html")} == before


def test_a_home_without_marts_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotPublishedError, match="run `footfall run` first"):
        write_report(Lake(tmp_path), product())


def test_nothing_configured_and_one_day_of_data_is_a_report_too(tmp_path: Path) -> None:
    drop(tmp_path, "web/a.ndjson", ndjson([record("a", "2026-02-02T09:00")]))
    lake = Lake(tmp_path)
    chosen = product(funnels={}, goals={}, zones=[])
    take_all(lake, chosen)
    compute_all(lake, chosen)
    first = write_report(lake, chosen)
    assert "No complete week yet" in first.read_text()
    assert "Nothing is configured" in (first.parent / "journeys.html").read_text()


def test_ribbons_are_as_broad_as_visits_and_blocks_hold_them() -> None:
    drawn = flow_of([("1_a", "2_b", 30), ("1_a", "2_c", 10), ("2_b", "3_d", 5)])
    blocks = {(block.x, block.item): block for block in drawn.blocks}
    a, b, c = (blocks[x, item] for x, item in ((0, "a"), (450, "b"), (450, "c")))
    assert a.height == pytest.approx(b.height + c.height)
    assert b.height == pytest.approx(3 * c.height)
    assert b.y + b.height < c.y
    assert sorted(ribbon.title for ribbon in drawn.ribbons) == [
        "a to b: 30 visits",
        "a to c: 10 visits",
        "b to d: 5 visits",
    ]
    assert flow_of([]).blocks == []


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(None, DASH), (0, "0 s"), (119, "119 s"), (120, "2.0 min"), (7200, "2.0 h"), (200_000, "2.3 d")],
)
def test_durations_are_read_at_a_glance(seconds: float | None, shown: str) -> None:
    assert duration(seconds) == shown
