"""What came in, and what makes numbers doubtful; a mart is its SQL model and its contract."""

import polars as pl

from pipeline.core.registry import TABLES
from pipeline.core.state import RAW, REPEATS, Reads
from pipeline.declare import Built, DayTable, Domain, PeriodSources, PeriodTable, Sources
from pipeline.domains.data_quality.facts import problem_facts
from pipeline.domains.data_quality.find import find_problems, problems_frame
from pipeline.domains.data_quality.quality import (
    Came,
    future_counts,
    held_counts,
    ingest_files,
    quality_counts,
    rejected_counts,
)
from pipeline.events.problem import Known


def _quality_counts(s: Sources) -> Built:
    came = Came(s.scan(RAW), s.scan("event_ids"), s.repeated)
    frame = quality_counts(came, s.summed, s.scan("events"), s.scan("sessions"), s.day, s.product)
    return Built(frame, problem_facts(s.scan("events"), frame, s.product))


def _problems(s: PeriodSources) -> pl.DataFrame:
    return problems_frame(
        find_problems(Known(s.product, s.manifests, s.data_days, s.facts, s.held_back, s.scan, s.model_faults))
    )


DOMAIN = Domain(
    day_tables=(
        DayTable(
            TABLES["quality_counts"],
            (Reads(RAW), Reads("event_ids"), Reads(REPEATS), Reads("events"), Reads("sessions")),
            ("currency", "sessions", "zones"),
            "3",
            sums=lambda s: held_counts(s.scan("events"), s.product),
            compute=_quality_counts,
        ),
    ),
    period_tables=(
        PeriodTable(TABLES["rejected_counts"], RAW, lambda s: rejected_counts(s.manifests), "2", also=("files",)),
        PeriodTable(TABLES["ingest_files"], RAW, lambda s: ingest_files(s.manifests), also=("files",)),
        PeriodTable(
            TABLES["data_problem_list"],
            "quality_counts",
            _problems,
            inputs=("selector_matches", "exposures"),
            sections=("quality", "experiments", "pages", "zones", "sources"),
            also=("files", "held_back", "facts", "models"),
        ),
        PeriodTable(
            TABLES["future_counts"],
            "quality_counts",
            lambda s: future_counts(s.manifests, s.rows, s.days[-1] if s.days else None),
            also=("files",),
        ),
    ),
)
