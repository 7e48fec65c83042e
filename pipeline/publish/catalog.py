"""For BI: a DuckDB file of views over the marts with comments, and the dictionary of their columns as Parquet.

Views name the files of one version of the marts (versions.py) by absolute path, so the catalog belongs to the machine that
made it: `footfall marts --catalog` makes it anew. It is replaced whole, so a tool that holds it open keeps the old one until it connects again.
"""

from collections.abc import Iterable
from pathlib import Path

import duckdb
import polars as pl

from pipeline.build.home_models import models_of
from pipeline.build.restatements import FOLDER as RESTATEMENTS
from pipeline.core.contract import Column, Table
from pipeline.core.keys import mart_key
from pipeline.core.lake import Lake
from pipeline.core.published import as_it_was_in_sql
from pipeline.core.sealed import write_sum
from pipeline.core.state import hash_texts
from pipeline.publish.measures import measure_of
from pipeline.publish.versions import FACTS, folder_of, make_version, version_of

CATALOG_KEY, DICTIONARY_KEY = "marts/catalog.duckdb", "marts/_dictionary.parquet"
VERSION_KEY = "lake/_state/catalog.txt"
OLD_NAMES = "old_names"
_OLD = "The mart {} with the names and units that its columns had before; gone with the next release."
RESTATED = (
    "One row per published number that was restated: when, of which mart, key and column, from what to what, and why."
)


def dictionary(marts: Iterable[Table]) -> pl.DataFrame:
    """One row per mart and column: type, unit, whether it is of the key, what may be done with it, meaning, schema version."""
    rows = [
        {
            "mart": mart.name,
            "mart_grain": mart.grain,
            "schema_version": mart.version,
            "position": position,
            "column": column.name,
            "type": column.sql_type,
            "unit": column.unit,
            "is_key": column.name in mart.key,
            "nullable": column.nullable,
            "adds_over": ", ".join(column.adds_over),
            "measure": measure.kind,
            "numerator": measure.numerator,
            "denominator": measure.denominator,
            "meaning": column.description,
        }
        for mart in marts
        for position, column in enumerate(mart.columns, start=1)
        for measure in [measure_of(mart, column)]
    ]
    return pl.DataFrame(rows)


def readable(lake: Lake) -> list[Table]:
    """Contracts of what the catalog may hold: marts, the team's own among them, and facts by row."""
    return [*models_of(lake).contracts.values(), *FACTS]


def catalog_version(lake: Lake) -> str:
    """Hash of what a catalog made now would hold: where the home lies, which version of the marts, what columns mean."""
    marts = readable(lake)
    there = [mart.name for mart in marts if lake.exists(mart_key(mart.name))]
    restated = str(any(lake.keys(RESTATEMENTS)))
    return hash_texts([lake.url, version_of(lake), *there, restated, dictionary(marts).write_ndjson()])


def read_catalog_version(lake: Lake) -> str:
    """The hash that the catalog was made with; empty before there is one."""
    return (lake.read(VERSION_KEY) or b"").decode(errors="replace")


def write_catalog(lake: Lake, *, settled: bool = True) -> list[str]:
    """Make a version of what is published, and replace the dictionary and the catalog; returns the names of its views.

    `settled` says that all days and marts are made from what lies there now (versions.py).
    """
    version, marts = catalog_version(lake), readable(lake)
    make_version(lake, settled=settled)
    write_sum(lake, DICTIONARY_KEY, lake.write_frame(DICTIONARY_KEY, dictionary(marts)))
    with lake.scratch() as folder:
        fresh = folder / "catalog.duckdb"
        with duckdb.connect(str(fresh)) as catalog:
            made = create_views(catalog, lake)
        lake.put_file(CATALOG_KEY, fresh)
    write_sum(lake, CATALOG_KEY, lake.sha256(CATALOG_KEY) or "")
    lake.write(VERSION_KEY, version.encode())
    return made


