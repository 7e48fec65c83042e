"""The daily tables that value, key figures and experiments are computed from."""

from datetime import date

import polars as pl

from pipeline.contracts import TABLES
from pipeline.contracts.kpis import SESSION_DIMENSIONS
from pipeline.events.channels import NOT_MEASURED, UNKNOWN
from pipeline.events.matching import match_bits, revenue_of
from pipeline.product import Product

_DIMENSIONS = tuple(
    pl.col(name).fill_null(NOT_MEASURED if name == "channel" else UNKNOWN) for name in SESSION_DIMENSIONS
)


def outcomes(events: pl.LazyFrame, day: date, product: Product) -> pl.DataFrame:
    """Goals, orders and refunds of `day` by person and instant."""
    people = events.filter(pl.col("person_key").is_not_null(), ~pl.col("is_bot")).select(
        "person_key", "occurred_at", "kind", goal_bits=match_bits(product.goals), revenue_micros=revenue_of(product)
    )
    telling = people.filter((pl.col("goal_bits") != 0) | pl.col("kind").is_in(("order", "refund")))
    grouped = telling.group_by("person_key", "occurred_at").agg(
        pl.col("goal_bits").bitwise_or(),
        orders=(pl.col("kind") == "order").sum(),
        refunds=(pl.col("kind") == "refund").sum(),
        revenue_micros=pl.col("revenue_micros").sum(),
    )
    return TABLES["outcomes"].conform(grouped.with_columns(day=pl.lit(day)).collect())


def session_kpis(
    sessions: pl.LazyFrame, views: pl.LazyFrame, friction: pl.LazyFrame, day: date, product: Product
) -> pl.DataFrame:
    """What key figures count of each session booked on `day`; `friction` holds session_friction."""
    engaged = views.group_by("session_key").agg(
        engaged_ms=pl.when(pl.col("engaged_ms").is_not_null().any()).then(pl.col("engaged_ms").sum())
    )
    scored = friction.filter(pl.col("rule_set") == product.friction.first).select("session_key", friction_score="score")
    joined = (
        sessions.filter(~pl.col("is_bot"))
        .join(engaged, on="session_key", how="left")
        .join(scored, on="session_key", how="left")
        .with_columns(
            *_DIMENSIONS,
            pl.col("friction_score").fill_null(0),
            has_page_view=pl.col("page_views") + pl.col("page_views_implied") > 0,
            session_day=pl.lit(day),
        )
    )
    return TABLES["session_kpis"].conform(joined.collect())


def exposures(events: pl.LazyFrame, sessions: pl.LazyFrame, day: date) -> pl.DataFrame:
    """Who was exposed to which variant in the sessions booked on `day`, when first, and in which segments by then."""
    told = events.filter(pl.col("variant").is_not_null(), ~pl.col("is_bot")).select(
        "person_key", "session_key", "place", "occurred_at", "experiment_id",
        variant=pl.col("variant").str.strip_prefix(pl.concat_str("experiment_id", pl.lit("/"))),
    ).collect()  # fmt: skip
    about = sessions.select("session_key", *_DIMENSIONS).collect()
    ordered = told.join(about, on="session_key").sort("person_key", "occurred_at", "session_key", "place")
    first = ordered.group_by("person_key", "experiment_id", "variant", maintain_order=True).agg(
        pl.col("session_key", "place", *SESSION_DIMENSIONS).first(),
        first_at=pl.col("occurred_at").first(),
        exposures=pl.len(),
    )
    # What follows the exposure may follow from it.
    marks = events.filter(pl.col("segment_bits") != 0).select("session_key", "segment_bits", then="place").collect()
    key = ["person_key", "experiment_id", "variant"]
    before = (
        first.select(*key, "session_key", "place")
        .join(marks, on="session_key")
        .filter(pl.col("then") <= pl.col("place"))
    )
    bits = before.group_by(key).agg(pl.col("segment_bits").bitwise_or())
    known = first.join(bits, on=key, how="left").with_columns(pl.col("segment_bits").fill_null(0), day=pl.lit(day))
    return TABLES["exposures"].conform(known)
