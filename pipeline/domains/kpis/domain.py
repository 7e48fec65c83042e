"""Key figures; a mart is its SQL model and its contract."""

from pipeline.core.registry import TABLES
from pipeline.core.state import Reads
from pipeline.declare import Built, DayTable, Domain, PeriodTable, own_rows
from pipeline.domains.kpis.daily import session_kpis
from pipeline.domains.kpis.kpi_parts import kpi_parts
from pipeline.domains.kpis.kpis import kpi_results
from pipeline.domains.kpis.segment_validity import segment_validity
from pipeline.domains.kpis.targets import target_weeks

DOMAIN = Domain(
    day_tables=(
        DayTable(
            TABLES["session_kpis"],
            (Reads("sessions"), Reads("page_views"), Reads("session_friction")),
            ("friction",),
            "3",
            compute=lambda s: Built(
                session_kpis(s.scan("sessions"), s.scan("page_views"), s.scan("session_friction"), s.day, s.product)
            ),
            by_person=True,
        ),
    ),
    period_tables=(
        PeriodTable(
            TABLES["kpi_results"],
            "session_kpis",
            lambda s: kpi_results(
                s.rows, s.scan("people_first"), s.scan("first_views"), s.scan("feedback"), s.days, s.product
            ),
            "2",
            inputs=("people_first", "first_views", "feedback"),
            sections=("friction", "goals", "pages", "segments", "surveys"),
        ),
        PeriodTable(
            TABLES["target_weeks"],
            "session_kpis",
            lambda s: target_weeks(s.scan("kpi_results"), s.product),
            inputs=("kpi_results",),
            sections=("targets",),
            needs=("targets",),
        ),
        PeriodTable(TABLES["kpi_parts"], "session_kpis", own_rows(kpi_parts), "3", sections=("segments",)),
        PeriodTable(
            TABLES["segment_validity"],
            "session_kpis",
            lambda s: segment_validity(s.rows, s.scan("people_first"), s.product),
            inputs=("people_first",),
            sections=("segments",),
            needs=("segments",),
        ),
    ),
)
