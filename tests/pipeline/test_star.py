"""The core in star shape: sums that are those of the sessions, whatever they are summed over, and dimensions without gaps."""

import shutil
from datetime import date, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from shop import first_days_of_shop
from support import at, compute_all, days_from, product, take_all

from pipeline.core.lake import Lake
from pipeline.core.product_file import load_product
from pipeline.core.published import id_of
from pipeline.core.registry import TABLES
from pipeline.core.states import published_days, scan_days
from pipeline.domains.facts.facts import answer_facts, page_view_facts, session_facts
from pipeline.domains.star.dimensions import dates, page_list, release_list, variant_list, zone_list
from pipeline.events.channels import campaigns
from pipeline.publish.catalog import write_catalog
from pipeline.publish.query import query
from pipeline.publish.versions import FACTS

SHOP = Path(__file__).parents[2] / "examples" / "shop" / "product.yaml"
STAR = ("sessions_daily", "dim_date", "dim_page", "dim_zone", "dim_experiment", "dim_release")
FACT = TABLES["sessions_daily"]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A few days of the shop with the marts of the star."""
    lake = Lake(tmp_path_factory.mktemp("star"))
    chosen = first_days_of_shop(lake, "2026-10-03", people=400)
    take_all(lake, chosen)
    compute_all(lake, chosen, only=(*STAR, *(fact.name for fact in FACTS), "daily_kpis"))
    write_catalog(lake)
    return lake


def asked(lake: Lake, sql: str) -> list[dict[str, Any]]:
    """Rows of an answer over the catalog."""
    return query(lake, sql).rows.rows(named=True)


def lying(lake: Lake, table: str) -> list[dict[str, Any]]:
    """All rows of a table's days."""
    return pl.read_parquet(lake.path(f"lake/{table}") / "**" / "*.parquet").rows(named=True)


def mart(lake: Lake, name: str) -> pl.DataFrame:
    return pl.read_parquet(lake.path(f"marts/{name}.parquet"))


def independent(lake: Lake) -> pl.DataFrame:
    """Sums of each session of a person, one by one and in Python, in the words of docs/definitions/star.md."""
    rows: dict[tuple[Any, ...], dict[str, int]] = {}
    for s in lying(lake, "sessions"):
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
    assert summed.select("day", *names, "revenue").equals(
        in_units(known.with_columns(duration_seconds=pl.lit("0"))).select("day", *names, "revenue")
    )


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


def test_facts_are_of_all_that_lies_there_and_of_no_bot(lake: Lake) -> None:
    """Each row once, with the numbers of the row that it was made from, in units of people."""
    known = {id_of(s["session_key"]): s for s in lying(lake, "sessions") if not s["is_bot"]}
    made = {row["session_key"]: row for row in asked(lake, "from fact_sessions")}
    assert made.keys() == known.keys()
    for key, row in made.items():
        s = known[key]
        assert row["day"] == s["session_day"]
        assert (row["revenue"] * 1_000_000, row["duration_seconds"] * 1_000) == (s["revenue_micros"], s["duration_ms"])
        same = ("events", "page_views", "clicks", "orders", "is_bounce", "os", "browser", "started_at", "device_type")
        assert [row[name] for name in same] == [s[name] for name in same]
        assert (row["landing_page"], row["person_key"]) == (s["landing_page"] or "(other)", id_of(s["person_key"]))
    views = {id_of(v["page_view_key"]): v for v in lying(lake, "page_views") if not v["is_bot"]}
    made = {row["page_view_key"]: row for row in asked(lake, "from fact_page_views")}
    assert made.keys() == views.keys()
    assert all(row["session_key"] in known for row in made.values())
    assert sum(row["duration_seconds"] for row in made.values()) * 1000 == sum(v["duration_ms"] for v in views.values())
    assert all((row["scroll_depth"] or 0) * 10_000 == (views[key]["scroll_depth_e4"] or 0) for key, row in made.items())  # fmt: skip


