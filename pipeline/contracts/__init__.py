"""Every table once: columns, types, units, keys, grain, what adds over what, and the rules for its rows."""

from pipeline.contracts.base import Column, RowRule, Table
from pipeline.contracts.canonical import EVENTS, RAW_EVENTS, REJECTED
from pipeline.contracts.marts import DAILY_KPIS, FUNNEL_STEPS, RETENTION, ZONE_METRICS
from pipeline.contracts.sessions import PAGE_VIEWS, SESSION_EVENTS, SESSIONS
from pipeline.contracts.tables import (
    ACTIVITY,
    DAILY_QUALITY,
    DAILY_SESSIONS,
    DAILY_ZONES,
    FUNNEL_RESULTS,
    PEOPLE_DAILY,
    RETENTION_CELLS,
    STEP_EVENTS,
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        RAW_EVENTS,
        REJECTED,
        EVENTS,
        SESSION_EVENTS,
        SESSIONS,
        PAGE_VIEWS,
        ACTIVITY,
        STEP_EVENTS,
        DAILY_SESSIONS,
        DAILY_ZONES,
        DAILY_QUALITY,
        PEOPLE_DAILY,
        RETENTION_CELLS,
        FUNNEL_RESULTS,
        DAILY_KPIS,
        RETENTION,
        FUNNEL_STEPS,
        ZONE_METRICS,
    )
}
MARTS: tuple[Table, ...] = tuple(table for table in TABLES.values() if table.layer == "mart")

__all__ = ["EVENTS", "MARTS", "RAW_EVENTS", "REJECTED", "TABLES", "Column", "RowRule", "Table"]
