"""What is out of the usual; a mart is its SQL model and its contract."""

from pipeline.core.registry import TABLES
from pipeline.declare import Domain, PeriodTable
from pipeline.domains.alerts.metric_alerts import metric_alerts
from pipeline.domains.alerts.watched_scores import watched_scores

DOMAIN = Domain(
    period_tables=(
        PeriodTable(
            TABLES["metric_alerts"],
            "daily_friction",
            lambda s: metric_alerts(
                s.rows,
                s.scan("daily_zones"),
                s.scan("daily_sessions"),
                s.scan("friction_incidents"),
                s.days,
                watched_scores(s.scan("feedback_counts")),
            ),
            "2",
            inputs=("daily_zones", "daily_sessions", "friction_incidents", "feedback_counts"),
        ),
    ),
)
