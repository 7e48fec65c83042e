"""The data dictionary docs/marts.md, written from the contracts, and the promise that published columns stay.

`make docs` writes both, tests compare them. docs/marts.schema.json holds what was promised of each mart under which
version: a column may be added at any time; one that goes, or gets another type, unit or null, asks for a higher `version`
of its table.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from pipeline.build.configured import needs_of
from pipeline.build.made_of import made_of
from pipeline.core.contract import Column, Layer, Table
from pipeline.core.registry import MARTS, TABLES
from pipeline.publish.versions import FACTS

_LAYERS: dict[Layer, str] = {
    "mart": "Marts (`marts/<name>.parquet`): what BI tools read",
    "fact": "Facts by row (`marts/versions/<id>/<name>/D.parquet`, views of the catalog): what analysts count themselves",
    "home": "Small tables of the team (`tables/<name>.csv` or `.yaml` of the home): what models join",
    "period": "Period tables (`lake/<name>/part.parquet`): people and funnels, which never add up over periods",
    "daily": "Daily tables (`lake/<name>/day=D/part*.parquet`): sums that add up",
    "events": "Events (`lake/<name>/day=D/part*.parquet`)",
    "raw": "Raw (`lake/<name>/`): as ingested",
}


def markdown() -> str:
    """Every table with its grain, key, columns, types, units and the dimensions that each column adds over."""
    lines = [
        "# Tables and marts",
        "",
        "Generated from the contracts below `pipeline` by `make docs`; don't edit. Days are local days of the product's time zone,",
        "times are UTC. In marts and facts money is in the currency's unit and lengths of time are in seconds, both exact decimals, and",
        "keys are text; in the lake they are whole numbers: millionths, milliseconds, 64-bit keys. *Adds over* names the dimensions over which a sum of",
        "the column is a true total; a dash means that it never adds: read the row that you need instead. Landing files, `sources`,",
        "`properties`, `privacy` and `identity` reach every mart.",
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
    if needs := needs_of(table.name):
        lines += [
            f"Exists where the product file has {' and '.join(' or '.join(f'`{n}`' for n in each) for each in needs)}.",
            "",
        ]
    if table.layer == "mart":
        lines += [f"Made anew when these sections change: {', '.join(f'`{n}`' for n in made_of(table.name)[0])}.", ""]
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


Promised = Mapping[str, Mapping[str, Any]]


def promised() -> dict[str, dict[str, Any]]:
    """Each mart's version, key and columns as they are now: [type, unit, may be null]."""
    return {
        mart.name: {
            "version": mart.version,
            "key": list(mart.key),
            "columns": {c.name: [c.sql_type, c.unit, c.nullable] for c in mart.columns},
        }
        for mart in (*MARTS, *FACTS)
    }


def broken(before: Promised, now: Promised) -> list[str]:
    """A sentence for each promise of `before` that doesn't hold any more though the mart's version didn't rise."""
    result: list[str] = []
    for name, mart in before.items():
        if name not in now:
            result.append(
                f"{name}: the mart is gone; keep it, or say so in CHANGELOG.md and take it out of the file by hand"
            )
            continue
        if now[name]["version"] > mart["version"]:
            continue
        remedy = f"raise `version` of the table {name} to {mart['version'] + 1}"
        if now[name]["key"] != mart["key"]:
            result.append(f"{name}: the key changed; {remedy}")
        for column, shape in mart["columns"].items():
            own = now[name]["columns"].get(column)
            if own != shape:
                result.append(f"{name}.{column}: was {shape}, is {own or 'gone'}; {remedy}")
    return result


def write_promise(path: Path) -> None:
    """Write what is promised now; SystemExit where an earlier promise is broken without a new version."""
    if path.exists() and (faults := broken(msgspec.json.decode(path.read_bytes()), promised())):
        raise SystemExit("\n".join(faults))
    path.write_bytes(msgspec.json.format(msgspec.json.encode(promised()), indent=1) + b"\n")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        write_promise(Path(sys.argv[1]))
    else:
        sys.stdout.write(markdown())
