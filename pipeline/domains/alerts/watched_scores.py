"""What alerts watch of surveys (docs/definitions/alerts.md)."""

import polars as pl

from pipeline.core.product_surveys import SCORED


def watched_scores(feedback_counts: pl.LazyFrame) -> pl.DataFrame:
    """Shares to watch each night: low answers of each scored question, and responses of those who were shown a survey."""
    counts = feedback_counts.filter(pl.col("segment") == "").collect()
    known = pl.concat_str("survey", pl.lit("/"), "question").str.strip_suffix("/")
    scored = counts.filter(pl.col("question_kind").is_in(SCORED)).select(
        "day", metric=pl.lit("low_score: ") + known, hits="low", n="responses"
    )
    whole = counts.filter(pl.col("question_kind") == "")
    answered = whole.select("day", metric=pl.lit("response_rate: ") + known, hits="responses_measured", n="impressions")
    summed = pl.concat([scored, answered]).group_by("metric", "day").agg(pl.col("hits", "n").sum())
    # Answers of a day may belong to impressions of the days before.
    return summed.filter(pl.col("n") > 0).with_columns(pl.min_horizontal("hits", "n").alias("hits"))
