"""The core in star shape; a mart is its SQL model and its contract."""

from pipeline.core.registry import TABLES
from pipeline.core.state import Reads
from pipeline.declare import Built, DayTable, Domain, PeriodTable
from pipeline.domains.star.dimensions import dates, page_list, release_list, variant_list, zone_list
from pipeline.domains.star.facts import answer_facts, order_facts, page_view_facts, session_facts
from pipeline.events.sums import session_counts

# A session booked on a day may go on after midnight.
_AND_NEXT = (0, 1)

DOMAIN = Domain(
    day_tables=(
        DayTable(
            TABLES["session_counts"],
            (Reads("sessions"),),
            (),
            "1",
            compute=lambda s: Built(session_counts(s.scan("sessions"), s.day)),
        ),
        DayTable(
            TABLES["fact_sessions"],
            (Reads("sessions"), Reads("page_views"), Reads("session_events"), Reads("session_friction")),
            ("goals", "segments", "friction", "privacy.people"),
            "1",
            compute=lambda s: Built(
                session_facts(
                    s.scan("sessions"),
                    s.scan("page_views"),
                    s.scan("session_events"),
                    s.scan("session_friction"),
                    s.product,
                )
            ),
            by_person=True,
        ),
        DayTable(
            TABLES["fact_page_views"],
            (Reads("page_views"),),
            ("privacy.people",),
            "1",
            compute=lambda s: Built(page_view_facts(s.scan("page_views"), s.product)),
            by_person=True,
        ),
        DayTable(
            TABLES["fact_orders"],
            (Reads("events", _AND_NEXT), Reads("session_events"), Reads("sessions")),
            ("privacy.people",),
            "1",
            compute=lambda s: Built(
                order_facts(s.scan("events", _AND_NEXT), s.scan("session_events"), s.scan("sessions"), s.product)
            ),
            by_person=True,
        ),
        DayTable(
            TABLES["fact_survey_answers"],
            (Reads("feedback"),),
            ("privacy.people",),
            "1",
            compute=lambda s: Built(answer_facts(s.scan("feedback"), s.product)),
            needs=("surveys", "themes"),
            by_person=True,
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
