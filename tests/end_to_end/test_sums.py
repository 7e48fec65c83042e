"""What adds up, and what doesn't: every dimension that a contract lists in `adds_over` is summed and recounted."""

from pathlib import Path

import polars as pl
import pytest
from support import friction_of_day, zones_of

from pipeline.core.contract import Table
from pipeline.core.keys import mart_key, period_key
from pipeline.core.lake import Lake
from pipeline.core.product_file import load_product
from pipeline.core.registry import MARTS, TABLES
from pipeline.core.states import published_days, scan_days
from pipeline.domains.zones.heatmap import heatmap_cells
from pipeline.domains.zones.told import positions_told_by
from pipeline.ingest.manifests import objects_by_day, read_manifests
from pipeline.publish.measures import measure_of
from pipeline.publish.query import query
from pipeline.publish.versions import FACTS

SHOP = Path(__file__).parents[2] / "examples" / "shop"


@pytest.fixture(scope="module")
def lake(shop_lake: Lake) -> Lake:
    return shop_lake


def days_of(lake: Lake, name: str) -> pl.DataFrame:
    return scan_days(lake, name, published_days(lake, name)).collect()


def listed(table: Table, dimension: str) -> list[str]:
    return [column.name for column in table.columns if dimension in column.adds_over]


def test_daily_sessions_add_over_days_and_devices(lake: Lake) -> None:
    table = TABLES["daily_sessions"]
    people = days_of(lake, "sessions").filter(~pl.col("is_bot"))
    has_view = pl.col("page_views") + pl.col("page_views_implied") > 0
    recounted = people.select(
        pl.col("page_views", "page_views_implied", "clicks", "duration_ms", "orders", "revenue_micros").sum(),
        sessions=pl.col("session_key").n_unique(),
        sessions_bounced=pl.col("session_key").filter("is_bounce").n_unique(),
        sessions_with_goal=pl.col("session_key").filter(pl.col("goal_events") > 0).n_unique(),
        sessions_with_page_view=pl.col("session_key").filter(has_view).n_unique(),
    ).row(0, named=True)
    names = listed(table, "session_day")
    assert names == listed(table, "device_type")
    assert set(names) == set(recounted)
    assert days_of(lake, "daily_sessions").select(pl.col(names).sum()).row(0, named=True) == {
        n: recounted[n] for n in names
    }
    assert recounted["sessions"] > 300


def test_daily_zones_add_over_days_and_devices_but_not_over_nested_zones(lake: Lake) -> None:
    table = TABLES["daily_zones"]
    views = days_of(lake, "page_views").filter(~pl.col("is_bot"), ~pl.col("implied"))
    clicks = days_of(lake, "session_events").filter(pl.col("kind") == "click").select("page_view_key", "element_chain")
    home = views.filter(pl.col("page") == "home")
    on_home = clicks.join(home, on="page_view_key")
    in_hero = on_home.filter(pl.col("element_chain").str.contains('class="hero"', literal=True))
    on_button = in_hero.filter(pl.col("element_chain").str.contains('class="cta"', literal=True))
    recounted = {
        "page_views": home["page_view_key"].n_unique(),
        "page_views_clicked": in_hero["page_view_key"].n_unique(),
        "sessions": home["session_key"].n_unique(),
        "sessions_clicked": in_hero["session_key"].n_unique(),
        "clicks": in_hero.height,
        "own_clicks": in_hero.height - on_button.height,
        "page_clicks": on_home.height,
    }
    zones = days_of(lake, "daily_zones")
    hero = zones.filter(pl.col("zone") == "hero", pl.col("segment") == "", pl.col("variant") == "")
    assert hero.select(pl.col(list(recounted)).sum()).row(0, named=True) == recounted
    assert listed(table, "zone") == ["own_clicks"]
    everybody = (pl.col("segment") == "") & (pl.col("variant") == "")
    both = zones.filter(pl.col("zone").is_in(["hero", "hero_button"]), everybody)
    assert both["own_clicks"].sum() == in_hero.height
    assert both["clicks"].sum() == in_hero.height + on_button.height, "clicks on a zone inside count in both"