def test_facts_summed_are_the_sums_of_the_star(lake: Lake) -> None:
    """By every column that both have; of orders what the sessions say."""
    same = "sum(page_views) page_views, sum(clicks) clicks, sum(orders) orders, sum(revenue) revenue, sum(duration_seconds) duration"
    by = ", ".join(FACT.key)
    counted = (
        "count(*) sessions, count(*) filter (is_bounce) bounced, count(*) filter (has_goal) with_goal, "
        "count(*) filter (has_page_view) with_view"
    )
    summed = "sum(sessions) sessions, sum(sessions_bounced) bounced, sum(sessions_with_goal) with_goal, sum(sessions_with_page_view) with_view"
    for each in (f"{by}, ", ""):
        group = "group by all order by all" if each else ""
        slow, fast = (
            asked(lake, f"select {each}{how}, {same} from {table} {group}")
            for how, table in ((counted, "fact_sessions"), (summed, "sessions_daily"))
        )
        assert slow == fast
    sold = asked(lake, "select sum(orders) orders, sum(revenue) revenue from fact_orders where session_key is not null")
    assert sold == asked(lake, "select sum(orders) orders, sum(revenue) revenue from fact_sessions")
    assert sold[0]["orders"] > 0
    (looked,) = asked(lake, "select count(*) n, count(order_id) with_id from fact_orders where kind = 'order'")
    assert looked["n"] == looked["with_id"] == sold[0]["orders"]


def test_answers_are_the_valid_ones_of_feedback(lake: Lake) -> None:
    answers = [row for row in lying(lake, "feedback") if row["kind"] == "survey_answered"]
    made = asked(lake, "from fact_survey_answers")
    assert len(made) == len(answers) > 0
    sums = [sum(row["points"] or 0 for row in rows if row["is_valid"]) for rows in (made, answers)]
    assert sums[0] == sums[1]
    assert sum(row["comment"] is not None for row in made) == sum(
        r["text"] is not None and r["non_answer"] is None for r in answers
    )


def test_what_a_session_bears_is_named(lake: Lake) -> None:
    """Goals by name and friction: counted anew from events in plain Python."""
    chosen = load_product(SHOP)
    bots = {s["session_key"] for s in lying(lake, "sessions") if s["is_bot"]}
    goals: dict[str, set[str]] = {}
    for event in lying(lake, "session_events"):
        if event["session_key"] in bots:
            continue
        key = id_of(event["session_key"])
        reached = {name for i, name in enumerate(sorted(chosen.goals)) if event["goal_bits"] >> i & 1}
        goals.setdefault(key, set()).update(reached)
    made = asked(lake, "from fact_sessions")
    assert {r["session_key"]: r["goals"] or "" for r in made} == {k: ", ".join(sorted(v)) for k, v in goals.items()}
    assert any(r["goals"] for r in made)
    scores = {id_of(r["session_key"]): r["score"] for r in lying(lake, "session_friction") if r["rule_set"] == chosen.friction.first}  # fmt: skip
    assert {r["session_key"]: r["friction_score"] for r in made} == {k: scores.get(k, 0) for k in goals}


def read_of(lake: Lake, day: date) -> list[pl.LazyFrame]:
    """What a day of fact_sessions is made from."""
    return [scan_days(lake, name, [day]) for name in ("sessions", "session_events", "session_friction")]


def test_variants_and_segments_of_a_session_stand_in_order(lake: Lake) -> None:
    chosen = load_product(SHOP).model_copy(update={"segments": {"b": None, "a": None, "c": None}})
    sessions, events, friction = read_of(lake, published_days(lake, "sessions")[0])
    shown = {0: "note/b", 1: "button/a", 2: "note/b"}
    exposed = events.with_columns(variant=pl.col("event_index").replace_strict(shown, default=None, return_dtype=pl.String))  # fmt: skip
    made = session_facts(sessions.with_columns(segment_bits=pl.lit(5)), exposed, friction, chosen)
    assert set(made["segments"]) == {"a, c"}
    assert set(made.filter(pl.col("events") > 1)["variants"]) == {"button/a, note/b"}
    none = session_facts(sessions.with_columns(segment_bits=pl.lit(0)), events, friction, chosen)
    assert none["segments"].null_count() == none["variants"].null_count() == none.height


