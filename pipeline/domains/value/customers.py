"""Buyers: RFM scores, and the value to expect of each by BG/NBD and Gamma-Gamma on purchase days (docs/definitions/value.md)."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

import numpy as np
import polars as pl

from pipeline.core.contract import MICROS
from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.domains.value import bgnbd
from pipeline.domains.value.bgnbd import BgNbd, Floats, GammaGamma

_WEEK = 7
# So few weeks held out tell nothing.
_LEAST_HELD_OUT = 4
_PARAMETERS = ("r", "alpha", "a", "b", "log_likelihood")


@dataclass(frozen=True)
class Buyers:
    """Per person, in order of key: repeat purchase days x, weeks of the last one t_x and observed t, mean repeat value."""

    people: pl.DataFrame
    x: Floats
    t_x: Floats
    t: Floats
    mean: Floats


def purchase_days(outcomes: pl.LazyFrame) -> pl.DataFrame:
    """One row per person and local day with an order, whatever it was worth: `orders`, `revenue_micros`."""
    days = outcomes.group_by("person_key", "day").agg(pl.col("orders", "revenue_micros").sum())
    return days.filter(pl.col("orders") > 0).sort("person_key", "day").collect()


def buyers(bought: pl.DataFrame, last: date) -> Buyers:
    """What the models read of purchase days up to `last`."""
    before = bought.filter(pl.col("day") <= last)
    repeat = pl.col("day") > pl.col("day").min()
    people = before.group_by("person_key", maintain_order=True).agg(
        first_day=pl.col("day").min(),
        last_day=pl.col("day").max(),
        purchase_days=pl.len().cast(pl.Int64),
        repeat_micros=pl.col("revenue_micros").filter(repeat).sum(),
    )
    x = (people["purchase_days"] - 1).cast(pl.Float64).to_numpy()
    first = people["first_day"]
    t_x = (people["last_day"] - first).dt.total_days().to_numpy() / _WEEK
    t = (pl.Series([last] * people.height, dtype=pl.Date) - first).dt.total_days().to_numpy() / _WEEK
    mean = people["repeat_micros"].cast(pl.Float64).to_numpy() / MICROS / np.maximum(x, 1)
    return Buyers(people, x, t_x, t, mean)


def fitted(known: Buyers) -> tuple[BgNbd | None, GammaGamma | None, int]:
    """Both models, and how many people the second one was fitted on."""
    return _fitted(*(each.tobytes() for each in (known.x, known.t_x, known.t, known.mean)))


# Two tables of a run ask for the same fit, which takes as long as ten others.
@lru_cache(maxsize=2)
def _fitted(*known: bytes) -> tuple[BgNbd | None, GammaGamma | None, int]:
    x, t_x, t, mean = (np.frombuffer(each) for each in known)
    repeat = (x > 0) & (mean > 0)
    purchases = bgnbd.fit_bg_nbd(x, t_x, t)
    return purchases, bgnbd.fit_gamma_gamma(x[repeat], mean[repeat]), int(repeat.sum())


def customer_fits(outcomes: pl.LazyFrame, days: list[date], product: Product) -> pl.DataFrame:
    """The models fitted on all days, and on those before the weeks held out, with what these then brought."""
    table = TABLES["customer_fits"]
    bought = purchase_days(outcomes)
    rows: list[dict[str, object]] = []
    if bought.height:
        begin: date = bought["day"].min()  # pyright: ignore[reportAssignmentType]
        weeks = product.value.holdout_weeks or ((days[-1] - begin).days + 1) // _WEEK // 2
        cut = days[-1] - timedelta(weeks=weeks)
        rows.append(_fit_row("whole", bought, begin, days[-1], 0))
        if weeks >= _LEAST_HELD_OUT and cut > begin:
            rows.append(_fit_row("holdout", bought, begin, cut, weeks))
    return table.conform(pl.DataFrame(rows, schema=table.schema, orient="row"))


def _fit_row(fit: str, bought: pl.DataFrame, begin: date, last: date, weeks: int) -> dict[str, object]:
    """The models on purchases up to `last`; of `weeks` held out after it what was expected of these people, and what came."""
    known = buyers(bought, last)
    purchases, values, repeating = fitted(known)
    row: dict[str, object] = {"fit": fit, "from_day": begin, "to_day": last, "people": known.people.height}
    row["people_repeating"] = repeating
    if purchases is not None:
        row |= {name: getattr(purchases, name) for name in _PARAMETERS}
    if values is not None:
        row |= {"p": values.p, "q": values.q, "v": values.v, "gamma_log_likelihood": values.log_likelihood}
    if weeks:
        after = bought.filter(pl.col("day") > last).join(known.people, on="person_key", how="semi").height
        row |= {"weeks_held_out": float(weeks), "actual_purchase_days": after}
        if purchases is not None:
            expected = bgnbd.expected_purchases(purchases, known.x, known.t_x, known.t, weeks)
            row["expected_purchase_days"] = bgnbd.rounded(float(expected.sum()))
    return row


def customers(outcomes: pl.LazyFrame, people: pl.LazyFrame, days: list[date], product: Product) -> pl.DataFrame:
    """Each buyer with RFM scores, chance to be a customer still, and what to expect within the horizon."""
    table = TABLES["customers"]
    bought = purchase_days(outcomes)
    if bought.is_empty():
        return table.conform(pl.DataFrame(schema=table.schema))
    known = buyers(bought, days[-1])
    totals = outcomes.group_by("person_key").agg(pl.col("orders", "revenue_micros").sum()).collect()
    names = people.select("person_key", "person_id").collect()
    joined = known.people.join(totals, on="person_key", maintain_order="left").join(
        names, on="person_key", how="left", maintain_order="left"
    )
    purchases, values, _ = fitted(known)
    ahead = product.value.horizon_days / _WEEK
    reported: dict[str, Floats] = {}
    if purchases is not None:
        reported["chance_alive"] = bgnbd.chance_alive(purchases, known.x, known.t_x, known.t)
        reported["expected_purchase_days"] = bgnbd.expected_purchases(purchases, known.x, known.t_x, known.t, ahead)
        if values is not None:
            mean = bgnbd.expected_value(values, known.x, np.maximum(known.mean, 0))
            reported["expected_revenue"] = reported["expected_purchase_days"] * mean
    none = np.full(joined.height, np.nan)
    columns = ("chance_alive", "expected_purchase_days", "expected_revenue")
    fits = {name: pl.Series(reported.get(name, none)).round_sig_figs(6).fill_nan(None) for name in columns}
    scores = {
        "recency_score": _score("last_day"),
        "frequency_score": _score("purchase_days"),
        "monetary_score": _score("revenue_micros"),
    }
    return table.conform(joined.with_columns(**fits, **scores))


def _score(name: str) -> pl.Expr:
    """1 + floor(5 x share of people with a strictly worse value), in integers."""
    worse = pl.col(name).rank("min").cast(pl.Int64) - 1
    return 1 + worse * 5 // pl.len().cast(pl.Int64)
