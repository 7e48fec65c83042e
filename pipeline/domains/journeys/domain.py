"""The paths that people take; a mart is its SQL model and its contract."""

from pipeline.core.registry import TABLES
from pipeline.core.state import Reads
from pipeline.declare import Built, DayTable, Domain, PeriodTable, Sources
from pipeline.domains.journeys.tables import journey_edge_counts, journey_events, journey_paths

_AND_BEFORE, _AROUND = (-1, 0), (-1, 0, 1)


def _journey_events(s: Sources) -> Built:
    told = s.scan("session_events", _AND_BEFORE), s.scan("sessions", _AND_BEFORE)
    return Built(journey_events(s.scan("events"), s.day, s.product.journeys, *told, s.scan("events", _AROUND)))


DOMAIN = Domain(
    day_tables=(
        DayTable(
            TABLES["journey_events"],
            # Days around it tell what else happened in visits over midnight.
            (Reads("events", _AROUND), Reads("session_events", _AND_BEFORE), Reads("sessions", _AND_BEFORE)),
            ("journeys.items",),
            "3",
            compute=_journey_events,
            needs=("journeys",),
            by_person=True,
        ),
    ),
    period_tables=(
        PeriodTable(
            TABLES["journey_edge_counts"],
            "journey_events",
            lambda s: journey_edge_counts(s.rows, s.days, s.product, s.scan("conditions_met")),
            inputs=("conditions_met",),
            sections=("journeys",),
        ),
        PeriodTable(
            TABLES["journey_paths"],
            "journey_events",
            lambda s: journey_paths(s.rows, s.days, s.product, s.scan("conditions_met")),
            inputs=("conditions_met",),
            sections=("journeys",),
        ),
    ),
)
