"""The batch profile: one row of numbers about a batch, which Great Expectations then judges (design.md, "The gate").

Everything here is counted by Polars in one pass over the batch; no number depends on other days.
"""

from collections.abc import Iterable
from datetime import date

import polars as pl

from pipeline.contracts import Table
from pipeline.days import ONE_DAY, day_start
from pipeline.ingest.manifests import Manifest
from pipeline.product import Product

Facts = dict[str, int | float | None]


def batch_profile(table: Table, frame: pl.DataFrame) -> Facts:
    """Rows, repeated keys, nulls where none may be, values out of bounds, and pairs in the wrong order.

    Names: `rows`, `repeated_keys`, `null_<column>`, `out_of_bounds_<column>`, `<smaller>_over_<larger>`.
    """
    counts: dict[str, pl.Expr] = {}
    for column in table.columns:
        value = pl.col(column.name)
        if not column.nullable:
            counts[f"null_{column.name}"] = value.is_null().sum()
        if column.minimum is not None or column.maximum is not None:
            low = value < column.minimum if column.minimum is not None else pl.lit(value=False)
            high = value > column.maximum if column.maximum is not None else pl.lit(value=False)
            counts[f"out_of_bounds_{column.name}"] = (low | high).sum()
    for smaller, larger in table.at_most:
        counts[f"{smaller}_over_{larger}"] = (pl.col(smaller) > pl.col(larger)).sum()
    counted = frame.select(**{name: expression.cast(pl.Int64) for name, expression in counts.items()})
    repeated = frame.height - frame.select(pl.struct(table.key).n_unique()).item() if frame.height else 0
    return {"rows": frame.height, "repeated_keys": repeated, **counted.row(0, named=True)}


def events_profile(events: pl.DataFrame, day: date, product: Product, manifests: Iterable[Manifest]) -> Facts:
    """What only a day of events has: rejected records of its files, rows outside the day, keys that collide.

    `records_read` and `records_rejected` are those of the landing files that hold rows of the day, each content once.
    """
    files = {(m.sha256, m.reader): m for m in manifests if day.isoformat() in m.days}.values()
    read = sum(m.records_read for m in files)
    rejected = sum(m.records_rejected for m in files)
    begin, end = day_start(day, product.zone_info), day_start(day + ONE_DAY, product.zone_info)
    at = pl.col("occurred_at")
    is_view = pl.col("kind") == "page_view"
    counted = events.select(
        rows_outside_day=((at < begin) | (at >= end)).sum(),
        colliding_person_keys=pl.col("person_id").n_unique() - pl.col("person_key").n_unique(),
        page_views=is_view.sum(),
        page_views_unknown_page=(is_view & pl.col("page").is_null()).sum(),
        events_without_person=pl.col("person_key").is_null().sum(),
    ).row(0, named=True)
    counted = {name: int(value) for name, value in counted.items()}
    share = rejected / read if read else 0.0
    return {**counted, "records_read": read, "records_rejected": rejected, "rejected_share": share}
