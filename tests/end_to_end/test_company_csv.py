"""A made-up company's order and visit CSV through `mapping` alone, with the faults of real collection on known days.

Each fault is named by a check of Dagster's on the day on which it happened, while the good rows flow on.
"""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import polars as pl
import pytest
from support import drop

from assets.resources import Home
from assets.running import Runner
from pipeline.core.registry import TABLES
from pipeline.core.states import published_days, scan_days
from pipeline.ingest.manifests import read_manifests

pytestmark = pytest.mark.slow
PRODUCT = """
name: Company
time_zone: Europe/Berlin
start_date: 2026-02-01
currency: EUR
properties: {shop: string}
sources:
  erp:
    format: mapping
    event_id: [nr, typ]
    mapping:
      where: [{field: test, is_not: ["1"]}]
      columns:
        occurred_at: {field: [zeit, zeitpunkt], format: "%d.%m.%Y %H:%M:%S", zone: Europe/Berlin}
        kind: {field: typ, values: {BESTELLUNG: order, BESUCH: page_view, KLICK: click}, otherwise: custom}
        name: typ
        user_id: kunde
        anonymous_id: geraet
        url: seite
        order_id: bestellnr
        revenue_micros: {field: betrag, decimal: ",", scale: 1000000}
        currency: {constant: EUR}
        properties.shop: {constant: Berlin}
pages:
  - {name: home, urls: ["/"]}
goals: {buy: {kind: order}}
"""
DAYS = [date(2026, 2, 2) + timedelta(days=i) for i in range(14)]
RENAMED, VANISHED, NO_IDS, COLLIDING, FREE, TEXT = DAYS[6], DAYS[7], DAYS[8], DAYS[9], DAYS[10], DAYS[11]


def rows(day: date) -> Iterator[dict[str, str]]:
    chance = random.Random(day.toordinal())
    for i in range(150):
        at = datetime(day.year, day.month, day.day, 8, tzinfo=UTC) + timedelta(seconds=200 * i)
        kind = ("BESUCH", "BESUCH", "KLICK", "BESTELLUNG", "INTERN")[i % 5]
        person = chance.randrange(40)
        yield {
            "nr": f"{day:%d%m}{i}",
            "zeit": at.astimezone().strftime("%d.%m.%Y %H:%M:%S"),
            "typ": kind,
            "kunde": f"k{person}",
            "geraet": f"g{person}",
            "seite": "https://firma.example/",
            "bestellnr": f"B{day:%d%m}{i}" if kind == "BESTELLUNG" else "",
            "betrag": f"1.{chance.randrange(100, 999)},50" if kind == "BESTELLUNG" else "",
            "kanal": chance.choice(["web", "app"]),
            "test": "1" if i == 77 else "0",
        }


def written(day: date) -> bytes:
    result = list(rows(day))
    for i, row in enumerate(result):
        if day >= RENAMED:
            row["zeitpunkt"] = row.pop("zeit")
        if day == VANISHED:
            del row["kanal"]
        if day == NO_IDS:
            row["kunde"] = row["geraet"] = ""
        if day == COLLIDING and row["bestellnr"]:
            row["bestellnr"] = f"B{i % 2}"
        if day == FREE and row["betrag"]:
            row["betrag"] = "0,00"
        if day == TEXT and i == 5:
            row["zeitpunkt"] = "gestern"
    header = list(result[0])
    lines = [";".join(header), *(";".join(row[name] for name in header) for row in result)]
    return "\n".join(lines).encode()


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, dg.DagsterInstance]]:
    folder = tmp_path_factory.mktemp("company")
    (folder / "product.yaml").write_text(PRODUCT)
    with dg.DagsterInstance.ephemeral() as instance:
        runner = Runner(Home(folder), instance)
        for day in DAYS:
            drop(folder, f"erp/{day}/export.csv", written(day))
        runner.run()
        assert not runner.failures
        yield runner.home, instance


