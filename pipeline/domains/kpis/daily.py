"""What key figures count of each session of a day."""

from datetime import date

import polars as pl

from pipeline.core.columns import SESSION_DIMENSIONS
from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.events.channels import NOT_MEASURED, UNKNOWN

_DIMENSIONS = tuple(
    pl.col(name).fill_null(NOT_MEASURED if name == "channel" else UNKNOWN) for name in SESSION_DIMENSIONS
)


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
