"""The core in star shape: sums that are those of the sessions, whatever they are summed over, and dimensions without gaps."""

from datetime import date, timedelta
from itertools import combinations
from typing import Any

import duckdb
import polars as pl
import pytest
from shop import first_days_of_shop
from support import compute_all, days_from, product, take_all

from pipeline.core.lake import Lake
from pipeline.core.registry import TABLES
from pipeline.domains.star.dimensions import dates, page_list, release_list, variant_list, zone_list

STAR = ("sessions_daily", "dim_date", "dim_page", "dim_zone", "dim_experiment", "dim_release")
FACT = TABLES["sessions_daily"]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A few days of the shop with the marts of the star."""
    lake = Lake(tmp_path_factory.mktemp("star"))
    chosen = first_days_of_shop(lake, "2026-10-03", people=400)
    take_all(lake, chosen)
    compute_all(lake, chosen, only=(*STAR, "daily_kpis"))
    return lake


def mart(lake: Lake, name: str) -> pl.DataFrame:
    return pl.read_parquet(lake.path(f"marts/{name}.parquet"))


def independent(lake: Lake) -> pl.DataFrame:
    """Sums of each session of a person, one by one and in Python, in the words of docs/definitions/star.md."""
    rows: dict[tuple[Any, ...], dict[str, int]] = {}
    for s in pl.read_parquet(lake.path("lake/sessions") / "**" / "*.parquet").iter_rows(named=True):
        if s["is_bot"]:
            continue
        key = (s["session_day"], s["device_type"] or "unknown", s["channel"] or "not measured", s["country"] or "unknown", s["landing_page"] or "(other)")  # fmt: skip
        own = rows.setdefault(key, dict.fromkeys((c.name for c in FACT.columns if c.adds_over), 0))
        views = s["page_views"] + s["page_views_implied"]
        for name, number in {
            "sessions": 1, "sessions_bounced": s["is_bounce"], "sessions_with_goal": s["goal_events"] > 0,
            "sessions_with_page_view": views > 0, "page_views": s["page_views"], "page_views_implied": s["page_views_implied"],
            "clicks": s["clicks"], "orders": s["orders"], "duration_seconds": s["duration_ms"], "revenue": s["revenue_micros"],
        }.items():  # fmt: skip
            own[name] += number
    return pl.DataFrame([dict(zip(FACT.key, key, strict=True)) | own for key, own in rows.items()])


def in_units(frame: pl.DataFrame) -> pl.DataFrame:
    """Milliseconds and millionths again, as whole numbers."""
    seconds, money = (pl.col(name).cast(pl.String).str.replace_all(".", "", literal=True).cast(pl.Int64) for name in ("duration_seconds", "revenue"))  # fmt: skip
    return frame.with_columns(duration_seconds=seconds, revenue=money)


def test_each_number_summed_over_each_of_its_dimensions_is_that_of_the_sessions(lake: Lake) -> None:
    measures = [column.name for column in FACT.columns if column.adds_over]
    assert len(measures) == 10
    assert {column.adds_over for column in FACT.columns if column.adds_over} == {FACT.key}
    made, slow = in_units(mart(lake, FACT.name)), independent(lake)
    assert made["sessions"].sum() > 60
    for number in range(len(FACT.key) + 1):
        for kept in combinations(FACT.key, number):
            by = [pl.lit(0).alias("all"), *map(pl.col, kept)]
            sums = [frame.group_by(by).agg(pl.col(measures).sum()).sort("all", *kept) for frame in (made, slow)]
            assert sums[0].equals(sums[1]), kept


def test_a_day_is_that_of_the_daily_key_figures(lake: Lake) -> None:
    known = mart(lake, "daily_kpis").filter(pl.col("sessions") > 0)
    names = ["sessions", "sessions_bounced", "sessions_with_goal", "page_views", "clicks", "orders"]
    summed = in_units(mart(lake, FACT.name)).group_by("day").agg(pl.col(*names, "revenue").sum()).sort("day")
    assert summed.select("day", *names, revenue_micros="revenue").equals(known.select("day", *names, "revenue_micros"))


def test_every_fact_meets_its_dimensions(lake: Lake) -> None:
    fact = mart(lake, FACT.name)
    assert fact.join(mart(lake, "dim_date"), on="day", how="anti").is_empty()
    assert fact.join(mart(lake, "dim_page"), left_on="landing_page", right_on="page", how="anti").is_empty()
    assert not any(fact[name].null_count() for name in fact.columns)


def test_sums_of_money_are_exact_in_sql(lake: Lake) -> None:
    (made,) = duckdb.sql(f"select sum(revenue) from read_parquet('{lake.path('marts/sessions_daily.parquet')}')").fetchall()  # fmt: skip
    assert made[0] * 1_000_000 == independent(lake)["revenue"].sum()


@pytest.mark.parametrize(
    ("start", "weeks"),
    [("monday", [(date(2026, 3, 28), date(2026, 3, 23)), (date(2026, 3, 30), date(2026, 3, 30))]),
     ("sunday", [(date(2026, 3, 28), date(2026, 3, 22)), (date(2026, 3, 29), date(2026, 3, 29))])],
)  # fmt: skip
def test_the_calendar_has_no_gap_where_days_have(start: str, weeks: list[tuple[date, date]]) -> None:
    """Over the night on which the clocks change, with days that nobody came."""
    days = [*days_from("2026-03-02", 3), date(2026, 3, 31)]
    made = dates(days, product(week_start=start, start_date="2026-02-27"))
    assert made["day"].to_list() == days_from("2026-02-27", 33)
    week_of = dict(made.select("day", "week_start").rows())
    assert [(day, week_of[day]) for day, _ in weeks] == weeks
    for row in made.rows(named=True):
        day = row["day"]
        year, week, weekday = day.isocalendar()
        assert (row["iso_week"], row["day_of_week"], row["is_weekend"]) == (week, weekday, weekday >= 6)
        assert (row["year"], row["month_of_year"], row["quarter_of_year"]) == (
            day.year,
            day.month,
            (day.month + 2) // 3,
        )
        assert row["month_start"] == day.replace(day=1)
        assert row["quarter_start"] == date(day.year, 3 * row["quarter_of_year"] - 2, 1)
        assert timedelta(0) <= day - row["week_start"] < timedelta(days=7)
        assert year
    assert dates([], product()).is_empty()


def test_dimensions_are_the_product_file() -> None:
    chosen = product(
        pages=[{"name": "home", "urls": ["/"], "stage": "arrive"}, {"name": "cart", "urls": ["/cart", "/basket"]}],
        zones=[
            {"name": "hero", "page": "home", "selectors": [".a"], "valid_to": "2026-02-01"},
            {"name": "hero", "page": "home", "selectors": [".b", ".c"], "valid_from": "2026-02-02", "device_type": "mobile"},
        ],
        experiments={"note": {"variants": {"a": 1, "b": 3}, "control": "a", "valid_from": "2026-02-03"}},
        releases={"big": {"day": "2026-02-04", "note": "new"}, "small": {"day": "2026-02-05"}},
        funnels={},
    )  # fmt: skip
    assert page_list(chosen).rows() == [
        ("(other)", 0, None, None, 0), ("cart", 2, None, "/cart, /basket", 0), ("home", 1, "arrive", "/", 1),
    ]  # fmt: skip
    assert zone_list(chosen).rows() == [
        ("home", "hero", date(2026, 1, 1), date(2026, 2, 1), "", ".a"),
        ("home", "hero", date(2026, 2, 2), None, "mobile", ".b, .c"),
    ]
    assert variant_list(chosen).rows() == [
        ("note", "a", True, 0.25, date(2026, 2, 3), None), ("note", "b", False, 0.75, date(2026, 2, 3), None),
    ]  # fmt: skip
    assert release_list(chosen).rows() == [("big", date(2026, 2, 4), "new"), ("small", date(2026, 2, 5), "")]
    assert page_list(product(pages=[], zones=[], funnels={})).is_empty()
