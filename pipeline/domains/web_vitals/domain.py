"""Core Web Vitals; a mart is its SQL model and its contract."""

from pipeline.core.registry import TABLES
from pipeline.core.state import Reads
from pipeline.declare import DayTable, Domain, PeriodTable, added, own_rows
from pipeline.domains.web_vitals.vitals import vital_counts, vital_percentiles

DOMAIN = Domain(
    day_tables=(
        DayTable(
            TABLES["daily_vitals"],
            (Reads("session_events"), Reads("page_views")),
            (),
            "1",
            sums=lambda s: vital_counts(s.scan("session_events"), s.scan("page_views"), s.day),
            compute=added,
            needs=("pages",),
        ),
    ),
    period_tables=(PeriodTable(TABLES["vital_percentiles"], "daily_vitals", own_rows(vital_percentiles)),),
)
