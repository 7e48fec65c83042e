"""The batch profile: one row of numbers about a batch, which Great Expectations then judges (docs/design.md, "The gate").

Everything here is counted by Polars in one pass over the batch; no number depends on other days.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import polars as pl

from pipeline.core.contract import Table
from pipeline.core.days import ONE_DAY, day_start
from pipeline.core.product import Product
from pipeline.ingest.manifests import Manifest

Facts = dict[str, int | float | None]


@dataclass(frozen=True)
class CheckResult:
    """What the gate says of one batch: hard faults hold it back, warnings are shown. Sentences with numbers."""

    faults: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def batch_profile(table: Table, frame: pl.DataFrame) -> Facts:
    """Count `rows`, and what may not be: `repeated_keys`, `nulls`, `out_of_bounds`, `out_of_order`, `wrong_columns`.

    Where a count is above 0, `<count>:<column>` tells where it comes from.
    """
    counts: dict[str, pl.Expr] = {}
    for column in table.columns:
        value = pl.col(column.name)
        if not column.nullable:
            counts[f"nulls:{column.name}"] = value.is_null().sum()
        if column.minimum is not None or column.maximum is not None:
            low = value < column.minimum if column.minimum is not None else pl.lit(value=False)
            high = value > column.maximum if column.maximum is not None else pl.lit(value=False)
            counts[f"out_of_bounds:{column.name}"] = (low | high).sum()
    for smaller, larger in table.at_most:
        counts[f"out_of_order:{smaller}"] = (pl.col(smaller) > pl.col(larger)).sum()
    counted = frame.select(**{name: expression.cast(pl.Int64) for name, expression in counts.items()}).row(
        0, named=True
    )
    facts: Facts = {
        "rows": frame.height,
        "wrong_columns": sum(frame.schema.get(name) != dtype for name, dtype in table.schema.items()),
        "repeated_keys": frame.height - frame.select(pl.struct(table.key).n_unique()).item() if frame.height else 0,
    }
    for kind in ("nulls", "out_of_bounds", "out_of_order"):
        result = {name: number or 0 for name, number in counted.items() if name.startswith(f"{kind}:")}
        facts[kind] = sum(result.values())
        facts.update({name: number for name, number in result.items() if number})
    return facts


def events_profile(events: pl.DataFrame, day: date, product: Product, manifests: Iterable[Manifest]) -> Facts:
    """What only a day of events has: rejected records of its files, rows outside the day, keys that collide.

    `records_read` and `records_rejected` are those of the landing files that hold rows of the day, each content once, and of
    files without an accepted record that belong to it.
    """
    files = {(m.sha256, m.reader): m for m in manifests if day.isoformat() in m.judged_days}.values()
    read = sum(m.records_read for m in files)
    rejected = sum(m.records_rejected for m in files)
    begin, end = day_start(day, product.zone_info), day_start(day + ONE_DAY, product.zone_info)
    at = pl.col("occurred_at")
    is_view = pl.col("kind") == "page_view"
    is_order = pl.col("kind") == "order"
    order_ids = pl.col("order_id").filter(is_order).drop_nulls()
    counted = events.select(
        rows_outside_day=((at < begin) | (at >= end)).sum(),
        colliding_person_keys=pl.col("person_id").n_unique() - pl.col("person_key").n_unique(),
        page_views=is_view.sum(),
        page_views_unknown_page=(is_view & pl.col("page").is_null()).sum(),
        events_without_person=pl.col("person_key").is_null().sum(),
        orders=is_order.sum(),
        repeated_order_ids=order_ids.len() - order_ids.n_unique(),
        orders_without_revenue=(is_order & (pl.col("revenue_micros").fill_null(0) == 0)).sum(),
    ).row(0, named=True)
    counted = {name: int(value) for name, value in counted.items()}
    return {
        **counted,
        "records_read": read,
        "records_rejected": rejected,
        "rejected_share": rejected / read if read else 0.0,
        "unbalanced_files": sum(not m.balances for m in files),
    }
