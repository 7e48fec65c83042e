"""Who comes back; a mart is its SQL model and its contract."""

from pipeline.core.registry import TABLES
from pipeline.core.state import Reads
from pipeline.declare import Built, DayTable, Domain, PeriodTable, own_rows
from pipeline.domains.retention.first_days import retention_cells
from pipeline.domains.retention.tables import return_cells, return_events

_AND_BEFORE = (-1, 0)


DOMAIN = Domain(
    day_tables=(
        DayTable(
            TABLES["return_events"],
            (Reads("events"), Reads("session_events", _AND_BEFORE)),
            ("retention.events",),
            "3",
            compute=lambda s: Built(
                return_events(s.scan("events"), s.day, s.product, s.scan("session_events", _AND_BEFORE))
            ),
            needs=("retention",),
            by_person=True,
        ),
    ),
    period_tables=(
        PeriodTable(
            TABLES["retention_cells"],
            "activity",
            lambda s: retention_cells(s.scan("activity_returns"), s.days, s.product),
            inputs=("activity_returns",),
        ),
        PeriodTable(TABLES["return_cells"], "return_events", own_rows(return_cells), "2", sections=("retention",)),
    ),
)
