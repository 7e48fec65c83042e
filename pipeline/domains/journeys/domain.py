"""The paths that people take; a mart is its SQL model and its contract."""

from pipeline.core.registry import TABLES
from pipeline.core.state import Reads
from pipeline.declare import Built, DayTable, Domain, PeriodTable, own_rows
from pipeline.domains.journeys.tables import journey_edge_counts, journey_events, journey_paths

DOMAIN = Domain(
    day_tables=(
        DayTable(
            TABLES["journey_events"],
            (Reads("events"),),
            ("journeys.items",),
            "2",
            compute=lambda s: Built(journey_events(s.scan("events"), s.day, s.product.journeys)),
            needs=("journeys",),
            by_person=True,
        ),
    ),
    period_tables=(
        PeriodTable(
            TABLES["journey_edge_counts"], "journey_events", own_rows(journey_edge_counts), sections=("journeys",)
        ),
        PeriodTable(TABLES["journey_paths"], "journey_events", own_rows(journey_paths), sections=("journeys",)),
    ),
)
