"""Core Web Vitals; a mart is its SQL model and its contract."""

from pipeline.core.registry import TABLES
from pipeline.core.state import Reads
from pipeline.declare import Built, DayTable, Domain, PeriodTable, Sources, own_rows
from pipeline.domains.web_vitals.vitals import vital_counts, vital_percentiles
from pipeline.stats.buckets import added_up


def _daily_vitals(s: Sources) -> Built:
    table = TABLES["daily_vitals"]
    return Built(table.conform(added_up(s.summed, table.key)))


DOMAIN = Domain(
    day_tables=(
        DayTable(
            TABLES["daily_vitals"],
            (Reads("session_events"),),
            (),
            "1",
            sums=lambda s: vital_counts(s.scan("session_events"), s.day),
            compute=_daily_vitals,
            needs=("pages",),
        ),
    ),
    period_tables=(PeriodTable(TABLES["vital_percentiles"], "daily_vitals", own_rows(vital_percentiles)),),
)
