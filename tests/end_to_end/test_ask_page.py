"""The Ask page as its users meet it: by address, by form, by keyboard, without a script, under a prefix, hostile or hurried."""

import asyncio
import hashlib
import io
import json
import random
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import polars as pl
import polars.selectors as cs
import pytest
from browsers import violations
from servers import free_port, wait_until_answers
from starlette.testclient import TestClient

from pipeline.ask.address import params_of, question_of
from pipeline.ask.answer import Cell
from pipeline.ask.ask import Asker
from pipeline.ask.data import Stop, StoppedError
from pipeline.ask.known import checked
from pipeline.ask.question import KINDS, Question
from pipeline.build.restatements import ledger
from pipeline.core.keys import mart_key
from pipeline.core.lake import Lake
from pipeline.core.product_file import load_product
from pipeline.core.registry import MARTS
from pipeline.report.page import Shown
from pipeline.report.pages import pages, report_pages
from pipeline.report.parts import Page
from pipeline.report.provenance import trust_of
from pipeline.report.replays import replays_of
from services.ask.app import make_app
from services.ask.form import MARK, asked_by_form, condition_of, condition_text, is_form
from services.ask.presets import PRESETS
from services.ask.slots import BusyError, Slots

SHOP = Path(__file__).parents[2] / "examples" / "shop" / "product.yaml"
WEEK = "first=2026-10-12&last=2026-10-18"
FUNNEL = f"{WEEK}&show=funnel&of=purchase"


@pytest.fixture(scope="module")
def home(shop_lake: Lake) -> Path:
    """The shop as a home; its product file stands where a team has it."""
    shutil.copytree(SHOP.parent / "pictures", shop_lake.path("pictures"), dirs_exist_ok=True)
    target = shop_lake.path("product.yaml")
    if not target.exists():
        target.write_text(SHOP.read_text())
    return shop_lake.home


@pytest.fixture(scope="module")
def client(home: Path) -> Iterator[TestClient]:
    with TestClient(make_app(home), base_url="http://127.0.0.1", follow_redirects=False) as opened:
        yield opened


@pytest.fixture(scope="module")
def served(home: Path) -> Iterator[str]:
    """The page as `footfall serve` serves it, under a path."""
    port = free_port()
    program = Path(sys.executable).with_name("footfall")
    command = [program, "serve", "--home", home, "--port", str(port), "--prefix", "/insight"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}/insight/"
    try:
        wait_until_answers(f"{url}health", 120)
        yield url
    finally:
        server.terminate()
        server.wait()


# -- what every answer says


