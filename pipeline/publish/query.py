"""Questions in SQL over what is published, and what a mart's columns mean. What must not be here: how answers are shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import duckdb
import polars as pl
import polars.selectors as cs
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from pipeline.build.restatements import FOLDER as RESTATEMENTS
from pipeline.core.contract import Table
from pipeline.core.lake import Lake
from pipeline.publish.catalog import create_views, files_of, in_quotes, meaning, readable
from pipeline.publish.csv_export import harmless
from pipeline.publish.versions import folder_of

_QUERIES = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)


class QueryError(Exception):
    """The question can't be answered; the sentence says why and what to do."""


@dataclass(frozen=True)
class Answer:
    """What came out, and the meaning of those of its columns that are columns of a mart it was asked of."""

    rows: pl.DataFrame
    meanings: Mapping[str, str]


def query(lake: Lake, sql: str) -> Answer:
    """The answer to one query over the marts as they are published now; times in UTC.

    Nothing but the marts can be read, and nothing written. Raises QueryError.
    """
    with duckdb.connect() as connection:
        if not create_views(connection, lake):
            raise QueryError("no mart is published yet; run `footfall run` first")
        folders = ", ".join(in_quotes(str(lake.path(each))) for each in ("marts", RESTATEMENTS))
        connection.execute(f"set timezone = 'UTC'; set allowed_directories = [{folders}]")
        connection.execute("set enable_external_access = false; set lock_configuration = true")
        try:
            statements = connection.extract_statements(sql)
            if len(statements) != 1 or statements[0].type not in _QUERIES:
                raise QueryError("ask one question at a time, as one SELECT")
            rows = pl.DataFrame(pl.from_arrow(connection.execute(statements[0]).to_arrow_table()))
        except duckdb.Error as fault:
            raise QueryError(
                f"{fault}\n`footfall describe` lists the marts, `footfall describe MART` its columns"
            ) from None
    return Answer(_with_integers(rows), _meanings(sql, rows.columns, published_marts(lake)))


def _with_integers(rows: pl.DataFrame) -> pl.DataFrame:
    """DuckDB sums integers in 128 bits, which arrive as decimals: integers again, where they fit."""
    wide = [name for name, dtype in rows.schema.items() if isinstance(dtype, pl.Decimal) and dtype.scale == 0]
    narrow = rows.select(pl.col(wide).cast(pl.Int64, strict=False))
    fitting = [name for name in wide if narrow[name].null_count() == rows[name].null_count()]
    return rows.with_columns(narrow[name] for name in fitting)


def _meanings(sql: str, columns: list[str], marts: Mapping[str, Table]) -> dict[str, str]:
    """Of columns that bear the name of one in the marts that `sql` names; where two marts mean different things, of both."""
    try:
        named = {table.name for table in sqlglot.parse_one(sql, dialect="duckdb").find_all(exp.Table)}
    except SqlglotError:
        return {}
    result: dict[str, str] = {}
    for name in columns:
        known = {meaning(c) for mart in named & marts.keys() for c in marts[mart].columns if c.name == name}
        if known:
            result[name] = "; or ".join(sorted(known))
    return result


def published_marts(lake: Lake) -> dict[str, Table]:
    """Contracts of the marts and facts that are published, the team's own among them, by name."""
    folder = lake.folder(folder_of(lake))
    return {mart.name: mart for mart in readable(lake) if files_of(folder, mart)}


def described(lake: Lake, name: str) -> Table:
    """The contract of a published mart; raises QueryError with the nearest names where there is none of that name."""
    marts = published_marts(lake)
    if name not in marts:
        near = get_close_matches(name, marts, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else "`footfall describe` lists them"
        raise QueryError(f"no mart {name!r} is published; {hint}")
    return marts[name]


def _write_csv(rows: pl.DataFrame, target: Path) -> None:
    harmless(rows.lazy()).sink_csv(target, include_bom=True)


def _write_parquet(rows: pl.DataFrame, target: Path) -> None:
    rows.write_parquet(target)


def _write_json(rows: pl.DataFrame, target: Path) -> None:
    # JSON has no decimals; as text nobody would take them for numbers.
    rows.with_columns(cs.decimal().cast(pl.Float64)).write_json(target)


# How rows are written to a file, by its ending.
WRITERS = {".csv": _write_csv, ".parquet": _write_parquet, ".json": _write_json}
