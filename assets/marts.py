"""Period tables and SQL marts as assets. What must not be here: SQL text, or how a period is computed."""

from collections.abc import Callable, Collection, Iterator
from datetime import timedelta
from typing import Any

import dagster as dg

from assets.checks import Events, check_specs, io_retries, report_one
from assets.metadata import OF_MARTS, OWNERS, TEAM, mart_lineage, static_metadata
from assets.resources import Home
from pipeline.build.configured import marts, period_tables, table_names
from pipeline.build.home_models import Models
from pipeline.core.contract import Table
from pipeline.core.product import Product
from pipeline.core.registry import DOMAIN_OF
from pipeline.core.state import RAW
from pipeline.declare import PeriodTable

FRESHNESS = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=36), warn_window=timedelta(hours=28))


def period_assets(product: Product) -> list[dg.AssetsDefinition]:
    """An asset per period table of the home."""
    there = table_names(product)
    return [_period_asset(table, there) for table in period_tables(product)]


def _period_asset(table: PeriodTable, there: Collection[str]) -> dg.AssetsDefinition:
    name = table.contract.name

    @dg.asset(
        name=name,
        group_name=DOMAIN_OF[name],
        tags=OF_MARTS,
        kinds={"polars", "parquet"},
        owners=OWNERS,
        description=table.contract.grain,
        code_version=table.code_version,
        metadata=static_metadata(table.contract),
        deps=[name for name in (table.reads, *table.beside) if name == RAW or name in there],
        output_required=False,
        check_specs=check_specs(name),
    )
    def _asset(context: dg.AssetExecutionContext, home: dg.ResourceParam[Home]) -> Events:
        with io_retries(context):
            outcome = home.build_period(name, context.run.run_id)
        yield from report_one(name, outcome)

    return _asset


def whole_asset(
    name: str, kinds: set[str], description: str, deps: list[str], act: Callable[[Home], dict[str, Any]]
) -> dg.AssetsDefinition:
    """An asset that is made anew as a whole by one call, whose answer is its metadata."""

    @dg.asset(
        name=name,
        group_name="publication",
        tags=OF_MARTS,
        kinds=kinds,
        owners=OWNERS,
        description=description,
        deps=deps,
        output_required=False,
    )
    def _asset(context: dg.AssetExecutionContext, home: dg.ResourceParam[Home]) -> Iterator[dg.MaterializeResult[Any]]:
        with io_retries(context):
            told = act(home)
        yield dg.MaterializeResult(metadata=told)

    return _asset


def publication_asset(product: Product, models: Models) -> dg.AssetsDefinition:
    """All marts as one: what readers of a publication take together."""
    description = "What is published: rows, hashes and the newest day of each mart, in marts/_published.json."
    names = [mart.name for mart in marts(product, models)]
    return whole_asset("publication", {"json"}, description, names, lambda home: home.publication())


def report_asset() -> dg.AssetsDefinition:
    """The pages that product managers open, made from all marts."""
    description = "Static pages over the marts: report/index.html in the home."

    def act(home: Home) -> dict[str, Any]:
        return {"page": dg.MetadataValue.path(home.write_report())}

    return whole_asset("report", {"html"}, description, ["publication"], act)


def catalog_asset() -> dg.AssetsDefinition:
    """What BI tools connect to, made from all marts."""
    description = "Views over the marts with comments: marts/catalog.duckdb; the dictionary of their columns."
    return whole_asset(
        "catalog", {"duckdb"}, description, ["publication"], lambda home: {"views": len(home.write_catalog())}
    )


def mart_assets(product: Product, models: Models) -> list[dg.AssetsDefinition]:
    """An asset per mart of the home, the team's own among them; its edges are what sqlglot reads in the SQL."""
    return [_mart_asset(mart, models) for mart in marts(product, models)]


def small_table_specs(models: Models) -> list[dg.AssetSpec]:
    """The team's small tables: nobody makes them, marts read them."""
    return [
        dg.AssetSpec(
            name, group_name=DOMAIN_OF.get(name, TEAM), kinds={"csv"}, description=f"tables/{name} of the home."
        )
        for name in models.small
    ]


def _mart_asset(mart: Table, models: Models) -> dg.AssetsDefinition:

    @dg.asset(
        name=mart.name,
        group_name=DOMAIN_OF.get(mart.name, TEAM),
        tags=OF_MARTS,
        kinds={"duckdb", "sql", "parquet"},
        owners=OWNERS,
        description=mart.grain,
        metadata={**static_metadata(mart), "dagster/column_lineage": mart_lineage(mart.name, models)},
        deps=sorted(models.sources(mart.name)),
        output_required=False,
        check_specs=check_specs(mart.name),
        freshness_policy=FRESHNESS,
    )
    def _asset(context: dg.AssetExecutionContext, home: dg.ResourceParam[Home]) -> Events:
        with io_retries(context):
            outcome = home.build_mart(mart.name, context.run.run_id)
        yield from report_one(mart.name, outcome)

    return _asset