@pytest.mark.parametrize(
    ("address", "method", "headers", "status"),
    [
        ("/", "GET", {}, 200), (f"/ask?{FUNNEL}", "GET", {}, 200), (f"/ask?{FUNNEL}", "HEAD", {}, 405),
        ("/ask?show=none", "GET", {}, 400), ("/nowhere", "GET", {}, 404), ("/ask", "POST", {}, 405), ("/", "DELETE", {}, 405),
        (f"/ask?{FUNNEL}", "GET", {"host": "evil.example"}, 400), (f"/ask?{FUNNEL}&of={'x' * 9000}", "GET", {}, 414),
        (f"/answer.json?{FUNNEL}", "GET", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"}, 403),
        (f"/ask?{FUNNEL}", "GET", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, 200),
        ("/static/ask.css", "GET", {}, 200), ("/static/../app.py", "GET", {}, 404), ("/report/../product.yaml", "GET", {}, 404),
        ("/report/%2e%2e/product.yaml", "GET", {}, 404), ("/schema", "GET", {}, 200), (f"/picture.svg?{FUNNEL}&n=99", "GET", {}, 400),
    ],
)  # fmt: skip
def test_every_answer_bears_the_headers(
    client: TestClient, address: str, method: str, headers: dict[str, str], status: int
) -> None:
    answer = client.request(method, address, headers=headers)
    assert answer.status_code in ({status, 200} if method == "HEAD" else {status})
    told = answer.headers
    assert "frame-ancestors 'none'" in told["content-security-policy"]
    assert "unsafe" not in told["content-security-policy"]
    assert told["x-content-type-options"] == "nosniff"
    assert told["referrer-policy"] == "no-referrer"
    assert "set-cookie" not in told
    assert "access-control-allow-origin" not in told
    if "/static/" not in address:
        assert told["cache-control"] == "no-store"


def test_nothing_in_a_page_is_inline_or_from_elsewhere(client: TestClient) -> None:
    for address in (
        "/",
        f"/ask?{FUNNEL}&by.0=channel&against=before",
        f"/ask?{WEEK}&show=journey&of=to_order",
        f"/behind?{FUNNEL}&cell.step=2",
    ):
        html = client.get(address).text
        assert not re.search(r"<style|style=|javascript:|\son[a-z]+=|<script>", html), address
        assert not re.search(r"""(?:src|href|action)=["'](?:https?:)?//""", html), address


# -- every kind of question, every way out


@pytest.mark.parametrize("show", KINDS)
def test_a_form_leads_to_the_address_of_its_question(client: TestClient, show: str) -> None:
    sent = client.get(f"/ask?{MARK}=1&show={show}&preset=last_7&cond.0=device_type+is+mobile&who.0=Ordered")
    assert sent.status_code == 303
    address = sent.headers["location"]
    page = client.get(f"/{address}")
    assert page.status_code == 200
    assert "device type is mobile" in page.text
    assert "people who did “ordered” in the range" in page.text
    # The form holds what was asked: sent again it is the same question.
    fields = form_fields(page.text)
    assert fields["cond.0"] == "device_type is mobile"
    assert fields["who.0"] == "Ordered"
    again = client.get(f"/ask?{urlencode(fields)}")
    assert again.headers["location"] == address


def form_fields(html: str) -> dict[str, str]:
    """What a browser would send of the page's form."""
    form = html.split('<form id="ask"')[1].split("</form>", maxsplit=1)[0]
    inputs = re.findall(r"<input\b([^>]*)>", form)
    named = [(re.search(r'name="([^"]*)"', i), re.search(r'value="([^"]*)"', i)) for i in inputs]
    found = {name[1]: unescape(value[1]) if value else "" for name, value in named if name}
    for name, options in re.findall(r'<select name="([^"]*)"[^>]*>(.*?)</select>', form, re.DOTALL):
        values = re.findall(r'<option(?: value="([^"]*)")?( selected)?>([^<]*)', options)
        chosen = next(((value or text) for value, selected, text in values if selected), None)
        found[name] = chosen if chosen is not None else values[0][0]
    return found


def test_an_answer_can_be_taken_along(client: TestClient, home: Path) -> None:
    asker = Asker(Lake(home), load_product(SHOP))
    rows = asker.answer(
        Question.model_validate({"show": "funnel", "of": "purchase", "first": "2026-10-12", "last": "2026-10-18"})
    ).rows
    told = client.get(f"/answer.json?{FUNNEL}").json()
    assert [r["people_converted"] for r in told["rows"]] == rows["people_converted"].to_list()
    assert told["headline"]
    assert set(told["rows"][0]) <= set(told["columns"])
    assert all(told["columns"].values())
    assert pl.read_parquet(io.BytesIO(client.get(f"/answer.parquet?{FUNNEL}").content)).equals(rows)
    csv = client.get(f"/answer.csv?{FUNNEL}")
    assert csv.headers["content-disposition"] == 'attachment; filename="answer.csv"'
    assert pl.read_csv(io.BytesIO(csv.content))["people_converted"].to_list() == rows["people_converted"].to_list()
    assert client.get(f"/picture.svg?{FUNNEL}&n=0").content.startswith(b"<svg")
    assert client.get(f"/picture.png?{FUNNEL}&n=0").content.startswith(b"\x89PNG")
    checked = client.get(f"/check?{FUNNEL}&name=mine")
    assert "It fits" in checked.text
    assert "nightly report" in client.get(f"/ask?{FUNNEL}").text


def test_cells_of_a_spreadsheet_hold_no_formulas(client: TestClient) -> None:
    steps = urlencode(
        {
            "funnel.steps.0.kind": "page_view",
            "funnel.steps.0.label": "=1+1",
            "funnel.steps.1.kind": "order",
            "funnel.steps.1.label": "b",
        }
    )
    text = client.get(f"/answer.csv?{WEEK}&show=funnel&{steps}").text
    assert "'=1+1" in text
    page = client.get(f"/ask?{WEEK}&show=funnel&" + steps.replace("%3D1%2B1", "%3Cscript%3Ealert(1)%3C/script%3E")).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_the_list_behind_a_number_is_as_long_and_names_nobody(client: TestClient, home: Path) -> None:
    asker = Asker(Lake(home), load_product(SHOP))
    question = Question.model_validate(
        {"show": "funnel", "of": "purchase", "first": "2026-10-12", "last": "2026-10-18"}
    )
    people = asker.behind(question, Cell(step=2, dropped=True))
    page = client.get(f"/behind?{FUNNEL}&cell.step=2&cell.dropped=true").text
    assert f"<h1>{people.height:,} people</h1>" in page
    keys = set(people["person_key"])
    assert not keys & set(re.findall(r"[0-9a-f]{16}", page))
    assert page.count("<tr>") - 1 == min(people.height, 100)
    watched = re.findall(r'href="(replay\?[^"]*)"', page)
    assert len(watched) == int(people["is_recorded"].sum())


def test_a_recording_plays_from_the_moment(client: TestClient, home: Path) -> None:
    recorded = (
        Asker(Lake(home), load_product(SHOP))
        .answer(Question.model_validate({"show": "visits", "first": "2026-10-12", "last": "2026-10-18"}))
        .rows
    )
    row = recorded.filter("is_recorded").row(0, named=True)
    sent = client.get(f"/replay?{urlencode({'session': row['session_key'], 'at': row['started_at'].isoformat()})}")
    assert sent.status_code == 303
    assert "#t=" in sent.headers["location"]
    page = client.get(f"/replay?session={row['session_key']}")
    assert page.status_code in (200, 400)  # 400 where `make assets` didn't build the player
    assert client.get("/replay?session=nobody").status_code == 400


def test_a_page_of_the_report_leads_to_its_questions(client: TestClient, home: Path) -> None:
    """From the page as it is served; on a disk, where the link would lead nowhere, it is hidden."""
    assert client.get("/report").status_code == 303
    assert client.get("/report/none.html").status_code == 404
    lake, shop = Lake(home), load_product(SHOP)
    marts = {
        name: pl.read_parquet(lake.path(mart_key(name))) for name in ("funnel_steps", "funnel_trends", "daily_kpis")
    }
    page = next(each for each in report_pages() if each.name == "funnels")
    (funnels,) = [page.make(Shown(shop, marts, home, *[None] * 3))]  # pyright: ignore[reportArgumentType]
    assert isinstance(funnels, Page)
    asked = [section.ask for section in funnels.sections]
    assert asked[0]
    assert all(client.get(f"/ask?{each}").status_code == 200 for each in asked)
    shown = f'<a href="../ask?{asked[0]}" data-ask hidden>Ask this</a>'
    (home / "report").mkdir(exist_ok=True)
    (home / "report" / "tried.html").write_text(shown)
    assert client.get("/report/tried.html").text == shown.replace(" hidden", "")
    (home / "report" / "tried.html").unlink()


def test_each_link_of_the_report_is_a_question_with_an_answer(client: TestClient, home: Path) -> None:
    lake, shop = Lake(home), load_product(SHOP)
    there = {mart.name: lake.path(mart_key(mart.name)) for mart in MARTS}
    marts = {
        mart.name: pl.read_parquet(there[mart.name]).with_columns(cs.decimal().cast(pl.Float64))
        if there[mart.name].exists()
        else mart.schema.to_frame()
        for mart in MARTS
    }
    shown = Shown(shop, marts, home, replays_of(marts), ledger(lake), trust_of(marts))
    asked = {page.name: {section.ask for section in page.sections if section.ask} for page in pages(shown)}
    assert {name for name, own in asked.items() if own} >= {
        "index", "kpis", "experiments", "zones", "heatmaps", "friction", "voice", "funnels", "retention", "journeys", "replays",
    }  # fmt: skip
    for name, own in asked.items():
        for each in own:
            assert client.get(f"/ask?{each}").status_code == 200, (name, each)


def test_zones_lie_over_the_picture_of_their_page(client: TestClient, home: Path) -> None:
    text = client.get(f"/ask?{WEEK}&show=zones&page=product&against=before").text
    maps = re.findall(r'<svg role="img" class="map".*?</svg>', text, re.DOTALL)
    assert len(maps) == 4, "two devices, two ranges"
    rows = Asker(Lake(home), load_product(SHOP)).answer(
        Question.model_validate({"show": "zones", "page": "product", "first": "2026-10-12", "last": "2026-10-18", "against": "before"})
    ).rows  # fmt: skip
    told = rows.filter(pl.col("device_type") == "desktop", pl.col("range") == "asked", pl.col("zone") == "buy").row(
        0, named=True
    )
    assert f"buy: {told['click_rate']:.1%}" in maps[0] + maps[1] + maps[2] + maps[3]
    assert client.get(f"/picture.png?{WEEK}&show=zones&page=product&n=0").content.startswith(b"\x89PNG")


def test_a_heatmap_lies_over_the_picture_of_its_page(client: TestClient, home: Path) -> None:
    asked = {"show": "heatmap", "page": "product", "first": "2026-10-12", "last": "2026-10-18"}
    text = client.get(f"/ask?{urlencode(asked)}&against=before").text
    maps = re.findall(r'<svg role="img" class="map".*?</svg>', text, re.DOTALL)
    rows = Asker(Lake(home), load_product(SHOP)).answer(Question.model_validate(asked)).rows
    drawn = {found[1]: one for one in maps if (found := re.search(r"<title>product, (\w+), 12 Oct", one))}
    assert {"desktop", "mobile"} <= drawn.keys()
    for device, one in drawn.items():
        cells = rows.filter(pl.col("device_type") == device, pl.col("x_bin").is_between(0, 99), pl.col("events") > 0)
        assert len(re.findall(r"fill-opacity", one)) == cells.height > 3
        most = cells.row(0, named=True)
        assert f"<title>{most['events']:,} at {most['y_px']:,} px</title>" in one
    assert client.get(f"/picture.png?{urlencode(asked)}&n=0").content.startswith(b"\x89PNG")


# -- words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("os is iOS", {"column": "os", "equals": ["iOS"]}),
        ("country is not DE or AT", {"column": "country", "is_not": ["DE", "AT"]}),
        ("plan is known", {"column": "plan", "is_set": True}),
        ("plan is not known", {"column": "plan", "is_set": False}),
        ("items is over 2", {"column": "items", "gt": "2"}),
        ("items is at least 2.5", {"column": "items", "gte": "2.5"}),
        ("page contains check, out", {"column": "page", "contains": ["check", "out"]}),
        ("page does not contain x", {"column": "page", "not_contains": ["x"]}),
        ("  os   IS  iOS ", {"column": "os", "equals": ["iOS"]}),
    ],
)
def test_conditions_are_said_in_words_and_back(text: str, expected: dict[str, Any]) -> None:
    assert condition_of(text) == expected
    asked = Question.model_validate({"first": "2026-10-12", "last": "2026-10-18", "where": [expected]})
    assert condition_of(condition_text(asked.where[0])) == condition_of(text)


