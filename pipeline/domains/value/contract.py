"""What customers are worth (docs/definitions/value.md)."""

import polars as pl

from pipeline.core.columns import PERSON, money, number
from pipeline.core.contract import Column, Table, count, rate, time
from pipeline.core.published import mart

OUTCOMES = Table(
    name="outcomes",
    layer="daily",
    grain="One row per person and instant of the local day at which a goal was reached, something bought or given back; bots left out.",
    columns=(
        Column("day", pl.Date(), "local day of the product's time zone"),
        PERSON,
        time("occurred_at", "when"),
        Column("goal_bits", pl.Int64(), "bit i: reached goal i, by name in alphabetical order", minimum=0),
        count("orders", "orders", "event", "day"),
        count("refunds", "refunds", "event", "day"),
        money("revenue_micros", "revenue of orders less refunds, in the product's currency", "day"),
    ),
    key=("person_key", "occurred_at"),
)  # fmt: skip
_COHORT = (
    Column("period", pl.String(), "`all`, `week` or `month`: how people are put together by their start"),
    Column("cohort_start", pl.Date(), "first local day of the cohort's period"),
)
VALUE_COUNTS = Table(
    name="value_counts",
    layer="period",
    grain="One row per cohort and window of days after the person's start.",
    columns=(
        *_COHORT,
        Column("window_days", pl.Int64(), "days of 86,400 s after the start that count", unit="day", minimum=1),
        count("people_in_cohort", "people who started in the period", "person"),
        count("people_mature", "of them, people whose window is over", "person"),
        count("people_with_revenue", "of people_mature, those with an order in the window", "person"),
        count("orders", "orders of people_mature in the window", "event"),
        money("revenue_micros", "revenue less refunds of people_mature in the window"),
        number("error", "standard error of the revenue per person", "currency"),
    ),
    key=("period", "cohort_start", "window_days"),
    at_most=(("people_mature", "people_in_cohort"), ("people_with_revenue", "people_mature")),
)
REVENUE_CELLS = Table(
    name="revenue_cells",
    layer="period",
    grain="One row per month of first purchase and month after it.",
    columns=(
        Column("cohort_start", pl.Date(), "first local day of the month of the first purchase"),
        Column("offset", pl.Int64(), "calendar months after it", minimum=0),
        count("people_in_cohort", "people who first bought in the month", "person"),
        count("people_with_orders", "of them, people who bought in the month of the offset", "person"),
        count("orders", "their orders of that month", "event"),
        money("revenue_micros", "their revenue less refunds of that month"),
        Column("mature", pl.Boolean(), "that month is over"),
    ),
    key=("cohort_start", "offset"),
    at_most=(("people_with_orders", "people_in_cohort"),),
)


def _score(name: str, of: str) -> Column:
    return Column(
        name, pl.Int64(), f"1 + floor(5 x share of buyers with {of}); 5 is best", unit="points", minimum=1, maximum=5
    )


