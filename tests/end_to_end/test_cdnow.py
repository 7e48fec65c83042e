"""CDNOW's purchases, dates only, through the format `mapping`: value, cohorts and the model of buyers against the literature.

The shared folder holds the data and what is known of it (`truth.json`); the parameters of the 1/10 sample are those of
Fader, Hardie and Lee 2005 and of Fader and Hardie 2013.
"""

import json
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from support import NOBODY_LINKED, NONE_REPEATED, drop, first_seen, product, take_all

from pipeline.core.lake import Lake
from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.domains.retention.tables import return_cells, return_events
from pipeline.domains.value.cohorts import revenue_cells, value_counts
from pipeline.domains.value.customers import customer_fits, customers
from pipeline.domains.value.daily import outcomes
from pipeline.events.activity import activity
from pipeline.events.clean import clean_day
from pipeline.report.pages.value import value_page

DATA = Path(__file__).parents[3] / "shared" / "data" / "cdnow"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data/cdnow")
CUSTOMER = {"CDNOW_master.txt": 0, "CDNOW_sample.txt": 1}
COLUMNS = {
    "kind": {"constant": "order"},
    "occurred_at": {"field": "date", "format": "%Y%m%d"},
    "user_id": "customer",
    "revenue_micros": {"field": "value", "scale": 1_000_000},
}
DAYS = pl.date_range(date(1997, 1, 1), date(1998, 6, 30), eager=True).to_list()


def shop() -> Product:
    return product(
        start_date="1997-01-01",
        time_zone="UTC",
        currency="USD",
        **{name: {} for name in ("properties", "funnels")},
        **{name: [] for name in ("pages", "zones")},
        sources={"cdnow": {"format": "mapping", "event_id": "none", "mapping": {"columns": COLUMNS}}},
        retention={
            "months": {"start": {"kind": "order"}, "returning": {"kind": "order"}, "period": "month", "periods": 18}
        },
        value={"start": "first_purchase", "calendar_days": True, "windows_days": [30, 365], "holdout_weeks": 39},
    )


def taken(home: Path, file: str, chosen: Product) -> pl.DataFrame:
    """The clean events of a file, all days at once."""
    position = CUSTOMER[file]
    lines = (DATA / file).read_text().splitlines()
    rows = [parts for parts in map(str.split, lines) if len(parts) == position + 4 and parts[0].isdigit()]
    text = "customer,date,cds,value\n" + "".join(",".join(parts[position:]) + "\n" for parts in rows)
    drop(home, "cdnow/1998-07-01/purchases.csv", text.encode())
    lake = Lake(home)
    manifests = take_all(lake, chosen)
    assert [(m.records_read, m.accepted, m.rejected) for m in manifests] == [(len(rows), len(rows), {})]
    keys = sorted({part.key for m in manifests for parts in m.days.values() for part in parts})
    return clean_day(lake.scan(TABLES["raw_events"], keys), chosen, NOBODY_LINKED, NONE_REPEATED).events


def by_day(rows: pl.DataFrame, at: str) -> pl.LazyFrame:
    """A daily table of all days at once: dates are those of the times, in UTC."""
    return rows.with_columns(day=pl.col(at).dt.date()).lazy()


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    return json.loads((DATA / "truth.json").read_text())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    return taken(tmp_path_factory.mktemp("cdnow"), "CDNOW_master.txt", shop())


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> pl.LazyFrame:
    events = taken(tmp_path_factory.mktemp("sample"), "CDNOW_sample.txt", shop())
    return by_day(outcomes(events.lazy(), DAYS[0], shop()), "occurred_at")


def test_nothing_is_lost_and_equal_purchases_are_all_kept(whole: pl.DataFrame, truth: dict[str, Any]) -> None:
    assert whole.height == truth["rows"] == 69_659
    assert whole["person_key"].n_unique() == truth["customers"] == 23_570
    made = outcomes(whole.lazy(), DAYS[0], shop())
    assert made["orders"].sum() == truth["rows"]
    assert made["revenue_micros"].sum() == round(truth["revenue"] * 1_000_000)
    days = made.group_by("person_key").len()
    assert (days["len"] == 1).sum() == truth["one_time_buyers"]