@pytest.mark.parametrize(
    "asked",
    [
        {"where": [{"column": "items", "gt": 1234567, "lt": 2e7}, {"column": "os", "not_regex": "^i"}]},
        {"where": [{"column": "campaign", "equals": ["a or b, c"]}], "people": [{"event": {"kind": "order", "properties": {"plan": "plus"}}}]},
        {"against": "range", "other": {"first": "2026-09-28", "last": "2026-10-01"}},
        {"show": "funnel", "funnel": {"steps": [{"label": "a", "kind": "click"}, {"label": "b", "kind": "order", "first_time": "ever"}], "unit": "session"}},
        {"show": "retention", "retention": {"cohort": "recurring", "mode": "until", "brackets": [1, 2]}},
        {"trend": {"measure": "events", "event": {"kind": "click", "properties": {"plan": "plus"}}}},
        {"show": "journey", "journey": {"exclude": ["home"], "edge_limit": 9}},
    ],
)  # fmt: skip
def test_what_the_form_cannot_show_stays_as_it_is(client: TestClient, asked: dict[str, Any]) -> None:
    asked = json.loads(json.dumps(asked).replace('"column": "items"', '"column": "plan"'))
    question = Question.model_validate({"first": "2026-10-12", "last": "2026-10-18", **asked})
    page = client.get(f"/ask?{urlencode(params_of(question))}")
    assert page.status_code == 200, page.text[-500:]
    again = client.get(f"/ask?{urlencode(form_fields(page.text))}")
    assert again.status_code == 303, again.text[-900:]
    assert question_of(parse_qsl(again.headers["location"].partition("?")[2])) == question


