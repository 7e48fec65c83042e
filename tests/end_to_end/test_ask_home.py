"""Ask over a home that changes: days replaced while they are read, people erased, a product file edited; and for assistants."""

import asyncio
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from mcp import Client, StdioServerParameters
from support import compute_all, drop, ndjson, product, record, take_all

import footfall
from pipeline.ask.answer import AskError
from pipeline.ask.ask import Asker
from pipeline.ask.question import Question
from pipeline.core.keys import mart_key
from pipeline.core.lake import Lake
from pipeline.maintenance.erase import erase
from services.ask.home import Home

PRODUCT = """
name: Small
time_zone: Europe/Berlin
start_date: 2026-01-01
sources: {web: {}}
pages: [{name: home, urls: ["/"]}]
"""
SHOP = Path(__file__).parents[2] / "examples" / "shop" / "product.yaml"
FIRST, LAST = date(2026, 2, 2), date(2026, 2, 4)
PEOPLE = Question.model_validate({"first": FIRST, "last": LAST, "trend": {"every": "range"}})


def visits(people: list[str], day: int) -> list[dict[str, Any]]:
    return [
        record(f"{who}-{day}", f"2026-02-0{day}T10:00", user_id=who, anonymous_id=f"device-of-{who}", url="/")
        for who in people
    ]


def settle(lake: Lake) -> None:
    take_all(lake, product(zones=[], funnels={}, goals={}))
    for _ in range(2):
        compute_all(lake, product(zones=[], funnels={}, goals={}), only=["daily_kpis"])
        # Askable is in no mart.
        compute_all(lake, product(zones=[], funnels={}, goals={}), only=["askable"])


def people(asker: Asker) -> int:
    return int(asker.answer(PEOPLE).rows["people"].sum())


def test_a_home_without_days_says_so(tmp_path: Path) -> None:
    with pytest.raises(AskError, match="footfall run"):
        Asker(Lake(tmp_path), product()).answer(PEOPLE)