def test_nobody_is_in_the_facts_of_who_says_so(lake: Lake) -> None:
    chosen = load_product(SHOP)
    quiet = chosen.model_copy(update={"privacy": chosen.privacy.model_copy(update={"people_in_facts": False})})
    day = published_days(lake, "sessions")[0]
    read, views = read_of(lake, day), scan_days(lake, "page_views", [day])
    for made, loud in (
        (session_facts(*read, quiet), session_facts(*read, chosen)),
        (page_view_facts(views, quiet), page_view_facts(views, chosen)),
    ):
        assert made["person_key"].null_count() == made.height > 0
        assert loud["person_key"].null_count() == 0
        assert (
            made.drop("person_key")
            .sort("started_at", pl.nth(1))
            .equals(loud.drop("person_key").sort("started_at", pl.nth(1)))
        )


@pytest.mark.parametrize(
    ("url", "campaign"),
    [("https://s.example/?utm_campaign=Spring%20Sale+1", "Spring Sale 1"), ("/?a=1&amp;utm_campaign=x#top", "x"),
     ("/?UTM_Campaign=x&b", "x"), ("/?utm_campaign=", None), ("/?utm_campaign=(not%20set)", None), ("/", None), (None, None)],
)  # fmt: skip
def test_a_campaign_is_what_the_address_says(url: str | None, campaign: str | None) -> None:
    assert campaigns(pl.Series([url, "/", url], dtype=pl.String)).to_list() == [campaign, None, campaign]


def test_a_homes_path_is_no_pattern_and_no_column(lake: Lake, tmp_path: Path) -> None:
    moved = tmp_path / "source=[eu]" / "home"
    shutil.copytree(lake.home, moved)
    ours, theirs = (
        asked(each, "select source, count(*) n from fact_sessions group by 1") for each in (lake, Lake(moved))
    )
    assert ours == theirs
    assert ours[0]["source"] == "shop"


def test_answers_show_nothing_personal_and_none_of_the_team() -> None:
    surveys = {
        "site": {"questions": {"why": {"kind": "choice", "choices": ["Price", "Size"]}, "say": {"kind": "text"}, "pmf": {"kind": "pmf"}}},
        "staff": {"audience": "team", "questions": {"mood": {"kind": "csat"}}},
    }  # fmt: skip
    blank = {c.name: None if c.nullable else False if c.dtype == pl.Boolean() else "" if c.dtype == pl.String() else 0 for c in TABLES["feedback"].columns}  # fmt: skip
    about = {**blank, "day": date(2026, 2, 3), "occurred_at": at("2026-02-03T10:00"), "kind": "survey_answered", "survey": "site", "device_type": "mobile"}  # fmt: skip
    rows = [
        {**about, "event_id": "1", "question": "say", "question_kind": "text", "text": "My name is John Smith, call 020 7946 0958", "language": "en"},
        {**about, "event_id": "2", "question": "say", "question_kind": "text", "text": "n/a", "non_answer": "n/a"},
        {**about, "event_id": "3", "question": "why", "question_kind": "choice", "choice": " price "},
        {**about, "event_id": "4", "question": "why", "question_kind": "choice", "choice": "Size; my cat Anna did it"},
        {**about, "event_id": "5", "question": "pmf", "question_kind": "pmf", "choice": "Very Disappointed"},
        {**about, "event_id": "6", "question": "else", "question_kind": "choice", "survey": "unknown", "choice": "call me: 020 7946 0958"},
        {**about, "event_id": "7", "survey": "staff", "question": "mood", "question_kind": "csat", "score": 1},
    ]  # fmt: skip
    made = answer_facts(pl.LazyFrame(rows, schema=TABLES["feedback"].schema), product(surveys=surveys)).sort("event_id")
    assert made["event_id"].to_list() == list("123456")
    assert made["comment"].to_list() == ["My name is [name], call [phone]", *[None] * 5]
    assert made["choice"].to_list() == [None, None, "Price", "Size, (other)", "very disappointed", "(other)"]
