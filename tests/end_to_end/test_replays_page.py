"""The page of replays in a browser: recorded sessions are filtered by what happened in them, and the choice can be sent."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from browsers import missing, violations

from pipeline.core.keys import mart_key
from pipeline.core.lake import Lake
from pipeline.core.product_file import load_product
from pipeline.report.replays import player
from pipeline.report.write import write_report

SHOP = Path(__file__).parents[2] / "examples" / "shop" / "product.yaml"
CHOICES: dict[str, Callable[[dict[str, Any], str], bool]] = {
    "page": lambda row, value: value in (row["path"] or "").split(" > "),
    "device": lambda row, value: row["device_type"] == value,
    "signal": lambda row, value: value in {each.split(" ")[0] for each in (row["signals"] or "").split(", ")},
    "goal": lambda row, value: row["converted"] == (value == "reached"),
}


@pytest.fixture(scope="module")
def lake(shop_lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """The small shop with its report."""
    if player() is None:
        missing("the player (make assets)")
    home = tmp_path_factory.mktemp("replays") / "home"
    shutil.copytree(shop_lake.home, home, symlinks=True)
    write_report(made := Lake(home), load_product(SHOP))
    return made


def shown(page: Any) -> int:
    return page.locator("[id^=filtered] tbody tr:visible").count()


def test_recorded_sessions_are_filtered_and_the_view_can_be_sent(lake: Lake, browser: Any) -> None:
    rows = pl.read_parquet(lake.path(mart_key("replays"))).rows(named=True)
    assert 0 < len(rows) <= 100, "all of them are on the page"
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(lake.path("report/replays.html").as_uri())
    assert shown(page) == len(rows)
    for name, fits in CHOICES.items():
        select = page.locator(f"[data-filters] select[name={name}]")
        values = [each.get_attribute("value") for each in select.locator("option").all()][1:]
        assert values, name
        for value in values:
            select.select_option(value)
            assert shown(page) == sum(fits(row, value) for row in rows), (name, value)
        select.select_option("")
    assert shown(page) == len(rows)
    page.locator("[data-filters] select[name=device]").select_option("mobile")
    page.locator("[data-filters] select[name=goal]").select_option("not reached")
    both = sum(row["device_type"] == "mobile" and not row["converted"] for row in rows)
    assert page.inner_text("[data-filters] output") == f"{both} of {len(rows)}"
    assert "device=mobile" in page.url
    # Whoever opens the address sees the same, also where the page is open already.
    other = browser.new_page(viewport={"width": 1280, "height": 900})
    other.goto(lake.path("report/replays.html").as_uri())
    other.evaluate("address => { location.href = address; }", page.url)
    other.wait_for_function(
        "both => document.querySelector('[data-filters] output').textContent.startsWith(both + ' of')", arg=both
    )
    assert shown(other) == both
    assert not violations(other, frames=False)
    for each in (page, other):
        each.close()


def test_each_recorded_session_is_told_in_a_sentence(lake: Lake, browser: Any) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(lake.path("report/replays.html").as_uri())
    first = page.locator("[id^=filtered] tbody tr").first
    sentence, address = first.locator("td").first.inner_text(), first.locator("a").get_attribute("href")
    assert sentence.endswith("."), sentence
    page.goto(lake.path(f"report/{address.partition('#')[0]}").as_uri())
    assert page.inner_text("p.lead") == sentence
    page.close()
