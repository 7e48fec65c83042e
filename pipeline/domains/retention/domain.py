"""Who comes back; a mart is its SQL model and its contract."""

from pipeline.core.registry import TABLES
from pipeline.core.state import Reads
from pipeline.declare import Built, DayTable, Domain, PeriodTable, Sources
from pipeline.domains.retention.first_days import retention_cells
from pipeline.domains.retention.tables import return_cells, return_events

_AND_BEFORE, _AROUND = (-1, 0), (-1, 0, 1)


def _return_events(s: Sources) -> Built:
    told = s.scan("session_events", _AND_BEFORE), s.scan("sessions", _AND_BEFORE)
    return Built(return_events(s.scan("events"), s.day, s.product, *told, s.scan("events", _AROUND)))


DOMAIN = Domain(
    day_tables=(
        DayTable(
            TABLES["return_events"],
            # Days around it tell what else happened in visits over midnight.
            (Reads("events", _AROUND), Reads("session_events", _AND_BEFORE), Reads("sessions", _AND_BEFORE)),
            ("retention.events",),
            "4",
            compute=_return_events,
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
        PeriodTable(
            TABLES["return_cells"],
            "return_events",
            lambda s: return_cells(s.rows, s.days, s.product, s.scan("conditions_met")),
            "2",
            inputs=("conditions_met",),
            sections=("retention",),
        ),
    ),
)
