"""Goals, orders and refunds of a day by person."""

from datetime import date

import polars as pl

from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.events.matching import match_bits, revenue_of


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
