"""Who gets how far; a mart is its SQL model and its contract."""

from pipeline.core.registry import TABLES
from pipeline.core.state import Reads
from pipeline.declare import Built, DayTable, Domain, PeriodTable
from pipeline.domains.funnels.funnel_tables import funnel_durations, funnel_results, funnel_trend_counts, step_events

_AND_BEFORE = (-1, 0)


DOMAIN = Domain(
    day_tables=(
        DayTable(
            TABLES["step_events"],
            (Reads("events"), Reads("session_events", _AND_BEFORE)),
            ("funnels.steps",),
            "5",
            compute=lambda s: Built(
                step_events(s.scan("events"), s.day, s.product.funnels, s.scan("session_events", _AND_BEFORE))
            ),
            needs=("funnels",),
            by_person=True,
        ),
    ),
    period_tables=(
        PeriodTable(
            TABLES["funnel_results"],
            "step_events",
            lambda s: funnel_results(s.rows, s.days, s.product, s),
            "2",
            sections=("funnels",),
        ),
        PeriodTable(
            TABLES["funnel_durations"],
            "step_events",
            lambda s: funnel_durations(s.rows, s.product),
            sections=("funnels",),
        ),
        PeriodTable(
            TABLES["funnel_trend_counts"],
            "step_events",
            lambda s: funnel_trend_counts(s.rows, s.days, s.product, s),
            sections=("funnels",),
        ),
    ),
)
