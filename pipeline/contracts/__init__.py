"""Every table once: columns, types, units, keys, grain, what adds over what, and the rules for its rows."""

from pipeline.contracts.alerts import ALERTS, FRICTION_ALERTS, METRIC_ALERTS
from pipeline.contracts.base import Column, RowRule, Table
from pipeline.contracts.calibration import FIRST_VIEWS, FRICTION_CALIBRATION, FRICTION_EFFECTS
from pipeline.contracts.canonical import EVENTS, RAW_EVENTS, REJECTED
from pipeline.contracts.choices import CHOICE_COUNTS, CHOICES
from pipeline.contracts.experiments import EXPERIMENT_MARTS, EXPERIMENT_TABLES
from pipeline.contracts.friction import FRICTION_MARTS, FRICTION_TABLES
from pipeline.contracts.heatmaps import HEATMAP_CELLS, HEATMAP_MARTS
from pipeline.contracts.identity import (
    APPEARANCES,
    EVENT_IDS,
    IDENTITY_EVENTS,
    IDENTITY_LINKS,
    PEOPLE,
    PEOPLE_FIRST,
)
from pipeline.contracts.kpis import KPI_MARTS, KPI_TABLES
from pipeline.contracts.marts import DAILY_KPIS, FUNNEL_STEPS, RETENTION
from pipeline.contracts.opportunities import OPPORTUNITY_MARTS, OPPORTUNITY_TABLES
from pipeline.contracts.people import PEOPLE_MARTS, PEOPLE_TABLES
from pipeline.contracts.quality import (
    DAILY_QUALITY,
    DAILY_REJECTED,
    DATA_PROBLEM_LIST,
    DATA_PROBLEMS,
    FUTURE_COUNTS,
    INGEST_FILES,
    INGEST_QUALITY,
    QUALITY_COUNTS,
    REJECTED_COUNTS,
)
from pipeline.contracts.recordings import RECORDING_MARTS, RECORDING_TABLES
from pipeline.contracts.sessions import PAGE_VIEWS, SESSION_EVENTS, SESSIONS
from pipeline.contracts.tables import (
    ACTIVITY,
    DAILY_SESSIONS,
    FUNNEL_DURATIONS,
    FUNNEL_RESULTS,
    FUNNEL_TREND_COUNTS,
    PEOPLE_DAILY,
    RETENTION_CELLS,
    STEP_EVENTS,
)
from pipeline.contracts.value import VALUE_MARTS, VALUE_TABLES
from pipeline.contracts.voice import VOICE_MARTS, VOICE_TABLES
from pipeline.contracts.zones import (
    DAILY_ZONES,
    SELECTOR_MATCHES,
    ZONE_METRICS,
    ZONE_PEOPLE,
    ZONE_PEOPLE_COUNTS,
    ZONE_REACH,
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        RAW_EVENTS,
        REJECTED,
        EVENT_IDS,
        IDENTITY_EVENTS,
        APPEARANCES,
        EVENTS,
        SESSION_EVENTS,
        SESSIONS,
        PAGE_VIEWS,
        ACTIVITY,
        STEP_EVENTS,
        DAILY_SESSIONS,
        DAILY_ZONES,
        ZONE_PEOPLE,
        SELECTOR_MATCHES,
        HEATMAP_CELLS,
        FIRST_VIEWS,
        QUALITY_COUNTS,
        IDENTITY_LINKS,
        PEOPLE,
        PEOPLE_FIRST,
        PEOPLE_DAILY,
        RETENTION_CELLS,
        FUNNEL_RESULTS,
        FUNNEL_DURATIONS,
        FUNNEL_TREND_COUNTS,
        ZONE_PEOPLE_COUNTS,
        FRICTION_EFFECTS,
        METRIC_ALERTS,
        *PEOPLE_TABLES,
        *FRICTION_TABLES,
        *VOICE_TABLES,
        CHOICE_COUNTS,
        *KPI_TABLES,
        *VALUE_TABLES,
        *EXPERIMENT_TABLES,
        *OPPORTUNITY_TABLES,
        *RECORDING_TABLES,
        REJECTED_COUNTS,
        FUTURE_COUNTS,
        INGEST_FILES,
        DATA_PROBLEM_LIST,
        DAILY_KPIS,
        RETENTION,
        FUNNEL_STEPS,
        ZONE_METRICS,
        ZONE_REACH,
        *HEATMAP_MARTS,
        DAILY_QUALITY,
        DAILY_REJECTED,
        INGEST_QUALITY,
        DATA_PROBLEMS,
        *PEOPLE_MARTS,
        *FRICTION_MARTS,
        *VOICE_MARTS,
        CHOICES,
        *KPI_MARTS,
        *VALUE_MARTS,
        *EXPERIMENT_MARTS,
        *OPPORTUNITY_MARTS,
        *RECORDING_MARTS,
        FRICTION_CALIBRATION,
        FRICTION_ALERTS,
        ALERTS,
    )
}
MARTS: tuple[Table, ...] = tuple(table for table in TABLES.values() if table.layer == "mart")

__all__ = ["EVENTS", "MARTS", "RAW_EVENTS", "REJECTED", "TABLES", "Column", "RowRule", "Table"]
