"""What customers are worth; a mart is its SQL model and its contract."""

from pipeline.core.registry import TABLES
from pipeline.core.state import Reads
from pipeline.declare import Built, DayTable, Domain, PeriodTable, own_rows
from pipeline.domains.value import behaviour
from pipeline.domains.value.cohorts import revenue_cells, value_counts
from pipeline.domains.value.customers import customer_fits, customers
from pipeline.domains.value.daily import outcomes

DOMAIN = Domain(
    day_tables=(
        DayTable(
            TABLES["outcomes"],
            (Reads("events"),),
            ("goals", "currency"),
            "1",
            compute=lambda s: Built(outcomes(s.scan("events"), s.day, s.product)),
            needs=("goals",),
            by_person=True,
        ),
    ),
    period_tables=(
        PeriodTable(
            TABLES["value_counts"],
            "outcomes",
            lambda s: value_counts(s.rows, s.scan("people_first"), s.days, s.product),
            inputs=("people_first",),
            sections=("value",),
        ),
        PeriodTable(TABLES["revenue_cells"], "outcomes", lambda s: revenue_cells(s.rows, s.days)),
        PeriodTable(
            TABLES["customers"],
            "outcomes",
            lambda s: customers(s.rows, s.scan("people_first"), s.days, s.product),
            "4",
            inputs=("people_first",),
            sections=("value",),
        ),
        PeriodTable(TABLES["customer_fits"], "outcomes", own_rows(customer_fits), "3", sections=("value",)),
        PeriodTable(
            TABLES["behaviour_values"],
            "activity",
            lambda s: behaviour.behaviour_values(
                s.rows, {name: s.scan(name) for name in behaviour.READS}, s.days, s.product
            ),
            code_version="2",
            inputs=behaviour.READS,
            sections=("friction", "funnels"),
            needs=("goals",),
        ),
    ),
)
