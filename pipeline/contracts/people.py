"""How people come and go: lifecycle, days active, cohorts of configured retentions, journeys.

Definitions: semantics.md, sections 3 to 6; metrics.md, "Retention, funnels, journeys".
"""

import polars as pl

from pipeline.contracts.base import Column, Table, count, rate, time
from pipeline.contracts.features import FEATURE_ADOPTION, FEATURE_COUNTS, FEATURE_DAYS
from pipeline.contracts.sessions import PERSON
from pipeline.contracts.tables import FUNNEL_DURATIONS, FUNNEL_TREND_COUNTS, GROUP

_DAY = Column("day", pl.Date(), "local day of the product's time zone")
_PERIOD_START = Column("period_start", pl.Date(), "first local day of the period")

RETURN_EVENTS = Table(
    name="return_events",
    layer="daily",
    grain="One row per retention of the product file, person, hour and value with an event that matters to it.",
    columns=(
        _DAY,
        Column("retention", pl.String(), "retention of the product file"),
        PERSON,
        time("occurred_at", "the hour's begin, or the day's where that is later"),
        Column("value", pl.String(), "the events' value for the breakdown; empty without one"),
        time("named_at", "when the first event that bears the start's name happened", nullable=True),
        Column("is_start", pl.Boolean(), "whether an event of the hour starts a cohort"),
        Column("is_named", pl.Boolean(), "whether one bears the start's name, whatever its other filters"),
        Column("is_first_start", pl.Boolean(), "whether the first of these starts a cohort"),
        count("returns", "returning events of the hour", "event", "day"),
    ),
    key=("retention", "person_key", "occurred_at", "value"),
)
JOURNEY_EVENTS = Table(
    name="journey_events",
    layer="daily",
    grain="One row per event of the local day that is an item of a journey of the product file.",
    columns=(
        _DAY,
        Column("journey", pl.String(), "journey of the product file"),
        PERSON,
        time("occurred_at", "when"),
        Column("item", pl.String(), "page, address or name of the event"),
        Column("place", pl.Int64(), "place in the total order of the person's day", minimum=0),
    ),
    key=("journey", "person_key", "place"),
)
LIFECYCLE_COUNTS = Table(
    name="lifecycle_counts",
    layer="period",
    grain="One row per day, week and month from the first to the last day with data.",
    columns=(
        Column("period", pl.String(), "`day`, `week` or `month`"),
        _PERIOD_START,
        count("people_new", "active people first seen in the period", "person"),
        count("people_returning", "active people who were so in the period before", "person"),
        count("people_resurrecting", "active people seen before, but not in the period before", "person"),
        Column(
            "people_dormant",
            pl.Int64(),
            "people active in the period before and not in this one, negative",
            unit="person",
        ),
        Column("mature", pl.Boolean(), "the period is over and all its days are present"),
    ),
    key=("period", "period_start"),
)
STICKINESS_COUNTS = Table(
    name="stickiness_counts",
    layer="period",
    grain="One row per period and number of days on which people were active in it.",
    columns=(
        Column("period", pl.String(), "`last_28` (the 28 days ending with the last day) or `week`"),
        _PERIOD_START,
        Column("days_active", pl.Int64(), "number of days with an event, from 1", minimum=1),
        count("people", "people active on just so many days", "person"),
        count("people_or_more", "people active on so many days or more", "person"),
    ),
    key=("period", "period_start", "days_active"),
    at_most=(("people", "people_or_more"),),
)
RETURN_CELLS = Table(
    name="return_cells",
    layer="period",
    grain="One row per retention of the product file, group, cohort and column.",
    columns=(
        Column("retention", pl.String(), "retention of the product file"),
        GROUP,
        Column("period", pl.String(), "`day`, `week` or `month`"),
        Column("cohort_start", pl.Date(), "first local day of the cohort's period"),
        Column(
            "offset", pl.Int64(), "column: periods (or brackets of them) after the cohort's; 0 is its size", minimum=0
        ),
        count("people_in_cohort", "people who started in the period", "person"),
        count("people_returned", "of them, people who came back as the retention's mode says", "person"),
        Column("mature", pl.Boolean(), "the time that the cell speaks of is over"),
    ),
    key=("retention", "group", "cohort_start", "offset"),
    at_most=(("people_returned", "people_in_cohort"),),
)
JOURNEY_EDGE_COUNTS = Table(
    name="journey_edge_counts",
    layer="period",
    grain="One row per journey and step from item to item, over the 28 days ending with the last day.",
    columns=(
        Column("journey", pl.String(), "journey of the product file"),
        Column("source", pl.String(), "place and item, as `1_home`"),
        Column("target", pl.String(), "place and item that came next"),
        count("transitions", "visits that took the step", "visit"),
        count("people", "people who took it", "person"),
        Column("mean_wait_us", pl.Float64(), "mean time from the one to the other", unit="us", minimum=0),
    ),
    key=("journey", "source", "target"),
    at_most=(("people", "transitions"),),
)
JOURNEY_WAYS = Table(
    name="journey_ways",
    layer="period",
    grain="One row per journey and whole way, the most frequent ones, over the 28 days ending with the last day.",
    columns=(
        Column("journey", pl.String(), "journey of the product file"),
        Column("way", pl.String(), "items in their order, joined by ` > `"),
        Column("steps", pl.Int64(), "number of items", minimum=1),
        count("visits", "visits that went it", "visit"),
        count("people", "people who went it", "person"),
    ),
    key=("journey", "way"),
    at_most=(("people", "visits"),),
)