def test_days_of_zones_and_friction_add_up_to_the_same_as_all_days_at_once(lake: Lake) -> None:
    product = load_product(SHOP / "product.yaml")
    read = [days_of(lake, name).lazy() for name in ("session_events", "page_views", "friction_incidents")]
    last = published_days(lake, "daily_zones")[-1]
    at_once = {
        "daily_zones": zones_of(*read, last, product),
        "daily_friction": friction_of_day(read[2], read[0], read[1], last, product),
        "heatmap_cells": heatmap_cells(read[0], read[1], last, product, positions_told_by(read[0], read[1])),
    }
    for name, whole in at_once.items():
        table, daily = TABLES[name], days_of(lake, name)
        key = [column for column in table.key if column not in ("session_day", "device_type", "width_class")]
        # Zones with one version: all days at once are seen under that of the last.
        one_version = pl.col("zone") != "buy" if "zone" in table.schema else pl.lit(value=True)
        over = "device_type" if "device_type" in table.schema else "session_day"
        numbers = [n for n in listed(table, "session_day") if n in listed(table, over)]
        summed = [f.filter(one_version).group_by(key).agg(pl.col(numbers).sum()).sort(key) for f in (whole, daily)]
        assert summed[0].equals(summed[1]), name
        assert summed[0][numbers[0]].sum() > 0


def test_people_of_zones_do_not_add_over_days(lake: Lake) -> None:
    counted = lake.scan(TABLES["zone_people_counts"], [period_key("zone_people_counts")]).collect()
    hero = counted.filter(pl.col("zone") == "hero", pl.col("device_type") == "")
    by_day = hero.filter(pl.col("period") == "day")["people_clicked"].sum()
    events = days_of(lake, "session_events").filter(
        ~pl.col("is_bot"), pl.col("page") == "home", pl.col("kind") == "click"
    )
    chain = pl.col("element_chain").str.contains('class="hero"', literal=True)
    whole = hero.filter(pl.col("period") == "all")["people_clicked"].item()
    assert whole == events.filter(chain, ~pl.col("implied"))["person_key"].n_unique()
    assert by_day > whole > 0


def test_quality_counts_add_over_days_and_sources_and_balances(lake: Lake) -> None:
    table = TABLES["quality_counts"]
    quality = days_of(lake, "quality_counts")
    events = days_of(lake, "events")
    totals = quality.select(pl.col(listed(table, "day")).sum()).row(0, named=True)
    assert listed(table, "day") == listed(table, "source")
    accepted = sum(rows for parts in objects_by_day(read_manifests(lake).values()).values() for rows in parts.values())
    assert totals["events_accepted"] == accepted
    assert totals["events"] == events.height
    assert totals["events_accepted"] == (
        totals["events"]
        + totals["events_duplicate"]
        + totals["events_duplicate_of_earlier_days"]
        + totals["clicks_merged"]
    )
    assert totals["events_duplicate"] > 0
    assert totals["events"] - totals["events_without_bots"] == events["is_bot"].sum() > 0
    assert totals["events_without_person"] == events["person_key"].null_count() > 0
    people = events.filter(~pl.col("is_bot"))
    assert totals["orders_by_order_day_without_bots"] == people.filter(pl.col("kind") == "order").height
    assert (
        totals["revenue_micros_by_order_day_without_bots"]
        == people.filter(pl.col("kind").is_in(["order", "refund"]))["revenue_micros"].sum()
    )


def test_people_do_not_add_over_days_and_new_people_do(lake: Lake) -> None:
    daily = lake.scan(TABLES["people_daily"], [period_key("people_daily")]).collect()
    everyone = days_of(lake, "activity")["person_key"].n_unique()
    assert daily["people_new"].sum() == everyone
    assert daily["people_active"].sum() > everyone
    assert daily["people_active_28d"].max() <= everyone
    # Experiment people add by the day of their first exposure (docs/definitions/rules.md, "What adds up").
    once_ever = {"people_new", "people_exposed"}
    for table in TABLES.values():
        assert all(c.name in once_ever for c in table.columns if c.name.startswith("people_") and c.adds_over)