@pytest.mark.parametrize("text", ["", "os", "is iOS", "os = iOS", "os is", "=1+1"])
def test_a_condition_that_is_none_is_said(client: TestClient, text: str) -> None:
    answer = client.get(f"/ask?{urlencode({MARK: 1, 'cond.0': text, 'preset': 'last_7'})}")
    if text:
        assert answer.status_code == 400
        assert "isn&#39;t understood" in answer.text
    else:
        assert answer.status_code == 303


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_days_that_are_there(client: TestClient, preset: str) -> None:
    location = client.get(f"/ask?{MARK}=1&preset={preset}").headers["location"]
    fields = dict(parse_qsl(location.partition("?")[2]))
    first, last = date.fromisoformat(fields["first"]), date.fromisoformat(fields["last"])
    assert date(2026, 9, 28) <= first <= last <= date(2026, 10, 25)
    if preset == "last_week":
        assert (first.weekday(), (last - first).days) == (0, 6)


# -- hostile and hurried

_NAMES = [
    "show", "of", "first", "last", "by.0", "by.1", "range", "against", "page", "other.first", "trend.measure", "trend.every", "trend.goal",
    "trend.event.kind", "trend.event.page", "where.0.column", "where.0.equals.0", "where.0.regex", "where.0.gt", "where.0.about", "where.1.column",
    "people.0.event.kind", "people.0.event.name", "people.0.at_least", "people.0.when", "funnel.steps.0.kind", "funnel.steps.0.label", "funnel.steps.1.kind",
    "funnel.steps.1.label", "funnel.window", "funnel.unit", "funnel.order", "funnel.hold_constant", "retention.period", "retention.periods",
    "retention.brackets.0", "heat", "cell.element", "cell.zone", "cell.survey", "journey.items", "journey.steps", "journey.groupings.0", "form", "preset", "cond.0", "who.0", "pick.0", "pick.1", "measure", "cell.step",
    "cell.group", "cell.start", "cell.dropped", "n", "name", "session", "at", "x.y.z", "where.9.column", "a" * 200, "0", "..", "where", "",
]  # fmt: skip
_SAID = [
    *KINDS, "purchase", "weekly", "to_order", "2026-10-12", "2026-10-18", "0001-01-01", "9999-12-31", "2026-13-45", "device_type", "channel", "plan", "page", "os",
    "iOS", "mobile", "(", "a{1000}{1000}", "(a+)+$", "nan", "inf", "-1", "0", "1", "2", "1e308", "99999999999999999999", "true", "order", "page_view", "custom",
    "product", "day", "week", "month", "person", "session", "user_id", "strict", "ends", "enters", "everybody", "reach", "variant_of_shipping_note", "before", "year", "7d", "30m", "'; drop table x; --", "<script>",
    "=cmd()", "../../etc/passwd", "\x00", "\u202e", "🙂", "os is iOS", "Ordered", "Saw home", "last_7", "people", "goal_rate", "revenue", "x" * 300, "",
]  # fmt: skip