def create_views(catalog: duckdb.DuckDBPyConnection, lake: Lake) -> list[str]:
    """A view of each mart with its comments, all of one version, of the dictionary and of restatements; returns their names."""
    made: list[str] = []
    folder = lake.folder(folder_of(lake))
    for mart in readable(lake):
        if files := files_of(folder, mart):
            # A mart that its gate held back may have the columns of an earlier release.
            columns = [f'"{column.name}"' for column in mart.columns] if mart.layer == "fact" else ["*"]
            catalog.execute(f'create view "{mart.name}" as {_reading(files, columns)}')
            catalog.execute(f'comment on view "{mart.name}" is {in_quotes(mart.grain)}')
            for column in mart.columns:
                comment = in_quotes(meaning(column))
                catalog.execute(f'comment on column "{mart.name}"."{column.name}" is {comment}')
            made.append(mart.name)
    _create_old_names(catalog, lake, folder)
    if "kpis" in made:
        catalog.execute(_kpi_macro())
    if any(lake.keys(RESTATEMENTS)):
        files = in_quotes(f"{lake.folder(RESTATEMENTS)}/*.parquet")
        catalog.execute(f"create view restatements as from read_parquet({files})")
        catalog.execute(f"comment on view restatements is {in_quotes(RESTATED)}")
        made.append("restatements")
    if lake.exists(DICTIONARY_KEY):
        catalog.execute(f"create view dictionary as from read_parquet({in_quotes(str(lake.path(DICTIONARY_KEY)))})")
        made.append("dictionary")
    return made


def _create_old_names(catalog: duckdb.DuckDBPyConnection, lake: Lake, folder: Path) -> None:
    """Marts whose columns were renamed as they were, in the schema `old_names`: for one version."""
    catalog.execute(f"create schema {OLD_NAMES}")
    for mart in models_of(lake).contracts.values():
        files = files_of(folder, mart) if mart.version > 1 and any(column.was for column in mart.columns) else []
        # One that its gate held back still has the old names itself.
        if files and set(mart.schema) <= set(pl.scan_parquet(files[0], glob=False).collect_schema()):
            name = f'{OLD_NAMES}."{mart.name}"'
            catalog.execute(f"create view {name} as {_reading(files, map(as_it_was_in_sql, mart.columns))}")
            catalog.execute(f"comment on view {name} is {in_quotes(_OLD.format(mart.name))}")


def files_of(folder: Path, mart: Table) -> list[Path]:
    """What is published of a mart or a fact in a version's folder; none where nothing is."""
    return sorted(folder.glob(f"{mart.name}/*.parquet" if mart.layer == "fact" else f"{mart.name}.parquet"))


def _reading(files: Iterable[Path], columns: Iterable[str]) -> str:
    """A SELECT over files. By name, and no pattern: a home's path may hold brackets, and `key=value` in it is no column."""
    named = ", ".join(in_quotes(str(file)) for file in files)
    return f"select {', '.join(columns)} from read_parquet([{named}], hive_partitioning = false, union_by_name = true)"


def _kpi_macro() -> str:
    """`kpi(metric, every, per)`: one key figure by one period and one dimension, which is the only way its rows are read right.

    A name that isn't there is an error that lists those that are; without `per` it is everybody.
    """

    def known(column: str, parameter: str, what: str) -> str:
        there = f"list_aggregate(list_sort(list(distinct k.{column}) filter (k.{column} <> '')), 'string_agg', ', ')"
        fault = f"error(concat('no {what} `', {parameter}, '`; there are: ', {there}))"
        return f"{column} = (select case when bool_or(k.{column} = {parameter}) then {parameter} else {fault} end from kpis k)"

    return f"""
        create macro kpi(metric, every, per := '') as table
        select period_start, period_end, value, figure, unit, figure_before, change, change_low, change_high, mature
        from kpis
        where {known("kpi", "metric", "key figure")} and {known("period", "every", "period")}
            and {known("dimension", "per", "dimension")}
        order by all"""


def meaning(column: Column) -> str:
    """What a column is, with its unit."""
    return f"{column.description} [{column.unit}]" if column.unit else column.description


def in_quotes(text: str) -> str:
    """A text as SQL: paths and meanings may hold quotes."""
    return "'" + text.replace("'", "''") + "'"
