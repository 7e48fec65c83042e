"""A clean day: raw rows of one local day -> each event once, with person, bot flag and page, in total order.

Definitions: metrics.md, "Events, order, duplicates", "Identity" (rules 1 and 4), "Time and bots" (user agents).
"""

from dataclasses import dataclass

import polars as pl
import xxhash
from crawlerdetect import CrawlerDetect

from pipeline.contracts import EVENTS, RAW_EVENTS
from pipeline.events.keys import stable_keys
from pipeline.events.matching import page_names
from pipeline.ingest.batch import promoted_schema, with_promoted
from pipeline.product import Product

CLICK_MERGE_US = 5_000
_WITHOUT_ID = "none:"


@dataclass(frozen=True)
class CleanDay:
    """`events` by the contract, and what was counted once instead of twice."""

    events: pl.DataFrame
    duplicates: int
    clicks_merged: int


def clean_day(raw: pl.LazyFrame, product: Product) -> CleanDay:
    """Build a day of `events` from its accepted rows; in whatever order they come, the result is the same."""
    promoted = promoted_schema(product)
    carried = [name for name in EVENTS.schema if name in RAW_EVENTS.schema]
    rows = with_promoted(raw, product).select(*carried, *promoted).collect()
    identified = _with_ids(rows)
    unique = _first_of_each_id(identified)
    merged = _merge_double_clicks(unique)
    events = _with_bots(_with_person(merged)).with_columns(page_names(merged["url"], product.pages).alias("page"))
    return CleanDay(
        events=EVENTS.conform(events, extra=list(promoted)),
        duplicates=rows.height - unique.height,
        clicks_merged=unique.height - merged.height,
    )


def _with_ids(rows: pl.DataFrame) -> pl.DataFrame:
    """Give rows of sources without ids one made from their content and their number among equal rows: all are kept."""
    without = rows.filter(pl.col("event_id").is_null())
    if without.is_empty():
        return rows
    content = without.select(pl.struct(sorted(without.columns)).struct.json_encode()).to_series()
    hashes = pl.Series("hash", [xxhash.xxh3_128_hexdigest(text.encode()) for text in content], dtype=pl.String)
    numbered = without.with_columns(hashes).with_columns(
        event_id=pl.concat_str(pl.lit(_WITHOUT_ID), "hash", pl.lit(":"), pl.int_range(pl.len()).over("hash"))
    )
    return pl.concat([rows.filter(pl.col("event_id").is_not_null()), numbered.drop("hash")])


def _first_of_each_id(rows: pl.DataFrame) -> pl.DataFrame:
    """Of rows with one id keep the smallest (occurred_at, received_at, the rest of the row)."""
    repeated = pl.struct("source", "event_id").is_duplicated()
    order = ["source", "event_id", "occurred_at", "received_at"]
    rest = sorted(set(rows.columns) - set(order))
    twice = rows.filter(repeated).sort([*order, *rest], nulls_last=True)
    first = twice.unique(["source", "event_id"], keep="first", maintain_order=True)
    return pl.concat([rows.filter(~repeated), first])


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


def _with_person(rows: pl.DataFrame) -> pl.DataFrame:
    person = (
        pl.when(pl.col("user_id").is_not_null())
        .then("user:" + pl.col("user_id"))
        .when(pl.col("anonymous_id").is_not_null())
        .then("device:" + pl.col("anonymous_id"))
    )
    named = rows.with_columns(person_id=person, person_rule=pl.lit(None, dtype=pl.String))
    return named.with_columns(person_key=stable_keys(pl.col("person_id")))


def _with_bots(rows: pl.DataFrame) -> pl.DataFrame:
    detector = CrawlerDetect()
    agents = rows["user_agent"].drop_nulls().unique()
    bots = agents.filter(pl.Series([detector.isCrawler(agent) for agent in agents], dtype=pl.Boolean))
    is_bot = pl.col("user_agent").is_in(bots.implode()).fill_null(value=False)
    return rows.with_columns(is_bot=is_bot, bot_rule=pl.when(is_bot).then(pl.lit("user_agent")))
