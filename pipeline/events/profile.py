"""The batch profile: one row of numbers about a batch, which Great Expectations then judges (docs/design.md, "The gate").

Everything here is counted by Polars in one pass over the batch; no number depends on other days.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache

import polars as pl

from pipeline.core.contract import Table
from pipeline.core.days import ONE_DAY, day_start
from pipeline.core.product import Product
from pipeline.events.keys import stable_keys
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
    profile = Profile(table)
    profile.add(frame)
    return profile.facts(frame.lazy)


class Profile:
    """The batch profile of a batch that comes in parts; what makers of parts count themselves is summed beside it."""

    def __init__(self, table: Table, *, stable: bool = False) -> None:
        self._table = table
        # Of rows that other machines count too: Polars' own hash, which is faster, differs between processors.
        self._hash = _stable_hash(table) if stable else pl.struct(table.key).hash()
        self._facts: Facts = {}
        # Of keys only their hashes are held.
        self._keys: list[pl.Series] = []

    def add(self, part: pl.DataFrame, counted: Facts | None = None) -> None:
        """Count a part, and sum what was `counted` of it."""
        own = _counts(self._table, part)
        self._add({**(counted or {}), **own})
        self._keys.append(part.select(self._hash).to_series())

    def merge(self, other: "Profile") -> None:
        """Add the counts of other parts."""
        self._add(other._facts)  # noqa: SLF001  # its own
        self._keys += other._keys  # noqa: SLF001  # its own

    def _add(self, counted: Facts) -> None:
        for name, number in counted.items():
            before = self._facts.get(name)
            self._facts[name] = number if before is None else before + (number or 0)
        # A number of columns, and not of rows.
        self._facts["wrong_columns"] = counted["wrong_columns"]

    def facts(self, whole: Callable[[], pl.LazyFrame]) -> Facts:
        """The counts of all parts; `whole`, all their rows, is looked at only where hashes of keys meet."""
        keys = pl.concat(self._keys).sort()
        meets = (keys == keys.shift()).any()
        distinct = whole().select(pl.struct(self._table.key).n_unique()).collect().item() if meets else len(keys)
        return {**self._facts, "repeated_keys": len(keys) - distinct}


def _stable_hash(table: Table) -> pl.Expr:
    return stable_keys(pl.concat_str(pl.col(table.key).cast(pl.String).fill_null("\x00"), separator="\x1f"))


@cache
def _counted(table: Table) -> tuple[pl.Expr, ...]:
    """What is counted in rows of the table, each under `<count>:<column>`."""
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
    return tuple(expression.cast(pl.Int64).alias(name) for name, expression in counts.items())


def _counts(table: Table, frame: pl.DataFrame) -> dict[str, int]:
    counted = frame.select(_counted(table)).row(0, named=True)
    schema = frame.schema
    facts: dict[str, int] = {
        "rows": frame.height,
        "wrong_columns": sum(schema.get(name) != dtype for name, dtype in table.schema.items()),
        "repeated_keys": 0,
    }
    for kind in ("nulls", "out_of_bounds", "out_of_order"):
        result = {name: number or 0 for name, number in counted.items() if name.startswith(f"{kind}:")}
        facts[kind] = sum(result.values())
        facts.update({name: number for name, number in result.items() if number})
    return facts


def files_profile(day: date, manifests: Iterable[Manifest]) -> Facts:
    """What became of the records of a day's files.

    `records_read` and `records_rejected` are those of the landing files that hold rows of the day, each content once, and of
    files without an accepted record that belong to it.
    """
    files = {(m.sha256, m.reader): m for m in manifests if day.isoformat() in m.judged_days}.values()
    read = sum(m.records_read for m in files)
    rejected = sum(m.records_rejected for m in files)
    return {
        "records_read": read,
        "records_rejected": rejected,
        "rejected_share": rejected / read if read else 0.0,
        "unbalanced_files": sum(not m.balances for m in files),
    }


def repeated_orders(order_ids: Sequence[pl.Series]) -> Facts:
    """How many orders of a day bear the order id of another; `order_ids` come in parts."""
    ids = pl.concat(order_ids)
    return {"repeated_order_ids": len(ids) - ids.n_unique()}


def events_profile(events: pl.DataFrame, day: date, product: Product) -> Facts:
    """What only a day of events has, or a range of its people: rows outside the day, keys that collide, kinds that tell little."""
    begin, end = day_start(day, product.zone_info), day_start(day + ONE_DAY, product.zone_info)
    at = pl.col("occurred_at")
    is_view = pl.col("kind") == "page_view"
    is_order = pl.col("kind") == "order"
    counted = events.select(
        rows_outside_day=((at < begin) | (at >= end)).sum(),
        colliding_person_keys=pl.col("person_id").n_unique() - pl.col("person_key").n_unique(),
        page_views=is_view.sum(),
        page_views_unknown_page=(is_view & pl.col("page").is_null()).sum(),
        events_without_person=pl.col("person_key").is_null().sum(),
        orders=is_order.sum(),
        orders_without_revenue=(is_order & (pl.col("revenue_micros").fill_null(0) == 0)).sum(),
    ).row(0, named=True)
    return {name: int(value) for name, value in counted.items()}