def test_days_are_old_or_new_while_they_are_replaced(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    names = [f"p{i}" for i in range(40)]
    drop(tmp_path, "web/2026-02-03/a.ndjson", ndjson(visits(names, 3)))
    settle(lake)
    asker = Asker(Lake(tmp_path), product(zones=[], funnels={}, goals={}))
    assert people(asker) == 40
    done, faults = threading.Event(), list[BaseException]()

    def replace() -> None:
        try:
            for i in range(4):
                drop(tmp_path, "web/2026-02-03/a.ndjson", ndjson(visits([*names, "more"] if i % 2 == 0 else names, 3)))
                settle(Lake(tmp_path))
        except BaseException as fault:
            faults.append(fault)
            raise
        finally:
            done.set()

    thread = threading.Thread(target=replace)
    thread.start()
    seen: set[int] = set()
    while not done.is_set():
        seen.add(people(asker))
    thread.join()
    assert not faults
    assert seen <= {40, 41}
    assert people(asker) == 40


def test_who_is_erased_is_gone_from_the_next_answer(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    drop(tmp_path, "web/2026-02-03/a.ndjson", ndjson(visits(["ann", "bob"], 3)))
    settle(lake)
    asker = Asker(Lake(tmp_path), product(zones=[], funnels={}, goals={}))
    assert people(asker) == 2
    erase(lake, product(zones=[], funnels={}, goals={}), "user:ann")
    settle(lake)
    assert people(asker) == 1


def test_a_product_file_that_changes_is_asked_as_it_is_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.ask.home._LOOK_SECONDS", 0.0)
    drop(tmp_path, "web/2026-02-03/a.ndjson", ndjson(visits(["ann"], 3)))
    (tmp_path / "product.yaml").write_text(PRODUCT)
    settle(Lake(tmp_path))
    home = Home(tmp_path)
    asked = Question.model_validate({"first": FIRST, "last": LAST, "show": "funnel", "of": "all"})
    with pytest.raises(AskError, match="no funnel 'all'"):
        home.now().answer(asked)
    funnel = "\nfunnels: {all: {steps: [{label: a, kind: page_view}, {label: b, kind: order}]}}\n"
    (tmp_path / "product.yaml").write_text(PRODUCT + funnel)
    assert home.now().answer(asked).rows["people_converted"].to_list() == [1, 0]
    # What is being edited and can't be read yet is passed over.
    (tmp_path / "product.yaml").write_text("name: [")
    assert home.now().answer(asked).rows.height == 2


def test_questions_from_python(shop_lake: Lake) -> None:
    if not shop_lake.path("product.yaml").exists():
        shop_lake.path("product.yaml").write_text(SHOP.read_text())
    by_address = footfall.ask(shop_lake.home, "ask?first=2026-10-12&last=2026-10-18&show=funnel&of=purchase")
    by_fields = footfall.ask(
        shop_lake.home, {"first": "2026-10-12", "last": "2026-10-18", "show": "funnel", "of": "purchase"}
    )
    assert by_address.rows.equals(by_fields.rows)
    assert by_fields.headline
    with pytest.raises(ValueError, match="no funnel"):
        footfall.ask(shop_lake.home, "first=2026-10-12&last=2026-10-18&show=funnel&of=none")


def test_an_assistant_gets_the_marts_numbers(shop_lake: Lake) -> None:
    """Four questions by the protocol's own client; what can't be asked is a sentence, and nobody's key is told."""
    if not shop_lake.path("product.yaml").exists():
        shop_lake.path("product.yaml").write_text(SHOP.read_text())
    program = Path(sys.executable).with_name("footfall")
    server = StdioServerParameters(
        command=str(program), args=["mcp", "--home", str(shop_lake.home), "--link", "http://127.0.0.1:3001"]
    )
    whole = {"first": "2026-09-28", "last": "2026-10-25"}

    async def ask() -> dict[str, Any]:
        async with Client(server) as client:
            assert {tool.name for tool in (await client.list_tools()).tools} == {"ask", "describe", "explain", "report"}

            async def called(tool: str, **given: Any) -> Any:
                result = await client.call_tool(tool, given)
                assert not result.is_error, result.content
                return result.structured_content

            refused = await client.call_tool("ask", {"question": {**whole, "show": "funnel", "of": "none"}})
            assert refused.is_error
            return {
                "known": await called("describe"),
                "mart": await called("describe", mart="funnel_steps"),
                "funnel": await called("ask", question={**whole, "show": "funnel", "of": "purchase"}),
                "people": await called("ask", question=whole),
                "retention": await called("ask", question={**whole, "show": "retention", "of": "weekly"}),
                "visits": await called("ask", question={"first": "2026-10-12", "last": "2026-10-12", "show": "visits"}),
                "explain": await called("explain", metric="sessions", vendor="posthog"),
                "report": await called("report"),
                "refused": refused.content[0].text,
            }

    # While a browser of another test is open its loop runs in this thread.
    with ThreadPoolExecutor(1) as thread:
        told = thread.submit(lambda: asyncio.run(ask())).result()
    steps = pl.read_parquet(shop_lake.path(mart_key("funnel_steps"))).filter(
        pl.col("period") == "all", pl.col("breakdown_value") == ""
    )
    assert [row["people_converted"] for row in told["funnel"]["rows"]] == steps.sort("step")[
        "people_converted"
    ].to_list()
    days = pl.read_parquet(shop_lake.path(mart_key("daily_kpis"))).sort("day")
    assert [row["value"] for row in told["people"]["rows"]] == days["people_active"].to_list()
    cells = pl.read_parquet(shop_lake.path(mart_key("retention_cohorts"))).filter(
        pl.col("retention") == "weekly", pl.col("breakdown_value") == ""
    )
    assert sum(row["people_returned"] for row in told["retention"]["rows"]) == cells["people_returned"].sum()
    assert told["visits"]["rows"]
    assert "person_key" not in told["visits"]["rows"][0]
    assert told["funnel"]["link"].startswith("http://127.0.0.1:3001/ask?")
    assert "no funnel 'none'" in told["refused"]
    assert told["known"]["funnels"] == ["purchase"]
    assert "people_converted" in told["mart"]["columns"]
    assert told["explain"]["rules"][0]["number"] == days["sessions"].sum()
    assert told["report"]["link"] == "http://127.0.0.1:3001/report/"
