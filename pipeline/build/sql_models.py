"""The SQL models of dbt_like_sql/: their order and column lineage by sqlglot, and their run in DuckDB over Parquet.

One file = one table = one SELECT. A model reads other models and published tables by their plain names; what it reads
is parsed from it. Reading files from a model is refused: the runner decides which objects are published.
"""

import re
import sys
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cache
from graphlib import CycleError, TopologicalSorter
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import duckdb
import msgspec
import polars as pl
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.lineage import lineage
from sqlglot.optimizer.scope import traverse_scope

from pipeline.core.contract import Table
from pipeline.core.keys import period_key
from pipeline.core.lake import Lake
from pipeline.core.published import in_sql
from pipeline.core.registry import MARTS, TABLES
from pipeline.core.states import scan_days

DIALECT = "duckdb"
LINEAGE = "lineage.json"
LAYERS = ("staging", "intermediate", "marts")
NAME = re.compile(r"[a-z][a-z0-9_]*")
# What tells another time, or another number, in another run.
_CHANCE = frozenset(
    [
        "now",
        "today",
        "random",
        "uuid",
        "uuidv4",
        "uuidv7",
        "gen_random_uuid",
        "setseed",
        "getvariable",
        "txid_current",
        "transaction_timestamp",
        "get_current_timestamp",
        "current_localtimestamp",
        "current_localtime",
    ]
)
_CLOCKS = (
    exp.CurrentDate, exp.CurrentDatetime, exp.CurrentTime, exp.CurrentTimestamp, exp.Localtime, exp.Localtimestamp, exp.Rand,
    exp.TableSample, exp.Uuid,
)  # fmt: skip


class ModelError(Exception):
    """A SQL model can't be used; the sentence names the file and the remedy."""

    def __init__(self, file: str, sentence: str) -> None:
        super().__init__(f"{file}: {sentence}")
        self.file = file


@dataclass(frozen=True)
class Model:
    """A SQL model: its name, its layer, its text, its first comment, the tables that it reads, and its file."""

    name: str
    layer: str
    sql: str
    description: str
    reads: tuple[str, ...]
    file: str


def parse_model(name: str, layer: str, sql: str, file: str = "") -> Model:
    """Check the text of a model and find what it reads; ModelError names what is wrong."""
    where = file or f"dbt_like_sql/{layer}/{name}.sql"
    if not NAME.fullmatch(name):
        raise ModelError(where, "a model's name has lower-case letters, digits and _")
    try:
        statements = [tree for tree in sqlglot.parse(sql, dialect=DIALECT) if tree is not None]
    except (SqlglotError, RecursionError) as fault:
        raise ModelError(where, str(fault).splitlines()[0]) from None
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise ModelError(where, "must be one SELECT and nothing else")
    # Of every scope the sources that are tables: names of CTEs are scopes themselves, even one named like a table.
    tables = [s for scope in traverse_scope(statements[0]) for s in scope.sources.values() if isinstance(s, exp.Table)]
    if any(not isinstance(table.this, exp.Identifier) or table.db for table in tables):
        raise ModelError(where, "reads a file, a function or another schema; read tables by their plain names")
    comment = next((line[2:].strip() for line in sql.splitlines() if line.startswith("--")), "")
    return Model(name, layer, sql, comment, tuple(sorted({table.name for table in tables})), where)


@cache
def load_models() -> Mapping[str, Model]:
    """All models by name, in an order in which each comes after those that it reads."""
    result: dict[str, Model] = {}
    for layer, file in _sql_files():
        model = parse_model(file.name.removesuffix(".sql"), layer, file.read_text(encoding="utf-8"))
        if model.name in result or model.name in _published_names():
            raise ModelError(f"dbt_like_sql/{layer}/{file.name}", "there is another table of that name; rename it")
        result[model.name] = model
    return in_order(result)


def _sql_files() -> Iterator[tuple[str, Traversable]]:
    """Each SQL file with its folder: a layer, or a domain's folder in it."""
    for layer in LAYERS:
        for entry in sorted((files("dbt_like_sql") / layer).iterdir(), key=lambda entry: entry.name):
            if entry.is_dir():
                inside = sorted(entry.iterdir(), key=lambda file: file.name)
                yield from ((f"{layer}/{entry.name}", file) for file in inside if file.name.endswith(".sql"))
            elif entry.name.endswith(".sql"):
                yield layer, entry


def _published_names() -> set[str]:
    return {table.name for table in TABLES.values() if table.layer != "mart"}


def in_order(models: Mapping[str, Model], besides: frozenset[str] = frozenset()) -> dict[str, Model]:
    """`models` so that each stands after those that it reads; ModelError where one reads what isn't there.

    `besides` names tables that a home has besides the published ones.
    """
    for model in models.values():
        for read in model.reads:
            if read not in models and read not in _published_names() and read not in besides:
                raise ModelError(model.file, f"there is no table {read!r}")
    order = TopologicalSorter({name: [r for r in model.reads if r in models] for name, model in models.items()})
    try:
        return {name: models[name] for name in order.static_order()}
    except CycleError as fault:
        first, *others = fault.args[1]
        raise ModelError(models[first].file, f"reads itself through {', '.join(others)}") from None


def uses_chance(model: Model) -> str | None:
    """What in a model differs from run to run: the clock or chance; None where nothing does."""
    tree = sqlglot.parse_one(model.sql, dialect=DIALECT)
    if found := next(tree.find_all(*_CLOCKS), None):
        return found.sql(dialect=DIALECT)
    named = [(each.name.lower(), len(each.expressions)) for each in tree.find_all(exp.Anonymous)]
    # The age of one time is that to the present.
    return next((name for name, given in named if name in _CHANCE or (name, given) == ("age", 1)), None)


