"""Errors; a mart is its SQL model and its contract."""

from pipeline.core.registry import TABLES
from pipeline.core.state import Reads
from pipeline.declare import Built, DayTable, Domain, PeriodTable, added
from pipeline.domains.errors.errors import error_counts, page_sessions, session_errors, telling

DOMAIN = Domain(
    day_tables=(
        DayTable(
            TABLES["session_errors"],
            (Reads("session_events"), Reads("page_views")),
            (),
            "1",
            compute=lambda s: Built(session_errors(s.scan("session_events"), s.scan("page_views"), s.day)),
            # A place is a page of the product file.
            needs=("pages",),
            by_person=True,
        ),
        DayTable(
            TABLES["page_sessions"],
            (Reads("session_events"), Reads("page_views")),
            ("sources",),
            "1",
            told=lambda s: telling(s.scan("session_events"), s.scan("page_views"), s.product),
            sums=lambda s: page_sessions(s.scan("session_events"), s.scan("page_views"), s.day, s.told),
            compute=added,
            needs=("pages",),
        ),
    ),
    period_tables=(
        PeriodTable(
            TABLES["error_counts"],
            "session_errors",
            lambda s: error_counts(s.rows, s.scan("page_sessions"), s.scan("recordings"), s.days, s.product),
            inputs=("page_sessions", "recordings"),
            sections=("releases",),
        ),
    ),
)
