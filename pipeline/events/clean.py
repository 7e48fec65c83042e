"""A clean day: raw rows of one local day -> each event once, with person, bot flag and page, in total order.

Definitions: metrics.md, "Events, order, duplicates", "Identity", "Time and bots".
"""

from dataclasses import dataclass

import polars as pl

from pipeline.contracts import EVENTS, RAW_EVENTS
from pipeline.events.bots import with_bots
from pipeline.events.duplicates import first_of_each_id, with_ids, without_repeated
from pipeline.events.identity import Identities, with_person
from pipeline.events.matching import page_names
from pipeline.ingest.batch import promoted_schema, with_promoted
from pipeline.product import Product

CLICK_MERGE_US = 5_000


@dataclass(frozen=True)
class CleanDay:
    """`events` by the contract, and what was counted once instead of twice."""

    events: pl.DataFrame
    duplicates: int
    duplicates_of_earlier_days: int
    clicks_merged: int


def clean_day(raw: pl.LazyFrame, product: Product, identities: Identities, repeated: pl.DataFrame) -> CleanDay:
    """Build a day of `events` from its accepted rows; in whatever order they come, the result is the same.

    `repeated` holds (source, event_id) of the day that came on an earlier day.
    """
    promoted = promoted_schema(product)
    carried = [name for name in EVENTS.schema if name in RAW_EVENTS.schema]
    rows = with_promoted(raw, product).select(*carried, *promoted).collect()
    unique = first_of_each_id(with_ids(rows))
    new = without_repeated(unique, repeated)
    merged = _merge_double_clicks(new)
    named = with_person(merged, identities).with_columns(page_names(merged["url"], product.pages).alias("page"))
    return CleanDay(
        events=EVENTS.conform(with_bots(named, product.bots), extra=list(promoted)),
        duplicates=rows.height - unique.height,
        duplicates_of_earlier_days=unique.height - new.height,
        clicks_merged=new.height - merged.height,
    )


def _merge_double_clicks(rows: pl.DataFrame) -> pl.DataFrame:
    """Two clicks of one device within 5 ms are one: keep one with a position, else the deeper chain, else the first."""
    device = ["source", "anonymous_id", "user_id"]
    clicks = rows.filter(pl.col("kind") == "click", pl.any_horizontal(pl.col("anonymous_id", "user_id").is_not_null()))
    order = ["occurred_at", "sequence", "event_id"]
    near = pl.col("occurred_at").diff().over(device) <= pl.duration(microseconds=CLICK_MERGE_US)
    grouped = (
        clicks.sort([*device, *order], nulls_last=True)
        .with_columns(cluster=(~near.fill_null(value=False)).cum_sum())
        .with_columns(
            no_position=(pl.col("x").fill_null(0) == 0) & (pl.col("y").fill_null(0) == 0),
            depth=pl.col("element_chain").fill_null("").str.count_matches("<", literal=True).cast(pl.Int64),
        )
        .sort(
            ["cluster", "no_position", "depth", *order],
            descending=[False, False, True, False, False, False],
            nulls_last=True,
        )
    )
    dropped = grouped.filter(pl.int_range(pl.len()).over("cluster") > 0)
    return rows.join(dropped.select("source", "event_id"), on=["source", "event_id"], how="anti", maintain_order="left")
