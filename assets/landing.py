"""`raw_events`: landing files become accepted and rejected rows. What must not be here: how a file is read."""

from collections.abc import Iterator

import dagster as dg

from assets.checks import Events, io_retries
from assets.metadata import static_metadata
from assets.names import Names
from assets.resources import home_of
from pipeline.core.canonical import RAW_EVENTS
from pipeline.ingest.drift import CHECKS, Finding, by_check
from pipeline.ingest.manifests import Manifest, rejected_by_rule
from pipeline.ingest.taking import READER_VERSION


def raw_events_asset(partitions: dg.DailyPartitionsDefinition, names: Names) -> dg.AssetsDefinition:
    """The asset raw_events, partitioned by the day on which files arrived."""
    key = names.key("raw_events")

    @dg.asset(
        key=key,
        group_name=names.group("ingest"),
        tags=names.job_tag("days"),
        kinds={"python", "parquet"},
        owners=names.owners,
        description=f"{RAW_EVENTS.grain} A partition here is the day on which files arrived.",
        code_version=READER_VERSION,
        metadata=static_metadata(RAW_EVENTS),
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=[
            dg.AssetCheckSpec("raw_events_balance", asset=key, blocking=True),
            dg.AssetCheckSpec("raw_events_rejected", asset=key),
            *(dg.AssetCheckSpec(f"raw_events_{n}", asset=key, description=d) for n, d in CHECKS.items()),
        ],
        required_resource_keys={names.resource},
        pool=names.pool,
    )
    def raw_events(context: dg.AssetExecutionContext) -> Events:
        home = home_of(context, names)
        with io_retries(context):
            taken = home.take_files(context.partition_keys)
        for day in context.partition_keys:
            arrived = [manifest for manifest in taken if manifest.arrived == day]
            context.add_asset_metadata(_counts(arrived), partition_key=day)
        yield _balance(taken)
        yield _rejections(taken)
        yield from _drift(home.drift(context.partition_keys))
        yield dg.MaterializeResult()

    return raw_events


def _counts(taken: list[Manifest]) -> dict[str, int]:
    return {
        "files_taken": len(taken),
        "dagster/partition_row_count": sum(manifest.accepted for manifest in taken),
        "records_read": sum(manifest.records_read for manifest in taken),
        "records_rejected": sum(manifest.records_rejected for manifest in taken),
    }


def _balance(taken: list[Manifest]) -> dg.AssetCheckResult:
    unbalanced = [manifest.name for manifest in taken if not manifest.balances]
    return dg.AssetCheckResult(
        check_name="raw_events_balance",
        passed=not unbalanced,
        severity=dg.AssetCheckSeverity.ERROR,
        description="records read = accepted + rejected + filtered, for every file",
        metadata={"files": len(taken), "unbalanced": unbalanced},
    )


def _rejections(taken: list[Manifest]) -> dg.AssetCheckResult:
    whole = {manifest.name: f"{manifest.file_rule}: {manifest.file_reason}" for manifest in taken if manifest.file_rule}
    whole |= {
        m.name: "every record was rejected" for m in taken if m.records_read and not m.accepted and not m.filtered
    }
    return dg.AssetCheckResult(
        check_name="raw_events_rejected",
        passed=not whole,
        severity=dg.AssetCheckSeverity.WARN,
        description="no file was rejected whole; rejected records by rule",
        metadata={**rejected_by_rule(taken), **whole},
    )


def _drift(findings: list[Finding]) -> Iterator[dg.AssetCheckResult]:
    for name, result in by_check(findings).items():
        yield dg.AssetCheckResult(
            check_name=f"raw_events_{name}",
            passed=not result,
            severity=dg.AssetCheckSeverity.WARN,
            description="; ".join(finding.sentence for finding in result[:5]) or None,
            metadata={f"{finding.day} {finding.source}: {finding.field}": finding.sentence for finding in result},
        )