def test_kpis_are_those_of_the_daily_tables(lake: Lake) -> None:
    kpis = pl.read_parquet(lake.path(mart_key("daily_kpis")))
    assert kpis.height == 28
    assert kpis["sessions"].sum() == days_of(lake, "daily_sessions")["sessions"].sum()
    assert kpis["people_active"].to_list() == [
        days_of(lake, "activity").filter(pl.col("day") == day).height for day in kpis["day"]
    ]
    rates = kpis.filter(pl.col("sessions_with_page_view") > 0)
    assert (
        rates.select((pl.col("bounce_rate") * pl.col("sessions_with_page_view")).round() == pl.col("sessions_bounced"))
        .to_series()
        .all()
    )


def test_activity_recounted_from_events(lake: Lake) -> None:
    events = days_of(lake, "events").filter(~pl.col("is_bot"), pl.col("person_key").is_not_null())
    local = pl.col("occurred_at").dt.convert_time_zone("Europe/Berlin").dt.date()
    recounted = events.select(local.alias("day"), "person_key").unique()
    assert recounted.height == days_of(lake, "activity").height
    assert set(recounted.rows()) == set(days_of(lake, "activity").select("day", "person_key").rows())


def test_a_ratio_of_sums_is_the_quotient_of_the_columns_that_it_names(lake: Lake) -> None:
    """Row by row: so the quotient of their sums is that of the rows together."""
    looked = 0
    for mart in MARTS:
        ratios = [(c.name, m) for c in mart.columns if (m := measure_of(mart, c)).kind == "ratio of sums"]
        rows = pl.read_parquet(lake.path(mart_key(mart.name))) if ratios else mart.schema.to_frame()
        for name, measure in ratios:
            known = rows.filter(pl.col(measure.denominator) > 0, pl.col(name).is_not_null())
            looked += known.height
            assert known.select(((pl.col(name) - pl.col(measure.numerator) / pl.col(measure.denominator)).abs() < 1e-9).all()).item(), (mart.name, name)  # fmt: skip
    assert looked > 100


# Sums over these add in the shop, though nobody promises it: pages of page views (a zone or a cell is of one page anyway), its only
# rule set, keys of single rows, and elements: nobody there has friction with two.
NOT_PROMISED = {("page view", "page"), ("page view", "session_key"), ("session", "person_key")}
TOO_FEW = {"rule_set", "element", "detail", "zone"}
# Rows of all devices and pages stand beside those of each.
WITH_TOTALS = {"web_vitals"}


def values_of_one(lake: Lake) -> dict[str, dict[str, int]]:
    """For a session and a page view: of each dimension, how many values one of them has at most, by the facts."""
    found: dict[str, dict[str, int]] = {"session": {}, "page view": {}}
    for unit, key in (("session", "session_key"), ("page view", "page_view_key")):
        for fact in ("fact_sessions", "fact_page_views", "friction_events"):
            rows = query(lake, f"from {fact}").rows
            for name in set(rows.columns) - {key} if key in rows.columns else ():
                counted = rows.filter(pl.col(key).is_not_null()).group_by(key).agg(pl.col(name).n_unique())[name].max()
                found[unit][name] = max(found[unit].get(name, 0), int(counted))  # pyright: ignore[reportArgumentType]
    return found


def test_a_sum_over_a_dimension_is_promised_where_nothing_is_counted_twice(shop_lake: Lake) -> None:
    """From the dictionary of all marts: a session has one device and is summed over devices; it has many pages and isn't over pages."""
    found, promised, refused = values_of_one(shop_lake), 0, 0
    for mart in (*MARTS, *FACTS):
        for column in mart.columns:
            for dimension in set(mart.key) & found.get(column.unit, {}).keys():
                counted_once = found[column.unit][dimension] == 1
                if dimension in column.adds_over:
                    assert counted_once, (
                        f"{mart.name}.{column.name} counts a {column.unit} in several rows of {dimension}"
                    )
                    promised += 1
                elif (
                    mart.name not in WITH_TOTALS
                    and dimension not in TOO_FEW
                    and (column.unit, dimension) not in NOT_PROMISED
                ):
                    assert not counted_once, f"{mart.name}.{column.name} could be summed over {dimension}"
                    refused += 1
    assert promised > 100
    assert refused > 5
