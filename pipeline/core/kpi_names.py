"""The key figures, by name: what teams steer by, and what hypotheses speak of."""

from typing import Literal

Kpi = Literal[
    "people",
    "new_people",
    "returning_people",
    "sessions",
    "orders",
    "revenue",
    "conversion",
    "bounce_rate",
    "orders_per_person",
    "revenue_per_person",
    "average_order",
    "sessions_per_person",
    "retention",
    "churn",
    "engaged_seconds",
    "frustration",
]
# What is told of a day from the days before it has no figure of its own, so no release can be judged by it.
NOT_OF_A_DAY: tuple[Kpi, ...] = ("new_people", "returning_people", "retention", "churn")