def random_params(chance: random.Random) -> list[tuple[str, str]]:
    base = chance.choice(
        [[], parse_qsl(WEEK), parse_qsl(FUNNEL), [(MARK, "1")], [*parse_qsl(WEEK), ("show", chance.choice(KINDS))]]
    )
    return [*base, *((chance.choice(_NAMES), chance.choice(_SAID)) for _ in range(chance.randrange(1, 10)))]


def test_whatever_is_sent_is_a_question_or_a_sentence(home: Path) -> None:
    """10,000 random parameters: nothing but a question, or a ValueError with words."""
    chance, asker = random.Random(7), Asker(Lake(home), load_product(SHOP))
    known, questions, silent = asker.known(), 0, 0
    for _ in range(10_000):
        params = random_params(chance)
        try:
            if is_form(params):
                question = Question.model_validate(asked_by_form(params, known, asker.product))
            else:
                question = question_of(params)
            checked(question, asker.product)
        except ValueError as fault:
            silent += not str(fault)
        else:
            questions += 1
            assert question_of(params_of(question)) == question
    assert questions > 300
    assert silent == 0


def test_whatever_is_sent_is_answered(client: TestClient) -> None:
    """Of these some through all of the page: an answer or a sentence, never 500."""
    chance = random.Random(11)
    codes: dict[int, int] = {}
    for _ in range(1_000):
        path = chance.choice(["/ask", "/ask", "/behind", "/answer.json", "/check", "/picture.svg", "/replay"])
        pairs = random_params(chance)
        answer = client.get(f"{path}?{urlencode(pairs)}")
        codes[answer.status_code] = codes.get(answer.status_code, 0) + 1
        assert answer.status_code in (200, 303, 400, 414), (path, pairs, answer.text[-2000:])
    assert codes[200] > 15
    assert codes[400] > 300