def published_schemas() -> dict[str, pl.DataFrame]:
    """All published tables by name, without rows."""
    return {table.name: table.schema.to_frame() for table in TABLES.values() if table.layer != "mart"}


def described(name: str, models: Mapping[str, Model], tables: Mapping[str, pl.DataFrame]) -> dict[str, str]:
    """The columns of a model's result and their DuckDB types; raises duckdb's error where it can't run."""
    with _over(name, tables, models) as connection:
        rows = connection.execute(f'describe "{name}"').fetchall()
    return {column: kind for column, kind, *_ in rows}


def sources_of(name: str, models: Mapping[str, Model]) -> set[str]:
    """Published tables that model `name` reads, directly or through other models."""
    result: set[str] = set()
    for read in models[name].reads:
        result |= sources_of(read, models) if read in models else {read}
    return result


@cache
def mart_sources(mart: str) -> frozenset[str]:
    """The published tables that a mart of ours is made from."""
    return frozenset(sources_of(mart, load_models()))


def models_below(name: str, models: Mapping[str, Model]) -> set[str]:
    """Names of the models that model `name` reads, directly or through others."""
    own = {read for read in models[name].reads if read in models}
    return own.union(*(models_below(read, models) for read in own))


def published_sql(model: Model) -> str:
    """The text of a model; of a mart of ours with its columns as they are published."""
    sql = model.sql.strip().rstrip(";")
    if not _is_renamed(model):
        return sql
    return f"select {', '.join(map(in_sql, TABLES[model.name].columns))} from (\n{sql}\n) as result"


def _is_renamed(model: Model) -> bool:
    return model.name in TABLES and any(column.was for column in TABLES[model.name].columns)


def code_of(name: str, models: Mapping[str, Model]) -> list[str]:
    """The SQL of model `name` and of the models that it reads, with what is laid around it."""
    read = [models[each] for each in (name, *sorted(models_below(name, models)))]
    return [model.sql if not _is_renamed(model) else published_sql(model) for model in read]


def column_lineage(
    name: str, models: Mapping[str, Model], contract: Table, besides: Mapping[str, Sequence[str]] | None = None
) -> dict[str, set[tuple[str, str]]]:
    """For each column of model `name` the (published table, column) pairs that it is made from.

    `besides` has the columns, all texts, of tables that a home has besides the published ones.
    """
    schema = {t.name: {c.name: c.sql_type for c in t.columns} for t in TABLES.values() if t.layer != "mart"}
    schema |= {table: dict.fromkeys(columns, "VARCHAR") for table, columns in (besides or {}).items()}
    upstream = {read: published_sql(models[read]) for read in models_below(name, models)}
    roots = lineage(None, published_sql(models[name]), schema=schema, sources=upstream, dialect=DIALECT)
    traced: dict[str, set[tuple[str, str]]] = {}
    for column in contract.columns:
        leaves = [
            node for node in roots[column.name].walk() if not node.downstream and isinstance(node.source, exp.Table)
        ]
        traced[column.name] = {(node.source.name, node.name.rsplit(".", 1)[-1].strip('"')) for node in leaves}
    return traced


@cache
def written_lineage() -> Mapping[str, Mapping[str, list[tuple[str, str]]]]:
    """Lineage of the marts as `make docs` wrote it down: working it out takes seconds, and every process asks for it."""
    written = (files("dbt_like_sql") / LINEAGE).read_bytes()
    return msgspec.json.decode(written, type=dict[str, dict[str, list[tuple[str, str]]]])


def lineage_to_write() -> bytes:
    """The lineage of all marts, sources in order, as JSON."""
    models = load_models()
    traced = {mart.name: column_lineage(mart.name, models, mart) for mart in MARTS}
    listed = {mart: {column: sorted(sources) for column, sources in own.items()} for mart, own in traced.items()}
    return msgspec.json.format(msgspec.json.encode(listed), indent=1) + b"\n"


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    """One engine for all models, for starting one costs more than most of them. A cursor sees its own tables only."""
    return duckdb.connect(config={"threads": 1, "enable_external_access": "false"})


@contextmanager
def _over(
    name: str, tables: Mapping[str, pl.DataFrame], models: Mapping[str, Model]
) -> Generator[duckdb.DuckDBPyConnection]:
    """A connection with `tables`, and a view for model `name` and each that it reads."""
    with _engine().cursor() as connection:
        connection.execute("set timezone = 'UTC'")
        for source, frame in tables.items():
            connection.register(source, frame.to_arrow())
        # A view of another model that can't be bound would fail them all.
        wanted = models_below(name, models) | {name}
        for model in models.values():
            if model.name in wanted:
                connection.execute(f'create temp view "{model.name}" as {published_sql(model)}')
        yield connection


def run_model(
    name: str, tables: Mapping[str, pl.DataFrame], models: Mapping[str, Model], contract: Table | None = None
) -> pl.DataFrame:
    """The result of model `name` over `tables` (published tables by name), by its contract: names, units, types, order."""
    with _over(name, tables, models) as connection:
        result = pl.DataFrame(pl.from_arrow(connection.execute(f'from "{name}"').to_arrow_table()))
    return (contract or TABLES[name]).conform(result)


def published(lake: Lake, source: str, days: Sequence[date]) -> pl.DataFrame:
    """What is published of a table on `days`, the local days with data; of a period table all."""
    table = TABLES[source]
    if table.layer == "period":
        rows = lake.scan(table, [key for key in [period_key(source)] if lake.exists(key)])
    else:
        rows = scan_days(lake, source, days)
    return rows.select(table.schema.names()).collect()


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(lineage_to_write())
