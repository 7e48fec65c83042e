"""Today as a provisional day: what the finished day will be, for Ask and replays only, gone with who is erased."""

import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from generate import write
from starlette.testclient import TestClient
from support import approve, take_all
from typer.testing import CliRunner

from assets.cli import app
from pipeline.ask.answer import AskError, Cell
from pipeline.ask.ask import Asker
from pipeline.ask.question import Question
from pipeline.build.compute import build_days
from pipeline.build.configured import day_tables
from pipeline.build.today import FOLDER, compute_today, drop_what_is_over, today_of
from pipeline.core.lake import Lake
from pipeline.core.product import Product
from pipeline.core.product_file import load_product, product_of
from pipeline.core.states import published_days, read_state
from pipeline.ingest.files import retract
from pipeline.ingest.manifests import read_manifests
from pipeline.maintenance.erase import erase
from services.ask.app import make_app

SHOP = Path(__file__).parents[2] / "examples" / "shop"
FIRST, TODAY = date(2026, 9, 28), date(2026, 10, 1)
YESTERDAY = TODAY - timedelta(days=1)
AS_OF = datetime(2026, 10, 1, 12, 5, tzinfo=UTC)
SPAN = {"first": TODAY - timedelta(days=2), "last": TODAY}


def silent(_what: str, _done: int, _total: int) -> None:
    pass


def compute(lake: Lake, product: Product, days: list[date]) -> None:
    for table in day_tables(product):
        list(build_days(lake, product, table.contract.name, days, approve))


def objects(lake: Lake) -> dict[str, str | None]:
    return {key: lake.sha256(key) for key in lake.keys("lake") if not key.endswith("lock")}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of four days of the shop, the last of which isn't over and not computed."""
    home = tmp_path_factory.mktemp("today") / "home"
    lake, product = Lake(home), load_product(SHOP / "product.yaml")
    write(home / "landing", people=150, days=28)
    for folder in (home / "landing").glob("*/*"):
        if folder.name > str(TODAY):
            shutil.rmtree(folder)
    shutil.copy(SHOP / "product.yaml", home)
    shutil.copytree(SHOP / "pictures", home / "pictures", dirs_exist_ok=True) if (SHOP / "pictures").is_dir() else None
    take_all(lake, product)
    compute(lake, product, [FIRST + timedelta(days=n) for n in range(3)])
    return home


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Lake:
    shutil.copytree(made, tmp_path / "home")
    return Lake(tmp_path / "home")


@pytest.fixture
def product(home: Lake) -> Product:
    return product_of(home)


@pytest.fixture
def computed(home: Lake, product: Product) -> Lake:
    compute_today(home, product, TODAY, AS_OF, silent)
    return home


def people(lake: Lake, product: Product, **asked: Any) -> list[int | None]:
    question = Question.model_validate({"trend": {"every": "day"}, **SPAN, **asked})
    rows = Asker(lake, product).answer(question).rows.sort("period_start")
    return rows["people"].to_list()


def test_it_is_what_the_finished_day_will_be(home: Lake, product: Product) -> None:
    before = objects(home)
    today = compute_today(home, product, TODAY, AS_OF, silent)
    assert objects(home) == before, "nothing of the home's own is touched"
    compute(home, product, [TODAY])
    names = [table.contract.name for table in day_tables(product)]
    found = {name: (own := read_state(today.lake, name, TODAY)) and own.output_hash for name in names}
    expected = {name: (own := read_state(home, name, TODAY)) and own.output_hash for name in names}
    assert found == expected
    assert sum(each is not None for each in found.values()) > 30
    assert today_of(home, product) is None, "the day is there, so nothing provisional is shown any more"
    drop_what_is_over(home, product)
    assert not (home.home / FOLDER).exists()


def test_only_what_asks_for_it_counts_it_and_says_so(home: Lake, product: Product) -> None:
    before = people(home, product)
    assert before[2] is None
    of_days = people(home, product, last=YESTERDAY)
    compute_today(home, product, TODAY, AS_OF, silent)
    with_today = people(home, product)
    assert with_today[:2] == before[:2] == of_days
    assert with_today[2]
    assert people(home, product, last=YESTERDAY) == of_days
    answer = Asker(home, product).answer(Question.model_validate({"trend": {"every": "day"}, **SPAN}))
    assert any("2026-10-01 isn't over: what came until 14:05 is counted" in note for note in answer.notes)
    assert answer.rows.filter(pl.col("period_start") == TODAY)["is_whole"].to_list() == [False]
    asked = Question.model_validate({"trend": {"every": "day"}, **SPAN})
    assert Asker(home, product).behind(asked, Cell(start=TODAY)).height == with_today[2]


def test_what_must_mature_leaves_it_out(computed: Lake, product: Product) -> None:
    asker = Asker(computed, product)
    daily = {"show": "retention", "retention": {"period": "day", "periods": 2}, "first": FIRST}
    without = asker.answer(Question.model_validate({**daily, "last": YESTERDAY}))
    with_it = asker.answer(Question.model_validate({**daily, "last": TODAY}))
    assert with_it.rows.equals(without.rows)
    assert any("isn't counted here" in note for note in with_it.notes)
    # Who entered yesterday may still take the steps today, but nobody asked for today.
    funnel = {"show": "funnel", "of": "purchase", "range": "enters", "first": FIRST, "last": YESTERDAY}
    entered = asker.answer(Question.model_validate(funnel)).rows
    drop_what_is_over(computed, product)
    computed.delete_folder(FOLDER)
    assert Asker(computed, product).answer(Question.model_validate(funnel)).rows.equals(entered)


