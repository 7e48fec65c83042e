"""Who comes back: day cohorts and the retentions of the product file (docs/definitions/retention.md)."""

import polars as pl

from pipeline.core.columns import DAY, GROUP, PERSON
from pipeline.core.contract import Column, Table, count, rate, time
from pipeline.core.published import mart

RETURN_EVENTS = Table(
    name="return_events",
    layer="daily",
    grain="One row per retention of the product file, person, hour and value with an event that matters to it.",
    columns=(
        DAY,
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
RETENTION_CELLS = Table(
    name="retention_cells",
    layer="period",
    grain="One row per first-time day cohort and day offset up to the last day with data.",
    columns=(
        Column("cohort_day", pl.Date(), "local day of the people's first event ever"),
        Column("day_offset", pl.Int64(), "days after the cohort day; 0 is the cohort's own size", minimum=0),
        count("people_in_cohort", "people whose first event ever is on the cohort day", "person"),
        Column(
            "people_returned",
            pl.Int64(),
            "of them, people active on cohort day + offset; null where that day is held back",
            unit="person",
            nullable=True,
            minimum=0,
        ),
        Column("mature", pl.Boolean(), "the local day of the offset is over and its partition is present"),
        Column("left_truncated", pl.Boolean(), "within 28 days of the product's start: who is new isn't known yet"),
    ),
    key=("cohort_day", "day_offset"),
    at_most=(("people_returned", "people_in_cohort"),),
)
RETENTION = Table(
    name="retention",
    layer="mart",
    grain="One row per first-time day cohort and day offset.",
    columns=(*RETENTION_CELLS.columns, rate("return_rate", "people_returned / people_in_cohort; null until mature")),
    key=RETENTION_CELLS.key,
    at_most=RETENTION_CELLS.at_most,
)
_NAMES = {"offset": "period_number"}
RETENTION_COHORTS = mart(
    name="retention_cohorts",
    grain=RETURN_CELLS.grain,
    columns=(*RETURN_CELLS.columns, rate("return_rate", "people_returned / people_in_cohort; null until mature")),
    key=RETURN_CELLS.key,
    at_most=RETURN_CELLS.at_most,
    version=2,
    names=_NAMES,
)
RETENTION_AVERAGES = mart(
    name="retention_averages",
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
    version=2,
    names=_NAMES,
)