CUSTOMERS = Table(
    name="customers",
    layer="period",
    grain="One row per person who ever bought.",
    columns=(
        PERSON,
        Column("person_id", pl.String(), "`user:` or `device:` and the id"),
        Column("first_day", pl.Date(), "local day of the first purchase"),
        Column("last_day", pl.Date(), "local day of the last purchase"),
        count("purchase_days", "days with a purchase", "day"),
        count("orders", "orders", "event"),
        money("revenue_micros", "revenue less refunds"),
        _score("recency_score", "an earlier last purchase"),
        _score("frequency_score", "fewer purchase days"),
        _score("monetary_score", "less revenue"),
        number("chance_alive", "chance to be a customer still (BG/NBD)", "share"),
        number("expected_purchase_days", "purchase days to expect within the horizon", "day"),
        number("expected_revenue", "revenue to expect within the horizon", "currency"),
    ),
    key=("person_key",),
)
CUSTOMER_FITS = Table(
    name="customer_fits",
    layer="period",
    grain="One row per fit of the model of buyers: on all days, and on the days before a time held out.",
    columns=(
        Column("fit", pl.String(), "`whole` or `holdout`"),
        Column("from_day", pl.Date(), "first day of the purchases it was fitted on"),
        Column("to_day", pl.Date(), "last day of them"),
        count("people", "people who had bought by then", "person"),
        number("r", "BG/NBD: shape of the rate of purchases"),
        number("alpha", "BG/NBD: its scale, in weeks"),
        number("a", "BG/NBD: of the chance to leave after a purchase"),
        number("b", "BG/NBD: of the chance to stay"),
        number("log_likelihood", "of BG/NBD at these parameters"),
        count("people_repeating", "people with a repeat purchase of a value above 0", "person"),
        number("p", "Gamma-Gamma: shape of a purchase's value"),
        number("q", "Gamma-Gamma: shape between people"),
        number("v", "Gamma-Gamma: its scale, in the currency"),
        number("gamma_log_likelihood", "of Gamma-Gamma at these parameters"),
        number("weeks_held_out", "weeks after to_day that were held out", "week"),
        number("expected_purchase_days", "purchase days that these people were expected to make in them", "day"),
        Column("actual_purchase_days", pl.Int64(), "purchase days that they made", unit="day", nullable=True, minimum=0),
    ),
    key=("fit",),
)  # fmt: skip
BEHAVIOUR_VALUES = Table(
    name="behaviour_values",
    layer="period",
    grain="One row per kind of behaviour, behaviour and outcome: people who did it beside people like them who didn't.",
    columns=(
        Column("kind", pl.String(), "`feature`, `zone`, `funnel_step`, `friction` of the first 7 days, or `step_suggestion`"),
        Column("behaviour", pl.String(), "feature, page/zone, funnel: step, or signal; of a suggestion `funnel: step > what was done after it`"),
        Column("outcome", pl.String(), "`retained` (active on days 7-34), `revenue` (of days 7-96), `next_step`"),
        count("people_with", "people who did it, in strata that have 5 on both sides", "person"),
        count("people_without", "people of these strata who didn't", "person"),
        count("people_left_out", "people in strata without others to compare with", "person"),
        number("mean_with", "mean outcome of who did: share, or currency units"),
        number("mean_without", "mean outcome of the others, standardised to who did"),
        number("effect", "mean_with less mean_without"),
        number("low", "lower end of its 95 % interval"),
        number("high", "its upper end"),
        number("p_value", "two-sided; null below 30 people a side"),
        number("q_value", "p after Benjamini-Hochberg over all behaviours of the outcome"),
        number("plain_difference", "the same without strata: misleading, for active people do more of everything"),
        Column("is_marked", pl.Boolean(), "q_value is below 0.10"),
    ),
    key=("kind", "behaviour", "outcome"),
)  # fmt: skip
CUSTOMER_VALUE = mart(
    name="customer_value",
    grain=VALUE_COUNTS.grain,
    columns=(
        *VALUE_COUNTS.columns,
        number("value_per_person", "revenue / people_mature", "currency"),
        number("low", "lower end of its 95 % interval", "currency"),
        number("high", "its upper end", "currency"),
        rate("buyer_rate", "people_with_revenue / people_mature"),
    ),
    key=VALUE_COUNTS.key,
    at_most=VALUE_COUNTS.at_most,
    matures=True,
    version=2,
)
REVENUE_COHORTS = mart(
    name="revenue_cohorts",
    grain=REVENUE_CELLS.grain,
    columns=(
        *REVENUE_CELLS.columns,
        money("revenue_micros_cumulated", "revenue less refunds from the first month to this one"),
        number("cumulated_per_person", "the same per person of the cohort", "currency"),
        rate("order_rate", "people_with_orders / people_in_cohort"),
    ),
    key=REVENUE_CELLS.key,
    at_most=REVENUE_CELLS.at_most,
    version=2,
    names={"offset": "month_number"},
)
RFM = mart(
    name="rfm",
    grain="One row per recency, frequency and monetary score of people who ever bought.",
    columns=(
        _score("recency_score", "an earlier last purchase"),
        _score("frequency_score", "fewer purchase days"),
        _score("monetary_score", "less revenue"),
        count("people", "people with these scores", "person"),
        count("orders", "their orders", "event", "recency_score", "frequency_score", "monetary_score"),
        money("revenue_micros", "their revenue less refunds", "recency_score", "frequency_score", "monetary_score"),
        number("chance_alive_mean", "mean chance to be a customer still", "share"),
        number("expected_revenue_mean", "mean revenue to expect of a person within the horizon", "currency"),
    ),
    key=("recency_score", "frequency_score", "monetary_score"),
    version=2,
)
CUSTOMER_MODEL = Table(
    name="customer_model",
    layer="mart",
    grain=CUSTOMER_FITS.grain,
    columns=(*CUSTOMER_FITS.columns, number("holdout_error", "expected / actual - 1", "share")),
    key=CUSTOMER_FITS.key,
)
BEHAVIOUR_VALUE = Table(
    name="behaviour_value",
    layer="mart",
    grain=BEHAVIOUR_VALUES.grain,
    columns=BEHAVIOUR_VALUES.columns,
    key=BEHAVIOUR_VALUES.key,
)