KINDS = {"pages": None, "zones": None, "friction": None, "elements": None, "scores": None, "visits": None, "funnel": "purchase", "journey": "to_order"}  # fmt: skip
MEASURED = [{"column": "device_type", "is_set": True, "about": "visit"}]


def test_every_kind_can_be_asked_of_today_as_of_the_finished_day(computed: Lake, product: Product) -> None:
    def answers() -> list[pl.DataFrame]:
        asker = Asker(computed, product)
        days = {"first": TODAY, "last": TODAY}
        asked = [
            {"show": show, "of": of, **days, "where": where} for show, of in KINDS.items() for where in ([], MEASURED)
        ]
        return [asker.answer(Question.model_validate(each)).rows for each in asked]

    found = answers()
    compute(computed, product, [TODAY])
    for own, whole in zip(found, answers(), strict=True):
        assert own.equals(whole)
    assert sum(own.height > 0 for own in found) >= 2 * len(KINDS) - 2


def test_a_second_time_takes_what_came_since(computed: Lake, product: Product) -> None:
    first = today_of(computed, product)
    assert first is not None
    second = compute_today(computed, product, TODAY, AS_OF + timedelta(hours=1), silent)
    assert [each.name for each in (computed.home / FOLDER).iterdir() if each.is_dir()] == [second.lake.home.name]
    assert second.as_of > first.as_of


def test_what_is_taken_back_is_not_shown(computed: Lake, product: Product) -> None:
    name = next(each.name for each in read_manifests(computed).values())
    retract(computed, name)
    assert today_of(computed, product) is None
    assert people(computed, product)[2] is None
    compute_today(computed, product, TODAY, AS_OF, silent)
    rows = (
        Asker(computed, product).answer(Question.model_validate({"show": "visits", "first": TODAY, "last": TODAY})).rows
    )
    assert rows.height > 0
    events = today_of(computed, product)
    assert events is not None
    someone = pl.read_parquet(events.lake.path(f"lake/events/day={TODAY}/part.parquet"))["user_id"].drop_nulls()[0]
    erase(computed, product, f"user:{someone}")
    assert not (computed.home / FOLDER).exists()


def test_a_day_that_is_over_is_refused(home: Lake, product: Product) -> None:
    with pytest.raises(ValueError, match="2026-09-30 is over"):
        compute_today(home, product, YESTERDAY, AS_OF, silent)
    assert not list((home.home / FOLDER).glob("*"))


def test_without_it_a_question_says_which_days_there_are(home: Lake, product: Product) -> None:
    with pytest.raises(AskError, match="days with data go from 2026-09-28 to 2026-09-30"):
        Asker(home, product).answer(Question.model_validate({"first": TODAY, "last": TODAY}))


@pytest.fixture
def client(computed: Lake) -> Iterator[TestClient]:
    with TestClient(make_app(computed.home), base_url="http://127.0.0.1", follow_redirects=False) as opened:
        yield opened


def test_the_page_offers_today_and_plays_its_recordings(client: TestClient, computed: Lake, product: Product) -> None:
    assert "and today so far" in client.get("/").text
    location = client.get("/ask?form=1&show=visits&preset=today").headers["location"]
    assert f"first={TODAY}&last={TODAY}" in location
    page = client.get(f"/{location}").text
    assert "isn&#39;t over" in page
    visits = Asker(computed, product).answer(Question.model_validate({"show": "visits", "first": TODAY, "last": TODAY}))
    recorded = visits.rows.filter("is_recorded")
    assert recorded.height > 0
    shown = client.get(f"/replay?session={recorded['session_key'][0]}")
    assert shown.status_code == 200, shown.text[-400:]
    assert "2026-10-01 isn&#39;t over" in shown.text
    assert (
        client.get("/ask?form=1&show=visits&preset=last_7")
        .headers["location"]
        .partition("last=")[2]
        .startswith(str(YESTERDAY))
    )


def test_a_run_computes_it_when_asked(tmp_path: Path) -> None:
    zone_now = datetime.now(UTC)
    home = tmp_path / "home"
    (home / "landing/web").mkdir(parents=True)
    (home / "product.yaml").write_text(
        f"name: Small\ntime_zone: UTC\nstart_date: {zone_now.date() - timedelta(days=1)}\nsources: {{web: {{}}}}\n"
    )
    at = zone_now.replace(microsecond=0)
    lines = [
        f'{{"event_id":"e{n}","occurred_at":"{(at - timedelta(days=n)).isoformat()}","kind":"page_view","anonymous_id":"d{n}","url":"https://x.example/"}}'
        for n in (0, 1)
    ]
    (home / "landing/web/a.ndjson").write_text("\n".join(lines) + "\n")
    (home / "landing/web/a.ndjson.done").touch()
    result = CliRunner().invoke(app, ["run", "--home", str(home), "--today"])
    assert result.exit_code == 0, result.output
    assert f"{at.date()} is computed as of" in result.output.replace("\n", " ")
    lake = Lake(home)
    assert published_days(lake, "askable") == [at.date() - timedelta(days=1)]
    question = Question.model_validate({"trend": {"every": "range"}, "first": at.date(), "last": at.date()})
    assert Asker(lake, product_of(lake)).answer(question).rows["people"].to_list() == [1]
