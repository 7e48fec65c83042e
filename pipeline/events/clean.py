"""A clean day: raw rows of one local day -> each event once, with person, bot flag and page, in total order.

Definitions: docs/definitions/events.md.
"""

from dataclasses import dataclass
from itertools import pairwise

import polars as pl

from pipeline.core.canonical import EVENTS, RAW_EVENTS
from pipeline.core.product import Product
from pipeline.events.bots import crowds, one_event_devices, with_bots, with_crowds
from pipeline.events.duplicates import later_of_an_id, with_ids, without_repeated
from pipeline.events.identity import Identities, with_person
from pipeline.events.matching import page_names
from pipeline.ingest.promoted import promoted_schema, with_promoted

CLICK_MERGE_US = 5_000
# A label and the click that the browser then makes on its input; two clicks of a hand are never under 60 ms apart.
NO_POSITION_MERGE_US = 30_000


@dataclass(frozen=True)
class CleanDay:
    """`events` by the contract, of all people or a range, and what was counted once instead of twice."""

    events: pl.DataFrame
    duplicates: int
    duplicates_of_earlier_days: int
    clicks_merged: int


# What decides whether an event counts, whose it is, and where it stands.
_DECIDING = (
    *("source", "event_id", "anonymous_id", "user_id", "occurred_at", "sequence", "kind", "x", "y", "element_chain"),
    *("page_view_id", "tab_id", "url", "user_agent", "country"),
)
_DECIDED = ("person_key", "person_id", "person_rule", "is_bot", "bot_rule", "page")


def clean_day(raw: pl.LazyFrame, product: Product, identities: Identities, repeated: pl.DataFrame) -> CleanDay:
    """Build a day of `events` from its accepted rows; in whatever order they come, the result is the same.

    `repeated` holds (source, event_id) of the day that came on an earlier day.
    """
    part = clean_part(carried(raw, product).collect(), product, identities, repeated)
    crowd = crowds(part.one_event_devices, product.bots)
    return CleanDay(
        finished(part.rows, crowd, product), part.duplicates, part.duplicates_of_earlier_days, part.clicks_merged
    )


def carried(raw: pl.LazyFrame, product: Product) -> pl.LazyFrame:
    """Accepted rows with the columns that events have of them."""
    names = [name for name in EVENTS.schema if name in RAW_EVENTS.schema]
    return with_promoted(raw, product).select(*names, *promoted_schema(product))


@dataclass(frozen=True)
class Part:
    """Rows of some devices, decided but for crowds, which need all devices of the day."""

    rows: pl.DataFrame
    one_event_devices: pl.DataFrame
    duplicates: int
    duplicates_of_earlier_days: int
    clicks_merged: int


def clean_part(rows: pl.DataFrame, product: Product, identities: Identities, repeated: pl.DataFrame) -> Part:
    """Decide all `carried` rows of some devices, in the order of events.

    All is decided on few columns; the whole rows are gathered once, in their final order, so that memory is that of two
    days.
    """
    rows = with_ids(rows)
    counts = [rows.height]
    # One name for the rows that are left: what is left out needn't stay in memory.
    left = rows.select(*_DECIDING, event_index=pl.int_range(pl.len(), dtype=pl.Int64))
    left = left.filter(~pl.col("event_index").is_in(later_of_an_id(rows).implode()))
    counts.append(left.height)
    left = without_repeated(left, repeated)
    counts.append(left.height)
    left = _merge_double_clicks(left).drop("element_chain", "x", "y", "page_view_id", "tab_id")
    counts.append(left.height)
    left = with_person(left, identities)
    left = with_bots(left.with_columns(page_names(left["url"], product.pages).alias("page")), product.bots)
    single = one_event_devices(left)
    left = left.select("event_index", *_DECIDED, *EVENTS.order[1:]).sort(EVENTS.order, nulls_last=True)
    whole = rows.select(pl.all().gather(left["event_index"])).hstack(left.select(_DECIDED))
    return Part(whole, single, *(a - b for a, b in pairwise(counts)))


def finished(rows: pl.DataFrame, crowd: pl.Series, product: Product) -> pl.DataFrame:
    """Decided rows by the contract, once it is known which devices are of a crowd."""
    return EVENTS.conform(_without_corner(with_crowds(rows, crowd)), extra=list(promoted_schema(product)))


def _merge_double_clicks(rows: pl.DataFrame) -> pl.DataFrame:
    """Clicks of one device on one page view that no hand made apart are one (capture and bubble, a label and its input).

    They lie within 5 ms, or within 30 ms where one has no position. Of them the one with a position is kept, else the
    one with the deeper chain, else the first.
    """
    together = ["source", "anonymous_id", "user_id", "page_view_id", "tab_id", "url"]
    clicks = rows.filter(pl.col("kind") == "click", pl.any_horizontal(pl.col("anonymous_id", "user_id").is_not_null()))
    order = ["occurred_at", "sequence", "event_id"]
    lacks = pl.col("no_position")
    limit = pl.when(lacks | lacks.shift().over(together)).then(NO_POSITION_MERGE_US).otherwise(CLICK_MERGE_US)
    near = pl.col("occurred_at").diff().over(together) <= pl.duration(microseconds=limit)
    grouped = (
        clicks.with_columns(no_position=pl.any_horizontal(pl.col("x", "y").is_null(), _is_in_corner()))
        .sort([*together, *order], nulls_last=True)
        .with_columns(
            cluster=(~near.fill_null(value=False)).cum_sum(),
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


def _is_in_corner() -> pl.Expr:
    """A click at (0, 0) was made by a program, and tells no position."""
    return (pl.col("x") == 0) & (pl.col("y") == 0)


def _without_corner(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows whose clicks at (0, 0) have no position."""
    is_corner = (pl.col("kind") == "click") & _is_in_corner().fill_null(value=False)
    return rows.with_columns(pl.when(~is_corner).then(pl.col(name)).alias(name) for name in ("x", "y"))
