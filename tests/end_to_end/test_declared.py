"""What a table is computed from is what it declares: hashes, edges and provenances follow from the declaration."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import ClassVar

import polars as pl
import pytest
from sections import SHOP, every_section

from pipeline.build.context import BuildContext
from pipeline.build.tables import DAY_TABLE, DAY_TABLES, PERIOD_TABLE, PERIOD_TABLES
from pipeline.core.lake import Lake
from pipeline.core.product import DECLARABLE, Product
from pipeline.core.product_declared import UndeclaredError
from pipeline.core.product_file import load_product
from pipeline.core.state import IDENTITY, REPEATS
from pipeline.declare import DayTable, PeriodSources, PeriodTable, Sources
from pipeline.domains.opportunities.section import Opportunities
from pipeline.events.identity import Identities

DAY = date(2026, 10, 15)


class Watched(Sources):
    """What a day may read; tells what was."""

    asked: ClassVar[set[tuple[str, int]]] = set()

    def scan(self, table: str, offsets: Iterable[int] = (0,)) -> pl.LazyFrame:
        wanted = tuple(offsets)
        self.asked.update((table, offset) for offset in wanted)
        return super().scan(table, wanted)

    @property
    def repeated(self) -> pl.DataFrame:
        self.asked.add((REPEATS, 0))
        return super().repeated

    @property
    def identities(self) -> Identities:
        self.asked.add((IDENTITY, 0))
        return super().identities


class WholePeriod(PeriodSources):
    """Gives all days to whoever asks for some: filters must do without."""

    def scan(self, table: str, first: date = date.min, last: date = date.max) -> pl.LazyFrame:
        del first, last
        return super().scan(table)


@dataclass(frozen=True)
class House:
    lake: Lake
    product: Product
    context: BuildContext

    def day(self, table: DayTable, product: Product | None = None) -> Watched:
        here = self.context
        return Watched(self.lake, product or self.product, here.snapshot, here.manifests, here.resolutions, DAY, table)

    def period(self, table: PeriodTable, kind: type[PeriodSources] = PeriodSources) -> PeriodSources:
        days = self.context.snapshot.data_days(table.reads)
        return kind(self.lake, self.product, self.context, days, table)


@pytest.fixture(scope="module")
def house(shop_lake: Lake) -> House:
    product = load_product(SHOP)
    return House(shop_lake, Product.model_validate(every_section()), BuildContext(shop_lake, product))


# With every section set: what is read only where something is configured is read here, too.


@pytest.mark.parametrize("table", DAY_TABLES, ids=lambda table: table.contract.name)
def test_a_day_reads_what_its_table_declares_and_all_of_it(house: House, table: DayTable) -> None:
    Watched.asked.clear()
    assert list(table.built(table.prepared(house.day(table))))
    assert Watched.asked == {(reads.table, offset) for reads in table.reads for offset in reads.offsets}


@pytest.mark.parametrize("table", PERIOD_TABLES, ids=lambda table: table.contract.name)
def test_a_period_table_reads_what_it_declares(house: House, table: PeriodTable) -> None:
    table.compute(house.period(table))


def test_what_is_not_declared_cannot_be_read(house: House) -> None:
    page_views, people = DAY_TABLE["page_views"], PERIOD_TABLE["people"]
    day, period = house.day(page_views), house.period(people)
    assert day.product.sources
    asked: list[Callable[[], object]] = [
        lambda: day.product.funnels,
        lambda: day.product.team_surveys,
        lambda: day.product.section_hash("zones"),
        lambda: day.scan("events"),
        lambda: day.scan("session_events", (-1, 0)),
        lambda: day.repeated,
        lambda: day.identities,
        lambda: period.scan("sessions"),
        lambda: period.product.goals,
        lambda: period.manifests,
        lambda: period.held_back,
        lambda: period.facts,
    ]
    for ask in asked:
        with pytest.raises(UndeclaredError, match="declare"):
            ask()


# Of these rows are left, and nobody asked for them: orders without a goal, answers without a survey, exposures to what is no
# experiment, recordings of a source that is gone, and who saw pages that have no zones. Pages of heatmaps, speed, errors and forms come with events.
ASKED_FOR = {
    "outcomes", "behaviour_values", "feedback", "exposures", "experiment_checks", "recordings", "recorded_moments",
    "watch_list", "zone_people", "heatmap_cells", "fact_survey_answers", "daily_vitals", "session_errors", "page_sessions", "daily_forms",
    "daily_form_fields",
}  # fmt: skip


# Conditions on people are asked in three sections.
_SECTIONS = {"conditions": ("funnels", "retention", "journeys")}


@pytest.mark.parametrize(
    "table",
    [table for table in (*DAY_TABLES, *PERIOD_TABLES) if table.needs and table.contract.name not in ASKED_FOR],
    ids=lambda table: table.contract.name,
)
def test_a_table_that_is_not_configured_would_be_empty(house: House, table: DayTable | PeriodTable) -> None:
    sections = [name for need in table.needs for name in _SECTIONS.get(need, (need,))]
    empty = {name: type(getattr(house.product, name))() for name in sections}
    without = house.product.model_copy(update={**empty, "opportunities": Opportunities()})
    if isinstance(table, DayTable):
        assert all(built.frame.is_empty() for built in table.built(table.prepared(house.day(table, without))))
    else:
        assert table.compute(replace(house.period(table), whole=without)).is_empty()


def test_every_section_is_set(house: House) -> None:
    """A new section of the product file must be set here, or what reads it isn't seen."""
    plain = {"name", "dedup_days", *DECLARABLE["time"]}
    unset = set(Product.model_fields) - plain - house.product.model_fields_set
    assert unset == set(), "set these sections in `_MORE` of tests/sections.py"


@pytest.mark.parametrize("name", ["funnel_results", "opportunity_results"])
def test_a_week_reads_the_files_of_its_days_and_says_the_same(house: House, name: str) -> None:
    table = PERIOD_TABLE[name]
    made = table.compute(house.period(table))
    assert made.height > 10
    assert made.equals(table.compute(house.period(table, WholePeriod)))
