"""What is worth a look in recorded sessions."""

from datetime import date

import polars as pl

from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.events.quote_scrub import scrub_quote
from pipeline.stats.bits import has_bit

MOMENTS = "recorded_moments"
_DETAIL = 200
_MOMENT: dict[str, pl.DataType] = {
    "session_key": pl.Int64(), "at": pl.Datetime("us", "UTC"), "kind": pl.String(), "rule_set": pl.String(),
    "page": pl.String(), "zone": pl.String(), "detail": pl.String(), "score": pl.Int64(),
}  # fmt: skip


def recorded_moments(
    recordings: pl.LazyFrame,
    incidents: pl.LazyFrame,
    events: pl.LazyFrame,
    feedback: pl.LazyFrame,
    day: date,
    product: Product,
) -> pl.DataFrame:
    """Friction, errors, goals and feedback of the day's recorded sessions, at the place in the recording."""
    own = recordings.select("session_key", begins="started_at")
    result = pl.concat([_incidents(incidents, product), _errors_and_goals(events, product), _feedback(feedback)])
    placed = (
        result.join(own, on="session_key")
        .with_columns(
            pl.col("page", "zone", "detail", "rule_set").fill_null(""),
            offset_ms=(pl.col("at") - pl.col("begins")).dt.total_milliseconds(),
        )
        .with_columns(pl.col("detail").str.slice(0, _DETAIL))
        .group_by("session_key", "offset_ms", "kind", "rule_set", "page", "zone", "detail")
        .agg(score=pl.col("score").min(), moments=pl.len().cast(pl.Int64))
        .collect()
    )
    return TABLES[MOMENTS].conform(placed.with_columns(session_day=pl.lit(day)))


def _as_moments(rows: pl.LazyFrame) -> pl.LazyFrame:
    known = rows.collect_schema().names()
    return rows.select(
        (pl.col(name) if name in known else pl.lit(None)).cast(dtype).alias(name) for name, dtype in _MOMENT.items()
    )


def _incidents(incidents: pl.LazyFrame, product: Product) -> pl.LazyFrame:
    own = incidents.filter(pl.col("rule_set") == product.friction.first)
    return _as_moments(own.with_columns(at="started_at", kind="signal", detail=pl.coalesce("detail", "element")))


def _errors_and_goals(events: pl.LazyFrame, product: Product) -> pl.LazyFrame:
    goals = sorted(product.goals)
    reached = [pl.when(has_bit("goal_bits", i)).then(pl.lit(name)) for i, name in enumerate(goals)]
    reported = pl.concat_str(reached, separator=", ", ignore_nulls=True) if reached else pl.lit("")
    shown = events.filter((pl.col("kind") == "error") | pl.col("is_goal")).with_columns(at="occurred_at")
    errors = shown.filter(pl.col("kind") == "error").with_columns(
        detail=pl.coalesce("error_message", "error_type", "name")
    )
    goal = shown.filter("is_goal").with_columns(kind=pl.lit("goal"), detail=reported)
    return pl.concat([_as_moments(errors), _as_moments(goal)])


def _feedback(feedback: pl.LazyFrame) -> pl.LazyFrame:
    answers = feedback.filter(pl.col("kind") == "survey_answered", pl.col("session_key").is_not_null()).collect()
    texts = [
        scrub_quote(text[:400], language) if text else None
        for text, language in answers.select("text", "language").rows()
    ]
    stated = pl.when("is_valid").then(pl.format("{}: {}", pl.col("question_kind"), pl.col("score")))
    reported = answers.with_columns(
        pl.Series("text", texts, dtype=pl.String), at="occurred_at", kind=pl.lit("feedback"),
        score=pl.when("is_valid").then("score"),
    ).with_columns(detail=pl.coalesce("text", stated, "choice"))  # fmt: skip
    return _as_moments(reported.filter(pl.col("detail").is_not_null()).lazy())