def named_by(instance: dg.DagsterInstance, asset: str, check: str) -> str:
    """What the check's newest evaluation says."""
    key = dg.AssetCheckKey(dg.AssetKey(asset), check)
    record = instance.event_log_storage.get_latest_asset_check_execution_by_key([key])[key]
    assert record.event is not None
    evaluation = record.event.get_dagster_event().event_specific_data
    assert not evaluation.passed, "the check sees the fault"
    assert evaluation.severity == dg.AssetCheckSeverity.WARN
    return "\n".join(f"{name}: {value.value}" for name, value in sorted(evaluation.metadata.items()))


def test_every_good_row_is_there(ran: tuple[Home, dg.DagsterInstance]) -> None:
    lake = ran[0].lake
    manifests = list(read_manifests(lake).values())
    assert sum(m.records_read for m in manifests) == 14 * 150
    assert all(m.balances for m in manifests)
    assert sum(m.filtered.get("where", 0) for m in manifests) == 14
    assert [m.rejected for m in manifests if m.rejected] == [{"unreadable_time": 1}]
    events = scan_days(lake, "events", published_days(lake, "events")).collect()
    assert events.height == 14 * 149 - 1
    assert published_days(lake, "events") == DAYS
    assert set(events["prop_shop"]) == {"Berlin"}
    kpis = pl.read_parquet(lake.path("marts/daily_kpis.parquet"))
    assert kpis["orders_by_order_day"].to_list() == [30] * 14
    assert kpis.filter(pl.col("day") == FREE)["revenue_by_order_day"].item() == 0
    first = sum(float(row["betrag"].replace(".", "").replace(",", ".")) for row in rows(DAYS[0]) if row["betrag"])
    assert kpis["revenue_by_order_day"][0] * 1_000_000 == round(first * 1_000_000)


def test_a_renamed_column_is_read_on_and_named(ran: tuple[Home, dg.DagsterInstance]) -> None:
    assert f"erp on {RENAMED}: `zeit` may be called `zeitpunkt` now" in named_by(
        ran[1], "raw_events", "raw_events_field_renamed"
    )
    vanished = named_by(ran[1], "raw_events", "raw_events_field_vanished")
    assert f"erp on {RENAMED}: `zeit` is in none of 150 records, before in 100%" in vanished
    assert f"erp on {RENAMED}: `zeitpunkt` is new, in 150 of 150 records" in named_by(
        ran[1], "raw_events", "raw_events_field_appeared"
    )


def test_a_vanished_column_is_named_on_its_day_alone(ran: tuple[Home, dg.DagsterInstance]) -> None:
    result = named_by(ran[1], "raw_events", "raw_events_field_vanished")
    assert f"erp on {VANISHED}: `kanal` is in none of 150 records" in result
    assert result.count("`kanal`") == 1


def test_empty_ids_are_named_as_null_share_and_as_events_without_a_person(ran: tuple[Home, dg.DagsterInstance]) -> None:
    vanished = named_by(ran[1], "raw_events", "raw_events_field_vanished")
    assert f"erp on {NO_IDS}: `kunde` is in none of 150 records, before in 100%" in vanished
    watched = named_by(ran[1], "events", "events_gate")
    assert f"{NO_IDS}: events: 100.0% of events are without any id (without_person_share)" in watched
    assert watched.count("without_person_share") == 1


def test_colliding_order_numbers_and_orders_of_nothing_are_named(ran: tuple[Home, dg.DagsterInstance]) -> None:
    watched = named_by(ran[1], "events", "events_gate").splitlines()
    assert [line[:10] for line in watched if "28 orders that bear the order id of another" in line] == [str(COLLIDING)]
    assert [line[:10] for line in watched if "100.0% of orders are without revenue" in line] == [str(FREE)]


def test_a_value_that_does_not_fit_rejects_its_row_without_telling_the_value(
    ran: tuple[Home, dg.DagsterInstance],
) -> None:
    lake = ran[0].lake
    (key,) = [m.rejected_key for m in read_manifests(lake).values() if m.rejected_key]
    (row,) = lake.scan(TABLES["rejected"], [key]).collect().iter_rows(named=True)
    assert (row["rule"], row["record_number"]) == ("unreadable_time", 6)
    assert row["reason"].startswith("`zeitpunkt` holds no time that can be read: aaaaaaa;")
    assert "gestern" not in row["reason"]
    assert "gestern" in row["raw_text"]
