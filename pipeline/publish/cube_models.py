"""The marts as models of Cube (cubes in YAML): sums and ratios of sums as measures, all that describes a row as dimensions.

What must not be here: what may be done with a column (measures.py).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.core.contract import Column, Table
from pipeline.core.lake import Lake
from pipeline.publish.measures import adds_over_all, dimensions_of, measure_of
from pipeline.publish.query import published_marts
from pipeline.publish.yaml_files import write_yaml

_CALENDAR = "dim_date"
_MADE = "# Made by `footfall marts --cube`: the next export replaces it.\n"


def export_cubes(lake: Lake, folder: Path) -> list[str]:
    """Write a cube per published mart and fact that can be summed, and per dimension, to `folder`; returns their names.

    Cubes read the tables of the catalog by name. What lies there of an older export is replaced.
    """
    for old in folder.glob("*.yml"):
        # What a team wrote itself beside them stays.
        if old.read_text(encoding="utf-8").startswith(_MADE):
            old.unlink()
    made = cubes(published_marts(lake))
    for name, cube in made.items():
        write_yaml(folder / f"{name}.yml", {"cubes": [cube]}, _MADE)
    return list(made)


def cubes(marts: Mapping[str, Table]) -> dict[str, dict[str, Any]]:
    """Cubes by name: of what adds up whichever way it is grouped, and of the dimensions that are joined to it."""
    found = {name: _cube(mart, _CALENDAR in marts) for name, mart in marts.items()}
    return {name: cube for name, cube in found.items() if cube["measures"] or name.startswith("dim_")}


def _cube(mart: Table, has_calendar: bool) -> dict[str, Any]:
    free = [column for column in mart.columns if adds_over_all(mart, column)]
    measures = [_measure(column.name, "sum", _of(column.name), column) for column in free]
    names = {column.name for column in free}
    for column in mart.columns:
        measure = measure_of(mart, column)
        if measure.kind == "ratio of sums" and {measure.numerator, measure.denominator} <= names:
            quotient = f"1.0 * {{{measure.numerator}}} / nullif({{{measure.denominator}}}, 0)"
            measures.append(_measure(column.name, "number", quotient, column))
    if mart.layer == "fact":
        measures.append({"name": "rows", "type": "count", "description": mart.grain})
    cube: dict[str, Any] = {
        "name": mart.name,
        "sql_table": mart.name,
        "description": mart.grain,
        "measures": measures,
        "dimensions": [_dimension(mart, name) for name in _described_by(mart, bool(measures))],
    }
    if has_calendar and mart.name != _CALENDAR and "day" in mart.schema:
        on = f"{_of('day')} = {{{_CALENDAR}.day}}"
        cube["joins"] = [{"name": _CALENDAR, "relationship": "many_to_one", "sql": on}]
    return cube


def _described_by(mart: Table, is_summed: bool) -> list[str]:
    """What rows are grouped by; a mart without sums is nothing but a description."""
    return list(dict.fromkeys((*mart.key, *(dimensions_of(mart) if is_summed else mart.schema.names()))))


def _of(column: str) -> str:
    return f"{{CUBE}}.{column}"


def _measure(name: str, kind: str, sql: str, column: Column) -> dict[str, Any]:
    described = f"{column.description} [{column.unit}]" if column.unit else column.description
    return {"name": name, "type": kind, "sql": sql, "description": described}


def _dimension(mart: Table, name: str) -> dict[str, Any]:
    column = mart.column(name)
    kind = str(column.dtype)
    type_ = {"Date": "time", "Boolean": "boolean", "String": "string"}.get(kind.split("(", maxsplit=1)[0], "number")
    type_ = "time" if kind.startswith("Datetime") else type_
    # Cube groups times by date_trunc, which asks for a timestamp.
    sql = f"cast({_of(name)} as timestamp)" if kind == "Date" else _of(name)
    described: dict[str, Any] = {"name": name, "type": type_, "sql": sql, "description": column.description}
    return {**described, "primary_key": True, "public": True} if name in mart.key else described
