"""Period tables and SQL marts as assets. What must not be here: SQL text, or how a period is computed."""

from collections.abc import Callable, Collection, Iterator
from datetime import timedelta
from typing import Any

import dagster as dg

from assets.checks import Events, check_specs, io_retries, report_one
from assets.empty_days import show_empty_days
from assets.metadata import TEAM, mart_lineage, static_metadata
from assets.names import Names
from assets.resources import Home, home_of
from pipeline.build.configured import marts, period_tables, table_names
from pipeline.build.home_models import Models
from pipeline.core.contract import Table
from pipeline.core.product import Product
from pipeline.core.registry import DOMAIN_OF, TABLES
from pipeline.core.state import RAW
from pipeline.declare import PeriodTable

FRESHNESS = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=36), warn_window=timedelta(hours=28))


def period_assets(product: Product, names: Names) -> list[dg.AssetsDefinition]:
    """An asset per period table of the home."""
    there = table_names(product)
    return [_period_asset(table, there, names) for table in period_tables(product)]


def _period_asset(table: PeriodTable, there: Collection[str], names: Names) -> dg.AssetsDefinition:
    name = table.contract.name

    @dg.asset(
        key=names.key(name),
        group_name=names.group(DOMAIN_OF[name]),
        tags=names.job_tag("marts"),
        kinds={"polars", "parquet"},
        owners=names.owners,
        description=table.contract.grain,
        code_version=table.code_version,
        metadata=static_metadata(table.contract),
        deps=names.keys(name for name in (table.reads, *table.inputs) if name == RAW or name in there),
        output_required=False,
        check_specs=check_specs(name, names),
        required_resource_keys={names.resource},
        pool=names.pool,
    )
    def _asset(context: dg.AssetExecutionContext) -> Events:
        with io_retries(context):
            outcome = home_of(context, names).build_period(name, context.run.run_id)
        yield from report_one(name, outcome)

    return _asset


def whole_asset(
    names: Names,
    name: str,
    kinds: set[str],
    description: str,
    deps: list[str],
    make: Callable[[Home, dg.DagsterInstance], dict[str, Any]],
) -> dg.AssetsDefinition:
    """An asset that is made anew as a whole by one call, whose answer is its metadata."""

    @dg.asset(
        key=names.key(name),
        group_name=names.group("publication"),
        tags=names.job_tag("marts"),
        kinds=kinds,
        owners=names.owners,
        description=description,
        deps=names.keys(deps),
        output_required=False,
        required_resource_keys={names.resource},
        pool=names.pool,
    )
    def _asset(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        with io_retries(context):
            metadata = make(home_of(context, names), context.instance)
        yield dg.MaterializeResult(metadata=metadata)

    return _asset


def publication_asset(product: Product, models: Models, names: Names) -> dg.AssetsDefinition:
    """All marts as one: what readers of a publication take together."""
    description = "What is published: rows, hashes and the newest day of each mart, in marts/_published.json."
    made = [mart.name for mart in marts(product, models)]

    def make(home: Home, instance: dg.DagsterInstance) -> dict[str, Any]:
        show_empty_days(instance, home)
        return home.publication()

    return whole_asset(names, "publication", {"json"}, description, made, make)


def report_asset(names: Names) -> dg.AssetsDefinition:
    """The pages that product managers open, made from all marts."""
    description = "Static pages over the marts: report/index.html in the home."

    def make(home: Home, _instance: dg.DagsterInstance) -> dict[str, Any]:
        return {"page": dg.MetadataValue.path(home.write_report())}

    return whole_asset(names, "report", {"html"}, description, ["publication"], make)


def catalog_asset(names: Names) -> dg.AssetsDefinition:
    """What BI tools connect to, made from all marts."""
    description = "Views over the marts with comments: marts/catalog.duckdb; the dictionary of their columns."

    def make(home: Home, _instance: dg.DagsterInstance) -> dict[str, Any]:
        return {"views": len(home.write_catalog())}

    return whole_asset(names, "catalog", {"duckdb"}, description, ["publication"], make)


def mart_assets(product: Product, models: Models, names: Names) -> list[dg.AssetsDefinition]:
    """An asset per mart of the home, the team's own among them; its edges are what sqlglot reads in the SQL."""
    return [_mart_asset(mart, models, names) for mart in marts(product, models)]


def small_table_specs(models: Models, names: Names) -> list[dg.AssetSpec]:
    """The team's small tables, and those of which marts of ours make use: nobody makes them, marts read them."""
    known = {name: table.grain for name, table in TABLES.items() if table.layer == "home"}
    return [
        dg.AssetSpec(
            names.key(name),
            group_name=names.group(DOMAIN_OF.get(name, TEAM)),
            kinds={"csv"},
            owners=names.owners,
            description=f"{known.get(name, 'A small table of the team.')} It lies in `tables/` of the home.",
            metadata=static_metadata(TABLES[name]) if name in known else None,
        )
        for name in sorted({*known, *models.small})
    ]


def _mart_asset(mart: Table, models: Models, names: Names) -> dg.AssetsDefinition:

    @dg.asset(
        key=names.key(mart.name),
        group_name=names.group(DOMAIN_OF.get(mart.name, TEAM)),
        tags=names.job_tag("marts"),
        kinds={"duckdb", "sql", "parquet"},
        owners=names.owners,
        description=mart.grain,
        metadata={**static_metadata(mart), "dagster/column_lineage": mart_lineage(mart.name, models, names)},
        deps=names.keys(sorted(models.sources(mart.name))),
        output_required=False,
        check_specs=check_specs(mart.name, names),
        freshness_policy=FRESHNESS,
        required_resource_keys={names.resource},
        pool=names.pool,
    )
    def _asset(context: dg.AssetExecutionContext) -> Events:
        with io_retries(context):
            outcome = home_of(context, names).build_mart(mart.name, context.run.run_id)
        yield from report_one(mart.name, outcome)

    return _asset