def test_monthly_cohorts_and_their_revenue_are_those_of_the_truth(whole: pl.DataFrame, truth: dict[str, Any]) -> None:
    bought = by_day(outcomes(whole.lazy(), DAYS[0], shop()), "occurred_at")
    cells = revenue_cells(bought, DAYS)
    for i, (month, people) in enumerate(truth["cohorts"].items()):
        own = cells.filter(pl.col("cohort_start") == date(1997, i + 1, 1)).sort("offset")
        assert month == f"1997-{i + 1:02}"
        assert own["people_in_cohort"].unique().to_list() == [people]
        reported = truth["monthly_retention"][month][: own.height]
        assert own["people_with_orders"].to_list() == reported
        # The last month of the data is over.
        assert own["mature"].all()
        cumulated = (own["revenue_micros"].cum_sum() / 1_000_000 / people).to_list()
        assert cumulated == pytest.approx(truth["cumulative_revenue_per_customer"][month][: own.height], abs=5e-5)


def test_configured_retention_tells_the_same_months(whole: pl.DataFrame, truth: dict[str, Any]) -> None:
    rows = return_events(whole.lazy(), DAYS[0], shop())
    cells = return_cells(by_day(rows, "occurred_at"), DAYS, shop())
    for i, month in enumerate(truth["cohorts"]):
        own = cells.filter(pl.col("cohort_start") == date(1997, i + 1, 1), "mature").sort("offset")
        assert own["people_returned"].to_list() == truth["monthly_retention"][month][: own.height]


def test_value_of_the_first_days_counts_mature_people_only(whole: pl.DataFrame) -> None:
    bought = by_day(outcomes(whole.lazy(), DAYS[0], shop()), "occurred_at")
    active = by_day(activity(whole.lazy(), DAYS[0]), "first_at")
    result = (
        value_counts(bought, first_seen(active), DAYS, shop()).filter(pl.col("period") == "all").sort("window_days")
    )
    rows = bought.collect()
    first = rows.group_by("person_key").agg(born=pl.col("day").min())
    for row in result.rows(named=True):
        slow = rows.join(first, on="person_key").filter(
            (pl.col("day") - pl.col("born")).dt.total_days() < row["window_days"]
        )
        assert (row["people_in_cohort"], row["people_mature"]) == (23_570, 23_570)
        assert row["revenue_micros"] == slow["revenue_micros"].sum()


def test_the_model_of_buyers_is_that_of_the_literature(sample: pl.LazyFrame) -> None:
    fits = {row["fit"]: row for row in customer_fits(sample, DAYS, shop()).rows(named=True)}
    held = fits["holdout"]
    assert (held["people"], held["to_day"]) == (2_357, date(1997, 9, 30))
    assert [held[name] for name in ("r", "alpha", "a", "b")] == pytest.approx([0.243, 4.414, 0.793, 2.426], rel=0.005)
    assert held["log_likelihood"] == pytest.approx(-9582.4, abs=0.1)
    assert held["people_repeating"] == 946
    assert [held[name] for name in ("p", "q", "v")] == pytest.approx([6.25, 3.74, 15.44], rel=0.005)
    assert (round(held["expected_purchase_days"]), held["actual_purchase_days"]) == (1_653, 1_882)
    assert fits["whole"]["to_day"] == DAYS[-1]


def test_the_page_says_plainly_how_far_the_model_is_off(sample: pl.LazyFrame) -> None:
    chosen = shop()
    fits = customer_fits(sample, DAYS, chosen).with_columns(
        holdout_error=pl.col("expected_purchase_days") / pl.col("actual_purchase_days") - 1
    )
    names = ("customer_value", "revenue_cohorts", "rfm", "behaviour_value")
    marts = {name: pl.DataFrame(schema=TABLES[name].schema) for name in names}
    page = value_page(chosen, {**marts, "customer_model": fits})
    note = next(section.note for section in page.sections if section.title == "What buyers will do")
    assert "it expected 1,653 purchase days in the 39 weeks after, and there were 1,882: 12% too few" in note


def test_expected_values_are_those_of_people_in_order(sample: pl.LazyFrame) -> None:
    people = sample.select("person_key", person_id=pl.lit("user:x")).unique()
    made = customers(sample, people, DAYS, shop())
    assert made.height == 2_357
    # Who bought once long ago is expected to buy less than who buys every month.
    rare = made.filter(pl.col("purchase_days") == 1)["expected_purchase_days"].mean()
    often = made.filter(pl.col("purchase_days") >= 10, pl.col("last_day") > date(1998, 5, 1))
    assert often["expected_purchase_days"].mean() > 20 * rare
    assert made["chance_alive"].is_between(0, 1).all()
    worst = made.filter(pl.col("last_day") == made["last_day"].min())
    assert set(worst["recency_score"]) == {1}
    assert made.filter(pl.col("last_day") == made["last_day"].max())["recency_score"].min() == 5
