"""Who gets how far; a mart is its SQL model and its contract."""

from pipeline.core.registry import TABLES
from pipeline.declare import AROUND_VISITS, Built, DayTable, Domain, PeriodTable, Sources, around, visits_of
from pipeline.domains.funnels.funnel_steps import step_events
from pipeline.domains.funnels.funnel_tables import funnel_durations, funnel_results, funnel_trend_counts


def _step_events(s: Sources) -> Built:
    return Built(step_events(s.scan("events"), s.day, s.product.funnels, *visits_of(s), around(s)))


DOMAIN = Domain(
    day_tables=(
        DayTable(
            TABLES["step_events"],
            AROUND_VISITS,
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
