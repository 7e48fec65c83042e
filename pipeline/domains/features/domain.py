"""Feature adoption; a mart is its SQL model and its contract."""

from pipeline.core.registry import TABLES
from pipeline.core.state import Reads
from pipeline.declare import Built, DayTable, Domain, PeriodTable, own_rows
from pipeline.domains.features.features import feature_counts, feature_days

DOMAIN = Domain(
    day_tables=(
        DayTable(
            TABLES["feature_days"],
            (Reads("events"),),
            ("features.uses", "zones", "currency"),
            "1",
            compute=lambda s: Built(feature_days(s.scan("events"), s.day, s.product)),
            needs=("features",),
            by_person=True,
        ),
    ),
    period_tables=(
        PeriodTable(TABLES["feature_counts"], "feature_days", own_rows(feature_counts), sections=("features",)),
    ),
)
