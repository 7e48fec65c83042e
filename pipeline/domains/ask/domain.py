"""What questions read, and who met which condition."""

from pipeline.core.product import CONDITIONS
from pipeline.core.registry import TABLES
from pipeline.declare import WITH_VISITS, Built, DayTable, Domain, Sources, visits_of
from pipeline.events.askable import Booked, askable
from pipeline.events.conditions import conditions_met, people_conditions


def _conditions_met(s: Sources) -> Built:
    return Built(conditions_met(s.scan("events"), s.day, people_conditions(s.product), *visits_of(s)))


DOMAIN = Domain(
    day_tables=(
        DayTable(
            TABLES["askable"],
            WITH_VISITS,
            ("surveys.team",),
            "2",
            compute=lambda s: Built(askable(s.scan("events"), s.day, Booked(*visits_of(s), s.product.team_surveys))),
            by_person=True,
        ),
        DayTable(
            TABLES["conditions_met"],
            WITH_VISITS,
            CONDITIONS,
            "1",
            compute=_conditions_met,
            needs=("conditions",),
            by_person=True,
        ),
    )
)
