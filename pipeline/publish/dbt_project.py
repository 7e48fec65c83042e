"""The SQL models as a dbt project over a home (dbt-duckdb): models, sources, tests from the contracts, exposures.

What must not be here: SQL of a metric. A model's text stays as it is but for the names of tables, which become `ref` and
`source`, and the casts to the contract's types around a mart, which our own runner makes after the query.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl
import sqlglot
from sqlglot import exp
from sqlglot.optimizer.scope import traverse_scope

from pipeline.build.home_models import Models, models_of
from pipeline.build.sql_models import DIALECT, Model, models_below
from pipeline.core.contract import Column, Table
from pipeline.core.keys import mart_key, period_key
from pipeline.core.lake import Lake
from pipeline.core.published import in_sql
from pipeline.core.registry import TABLES
from pipeline.core.states import parts_of, published_days, read_states
from pipeline.publish.catalog import in_quotes, meaning
from pipeline.publish.measures import semantic_layer
from pipeline.publish.versions import FACTS
from pipeline.publish.yaml_files import write_yaml

_SOURCE = "footfall"
# The days that MetricFlow joins to, so that one without rows is 0.
_TIME_SPINE = "dim_date"
_PROJECT = {
    "name": _SOURCE,
    "version": "1.0.0",
    "profile": _SOURCE,
    "model-paths": ["models"],
    "test-paths": ["tests"],
    "models": {_SOURCE: {"staging": {"+materialized": "view"}, "intermediate": {"+materialized": "view"}, "marts": {"+materialized": "table"}}},
}  # fmt: skip


def export_dbt(lake: Lake, folder: Path) -> list[str]:
    """Write the project of the published marts and facts to `folder`; returns their names. What lies there of an older one is replaced.

    It names the home's files by absolute path. `dbt build` in it makes `footfall.duckdb` beside the project.
    """
    models = models_of(lake)
    marts = [name for name in models.contracts if lake.exists(mart_key(name))]
    wanted = {*marts, *(name for mart in marts for name in models_below(mart, models.models))}
    facts = {fact.name: fact for fact in FACTS if published_days(lake, fact.name)}
    contracts = {**{name: models.contracts[name] for name in marts}, **facts}
    sources = sorted(
        {*facts} | {read for name in wanted for read in models.models[name].reads if read not in models.models}
    )
    for old in (*folder.glob("models/**/*.sql"), *folder.glob("tests/contract_*.sql")):
        old.unlink()
    for name in sorted(wanted):
        model = models.models[name]
        _write(folder / "models" / _folder_of(model) / f"{name}.sql", _with_refs(model, models))
    for name, fact in facts.items():
        _write(folder / "models" / "marts" / "facts" / f"{name}.sql", _of_source(fact))
    for name, contract in contracts.items():
        _write(folder / "tests" / f"contract_{name}.sql", contract_test(contract))
    target = {"type": "duckdb", "path": "footfall.duckdb", "threads": 2, "settings": {"TimeZone": "UTC"}}
    profile = {_SOURCE: {"target": "home", "outputs": {"home": target}}}
    listed = [_source(lake, models, folder, name) for name in sources]
    write_yaml(folder / "dbt_project.yml", _PROJECT)
    write_yaml(folder / "profiles.yml", profile)
    write_yaml(folder / "models" / "sources.yml", {"version": 2, "sources": [{"name": _SOURCE, "tables": listed}]})
    described = [_described(contract) for contract in contracts.values()]
    exposures = [_exposure(lake, contracts)]
    write_yaml(folder / "models" / "marts" / "schema.yml", {"version": 2, "models": described, "exposures": exposures})
    semantic = semantic_layer(contracts if _TIME_SPINE in marts else {})
    write_yaml(folder / "models" / "marts" / "semantic.yml", {"version": 2, **semantic})
    return list(contracts)


def _of_source(fact: Table) -> str:
    """A fact lies in the lake as it is; as a view it takes no space a second time."""
    columns = ",\n    ".join(f'"{column.name}"' for column in fact.columns)
    named = f"source('{_SOURCE}', '{fact.name}')"
    return f"{{{{ config(materialized='view') }}}}\nselect\n    {columns}\nfrom {{{{ {named} }}}}\n"


def _folder_of(model: Model) -> str:
    """The folder of a model as in dbt_like_sql; a team's own are marts, too."""
    return model.layer if model.layer.split("/")[0] in ("staging", "intermediate", "marts") else "marts/own"