LIFECYCLE = Table(
    name="lifecycle",
    layer="mart",
    grain="One row per day, week and month: people by what their activity means.",
    columns=(
        *LIFECYCLE_COUNTS.columns,
        Column("people_active", pl.Int64(), "people active in the period", unit="person", minimum=0),
        Column("quick_ratio", pl.Float64(), "(new + resurrecting) / dormant", unit="ratio", nullable=True, minimum=0),
    ),
    key=LIFECYCLE_COUNTS.key,
)
STICKINESS = Table(
    name="stickiness",
    layer="mart",
    grain="One row per period and number of days active.",
    columns=(*STICKINESS_COUNTS.columns, rate("share_or_more", "people_or_more / people active at all in the period")),
    key=STICKINESS_COUNTS.key,
    at_most=STICKINESS_COUNTS.at_most,
)
RETENTION_COHORTS = Table(
    name="retention_cohorts",
    layer="mart",
    grain=RETURN_CELLS.grain,
    columns=(*RETURN_CELLS.columns, rate("return_rate", "people_returned / people_in_cohort; null until mature")),
    key=RETURN_CELLS.key,
    at_most=RETURN_CELLS.at_most,
)
RETENTION_AVERAGES = Table(
    name="retention_averages",
    layer="mart",
    grain="One row per retention of the product file, group and column: averages over mature cells.",
    columns=(
        Column("retention", pl.String(), "retention of the product file"),
        GROUP,
        Column("offset", pl.Int64(), "column", minimum=0),
        count("cohorts", "cohorts whose cell is mature", "cohort"),
        count("people_in_cohort", "people in these cohorts", "person"),
        count("people_returned", "of them, people who came back", "person"),
        rate("pooled", "sum of people_returned / sum of people_in_cohort"),
        rate("simple", "mean of the cohorts' return rates"),
        rate("mixpanel", "return rates weighted by the square of the cohorts' sizes"),
    ),
    key=("retention", "group", "offset"),
    at_most=(("people_returned", "people_in_cohort"),),
)
FUNNEL_TIMES = Table(
    name="funnel_times",
    layer="mart",
    grain=FUNNEL_DURATIONS.grain,
    columns=(*FUNNEL_DURATIONS.columns, rate("share", "people / all who completed the funnel")),
    key=FUNNEL_DURATIONS.key,
)
FUNNEL_TRENDS = Table(
    name="funnel_trends",
    layer="mart",
    grain=FUNNEL_TREND_COUNTS.grain,
    columns=(
        *FUNNEL_TREND_COUNTS.columns,
        rate("conversion_rate", "people_converted / people_entered; null until mature"),
    ),
    key=FUNNEL_TREND_COUNTS.key,
    at_most=FUNNEL_TREND_COUNTS.at_most,
)
JOURNEY_EDGES = Table(
    name="journey_edges",
    layer="mart",
    grain=JOURNEY_EDGE_COUNTS.grain,
    columns=(
        *(c for c in JOURNEY_EDGE_COUNTS.columns if c.name != "mean_wait_us"),
        Column("mean_wait_seconds", pl.Float64(), "mean time from the one to the other", unit="s", minimum=0),
        rate("share_of_source", "transitions / transitions from the same source"),
    ),
    key=JOURNEY_EDGE_COUNTS.key,
    at_most=JOURNEY_EDGE_COUNTS.at_most,
)
JOURNEY_SEQUENCES = Table(
    name="journey_sequences",
    layer="mart",
    grain=JOURNEY_WAYS.grain,
    columns=(*JOURNEY_WAYS.columns, rate("share", "visits / visits of the ways shown")),
    key=JOURNEY_WAYS.key,
    at_most=JOURNEY_WAYS.at_most,
)
PEOPLE_TABLES: tuple[Table, ...] = (
    RETURN_EVENTS,
    JOURNEY_EVENTS,
    FEATURE_DAYS,
    LIFECYCLE_COUNTS,
    STICKINESS_COUNTS,
    RETURN_CELLS,
    JOURNEY_EDGE_COUNTS,
    JOURNEY_WAYS,
    FEATURE_COUNTS,
)
PEOPLE_MARTS: tuple[Table, ...] = (
    LIFECYCLE,
    STICKINESS,
    RETENTION_COHORTS,
    RETENTION_AVERAGES,
    FUNNEL_TIMES,
    FUNNEL_TRENDS,
    JOURNEY_EDGES,
    JOURNEY_SEQUENCES,
    FEATURE_ADOPTION,
)
