"""Which tables a home has: what its product file doesn't configure doesn't exist.

A table names the sections of which one must be filled; a period table needs its daily table besides, a mart all that its
SQL reads. Without its section it would be empty, or hold what nobody asked for (decision 0029). What must not be here: which
sections a table needs (`domain.py` of each domain).
"""

from collections.abc import Mapping

from pipeline.build.home_models import Models
from pipeline.build.sql_models import mart_sources
from pipeline.build.tables import DAY_TABLE, DAY_TABLES, PERIOD_TABLE, PERIOD_TABLES
from pipeline.core.contract import Table
from pipeline.core.product import Product
from pipeline.core.registry import MARTS, TABLES
from pipeline.declare import DayTable, PeriodTable


def day_tables(product: Product) -> tuple[DayTable, ...]:
    """The daily tables of the home, in upstream order."""
    return tuple(table for table in DAY_TABLES if _is_filled(table.needs, product))


def period_tables(product: Product) -> tuple[PeriodTable, ...]:
    """The period tables of the home."""
    return tuple(
        table for table in PERIOD_TABLES if all(_is_filled(each, product) for each in needs_of(table.contract.name))
    )


def marts(product: Product, models: Models | None = None) -> tuple[Table, ...]:
    """The marts of the home; those of ours only where `models` doesn't tell of the team's."""
    known = MARTS if models is None else models.contracts.values()
    return tuple(mart for mart in known if all(_is_filled(each, product) for each in needs_of(mart.name, models)))


def table_names(product: Product, models: Models | None = None) -> frozenset[str]:
    """Names of all tables of the home that are computed, marts among them."""
    computed = (*day_tables(product), *period_tables(product))
    return frozenset((*(table.contract.name for table in computed), *(mart.name for mart in marts(product, models))))


def needs_of(name: str, models: Models | None = None) -> tuple[tuple[str, ...], ...]:
    """Of each of these one section must be filled, or there is no table `name`."""
    result: dict[tuple[str, ...], None] = {}
    if name in DAY_TABLE:
        result[DAY_TABLE[name].needs] = None
    elif name in PERIOD_TABLE:
        period = PERIOD_TABLE[name]
        result |= dict.fromkeys((*needs_of(period.reads), period.needs))
    elif (models is not None and name in models.models) or (name in TABLES and TABLES[name].layer == "mart"):
        sources = mart_sources(name) if models is None else models.sources(name)
        result |= dict.fromkeys(each for source in sorted(sources) for each in needs_of(source))
    return tuple(each for each in result if each)


def unconfigured(product: Product, models: Models) -> Mapping[str, list[str]]:
    """Marts that the home doesn't have, by what to add to the product file for them."""
    result: dict[str, list[str]] = {}
    there = {mart.name for mart in marts(product, models)}
    for mart in models.contracts.values():
        if mart.name not in there:
            lacking = [" or ".join(each) for each in needs_of(mart.name, models) if not _is_filled(each, product)]
            result.setdefault(" and ".join(lacking), []).append(mart.name)
    return result


def _is_filled(sections: tuple[str, ...], product: Product) -> bool:
    return not sections or not product.filled.isdisjoint(sections)
