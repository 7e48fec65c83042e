"""What is kept from run to run is never out of date: late events, damage, erasure, another definition."""

import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from support import compute_all, drop, marts_of, ndjson, plain_product, product, record, take_all

from pipeline.core.lake import Lake
from pipeline.core.product import Product
from pipeline.events.keys import stable_key
from pipeline.ingest.files import retract
from pipeline.maintenance.erase import erase

FIRST = date(2026, 1, 5)
# A whole week, then every 14th day over four months: each month has days, and two are closed at the end.
DAYS = [FIRST + timedelta(days=n) for n in (*range(7), *range(14, 120, 14))]
MARTS = ("retention", "lifecycle", "stickiness", "daily_kpis", "funnel_steps")


def visit(day: date, person: str, hour: int = 10) -> dict[str, object]:
    return record(f"{day}-{person}-{hour}", f"{day}T{hour}:00:00", url="/", user_id=person)


def fill(lake: Lake, days: list[date], chosen: Product) -> None:
    rows = [
        visit(day, f"p{p}") for n, day in enumerate(DAYS) if day in days for p in range(6) if (n + p) % (p + 1) == 0
    ]
    drop(lake.home, f"web/{days[-1]}/a.ndjson", ndjson(rows))
    compute(lake, chosen)


def compute(lake: Lake, chosen: Product) -> None:
    take_all(lake, chosen)
    compute_all(lake, chosen, only=MARTS)


def kept(lake: Lake) -> set[str]:
    return {key for key in lake.keys("lake") if "/kept/" in key and key.endswith(".parquet")}


def as_at_once(lake: Lake, folder: Path, chosen: Product) -> bool:
    """Whether a home that takes the same files at once has the same marts, and keeps the same parts."""
    whole = Lake(folder)
    whole.home.mkdir()
    (whole.home / "landing").symlink_to(lake.path("landing"))
    compute(whole, chosen)
    assert kept(whole) <= kept(lake)
    return marts_of(whole) == marts_of(lake)


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = Lake(tmp_path_factory.mktemp("begun"))
    fill(made, DAYS[:-3], plain_product())
    return made.home


@pytest.fixture
def lake(begun: Path, tmp_path: Path) -> Lake:
    shutil.copytree(begun, tmp_path / "home")
    return Lake(tmp_path / "home")


def test_night_after_night_gives_what_all_at_once_gives(lake: Lake, tmp_path: Path) -> None:
    first = kept(lake)
    assert {key.split("/")[1] for key in first} >= {"activity_returns", "stickiness_counts"}
    for n in range(-3, 0):
        fill(lake, DAYS[n : n + 1 or None], plain_product())
    assert as_at_once(lake, tmp_path / "whole", plain_product())
    assert kept(lake) != first


def late(lake: Lake) -> None:
    drop(lake.home, f"web/{DAYS[-1]}/late.ndjson", ndjson([visit(DAYS[2], "new"), visit(DAYS[4], "p1", 12)]))


def gone(lake: Lake) -> None:
    retract(lake, f"web/{DAYS[-4]}/a.ndjson")


def damaged(lake: Lake) -> None:
    for key in kept(lake):
        lake.path(key).write_bytes(lake.path(key).read_bytes()[:-9])


@pytest.mark.parametrize("change", [late, gone, damaged])
def test_a_change_long_ago_reaches_every_number(lake: Lake, tmp_path: Path, change: Callable[[Lake], None]) -> None:
    before = kept(lake)
    change(lake)
    fill(lake, DAYS[-3:], plain_product())
    if change is gone:
        lake.path(f"landing/web/{DAYS[-4]}/a.ndjson").unlink()
    assert as_at_once(lake, tmp_path / "whole", plain_product())
    if change is late:
        assert not {key for key in before if "activity_returns" in key} & kept(lake), (
            "what was asked for no more is gone"
        )


def test_an_erased_person_is_in_nothing_that_is_kept(lake: Lake) -> None:
    def people() -> set[int]:
        frames = [pl.read_parquet(lake.path(key)) for key in kept(lake)]
        return {key for frame in frames if "person_key" in frame.columns for key in frame["person_key"]}

    assert stable_key("user:p0") in people()
    erase(lake, plain_product(), "user:p0")
    compute(lake, plain_product())
    assert people()
    assert stable_key("user:p0") not in people()


def test_weeks_of_funnels_are_those_of_today_s_definition(tmp_path: Path) -> None:
    lake, steps = Lake(tmp_path / "home"), [{"label": "a", "kind": "page_view"}, {"label": "b", "kind": "order"}]
    one = product(zones=[], funnels={"f": {"steps": steps, "window_days": 1}})
    other = product(zones=[], funnels={"f": {"steps": steps, "window_days": 7}})
    for n in range(0, 24, 2):
        day = FIRST + timedelta(days=n)
        rows = [visit(day, f"p{n}"), {**visit(day + timedelta(days=3), f"p{n}"), "kind": "order"}]
        drop(lake.home, f"web/{day}/a.ndjson", ndjson(rows))
    compute(lake, one)
    weeks = {key for key in kept(lake) if "funnel_results" in key}
    assert len(weeks) >= 3
    compute(lake, other)
    assert not weeks & kept(lake)
    assert as_at_once(lake, tmp_path / "whole", other)
