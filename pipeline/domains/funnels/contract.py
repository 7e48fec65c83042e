"""Funnels: who gets how far, how fast, week by week (docs/definitions/funnels.md)."""

import polars as pl

from pipeline.core.columns import DAY, GROUP, PERSON
from pipeline.core.contract import Column, Table, count, rate, ratio, time
from pipeline.core.published import mart

STEP_EVENTS = Table(
    name="step_events",
    layer="daily",
    grain="One row per event of the local day that matters to a funnel, and per such funnel.",
    columns=(
        DAY,
        Column("funnel", pl.String(), "funnel of the product file"),
        PERSON,
        time("occurred_at", "when"),
        Column(
            "entity_key", pl.Int64(), "whose stream it is: `person_key`, or a hash of the session's or property's id"
        ),
        Column("steps", pl.Int64(), "bit k is set where the event fits step k (0-based)", minimum=0),
        Column("excluded", pl.Int64(), "bit i is set where the event fits exclusion i (0-based)", minimum=0),
        Column(
            "first",
            pl.Int64(),
            "bit k: the person's first event of the day that step k's `first_time` speaks of",
            minimum=0,
        ),
        Column("value", pl.String(), "the event's value for a breakdown, or to be held constant; else empty"),
        Column("tie", pl.Int64(), "place among the entity's equal rows of the instant", minimum=0),
    ),
    key=("funnel", "entity_key", "occurred_at", "steps", "excluded", "first", "value", "tie"),
)
FUNNEL_RESULTS = Table(
    name="funnel_results",
    layer="period",
    grain="One row per funnel, period, group and step; each person counts once a group, with the deepest attempt.",
    columns=(
        Column("funnel", pl.String(), "funnel of the product file"),
        Column("unit", pl.String(), "what is counted as people: `person`, `session` or a property of the product file"),
        Column("period", pl.String(), "`all` (whole history) or `week`"),
        Column("period_start", pl.Date(), "first local day of the period"),
        Column("period_end", pl.Date(), "last local day of the period; steps after it do not count"),
        GROUP,
        Column("step", pl.Int64(), "place of the step, from 1", minimum=1),
        Column("step_name", pl.String(), "name of the step"),
        count("people_entered", "people who took step 1", "person"),
        count("people_at_previous_step", "people who took the step before (step 1: this one)", "person"),
        count("people_converted", "people who took this step within the window", "person"),
        count("people_timed", "of them, people with a time over 0 from the step before", "person"),
        Column(
            "mean_us_from_previous",
            pl.Float64(),
            "mean time from the step before, zero times left out",
            unit="us",
            nullable=True,
            minimum=0,
        ),
        Column(
            "median_us_from_previous",
            pl.Float64(),
            "median time from the step before, zero times left out",
            unit="us",
            nullable=True,
            minimum=0,
        ),
        count("people_mature", "people who entered at least one conversion window before the period's end", "person"),
        count("people_converted_of_mature", "of people_mature, those who took this step within the window", "person"),
    ),
    key=("funnel", "period", "period_start", "group", "step"),
    at_most=(
        ("people_converted_of_mature", "people_mature"),
        ("people_converted_of_mature", "people_converted"),
        ("people_converted", "people_at_previous_step"),
        ("people_at_previous_step", "people_entered"),
        ("people_timed", "people_converted"),
        ("people_mature", "people_entered"),
    ),
)
FUNNEL_DURATIONS = Table(
    name="funnel_durations",
    layer="period",
    grain="One row per funnel and stretch of time that people took from the first step to the last.",
    columns=(
        Column("funnel", pl.String(), "funnel of the product file"),
        Column("from_seconds", pl.Int64(), "begin of the stretch, inside", unit="s", minimum=0),
        Column("to_seconds", pl.Int64(), "end of the stretch, outside", unit="s", minimum=0),
        count("people", "people who completed the funnel in that time", "person", "stretch"),
    ),
    key=("funnel", "from_seconds"),
)
FUNNEL_TREND_COUNTS = Table(
    name="funnel_trend_counts",
    layer="period",
    grain="One row per funnel and week of entry; a person counts once a week, in every week of an entry.",
    columns=(
        Column("funnel", pl.String(), "funnel of the product file"),
        Column("week", pl.Date(), "first local day of the week in which the attempt was opened"),
        count("people_entered", "people who took step 1 in the week", "person"),
        count("people_converted", "of them, people whose attempt of that week took the last step", "person"),
        Column("mature", pl.Boolean(), "the window of the week's last entry is over"),
    ),
    key=("funnel", "week"),
    at_most=(("people_converted", "people_entered"),),
)
FUNNEL_STEPS = mart(
    name="funnel_steps",
    grain="One row per funnel, period, group and step.",
    columns=(
        *(c for c in FUNNEL_RESULTS.columns if not c.name.endswith("_us_from_previous")),
        ratio("mean_seconds_from_previous", "mean time from the step before, zero times left out", "s"),
        ratio("median_seconds_from_previous", "median time from the step before, zero times left out", "s"),
        rate("step_rate", "people_converted / people_at_previous_step"),
        rate("conversion_rate", "people_converted / people_entered"),
        rate("conversion_rate_of_mature", "people_converted_of_mature / people_mature: of whom the window is over"),
    ),
    key=FUNNEL_RESULTS.key,
    at_most=FUNNEL_RESULTS.at_most,
    version=2,
)
FUNNEL_TIMES = Table(
    name="funnel_times",
    layer="mart",
    grain=FUNNEL_DURATIONS.grain,
    columns=(*FUNNEL_DURATIONS.columns, rate("share", "people / all who completed the funnel")),
    key=FUNNEL_DURATIONS.key,
)
FUNNEL_TRENDS = mart(
    name="funnel_trends",
    grain=FUNNEL_TREND_COUNTS.grain,
    columns=(
        *FUNNEL_TREND_COUNTS.columns,
        rate("conversion_rate", "people_converted / people_entered; null until mature"),
    ),
    key=FUNNEL_TREND_COUNTS.key,
    at_most=FUNNEL_TREND_COUNTS.at_most,
    version=2,
)
