"""What the nightly mart says where the question is a configured one: the same number, or one of other days."""

import polars as pl

from pipeline.ask.question import Question
from pipeline.core.keys import mart_key
from pipeline.core.lake import Lake


def nightly(lake: Lake, question: Question) -> str | None:
    """What the mart says of a configured funnel for just these days, in one sentence; None where it says nothing of them."""
    plain = question.of is not None and not (question.where or question.people or question.range)
    key = mart_key("funnel_steps")
    if question.show != "funnel" or not plain or not lake.exists(key):
        return None
    span = pl.col("period_start") == question.first, pl.col("period_end") == question.last
    rows = (
        pl.scan_parquet(lake.path(key))
        .filter(pl.col("funnel") == question.of, pl.col("breakdown_value") == "", *span)
        .sort("step")
        .select("people_entered", "people_converted")
        .unique(maintain_order=True)
        .collect()
    )
    if rows.is_empty():
        return None
    entered, converted = rows["people_entered"][0], rows["people_converted"][-1]
    return f"The nightly report says of these days: {entered:,} entered, {converted:,} took the last step."
