"""What experiments are judged from: exact sums over people by day of first exposure (docs/definitions/experiments.md).

A person counts once over, in the one variant that the person saw; people who saw two are set aside everywhere. What
counts happened in a fixed window from the person's own first exposure; by calendar day there is no such sum.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from pipeline.core.columns import SESSION_DIMENSIONS
from pipeline.core.contract import MICROS
from pipeline.core.days import ONE_DAY, day_start
from pipeline.core.product import Product
from pipeline.domains.experiments.section import Experiment, Metric
from pipeline.stats.answers import last_answers, survey_scores
from pipeline.stats.memberships import EVERYBODY, in_segments

BEFORE = timedelta(days=28)
SUMS = ("y", "yy", "d", "dd", "yd", "x", "xx", "xy")
KEYS = ["experiment", "metric", "variant", "day", "dimension", "value"]
_NOBODY: dict[str, pl.DataType] = {"person_key": pl.Int64(), "at": pl.Datetime("us", "UTC"), "amount": pl.Int64()}


@dataclass(frozen=True)
class Streams:
    """Daily tables over all days that experiments read."""

    exposures: pl.LazyFrame
    outcomes: pl.LazyFrame
    activity: pl.LazyFrame
    incidents: pl.LazyFrame
    feedback: pl.LazyFrame


def first_exposures(exposures: pl.LazyFrame, product: Product) -> pl.DataFrame:
    """One row per person, experiment and variant: `day`, `first_at`, what is known then, `variants` that the person saw.

    `experiment` is the name of the product file, else the source's id.
    """
    key = ["person_key", "experiment"]
    rows = _named(exposures.collect(), product)
    first = (
        rows.sort(*key, "first_at", "variant")
        .group_by(*key, "variant", maintain_order=True)
        .agg(pl.col("day", "first_at", *SESSION_DIMENSIONS).first(), pl.col("segment_bits").first())
    )
    return first.with_columns(variants=pl.len().over(key))


def _named(exposures: pl.DataFrame, product: Product) -> pl.DataFrame:
    """Exposures with the `experiment` that they are of: each once for every experiment of their id and day.

    Those of an id that the product file knows, on days of none of its experiments, are left out.
    """
    day = pl.col("first_at").dt.convert_time_zone(product.time_zone).dt.date()
    ids = {name: each.id or name for name, each in product.experiments.items()}
    parts = [
        exposures.filter(
            pl.col("experiment_id") == ids[name],
            day.is_between(pl.lit(each.valid_from or date.min), pl.lit(each.valid_to or date.max)),
        ).with_columns(experiment=pl.lit(name))
        for name, each in product.experiments.items()
    ]
    other = exposures.filter(~pl.col("experiment_id").is_in(list(ids.values())))
    # What bears an experiment's name without being it isn't taken for it.
    foreign = pl.when(pl.col("experiment_id").is_in(list(ids))).then("id:" + pl.col("experiment_id"))
    return pl.concat([*parts, other.with_columns(experiment=pl.coalesce(foreign, "experiment_id"))])


def moments(streams: Streams, days: list[date], product: Product) -> pl.DataFrame:
    """Sums by `KEYS` as Int128: `people_exposed`, `people`, `people_with` (an outcome other than 0), and `SUMS`; of configured experiments and variants."""
    everybody = first_exposures(streams.exposures, product).filter(pl.col("variants") == 1)
    end = day_start(days[-1] + ONE_DAY, product.zone_info) if days else None
    parts: list[pl.DataFrame] = []
    for name, experiment in product.experiments.items():
        own = everybody.filter(pl.col("experiment") == name, pl.col("variant").is_in(list(experiment.variants)))
        if own.is_empty():
            continue
        window = timedelta(days=experiment.window_days)
        people = own.with_columns(mature=pl.col("first_at") + window <= end)
        for metric_name, metric in experiment.metrics.items():
            interactions = _interactions(metric, streams, people, product)
            summed = _sums(people, interactions, window, is_once=metric.kind in ("conversion", "retention"))
            known = summed.with_columns(metric=pl.lit(metric_name))
            parts.append(_by_day(known, product, is_ratio=metric.kind == "score"))
    schema = {
        **dict.fromkeys(KEYS, pl.String),
        "day": pl.Date,
        "people_exposed": pl.Int64,
        "people": pl.Int64,
        "people_with": pl.Int64,
    }
    none = pl.DataFrame(schema={**schema, **dict.fromkeys(SUMS, pl.Int128)})
    return pl.concat([none, *(part.select(none.columns) for part in parts)])


def _interactions(metric: Metric, streams: Streams, people: pl.DataFrame, product: Product) -> pl.DataFrame:
    """What counts for a metric: `person_key`, `at`, `amount`, of people of the experiment only."""
    mine = people.lazy().select("person_key")
    if metric.kind in ("conversion", "revenue", "orders"):
        rows = streams.outcomes.join(mine, on="person_key", how="semi")
        if metric.kind == "conversion":
            goals = sorted(product.goals)
            wanted = (1 << len(goals)) - 1 if metric.goal is None else 1 << goals.index(metric.goal)
            rows = rows.filter(pl.col("goal_bits") & wanted != 0)
        amount = {
            "conversion": pl.lit(1, dtype=pl.Int64),
            "revenue": pl.col("revenue_micros"),
            "orders": pl.col("orders"),
        }
        result = rows.select("person_key", at="occurred_at", amount=amount[metric.kind])
    elif metric.kind == "retention":
        # The local day of the exposure is no return, whatever day its session is booked on.
        days = streams.activity.join(mine, on="person_key", how="semi")
        exposed = pl.col("first_at").dt.convert_time_zone(product.time_zone).dt.date()
        started = people.lazy().select("person_key", exposed=exposed)
        result = days.join(started, on="person_key").filter(pl.col("day") != pl.col("exposed"))
        result = result.select("person_key", at="first_at", amount=pl.lit(1, dtype=pl.Int64))
    elif metric.kind == "friction":
        rows = streams.incidents.filter(pl.col("rule_set") == product.friction.first)
        own = rows.join(mine, on="person_key", how="semi")
        # Incidents that share a click are one.
        result = own.group_by("person_key", "friction_group").agg(at=pl.col("started_at").min())
        result = result.select("person_key", "at", amount=pl.lit(1, dtype=pl.Int64))
    else:
        reported = (pl.col("survey") == metric.survey) & pl.col("person_key").is_not_null()
        answers = last_answers(streams.feedback.filter(reported).join(mine, on="person_key", how="semi"))
        result = survey_scores(answers, product).lazy()
        result = result.select("person_key", at="occurred_at", amount="points")
    return pl.concat([pl.DataFrame(schema=_NOBODY).lazy(), result], how="vertical_relaxed").collect()


def _sums(people: pl.DataFrame, interactions: pl.DataFrame, window: timedelta, *, is_once: bool) -> pl.DataFrame:
    """Add to each person `y` and `d` within the window, `x` in the 28 days before; `d` counts the acts."""
    placed = people.select("person_key", "variant", "first_at").join(interactions, on="person_key")
    after = pl.col("at").is_between(pl.col("first_at"), pl.col("first_at") + window, closed="left")
    before = pl.col("at").is_between(pl.col("first_at") - BEFORE, pl.col("first_at"), closed="left")
    amount = pl.col("amount")
    reported = placed.group_by("person_key").agg(
        y=amount.filter(after).sum(), d=after.sum().cast(pl.Int64), x=amount.filter(before).sum()
    )
    if is_once:
        reported = reported.with_columns(pl.col("y", "x").clip(0, 1))
    return people.join(reported, on="person_key", how="left").with_columns(pl.col("y", "d", "x").fill_null(0))


def _by_day(people: pl.DataFrame, product: Product, *, is_ratio: bool) -> pl.DataFrame:
    none = pl.lit(EVERYBODY)
    groups = [people.with_columns(dimension=none, value=none)]
    groups += [people.with_columns(dimension=pl.lit(name), value=name) for name in SESSION_DIMENSIONS]
    groups.append(
        in_segments(people, product).with_columns(dimension=pl.lit("segment"), value="segment").drop("segment")
    )
    whole = pl.concat([each.select(groups[0].columns) for each in groups])
    y, x = pl.col("y").cast(pl.Int128), pl.col("x").cast(pl.Int128)
    d = pl.col("d").cast(pl.Int128) if is_ratio else pl.lit(1, dtype=pl.Int128)
    products: Mapping[str, pl.Expr] = {
        "y": y, "yy": y * y, "d": d, "dd": d * d, "yd": y * d, "x": x, "xx": x * x, "xy": x * y,
    }  # fmt: skip
    given = whole.with_columns(**{f"{name}_": each for name, each in products.items()})
    return given.group_by(KEYS).agg(
        people_exposed=pl.len().cast(pl.Int64),
        people=pl.col("mature").sum().cast(pl.Int64),
        people_with=(pl.col("mature") & (pl.col("y") != 0)).sum().cast(pl.Int64),
        **{name: pl.col(f"{name}_").filter("mature").sum() for name in SUMS},
    )


def scale_of(experiment: Experiment, metric: str) -> int:
    """By what integer sums of a metric are divided to be in its unit."""
    return MICROS if experiment.metrics[metric].kind == "revenue" else 1
