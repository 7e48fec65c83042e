"""Experiments, releases, hypotheses; a mart is its SQL model and its contract."""

from pipeline.core.registry import TABLES
from pipeline.core.state import Reads
from pipeline.declare import Built, DayTable, Domain, PeriodSources, PeriodTable, own_rows
from pipeline.domains.experiments.daily import exposures
from pipeline.domains.experiments.experiment_moments import Streams
from pipeline.domains.experiments.experiments import experiment_checks, experiment_days, experiment_results
from pipeline.domains.experiments.problems import sample_ratios
from pipeline.domains.experiments.releases import hypothesis_results, release_results


def _experiments(s: PeriodSources) -> Streams:
    return Streams(*(s.scan(name) for name in ("exposures", *_EXPERIMENTS)))


_EXPERIMENTS = ("outcomes", "activity", "friction_incidents", "feedback")
_EXPERIMENT_SECTIONS: tuple[str, ...] = ("experiments", "friction", "goals", "segments")

DOMAIN = Domain(
    day_tables=(
        DayTable(
            TABLES["exposures"],
            (Reads("session_events"), Reads("sessions")),
            (),
            "4",
            needs=("experiments",),
            compute=lambda s: Built(exposures(s.scan("session_events"), s.scan("sessions"), s.day)),
            by_person=True,
        ),
    ),
    period_tables=(
        PeriodTable(
            TABLES["experiment_days"],
            "exposures",
            lambda s: experiment_days(_experiments(s), s.days, s.product),
            "2",
            inputs=_EXPERIMENTS,
            sections=_EXPERIMENT_SECTIONS,
            needs=("experiments",),
        ),
        PeriodTable(
            TABLES["experiment_results"],
            "exposures",
            lambda s: experiment_results(_experiments(s), s.days, s.product),
            "3",
            inputs=_EXPERIMENTS,
            sections=_EXPERIMENT_SECTIONS,
            needs=("experiments",),
        ),
        PeriodTable(
            TABLES["experiment_checks"],
            "exposures",
            lambda s: experiment_checks(s.rows, s.product),
            "2",
            sections=("experiments",),
            needs=("experiments",),
        ),
        PeriodTable(
            TABLES["release_results"],
            "session_kpis",
            own_rows(release_results),
            sections=("releases", "segments"),
            needs=("releases",),
        ),
        PeriodTable(
            TABLES["hypothesis_results"],
            "session_kpis",
            lambda s: hypothesis_results(s.rows, _experiments(s), s.days, s.product),
            inputs=("exposures", *_EXPERIMENTS),
            sections=("hypotheses", "releases", *_EXPERIMENT_SECTIONS),
            needs=("hypotheses",),
        ),
    ),
    problems=sample_ratios,
)
