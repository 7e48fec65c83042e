"""What a day's events show that may make its numbers doubtful: counts by source, kept in the day's state beside its table."""

import polars as pl

from pipeline.core.product import Product
from pipeline.events.matching import revenue_of
from pipeline.events.profile import Facts

_IDS = ("user_id", "anonymous_id")
# Answers of a team bear no ids by intention (product file, `audience: team`).
_ASKED = pl.col("kind") != "survey_answered"


def problem_facts(events: pl.LazyFrame, quality: pl.DataFrame, product: Product) -> Facts:
    """Counts named `<what>:<source>` or `<what>:<source>:<value>`; `quality` is the day's quality_counts."""
    is_order = pl.col("kind") == "order"
    revenue = revenue_of(product)
    by_source = events.group_by("source").agg(
        events=pl.len(),
        asked=_ASKED.sum(),
        nobody=(_ASKED & pl.col("person_key").is_null()).sum(),
        orders=is_order.sum(),
        orders_without_revenue=(is_order & (pl.col("revenue_micros").fill_null(0) == 0)).sum(),
    )
    order_ids = events.filter(is_order).select("source", "order_id").drop_nulls().group_by("source")
    again = order_ids.agg(orders_with_an_id_again=pl.len() - pl.col("order_id").n_unique())
    is_paid = pl.col("kind").is_in(("order", "refund")) & pl.col("revenue_micros").is_not_null()
    no_rate = (
        events.filter(is_paid & revenue.is_null())
        .group_by("source", value=pl.col("currency").fill_null(""))
        .agg(no_rate=pl.len(), no_rate_micros=pl.col("revenue_micros").sum())
    )
    kinds = events.group_by("source", value=pl.col("kind")).agg(kind=pl.len())
    views = events.filter(pl.col("kind") == "page_view", ~pl.col("is_bot")).drop_nulls("page")
    pages = views.group_by(source=pl.lit(""), value=pl.col("page")).agg(page=pl.len())
    counted = quality.lazy().select("source", clock_doubtful="events_clock_doubtful")
    facts: Facts = {}
    for frame in pl.collect_all(
        [by_source, again, *(_ids(events, name) for name in _IDS), no_rate, kinds, pages, counted]
    ):
        for row in frame.iter_rows(named=True):
            key = ":".join((row.pop("source"), *([row.pop("value")] if "value" in row else [])))
            facts.update({f"{name}:{key}": int(number) for name, number in row.items() if number})
    return dict(sorted(facts.items()))


def _ids(events: pl.LazyFrame, name: str) -> pl.LazyFrame:
    """How many ids there are, and events of the one that bears most of them, bots left out."""
    each = (
        events.select("source", name, "is_bot")
        .drop_nulls(name)
        .group_by("source", name)
        .agg(n=(~pl.col("is_bot")).sum())
    )
    return each.group_by("source").agg(pl.col("n").max().alias(f"heaviest_{name}"), pl.len().alias(f"distinct_{name}"))


def by_source(facts: Facts, what: str) -> dict[tuple[str, str], int]:
    """The counts of that name by (source, value)."""
    result: dict[tuple[str, str], int] = {}
    for name, number in facts.items():
        head, _, rest = name.partition(":")
        if head == what:
            source, _, value = rest.partition(":")
            result[source, value] = int(number or 0)
    return result
