"""Voice of customer; a mart is its SQL model and its contract."""

from pipeline.core.registry import TABLES
from pipeline.core.state import Reads
from pipeline.declare import Built, DayTable, Domain, PeriodTable, own_rows
from pipeline.domains.voice.behaviour import behaviour_results
from pipeline.domains.voice.choices import choice_counts
from pipeline.domains.voice.feedback import feedback
from pipeline.domains.voice.scores import feedback_counts, score_results

# A session booked on a day may go on after midnight.
_AND_NEXT = (0, 1)


_BEHAVIOUR = ("zone_people", "friction_incidents", "step_events", "activity")

DOMAIN = Domain(
    day_tables=(
        DayTable(
            TABLES["feedback"],
            (Reads("events", _AND_NEXT), Reads("session_events"), Reads("page_views")),
            ("surveys", "voice"),
            "3",
            compute=lambda s: Built(
                feedback(s.scan("events", _AND_NEXT), s.scan("session_events"), s.scan("page_views"), s.day, s.product)
            ),
            needs=("surveys", "themes"),
            by_person=True,
        ),
    ),
    period_tables=(
        PeriodTable(
            TABLES["feedback_counts"],
            "feedback",
            lambda s: feedback_counts(s.rows, s.product),
            "2",
            sections=("segments", "surveys"),
        ),
        PeriodTable(TABLES["score_results"], "feedback", own_rows(score_results), sections=("segments", "surveys")),
        PeriodTable(TABLES["choice_counts"], "feedback", own_rows(choice_counts), sections=("surveys",)),
        PeriodTable(
            TABLES["behaviour_results"],
            "feedback",
            lambda s: behaviour_results(s.rows, {name: s.scan(name) for name in _BEHAVIOUR}, s.days, s.product),
            inputs=_BEHAVIOUR,
            sections=("surveys", "voice", "friction", "funnels"),
        ),
    ),
)
