"""Who is active; a mart is its SQL model and its contract."""

from pipeline.core.registry import TABLES
from pipeline.declare import Domain, PeriodTable
from pipeline.domains.activity.people import people_daily
from pipeline.domains.activity.returns import activity_returns
from pipeline.domains.activity.tables import lifecycle_counts, stickiness_counts

_RETURNS = ("activity_returns",)

DOMAIN = Domain(
    period_tables=(
        PeriodTable(TABLES["activity_returns"], "activity", activity_returns),
        PeriodTable(
            TABLES["people_daily"],
            "activity",
            lambda s: people_daily(s.scan("activity_returns").collect(), s.days, s.product),
            "2",
            inputs=_RETURNS,
            sections=("goals",),
        ),
        PeriodTable(
            TABLES["lifecycle_counts"],
            "activity",
            lambda s: lifecycle_counts(s.scan("activity_returns"), s.days, s.product),
            inputs=_RETURNS,
        ),
        PeriodTable(TABLES["stickiness_counts"], "activity", stickiness_counts),
    ),
)
