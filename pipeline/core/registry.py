"""Every table once: what the contracts of all domains hold, found and not listed."""

from types import ModuleType

from pipeline.core import canonical
from pipeline.core.contract import Table
from pipeline.core.discovery import modules


def _tables(module: ModuleType) -> dict[str, Table]:
    return {value.name: value for value in vars(module).values() if isinstance(value, Table)}


_CONTRACTS: dict[str, dict[str, Table]] = {room: _tables(module) for room, module in modules("contract")}
# The domain of each table; what comes in is of none.
DOMAIN_OF: dict[str, str] = {
    canonical.EVENTS.name: "events",
    **{name: room for room, tables in _CONTRACTS.items() for name in tables},
}
TABLES: dict[str, Table] = {
    **_tables(canonical),
    **{name: table for tables in _CONTRACTS.values() for name, table in tables.items()},
}
MARTS: tuple[Table, ...] = tuple(table for table in TABLES.values() if table.layer == "mart")
