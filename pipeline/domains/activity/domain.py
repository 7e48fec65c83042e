"""Who is active; a mart is its SQL model and its contract."""

from pipeline.core.registry import TABLES
from pipeline.declare import Domain, PeriodTable, own_rows
from pipeline.domains.activity.people import people_daily
from pipeline.domains.activity.tables import lifecycle_counts, stickiness_counts

DOMAIN = Domain(
    period_tables=(
        PeriodTable(TABLES["people_daily"], "activity", own_rows(people_daily), "2", sections=("goals",)),
        PeriodTable(TABLES["lifecycle_counts"], "activity", own_rows(lifecycle_counts)),
        PeriodTable(TABLES["stickiness_counts"], "activity", own_rows(stickiness_counts)),
    ),
)
