"""All tables of all domains, found and not listed, each after those that it reads; period tables after all days."""

from graphlib import TopologicalSorter

from pipeline.core.registry import modules
from pipeline.core.state import IDENTITY, RAW, REPEATS, RESOLUTIONS
from pipeline.declare import DayTable, Domain, PeriodTable

DOMAINS: dict[str, Domain] = {name: module.DOMAIN for name, module in modules("domain")}


def _in_order(tables: dict[str, DayTable]) -> dict[str, DayTable]:
    read = {
        name: {each for reads in table.reads for each in RESOLUTIONS.get(reads.table, (reads.table,)) if each in tables}
        for name, table in tables.items()
    }
    return {name: tables[name] for name in TopologicalSorter(read).static_order()}


def _periods_in_order(tables: dict[str, PeriodTable]) -> dict[str, PeriodTable]:
    order = TopologicalSorter({name: table.periods for name, table in tables.items()})
    return {name: tables[name] for name in order.static_order()}


DAY_TABLE: dict[str, DayTable] = _in_order(
    {table.contract.name: table for domain in DOMAINS.values() for table in domain.day_tables}
)
DAY_TABLES: tuple[DayTable, ...] = tuple(DAY_TABLE.values())
PERIOD_TABLE: dict[str, PeriodTable] = _periods_in_order(
    {table.contract.name: table for domain in DOMAINS.values() for table in domain.period_tables}
)
PERIOD_TABLES: tuple[PeriodTable, ...] = tuple(PERIOD_TABLE.values())


def own_day_tables() -> set[str]:
    """Day tables that follow from their own day alone; of the others a changed day touches its neighbours too."""
    own: set[str] = {RAW, IDENTITY, REPEATS}
    for table in DAY_TABLES:
        if all(reads.table in own and set(reads.offsets) == {0} for reads in table.reads):
            own.add(table.contract.name)
    return own & set(DAY_TABLE)
