"""Who comes back; a mart is its SQL model and its contract."""

from pipeline.core.registry import TABLES
from pipeline.declare import AROUND_VISITS, Built, DayTable, Domain, PeriodTable, Sources, around, visits_of
from pipeline.domains.retention.first_days import retention_cells
from pipeline.domains.retention.tables import return_cells, return_events


def _return_events(s: Sources) -> Built:
    return Built(return_events(s.scan("events"), s.day, s.product, *visits_of(s), around(s)))


DOMAIN = Domain(
    day_tables=(
        DayTable(
            TABLES["return_events"],
            AROUND_VISITS,
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
