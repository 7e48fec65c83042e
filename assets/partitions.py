"""Local days as Dagster partitions. What must not be here: which days are dirty (pipeline/core/state.py)."""

from collections.abc import Iterable, Iterator
from datetime import date

import dagster as dg

from pipeline.core.days import ranges
from pipeline.core.product import Product

RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"
# A day's sessions follow from the day and its neighbours; the first day has none before it.
AROUND = dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=1, allow_nonexistent_upstream_partitions=True)


def local_days(product: Product) -> dg.DailyPartitionsDefinition:
    """A partition per local day of the product, which exists once the day is over."""
    return dg.DailyPartitionsDefinition(product.start_date.isoformat(), timezone=product.time_zone, end_offset=0)


def existing_days(partitions: dg.DailyPartitionsDefinition) -> tuple[date, date] | None:
    """First and last day that is over; None before the first one is."""
    first, last = partitions.get_first_partition_key(), partitions.get_last_partition_key()
    return (date.fromisoformat(first), date.fromisoformat(last)) if first and last else None


def range_tags(first: date, last: date) -> dict[str, str]:
    """Run tags that name the partitions from `first` to `last`, both inside."""
    if last < first:
        raise ValueError(f"the range ends on {last}, before it begins on {first}")
    return {RANGE_START: first.isoformat(), RANGE_END: last.isoformat()}


def range_runs(days: Iterable[date]) -> Iterator[tuple[str, dict[str, str]]]:
    """Fold days into ranges; yields (name, tags) of one run each."""
    for first, last in ranges(days):
        yield f"{first}..{last}", range_tags(first, last)
