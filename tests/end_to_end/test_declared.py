"""What a table is computed from is what it declares: hashes, edges and passports follow from the declaration."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from generate import write
from ruamel.yaml import YAML
from support import compute_all, take_all

from pipeline.build import Standing
from pipeline.lake import Lake
from pipeline.period_tables import PERIOD_TABLE, PERIOD_TABLES, PeriodSources, PeriodTable
from pipeline.product import Product
from pipeline.product_file import load_product
from pipeline.product_parts import PART_KEYS, ProductPart
from pipeline.state import IDENTITY, REPEATS
from pipeline.tables import DAY_TABLES, DayTable, Sources

SHOP = Path(__file__).parents[2] / "examples" / "shop" / "product.yaml"
DAY = date(2026, 10, 15)
# Sections that the shop leaves out; what is asked for only where something is set must be asked for here.
SECTIONS: dict[str, Any] = {
    "exposure": {"least_ms": 200},
    "friction": {"rule_sets": {"default": {}, "posthog": {}}},
    "elements": {"dynamic": ["panel"]},
    "exchange_rates": {"USD": 0.9},
    "channels": {"partners": {"sources": ["partner"]}},
    "own_hosts": ["shop.example"],
    "unwanted_referrers": ["pay.example"],
    "voice": {"language": "en"},
    "value": {"horizon_days": 90},
    "sessions": {"pause_minutes": 20},
    "identity": {"placeholders": ["nobody"]},
    "bots": {"acts_per_minute": 90},
    "privacy": {"drop_properties": ["note"]},
}
# Keys that Product makes of a section, and the section.
MADE_OF = {
    "widths": "pages",
    "stages": "pages",
    "rule_sets": "friction",
    "team_surveys": "surveys",
    "placeholders": "identity",
    "channel_order": "channels",
    "decides": "experiments",
    "question_order": "surveys",
}


def sections_of(parts: Iterable[ProductPart]) -> set[str]:
    return {MADE_OF.get(key, key) for part in parts for key in PART_KEYS[part]}


@dataclass
class Touched:
    """What was asked for while a table was computed: sections of the product file, and tables with day offsets."""

    is_on: bool = False
    sections: set[str] = field(default_factory=set[str])
    tables: set[tuple[str, int]] = field(default_factory=set[tuple[str, int]])

    @contextmanager
    def recording(self, is_on: bool) -> Generator[None]:
        before, self.is_on = self.is_on, is_on
        yield
        self.is_on = before


NOW = Touched()


class WatchedProduct(Product):
    """The product file; tells which of its sections are asked for."""

    def __getattribute__(self, name: str) -> Any:
        if NOW.is_on and name in Product.model_fields:
            NOW.sections.add(name)
        return super().__getattribute__(name)

    def part_hash(self, *parts: ProductPart) -> str:
        NOW.sections.update(sections_of(parts))
        with NOW.recording(False):
            return super().part_hash(*parts)


class WatchedSources(Sources):
    """What a day may read; tells what was."""

    def scan(self, table: str, offsets: Iterable[int] = (0,)) -> pl.LazyFrame:
        wanted = tuple(offsets)
        NOW.tables.update((table, offset) for offset in wanted)
        # Promoted columns are of the table that is read, whose bytes change with them.
        with NOW.recording(False):
            return super().scan(table, wanted)

    @property
    def repeated(self) -> pl.DataFrame:
        NOW.tables.add((REPEATS, 0))
        return super().repeated


class WatchedPeriod(PeriodSources):
    """What a period table may read; tells what was."""

    def scan(self, table: str, first: date = date.min, last: date = date.max) -> pl.LazyFrame:
        NOW.tables.add((table, 0))
        return super().scan(table, first, last)


class WholePeriod(PeriodSources):
    """Gives all days to whoever asks for some: filters must do without."""

    def scan(self, table: str, first: date = date.min, last: date = date.max) -> pl.LazyFrame:
        del first, last
        return super().scan(table)


@dataclass(frozen=True)
class House:
    lake: Lake
    sections: dict[str, Any]
    standing: Standing

    def product(self) -> WatchedProduct:
        """Anew for each table: what one has worked out, the next must ask for itself."""
        return WatchedProduct.model_validate(self.sections)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    lake = Lake(tmp_path_factory.mktemp("declared"))
    write(lake.path("landing"), people=120)
    product = load_product(SHOP)
    take_all(lake, product)
    compute_all(lake, product, only=["kpis"])
    sections = {**YAML(typ="safe").load(SHOP.read_text()), **SECTIONS}
    return House(lake, sections, Standing(lake, product))


TIME = set(PART_KEYS["time"])


@pytest.mark.parametrize("table", DAY_TABLES, ids=lambda table: table.contract.name)
def test_a_day_reads_what_its_table_declares(house: House, table: DayTable) -> None:
    standing, product = house.standing, house.product()
    NOW.sections, NOW.tables = set(), set()
    with NOW.recording(True):
        table.compute(
            WatchedSources(house.lake, product, standing.snapshot, standing.manifests, standing.verdicts, DAY)
        )
    assert NOW.sections - TIME <= sections_of(table.product_parts)
    declared = {(reads.table, offset) for reads in table.reads for offset in reads.offsets}
    assert declared - {(IDENTITY, 0)} == NOW.tables


@pytest.mark.parametrize("table", PERIOD_TABLES, ids=lambda table: table.contract.name)
def test_a_period_table_reads_what_it_declares(house: House, table: PeriodTable) -> None:
    product, days = house.product(), house.standing.snapshot.data_days(table.reads)
    NOW.sections, NOW.tables = set(), set()
    with NOW.recording(True):
        table.compute(WatchedPeriod(house.lake, product, house.standing, days, table.reads))
    assert NOW.sections - TIME <= sections_of(table.product_parts)
    assert {name for name, _ in NOW.tables} <= {table.reads, *table.beside}


# Orders without a goal, answers without a survey and exposures without an experiment are events all the same: nobody asked.
ASKED_FOR = {"outcomes", "feedback", "exposures", "behaviour_values", "recordings", "recorded_moments", "watch_list"}


@pytest.mark.parametrize(
    "table",
    [table for table in (*DAY_TABLES, *PERIOD_TABLES) if table.needs and table.contract.name not in ASKED_FOR],
    ids=lambda table: table.contract.name,
)
def test_a_table_that_is_not_configured_would_be_empty(house: House, table: DayTable | PeriodTable) -> None:
    whole = load_product(SHOP)
    product = whole.model_copy(update={name: type(getattr(whole, name))() for name in table.needs})
    standing = house.standing
    if isinstance(table, DayTable):
        sources = Sources(house.lake, product, standing.snapshot, standing.manifests, standing.verdicts, DAY)
        assert table.compute(sources).frame.is_empty()
    else:
        days = standing.snapshot.data_days(table.reads)
        assert table.compute(PeriodSources(house.lake, product, standing, days, table.reads)).is_empty()


def test_every_section_is_set(house: House) -> None:
    """A new section of the product file must be set here, or what reads it isn't seen."""
    plain = {"name", "dedup_days", *TIME}
    assert set(Product.model_fields) - plain <= house.sections.keys()


@pytest.mark.parametrize("name", ["funnel_results", "opportunity_results"])
def test_a_week_reads_the_files_of_its_days_and_says_the_same(house: House, name: str) -> None:
    table = PERIOD_TABLE[name]
    days = house.standing.snapshot.data_days(table.reads)
    inputs = PeriodSources(house.lake, house.product(), house.standing, days, table.reads)
    whole = WholePeriod(house.lake, house.product(), house.standing, days, table.reads)
    made = table.compute(inputs)
    assert made.height > 10
    assert made.equals(table.compute(whole))
