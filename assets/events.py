"""The daily tables as assets: clean events, sessions, page views, daily sums. What must not be here: how they are made."""

from collections.abc import Collection

import dagster as dg

from assets.checks import Events, check_specs, report_days
from assets.metadata import static_metadata
from assets.names import Names
from assets.partitions import AROUND
from assets.resources import home_of
from pipeline.build.configured import day_tables
from pipeline.core.product import Product
from pipeline.core.registry import DOMAIN_OF
from pipeline.core.state import RAW, RECORDED, RESOLUTIONS
from pipeline.declare import DayTable


def day_assets(partitions: dg.DailyPartitionsDefinition, product: Product, names: Names) -> list[dg.AssetsDefinition]:
    """An asset per daily table of the home, in upstream order."""
    tables = day_tables(product)
    there = {RAW, *(table.contract.name for table in tables)}
    return [_day_asset(table, partitions, there, names) for table in tables]


def _deps(table: DayTable, there: Collection[str], names: Names) -> list[dg.AssetDep]:
    """Edges as the table reads: the same day, or the days around it; a resolution stands for the tables behind it."""
    result: dict[str, dg.AssetDep] = {}
    for reads in table.reads:
        mapping = AROUND if len(reads.offsets) > 1 else None
        for name in RESOLUTIONS.get(reads.table, (RAW if reads.table == RECORDED else reads.table,)):
            if name in there:
                result.setdefault(name, dg.AssetDep(names.key(name), partition_mapping=mapping))
    return list(result.values())


def _day_asset(
    table: DayTable, partitions: dg.DailyPartitionsDefinition, there: Collection[str], names: Names
) -> dg.AssetsDefinition:
    name = table.contract.name

    @dg.asset(
        key=names.key(name),
        group_name=names.group(DOMAIN_OF[name]),
        tags=names.job_tag("days"),
        kinds={"polars", "parquet"},
        owners=names.owners,
        description=table.contract.grain,
        code_version=table.code_version,
        metadata=static_metadata(table.contract),
        deps=_deps(table, there, names),
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        output_required=False,
        check_specs=check_specs(name, names),
        required_resource_keys={names.resource},
        pool=names.pool,
    )
    def _asset(context: dg.AssetExecutionContext) -> Events:
        outcomes = home_of(context, names).build_days(name, context.partition_keys)
        yield from report_days(context, name, outcomes)

    return _asset
