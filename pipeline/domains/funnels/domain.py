"""Who gets how far; a mart is its SQL model and its contract."""

from pipeline.core.registry import TABLES
from pipeline.core.state import Reads
from pipeline.declare import Built, DayTable, Domain, PeriodTable, Sources
from pipeline.domains.funnels.funnel_tables import funnel_durations, funnel_results, funnel_trend_counts, step_events

_AND_BEFORE, _AROUND = (-1, 0), (-1, 0, 1)


def _step_events(s: Sources) -> Built:
    told = s.scan("session_events", _AND_BEFORE), s.scan("sessions", _AND_BEFORE)
    return Built(step_events(s.scan("events"), s.day, s.product.funnels, *told, s.scan("events", _AROUND)))


DOMAIN = Domain(
    day_tables=(
        DayTable(
            TABLES["step_events"],
            # Days around it tell what else happened in visits over midnight.
            (Reads("events", _AROUND), Reads("session_events", _AND_BEFORE), Reads("sessions", _AND_BEFORE)),
            ("funnels.steps",),
            "6",
            compute=_step_events,
            needs=("funnels",),
            by_person=True,
        ),
    ),
    period_tables=(
        PeriodTable(
            TABLES["funnel_results"],
            "step_events",
            lambda s: funnel_results(s.rows, s.days, s.product, s),
            "3",
            inputs=("conditions_met",),
            sections=("funnels",),
        ),
        PeriodTable(
            TABLES["funnel_durations"],
            "step_events",
            lambda s: funnel_durations(s.rows, s.days, s.product, s),
            inputs=("conditions_met",),
            sections=("funnels",),
        ),
        PeriodTable(
            TABLES["funnel_trend_counts"],
            "step_events",
            lambda s: funnel_trend_counts(s.rows, s.days, s.product, s),
            inputs=("conditions_met",),
            sections=("funnels",),
        ),
    ),
)
