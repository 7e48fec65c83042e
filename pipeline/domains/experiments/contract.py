"""Experiments, releases and hypotheses: what a change does (docs/definitions/experiments.md)."""

import polars as pl

from pipeline.core.columns import DEVICE, PERSON, number
from pipeline.core.contract import Column, Table, as_mart, count, time

_VARIANT = Column("variant", pl.String(), "variant as the source names it")
EXPOSURES = Table(
    name="exposures",
    layer="daily",
    grain="One row per person, experiment and variant to which sessions booked on the day exposed the person.",
    columns=(
        Column("day", pl.Date(), "session day"),
        PERSON,
        Column("experiment_id", pl.String(), "experiment, as the source names it"),
        _VARIANT,
        time("first_at", "the first exposure of the day"),
        count("exposures", "exposures of the day", "event", "day"),
        Column(
            "segment_bits",
            pl.Int64(),
            "bit i: the session was in segment i, by name, when the exposure came",
            minimum=0,
        ),
        DEVICE,
        Column("os", pl.String(), "operating system of the visit; `unknown` where nothing tells"),
        Column("browser", pl.String(), "browser of the visit; `unknown` where nothing tells"),
        Column("country", pl.String(), "country of the session; `unknown` where nothing tells"),
        Column("channel", pl.String(), "channel of the session"),
    ),
    key=("person_key", "experiment_id", "variant"),
)
_EXPERIMENT = Column("experiment", pl.String(), "experiment of the product file, else its id")
_METRIC = Column("metric", pl.String(), "metric of the experiment")
_DIMENSION = Column(
    "dimension", pl.String(), "`device_type`, `os`, `browser`, `country`, `channel` or `segment`; empty: everybody"
)
_VALUE = Column("value", pl.String(), "its value; empty: everybody")
_SUM = "y: the person's sum over the window; d: what it is divided by (1 but for ratios); x: the same sum over the 28 days before"
_MOMENTS = tuple(
    number(name, f"exact sum over people of {of}, rounded once")
    for name, of in (
        ("sum_y", "y"), ("sum_yy", "y²"), ("sum_d", "d"), ("sum_dd", "d²"), ("sum_yd", "y·d"),
        ("sum_x", "x"), ("sum_xx", "x²"), ("sum_xy", "x·y"),
    )
)  # fmt: skip
EXPERIMENT_DAYS = Table(
    name="experiment_days",
    layer="period",
    grain="One row per experiment, metric, variant, day of first exposure, dimension and value: sums over people, which add up over days.",
    columns=(
        _EXPERIMENT,
        _METRIC,
        _VARIANT,
        Column("day", pl.Date(), "local day of the person's first exposure"),
        _DIMENSION,
        _VALUE,
        Column("people_exposed", pl.Int64(), "people first exposed on the day, in one variant only", unit="person", minimum=0, adds_over=("day",)),
        Column("people", pl.Int64(), f"of them, people whose window is over; sums are over these. {_SUM}", unit="person", minimum=0),
        Column("people_with", pl.Int64(), "of people, those with an outcome other than 0", unit="person", minimum=0),
        *_MOMENTS,
    ),
    key=("experiment", "metric", "variant", "day", "dimension", "value"),
    at_most=(("people", "people_exposed"), ("people_with", "people")),
)  # fmt: skip
EXPERIMENT_RESULTS = Table(
    name="experiment_results",
    layer="period",
    grain="One row per experiment, metric, variant but the control, dimension and value: the variant against the control.",
    columns=(
        _EXPERIMENT,
        _METRIC,
        Column("metric_kind", pl.String(), "`conversion`, `revenue`, `orders`, `retention`, `friction` or `score`"),
        Column("is_primary", pl.Boolean(), "the metric that decides"),
        _VARIANT,
        _DIMENSION,
        _VALUE,
        Column("first_day", pl.Date(), "day of the first exposure", nullable=True),
        Column("last_day", pl.Date(), "last day with data"),
        count("people_control", "people of the control whose window is over", "person"),
        count("people_variant", "people of the variant whose window is over", "person"),
        number("control", "mean of the control, in the metric's unit"),
        number("treatment", "mean of the variant"),
        number("effect", "variant less control"),
        number("low", "lower end of the 95 % interval for one look at the planned end"),
        number("high", "its upper end"),
        number("p_value", "two-sided: two proportions, Welch, or the delta method for ratios"),
        number("q_value", "p after Benjamini-Hochberg over the experiment's other metrics and variants (the primary one: its variants)"),
        number("cuped_effect", "effect adjusted by the same metric in the 28 days before the person's first exposure"),
        number("cuped_low", "lower end of its 95 % interval"),
        number("cuped_high", "its upper end"),
        number("variance_kept", "variance left by the adjustment: 1 - R²", "share"),
        number("always_low", "lower end of the always-valid 95 % interval: holds at every look; null without a minimum effect"),
        number("always_high", "its upper end"),
        number("detectable", "smallest difference that this many people find in 4 of 5 experiments"),
        Column("days_to_go", pl.Int64(), "days until the minimum effect can be told, at the people a day so far; 0: now", unit="day", nullable=True, minimum=0),
        Column("conclusion", pl.String(), "`better`, `worse`, `no difference found`, `too early`, `too few` or `hidden: sample ratio`"),
    ),
    key=("experiment", "metric", "variant", "dimension", "value"),
)  # fmt: skip
EXPERIMENT_CHECKS = Table(
    name="experiment_checks",
    layer="period",
    grain="One row per experiment and variant that anybody was exposed to: who counts, and whether people were divided as planned.",
    columns=(
        _EXPERIMENT,
        _VARIANT,
        Column("is_configured", pl.Boolean(), "the product file has the experiment and the variant"),
        Column("is_control", pl.Boolean(), "the variant that others are compared with"),
        count("people_exposed", "people exposed to the variant at all", "person"),
        count("people_set_aside", "of them, people exposed to another variant too: they count nowhere", "person"),
        count("people_counted", "people who count", "person"),
        number("people_expected", "people who would count if divided by the weights in force on their days", "person"),
        number("ratio_p_value", "of the experiment: chance of a division as uneven as that of people_counted"),
        number("ratio_p_value_before", "the same of people_exposed"),
        number(
            "ratio_e_value",
            "of the experiment: evidence against the weights in people_counted, the most at the end of any day (sequential test of a Dirichlet mixture); of 100 fair experiments one ever reaches 100",
        ),
        number("ratio_e_value_before", "the same of people_exposed"),
        Column(
            "ratio_alarm",
            pl.Boolean(),
            "an e-value is 100 or more: conclusions are hidden; at the planned end a p-value below 0.01 hides them too",
        ),
    ),
    key=("experiment", "variant"),
)
_RELEASE = Column("release", pl.String(), "release of the product file")
RELEASE_RESULTS = Table(
    name="release_results",
    layer="period",
    grain="One row per release, key figure and segment: days after it beside the same weekdays before.",
    columns=(
        _RELEASE,
        Column("day", pl.Date(), "first local day with it"),
        Column("kpi", pl.String(), "key figure"),
        Column("segment", pl.String(), "segment of the product file; empty: everybody"),
        count("days_before", "days of the 28 before it that have a figure", "day"),
        count("days_after", "days of the 28 from it on that have a figure, up to the next release", "day"),
        number("before", "mean of the same weekdays before"),
        number("after", "mean of the days after"),
        number("change", "after less before, weekday by weekday"),
        number("low", "lower end of its 95 % interval, by the spread between days"),
        number("high", "its upper end"),
        number("p_value", "two-sided"),
    ),
    key=("release", "kpi", "segment"),
)
HYPOTHESIS_RESULTS = Table(
    name="hypothesis_results",
    layer="period",
    grain="One row per hypothesis of the product file, with its conclusion.",
    columns=(
        Column("hypothesis", pl.String(), "hypothesis of the product file"),
        Column("statement", pl.String(), "what is believed"),
        Column("metric", pl.String(), "what tells"),
        Column("expected", pl.String(), "`higher` or `lower`"),
        number("expected_size", "least size expected, as a share of what it was", "share"),
        Column("tested_by", pl.String(), "`experiment` or `release`, and its name"),
        number("before", "the metric without it"),
        number("effect", "what it changes, in the metric's unit"),
        number("low", "lower end of the 95 % interval; of experiments with a minimum effect the always-valid one"),
        number("high", "its upper end"),
        Column("conclusion", pl.String(), "`supported`, `refuted` or `too little data yet`"),
        Column("reason", pl.String(), "why, in words"),
    ),
    key=("hypothesis",),
)
EXPERIMENTS = as_mart("experiments", EXPERIMENT_RESULTS, version=2)
EXPERIMENT_GROUPS = as_mart("experiment_groups", EXPERIMENT_CHECKS)
EXPERIMENT_MOMENTS = as_mart("experiment_moments", EXPERIMENT_DAYS)
RELEASES = as_mart("releases", RELEASE_RESULTS)
HYPOTHESES = as_mart("hypotheses", HYPOTHESIS_RESULTS, version=2)
