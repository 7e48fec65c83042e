"""Which segments and experiment variants a session counts in, besides counting in everybody.

A session is in a segment when one of its events fits it, and in every variant that it bears; segments overlap.
"""

import polars as pl

from pipeline.core.product import Product
from pipeline.stats.bits import has_bit

EVERYBODY = ""


def in_segments(rows: pl.DataFrame, product: Product) -> pl.DataFrame:
    """Each row once for each segment that its `segment_bits` name, as `segment`."""
    parts = [
        rows.filter(has_bit("segment_bits", i)).with_columns(segment=pl.lit(name))
        for i, name in enumerate(sorted(product.segments))
    ]
    return pl.concat([rows.clear().with_columns(segment=pl.lit(EVERYBODY)), *parts])


def memberships(events: pl.LazyFrame, product: Product) -> pl.DataFrame:
    """`session_key`, `segment`, `variant`: a row per session and segment, and one per session and variant."""
    telling = (pl.col("segment_bits") != 0) | pl.col("variant").is_not_null()
    reported = events.filter(telling).select("session_key", "segment_bits", "variant").collect()
    none = pl.lit(EVERYBODY)
    parts = [in_segments(reported, product).select("session_key", "segment", variant=none)]
    parts.append(reported.drop_nulls("variant").select("session_key", segment=none, variant="variant"))
    return pl.concat(parts).unique()


def of_everybody_and_groups(rows: pl.DataFrame, groups: pl.DataFrame) -> pl.DataFrame:
    """Each row once for everybody, and once for each of `groups` that its session is in."""
    whole = rows.with_columns(segment=pl.lit(EVERYBODY), variant=pl.lit(EVERYBODY))
    if groups.is_empty():
        return whole
    return pl.concat([whole, rows.join(groups, on="session_key").select(whole.columns)])
