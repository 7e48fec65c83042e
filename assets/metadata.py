"""How contracts and outcomes are shown in the Dagster UI. What must not be here: anything that decides."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from assets.names import Names
from pipeline.build.compute import Outcome
from pipeline.build.home_models import Models
from pipeline.build.sql_models import column_lineage, written_lineage
from pipeline.core.contract import Column, Table
from pipeline.core.registry import TABLES

# The group of what a team adds itself.
TEAM = "team"


def column_schema(table: Table) -> dg.TableSchema:
    """The contract's columns as Dagster's table schema."""
    columns = [
        dg.TableColumn(
            column.name,
            column.sql_type,
            column.description,
            constraints=dg.TableColumnConstraints(nullable=column.nullable, unique=table.key == (column.name,)),
            tags=_tags(column),
        )
        for column in table.columns
    ]
    unique = dg.TableConstraints(other=[f"one row per ({', '.join(table.key)})"])
    return dg.TableSchema(columns=columns, constraints=unique)


def _tags(column: Column) -> dict[str, str]:
    return {"adds_over": "-".join(column.adds_over)} if column.adds_over else {}


def static_metadata(table: Table) -> dict[str, Any]:
    """What is known of a table before it is computed."""
    return {"dagster/column_schema": column_schema(table), "dagster/table_name": table.name}


def mart_lineage(mart: str, models: Models, names: Names) -> dg.TableColumnLineage:
    """From which columns of which tables each column of a mart is made."""
    if mart in models.own:
        columns = {name: table.columns for name, table in models.small.items()}
        traced = column_lineage(mart, models.models, models.contracts[mart], columns)
    else:
        traced = written_lineage()[mart]
    return dg.TableColumnLineage(
        deps_by_column={
            column: [
                dg.TableColumnDep(asset_key=names.key(table), column_name=source)
                for table, source in sorted(sources)
                if table in TABLES or table in models.small
            ]
            for column, sources in traced.items()
        }
    )


def outcome_metadata(outcome: Outcome) -> dict[str, Any]:
    """What to show of one computed day, period table or mart: rows, path, profile, first rows."""
    shown: dict[str, Any] = {"dagster/row_count": outcome.rows, "preview": preview(outcome.preview)}
    if outcome.path is not None:
        shown["path"] = dg.MetadataValue.path(outcome.path)
    return {**shown, "profile": dg.MetadataValue.json(dict(outcome.facts))}


def preview(rows: Sequence[dict[str, object]]) -> dg.MetadataValue:
    """The first rows as a Markdown table; data can't break out of its cell."""
    if not rows:
        return dg.MetadataValue.md("no rows")
    lines = [list(rows[0]), ["---"] * len(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
    return dg.MetadataValue.md("\n".join(f"| {' | '.join(line)} |" for line in lines))


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    for raw, escaped in (("&", "&amp;"), ("<", "&lt;"), ("|", "&#124;"), ("`", "&#96;"), ("[", "&#91;"), ("\n", " ")):
        text = text.replace(raw, escaped)
    return text
