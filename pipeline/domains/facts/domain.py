"""Facts by row: no marts, but days of the lake that each version of the marts links (pipeline/publish/versions.py)."""

from pipeline.core.registry import TABLES
from pipeline.core.state import Reads
from pipeline.declare import Built, DayTable, Domain
from pipeline.domains.facts.facts import answer_facts, order_facts, page_view_facts, session_facts

# A session booked on a day may go on after midnight.
_AND_NEXT = (0, 1)

DOMAIN = Domain(
    day_tables=(
        DayTable(
            TABLES["fact_sessions"],
            (Reads("sessions"), Reads("session_events"), Reads("session_friction")),
            ("goals", "segments", "friction", "privacy.people"),
            "2",
            compute=lambda s: Built(
                session_facts(
                    s.scan("sessions"),
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
            ("privacy.people", "surveys"),
            "1",
            compute=lambda s: Built(answer_facts(s.scan("feedback"), s.product)),
            needs=("surveys", "themes"),
            by_person=True,
        ),
    ),
)
