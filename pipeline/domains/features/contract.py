"""Feature adoption (docs/definitions/features.md)."""

import polars as pl

from pipeline.core.columns import PERSON
from pipeline.core.contract import Column, Table, count, rate, time

FEATURE_DAYS = Table(
    name="feature_days",
    layer="daily",
    grain="One row per person and local day, and one more per feature that the person used or could use on it.",
    columns=(
        Column("day", pl.Date(), "local day of the product's time zone"),
        Column("feature", pl.String(), "feature of the product file; empty: whatever the person did"),
        PERSON,
        time("first_at", "the person's first use of the day (empty feature: first event); null: none", nullable=True),
        count("uses", "uses of the day", "event", "day"),
        Column("could", pl.Boolean(), "whether an event showed that the person could use it"),
        Column("has_revenue", pl.Boolean(), "empty feature: whether the person bought something on the day"),
    ),
    key=("feature", "person_key"),
)
_FEATURE = Column("feature", pl.String(), "feature of the product file")
FEATURE_COUNTS = Table(
    name="feature_counts",
    layer="period",
    grain="One row per feature and period: the whole history, the last 28 days, each complete week.",
    columns=(
        _FEATURE,
        Column("period", pl.String(), "`all`, `last_28` or `week`"),
        Column("period_start", pl.Date(), "first local day of the period"),
        Column("period_end", pl.Date(), "last local day of the period"),
        count("people_could", "people of the period who could use it, or did", "person"),
        count("people_tried", "of them, people who used it in the period", "person"),
        count("people_first", "of them, people whose first use ever is in the period", "person"),
        count("people_first_mature", "of them, people whose time to use it again is over", "person"),
        count("people_again", "of them, people who used it on a later day within that time", "person"),
        count("people_with_revenue", "people who bought something in the period", "person"),
        count("people_with_revenue_tried", "of them, people who used it in the period", "person"),
        Column(
            "median_seconds_to_first_use",
            pl.Float64(),
            "median time from a person's first event ever to the first use, over people_first",
            unit="s",
            nullable=True,
            minimum=0,
        ),
    ),
    key=("feature", "period", "period_start"),
    at_most=(
        ("people_tried", "people_could"),
        ("people_first", "people_tried"),
        ("people_first_mature", "people_first"),
        ("people_again", "people_first_mature"),
        ("people_with_revenue_tried", "people_with_revenue"),
    ),
)
FEATURE_ADOPTION = Table(
    name="feature_adoption",
    layer="mart",
    grain=FEATURE_COUNTS.grain,
    columns=(
        *FEATURE_COUNTS.columns,
        rate("adoption_rate", "people_tried / people_could"),
        rate("again_rate", "people_again / people_first_mature"),
        rate("revenue_share", "people_with_revenue_tried / people_with_revenue"),
    ),
    key=FEATURE_COUNTS.key,
    at_most=FEATURE_COUNTS.at_most,
    matures=True,
)
