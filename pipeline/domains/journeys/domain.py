"""The paths that people take; a mart is its SQL model and its contract."""

from pipeline.core.registry import TABLES
from pipeline.declare import AROUND_VISITS, Built, DayTable, Domain, PeriodTable, Sources, around, visits_of
from pipeline.domains.journeys.tables import journey_edge_counts, journey_events, journey_paths


def _journey_events(s: Sources) -> Built:
    return Built(journey_events(s.scan("events"), s.day, s.product.journeys, *visits_of(s), around(s)))


DOMAIN = Domain(
    day_tables=(
        DayTable(
            TABLES["journey_events"],
            AROUND_VISITS,
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
