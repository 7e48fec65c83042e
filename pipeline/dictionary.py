"""The data dictionary docs/marts.md, written from the contracts: `make docs` writes it, a test compares it."""

import sys

from pipeline.contracts import TABLES, Column, Table
from pipeline.contracts.base import Layer

_LAYERS: dict[Layer, str] = {
    "mart": "Marts (`marts/<name>.parquet`): what BI tools read",
    "period": "Period tables (`lake/<name>/part.parquet`): people and funnels, which never add up over periods",
    "daily": "Daily tables (`lake/<name>/day=D/part.parquet`): sums that add up",
    "events": "Events (`lake/<name>/day=D/part.parquet`)",
    "raw": "Raw (`lake/<name>/`): as ingested",
}


def markdown() -> str:
    """Every table with its grain, key, columns, types, units and the dimensions that each column adds over."""
    lines = [
        "# Tables and marts",
        "",
        "Generated from `pipeline/contracts` by `make docs`; don't edit. Days are local days of the product's time zone,",
        "times are UTC, money is in millionths of the currency's unit. *Adds over* names the dimensions over which a sum of",
        "the column is a true total; a dash means that it never adds: read the row that you need instead.",
        "",
    ]
    for layer, title in _LAYERS.items():
        lines += [f"## {title}", ""]
        for table in TABLES.values():
            if table.layer == layer:
                lines += _table(table)
    return "\n".join(lines)


def _table(table: Table) -> list[str]:
    lines = [f"### {table.name}", "", table.grain, "", f"Key: {', '.join(f'`{name}`' for name in table.key)}.", ""]
    if table.product_columns:
        lines += ["Properties that the product file promotes follow as columns `prop_<name>`.", ""]
    lines += ["| column | type | unit | null | adds over | meaning |", "| --- | --- | --- | --- | --- | --- |"]
    lines += [_row(column) for column in table.columns]
    if table.at_most:
        lines += ["", "Always: " + ", ".join(f"`{small}` ≤ `{large}`" for small, large in table.at_most) + "."]
    if table.rules:
        lines += ["", "A record is rejected as:", ""]
        lines += [f"- `{rule.name}`: {rule.description}" for rule in table.rules]
    return [*lines, ""]


def _row(column: Column) -> str:
    adds = ", ".join(column.adds_over) or "—"
    cells = (
        f"`{column.name}`",
        column.sql_type,
        column.unit or "—",
        "yes" if column.nullable else "no",
        adds,
        column.description.replace("|", "\\|"),
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.stdout.write(markdown())
