"""The words a contract is written in: `Column`, `RowRule` and `Table`, all plain data.

Everything that must agree on a table (parsing, row rules, batch expectations, Dagster's column schema, the SQL
runner and the dictionary docs/marts.md) reads it from here, so that nothing about a column is said twice.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import polars as pl

# Money is stored in millionths of the currency's unit.
MICROS = 1_000_000
UTC_MICROSECONDS = pl.Datetime("us", "UTC")
Layer = Literal["raw", "events", "daily", "period", "home", "mart", "fact"]
# The types that published columns may have, and what DuckDB calls them.
SQL_TYPES: dict[pl.DataType, str] = {
    pl.String(): "VARCHAR",
    pl.Int32(): "INTEGER",
    pl.Int64(): "BIGINT",
    pl.Float64(): "DOUBLE",
    # Money in the currency's unit, and seconds: exact, so that sums are.
    pl.Decimal(20, 6): "DECIMAL(20,6)",
    pl.Decimal(20, 3): "DECIMAL(20,3)",
    pl.Boolean(): "BOOLEAN",
    pl.Date(): "DATE",
    UTC_MICROSECONDS: "TIMESTAMP WITH TIME ZONE",
}


@dataclass(frozen=True)
class Column:
    """One column of a published table.

    `adds_over` names the dimensions over which a sum of this column is a true total (docs/definitions/rules.md, "What adds up");
    empty means that it never adds, as for people, ratios and medians. `was` is what the lake, and the mart of one version
    ago, call a mart's column where that is something else (pipeline/core/published.py).
    """

    name: str
    dtype: pl.DataType
    description: str
    unit: str = ""
    nullable: bool = False
    adds_over: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    was: str = ""

    @property
    def sql_type(self) -> str:
        """The DuckDB type that this column has in the SQL models and for BI tools."""
        return SQL_TYPES[self.dtype]


@dataclass(frozen=True)
class RowRule:
    """A named fact that every row must satisfy; a row that does not is rejected under this name."""

    name: str
    description: str
    holds: pl.Expr


@dataclass(frozen=True)
class Table:
    """A published table: its grain in one sentence, its columns, its key and what holds between columns.

    `at_most` lists (smaller, larger) pairs of columns, e.g. a numerator and its denominator. `product_columns`
    is true where the product file adds promoted properties as further columns. `version` is that of its columns: it rises
    when one goes, or means something else (docs/bi.md). `depends_on_measuring`: its numbers speak only of what sources measure.
    `matures`: what it tells of a day goes on to change for weeks without saying until when, so no change of it is a restatement.
    """

    name: str
    layer: Layer
    grain: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    sort: tuple[str, ...] = ()
    at_most: tuple[tuple[str, str], ...] = ()
    rules: tuple[RowRule, ...] = ()
    product_columns: bool = False
    version: int = 1
    depends_on_measuring: bool = False
    matures: bool = False

    @cached_property
    def schema(self) -> pl.Schema:
        """Column names and Polars types, in published order, without promoted properties."""
        return pl.Schema({column.name: column.dtype for column in self.columns})

    @cached_property
    def fingerprint(self) -> str:
        """A hash of all that rows must be: columns and types, key, order, rules. Words that explain them aren't in it."""
        columns = [(c.name, c.sql_type, c.nullable, c.minimum, c.maximum) for c in self.columns]
        rules = [(rule.name, str(rule.holds)) for rule in self.rules]
        described = (self.name, columns, self.key, self.sort, self.at_most, rules, self.product_columns)
        return hashlib.sha256(repr(described).encode()).hexdigest()[:16]

    @cached_property
    def no_rows(self) -> pl.LazyFrame:
        """The table without a row."""
        return pl.LazyFrame(schema=self.schema)

    @property
    def order(self) -> tuple[str, ...]:
        """The total order that the table is stored in: the key, unless the contract says otherwise."""
        return self.sort or self.key

    def column(self, name: str) -> Column:
        """The column of that name; KeyError if the table has none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name}")

    def conform(self, frame: pl.DataFrame, extra: Sequence[str] = ()) -> pl.DataFrame:
        """Give `frame` the published columns, types and order; `extra` names promoted columns to keep.

        Raises polars' own error where a column is missing or a value does not fit its type: that is a fault of
        ours and not of the data.
        """
        columns = [pl.col(c.name).cast(c.dtype, strict=True) for c in self.columns]
        given = frame.select(*columns, *extra)
        positions = given.select(pl.arg_sort_by(self.order, nulls_last=True, maintain_order=True)).to_series()
        # What stands in order isn't copied: a day of events is the largest thing in memory.
        return given if positions.is_sorted() else given[positions]


def as_mart(name: str, table: Table, version: int = 1) -> Table:
    """A mart of the rows of `table` as they are."""
    columns, key = table.columns, table.key
    return Table(name, "mart", table.grain, columns, key, at_most=table.at_most, version=version)


def count(name: str, description: str, unit: str, *adds_over: str) -> Column:
    """A column that counts something: Int64, never null, never below zero."""
    return Column(name, pl.Int64(), description, unit=unit, adds_over=adds_over, minimum=0)


def text(name: str, description: str) -> Column:
    """A column of text that may be null."""
    return Column(name, pl.String(), description, nullable=True)


def time(name: str, description: str, *, nullable: bool = False) -> Column:
    """A column of instants."""
    return Column(name, UTC_MICROSECONDS, description, unit="UTC, microseconds", nullable=nullable)


def ratio(name: str, description: str, unit: str, minimum: float | None = 0) -> Column:
    """A quotient that is null where its denominator is 0."""
    return Column(name, pl.Float64(), description, unit=unit, nullable=True, minimum=minimum)


def rate(name: str, description: str) -> Column:
    """A share between 0 and 1 that is null where its denominator is 0 or was not measured."""
    return Column(name, pl.Float64(), description, unit="share", nullable=True, minimum=0, maximum=1)
