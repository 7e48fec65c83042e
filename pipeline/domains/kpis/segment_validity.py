"""Who is in which segment from when to when, for tools that act on it.

A session is in a segment when one of its events fits; a person from such a session on until one that isn't.
"""

import polars as pl

from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.stats.bits import has_bit
from pipeline.stats.buckets import in_ranges, ranges_of


def segment_validity(sessions: pl.LazyFrame, people: pl.LazyFrame, product: Product) -> pl.DataFrame:
    """Stretches of each person in each segment; `sessions` holds session_kpis of all days, `people` people_first."""
    table = TABLES["segment_validity"]
    if not product.segments:
        return table.conform(pl.DataFrame(schema=table.schema))
    number = ranges_of(sessions.select(pl.len()).collect().item())
    names = people.select("person_key", "person_id")

    def validity(inside: pl.Expr) -> pl.DataFrame:
        result = _validity(sessions.filter(inside), product)
        return result.join(names.filter(inside).collect(), on="person_key")

    return table.conform(pl.concat(in_ranges(validity, number)))


def _validity(sessions: pl.LazyFrame, product: Product) -> pl.DataFrame:
    # Of two sessions that begin at once neither comes first.
    starts = (
        sessions.group_by("person_key", "started_at")
        .agg(pl.col("segment_bits").bitwise_or(), sessions=pl.len().cast(pl.Int64))
        .sort("person_key", "started_at")
        .collect()
    )
    parts: list[pl.DataFrame] = []
    for i, segment in enumerate(sorted(product.segments)):
        marked = starts.with_columns(is_in=has_bit("segment_bits", i))
        begins = pl.col("is_in").ne_missing(pl.col("is_in").shift().over("person_key"))
        runs = marked.with_columns(run=begins.cum_sum().over("person_key"))
        ends = runs.group_by("person_key", "run", maintain_order=True).agg(
            pl.col("is_in").first(), valid_from=pl.col("started_at").first(), sessions=pl.col("sessions").sum()
        )
        spelled = ends.with_columns(valid_to=pl.col("valid_from").shift(-1).over("person_key"))
        parts.append(spelled.filter("is_in").with_columns(segment=pl.lit(segment)))
    return pl.concat(parts)