def apart(ask: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """In a thread of its own: while a browser is open its loop runs in this one."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(ask())).result()


def test_equal_questions_are_computed_once_and_too_many_refused() -> None:
    async def ask() -> None:
        slots, begun, go = Slots(at_once=1, waiting=1), [], threading.Event()

        def work(name: str) -> Any:
            def compute(_stop: Stop) -> str:
                begun.append(name)
                go.wait(10)
                return name

            return compute

        async def here() -> bool:
            return False

        asked = [asyncio.create_task(slots.compute("a", work("a"), here)) for _ in range(3)]
        asked.append(asyncio.create_task(slots.compute("b", work("b"), here)))
        await asyncio.sleep(0.2)
        with pytest.raises(BusyError):
            await slots.compute("c", work("c"), here)
        go.set()
        assert await asyncio.gather(*asked) == ["a", "a", "a", "b"]
        assert begun == ["a", "b"]

    apart(ask)


def test_what_nobody_waits_for_is_stopped() -> None:
    async def ask() -> None:
        slots, stopped = Slots(at_once=1), threading.Event()

        def work(stop: Stop) -> None:
            for _ in range(400):
                time.sleep(0.02)
                try:
                    stop.check()
                except StoppedError:
                    stopped.set()
                    raise

        async def gone() -> bool:
            return True

        with pytest.raises(StoppedError):
            await slots.compute("a", work, gone)
        assert await asyncio.to_thread(stopped.wait, 5)
        with pytest.raises(StoppedError):
            await Slots(seconds=0.1).compute("a", work, lambda: asyncio.sleep(0, result=False))

    apart(ask)


def test_nothing_is_written_to_the_home(client: TestClient, home: Path) -> None:
    def contents() -> dict[str, str]:
        files = (path for path in sorted(home.rglob("*")) if path.is_file())
        return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    before = contents()
    for address in (
        "/",
        f"/ask?{FUNNEL}&by.0=channel",
        f"/behind?{FUNNEL}&cell.step=1",
        f"/check?{FUNNEL}&name=x",
        f"/ask?{WEEK}&show=zones",
    ):
        assert client.get(address).status_code == 200
    assert contents() == before


# -- in a browser


def test_a_question_is_asked_by_hand(served: str, browser: Any) -> None:
    """By keyboard, with Back, with its address in the bar, and from no other server."""
    page = browser.new_page(viewport={"width": 1440, "height": 1000}, bypass_csp=False)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.goto(served)
    page.get_by_role("link", name=re.compile("Where do people drop out")).click()
    page.wait_for_url("**show=funnel**")
    first = page.url
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "of"
    condition = page.locator("#cond-0")
    condition.focus()
    condition.press_sequentially("os is iOS")
    condition.press("Enter")
    page.wait_for_url("**where.0.equals.0=iOS**")
    page.get_by_text("only where os is iOS").wait_for()
    assert page.locator("#cond-1").count() == 1, "an empty line to go on"
    narrowed = page.url
    page.go_back()
    page.wait_for_url(first)
    page.locator("main .sentence", has_text="only where").wait_for(state="detached")
    page.get_by_text("Bots left out.").wait_for()
    page.goto(narrowed)
    assert page.locator("#cond-0").input_value() == "os is iOS"
    page.locator("main table a").first.click()
    page.get_by_role("link", name="Back to the answer").click()
    page.wait_for_url(narrowed)
    page.goto(served)
    assert page.locator("#recent a").count() >= 1
    assert all(url.startswith((served, "data:")) for url in asked), asked
    assert wrong == []
    page.close()


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_clean_and_fit(served: str, browser: Any, width: int, scheme: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    for address in ("", f"ask?{FUNNEL}&by.0=channel&against=before", f"ask?{WEEK}&show=retention&of=weekly", f"ask?{WEEK}&show=journey&of=to_order",
                    f"ask?{WEEK}", f"ask?{WEEK}&show=friction", f"ask?{WEEK}&show=elements&against=before", f"ask?{WEEK}&show=heatmap&page=product",
                    f"ask?{WEEK}&show=choices", f"behind?{FUNNEL}&cell.step=2", "ask?show=none"):  # fmt: skip
        page.goto(served + address)
        said = [(each["id"], [node["html"][:160] for node in each["nodes"][:3]]) for each in violations(page)]
        assert said == [], (address, said)
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0, (
            address
        )
    context.close()


def test_it_works_without_a_script(served: str, browser: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{served}ask?{MARK}=1&show=funnel&preset=last_7&of=(own)")
    page.fill("[name='pick.0']", "Saw home")
    page.fill("[name='pick.1']", "Ordered")
    page.fill("[name='cond.0']", "device_type is mobile")
    page.get_by_role("button", name="Ask").click()
    page.wait_for_url("**funnel.steps.0.page=home**")
    text = page.locator("main").inner_text()
    assert "device type is mobile" in text
    assert "2. Ordered" in text
    context.close()


def test_a_page_is_small(served: str) -> None:
    with urllib.request.urlopen(f"{served}ask?{FUNNEL}&by.0=channel&against=before") as page:  # noqa: S310  # loopback
        html = page.read()
    assets = Path(__file__).parents[2] / "services/ask/static"
    own = sum((assets / name).stat().st_size for name in ("ask.css", "ask.js"))
    assert len(html) + own < 120_000
    assert json.dumps(html.decode()).count("unsafe") == 0