def _with_refs(model: Model, models: Models) -> str:
    """The model's text with each table's name as `ref` or `source`; of a mart in the contract's types and order."""
    sql = model.sql.strip().rstrip(";")
    tree = sqlglot.parse_one(sql, dialect=DIALECT)
    tables = [s for scope in traverse_scope(tree) for s in scope.sources.values() if isinstance(s, exp.Table)]
    # A table may be met in several scopes; from the end on, so that places before stay true.
    places = {(t.this.meta["start"], t.this.meta["end"]): (t.name, t.alias) for t in tables}
    for (start, end), (name, alias) in sorted(places.items(), reverse=True):
        named = f"ref('{name}')" if name in models.models else f"source('{_SOURCE}', '{name}')"
        # Columns may be written with the table's name in front.
        sql = f"{sql[:start]}{{{{ {named} }}}}{'' if alias else f' as {name}'}{sql[end + 1 :]}"
    if model.name not in models.contracts:
        return f"{sql}\n"
    contract = models.contracts[model.name]
    cast = ",\n    ".join(
        in_sql(c) if c.was else f'cast("{c.name}" as {c.sql_type}) as "{c.name}"' for c in contract.columns
    )
    order = ", ".join(f'"{name}" nulls last' for name in contract.order)
    return f"select\n    {cast}\nfrom (\n{sql}\n) as result\norder by {order}\n"


def _source(lake: Lake, models: Models, folder: Path, name: str) -> dict[str, Any]:
    """Where a published table lies; one without a file, and a small table of the team, is written beside the project."""
    contract = TABLES.get(name)
    if contract is not None and contract.layer == "period" and lake.exists(period_key(name)):
        files = in_quotes(str(lake.path(period_key(name))))
    elif contract is not None and contract.layer not in ("period", "home") and published_days(lake, name):
        files = _of_days(lake, name)
    else:
        frame = models.small[name] if name in models.small else TABLES[name].schema.to_frame()
        target = folder / "data" / f"{name}.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        frame.cast({pl.Null: pl.String}).write_parquet(target)
        files = in_quotes(str(target.resolve()))
    place = f"read_parquet({files}, hive_partitioning = false, union_by_name = true)"
    table: dict[str, Any] = {"name": name, "meta": {"external_location": place}}
    return (
        table if contract is None else {**table, "description": contract.grain, "columns": _columns(contract.columns)}
    )


def _of_days(lake: Lake, name: str) -> str:
    """The files of a daily table; where a large day lies in parts by name, for others may lie beside them while a run goes on."""
    parts = [part for day, state in read_states(lake, name)[0].items() for part in parts_of(name, day, state)]
    whole = lake.folder(f"lake/{name}")
    if all(part.key.endswith("/part.parquet") for part in parts):
        return in_quotes(f"{whole}/day=*/part.parquet")
    return f"[{', '.join(in_quotes(str(lake.path(part.key))) for part in sorted(parts))}]"


def _columns(columns: Iterable[Column]) -> list[dict[str, Any]]:
    return [{"name": c.name, "data_type": c.sql_type, "description": meaning(c)} for c in columns]


def _described(mart: Table) -> dict[str, Any]:
    adds = {c.name: list(c.adds_over) for c in mart.columns if c.adds_over}
    described: dict[str, Any] = {
        "name": mart.name,
        "description": mart.grain,
        "config": {"meta": {"key": list(mart.key), "adds_over": adds, "schema_version": mart.version}},
        "columns": _columns(mart.columns),
    }
    if mart.name != _TIME_SPINE:
        return described
    days = [{**column, "granularity": "day"} if column["name"] == "day" else column for column in described["columns"]]
    return {**described, "time_spine": {"standard_granularity_column": "day"}, "columns": days}


def _exposure(lake: Lake, marts: Iterable[str]) -> dict[str, Any]:
    return {
        "name": "footfall_report",
        "type": "dashboard",
        "owner": {"name": "the product team"},
        "description": f"The report for product managers, {lake.name_of('report/index.html')}, and what BI tools read.",
        "depends_on": [f"ref('{name}')" for name in marts],
    }


def contract_test(mart: Table) -> str:
    """One query that gives a row for each thing that the contract forbids."""
    ref = f"{{{{ ref('{mart.name}') }}}}"
    key = ", ".join(f'"{name}"' for name in mart.key)
    parts = [f"select 'a key that stands twice' as fault from {ref} group by {key} having count(*) > 1"]
    conditions: list[tuple[str, str]] = []
    for column in mart.columns:
        name = f'"{column.name}"'
        conditions += [] if column.nullable else [(f"{column.name} is null", f"{name} is null")]
        conditions += (
            [] if column.minimum is None else [(f"{column.name} below {column.minimum}", f"{name} < {column.minimum}")]
        )
        conditions += (
            [] if column.maximum is None else [(f"{column.name} above {column.maximum}", f"{name} > {column.maximum}")]
        )
    conditions += [(f"{small} above {large}", f'"{small}" > "{large}"') for small, large in mart.at_most]
    parts += [f"select {in_quotes(what)} from {ref} where {condition}" for what, condition in conditions]
    return "\nunion all\n".join(parts) + "\n"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
