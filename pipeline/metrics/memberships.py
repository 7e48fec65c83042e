"""Which segments and experiment variants a session counts in, besides counting in everybody.

A session is in a segment when one of its events fits it, and in every variant that it bears; segments overlap.
"""

import polars as pl

from pipeline.product import Product

EVERYBODY = ""


def memberships(events: pl.LazyFrame, product: Product) -> pl.DataFrame:
    """`session_key`, `segment`, `variant`: a row (empty, empty) per session, and one per segment and per variant."""
    sessions = events.group_by("session_key").agg(
        bits=pl.col("segment_bits").bitwise_or(), variants=pl.col("variant").drop_nulls().unique()
    )
    told = sessions.collect()
    none = pl.lit(EVERYBODY)
    parts = [told.select("session_key", segment=none, variant=none)]
    parts += [
        told.filter(pl.col("bits") & (1 << i) != 0).select("session_key", segment=pl.lit(name), variant=none)
        for i, name in enumerate(sorted(product.segments))
    ]
    within = told.explode("variants").filter(pl.col("variants").is_not_null())
    parts.append(within.select("session_key", segment=none, variant="variants"))
    return pl.concat(parts)
