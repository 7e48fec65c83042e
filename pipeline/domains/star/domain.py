"""The core in star shape; a mart is its SQL model and its contract."""

from pipeline.core.registry import TABLES
from pipeline.core.state import Reads
from pipeline.declare import Built, DayTable, Domain, PeriodTable
from pipeline.domains.star.dimensions import dates, page_list, release_list, variant_list, zone_list
from pipeline.events.sums import session_counts

DOMAIN = Domain(
    day_tables=(
        DayTable(
            TABLES["session_counts"],
            (Reads("sessions"),),
            (),
            "1",
            compute=lambda s: Built(session_counts(s.scan("sessions"), s.day)),
        ),
    ),
    period_tables=(
        PeriodTable(TABLES["dates"], "session_counts", lambda s: dates(s.days, s.product)),
        PeriodTable(
            TABLES["page_list"],
            "session_counts",
            lambda s: page_list(s.product),
            sections=("pages", "zones"),
            needs=("pages",),
        ),
        PeriodTable(
            TABLES["zone_list"],
            "session_counts",
            lambda s: zone_list(s.product),
            sections=("zones",),
            needs=("zones",),
        ),
        PeriodTable(
            TABLES["variant_list"],
            "session_counts",
            lambda s: variant_list(s.product),
            sections=("experiments",),
            needs=("experiments",),
        ),
        PeriodTable(
            TABLES["release_list"],
            "session_counts",
            lambda s: release_list(s.product),
            sections=("releases",),
            needs=("releases",),
        ),
    ),
)
