"""Dagster's records of old runs go, and what they made stays green."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import dagster as dg
import pytest
from support import PRODUCT
from typer.testing import CliRunner

from assets.cli import app
from assets.keeping import prune_runs

DAYS = dg.DailyPartitionsDefinition("2026-02-01", end_date="2026-02-10")
ALL = -1  # days to keep, so that runs of just now are old


@dg.asset(
    partitions_def=DAYS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    check_specs=[dg.AssetCheckSpec("events_gate", asset="events")],
)
def events(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    for day in context.partition_keys:
        metadata = {"dagster/row_count": 7, "preview": dg.MetadataValue.md("| much |" * 500)}
        context.add_asset_metadata(metadata, partition_key=day)
    yield dg.AssetCheckResult(check_name="events_gate", passed=True)
    yield dg.MaterializeResult()


@dg.asset(deps=[events])
def report() -> None: ...


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as made:
        yield made


def night(instance: dg.DagsterInstance, first: str, last: str) -> None:
    tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    job = dg.Definitions([events]).resolve_implicit_global_asset_job_def()
    assert job.execute_in_process(instance=instance, tags=tags).success
    assert dg.materialize([report], instance=instance, selection=[report]).success


def shards(instance: dg.DagsterInstance) -> set[str]:
    return {path.stem for path in Path(instance.root_directory, "history", "runs").glob("?*.db")} - {"index", ".db", ""}


def test_old_runs_go_and_their_days_stay_green(instance: dg.DagsterInstance) -> None:
    night(instance, "2026-02-01", "2026-02-03")
    night(instance, "2026-02-03", "2026-02-04")
    made = {run.run_id for run in instance.get_runs()}
    assert made <= shards(instance)
    assert prune_runs(instance, 30).files == 0, "none is older than 30 days"
    counted = prune_runs(instance, ALL, dry_run=True)
    assert (counted.files, len(instance.get_runs())) == (4, 4)
    assert counted.size > 0
    pruned = prune_runs(instance, ALL)
    assert pruned.files == 4
    assert pruned.size > 0
    assert not instance.get_runs()
    assert not made & shards(instance)
    assert not [path for path in Path(instance.root_directory, "storage").glob("*") if path.name in made]
    green = instance.get_materialized_partitions(events.key)
    assert green == {"2026-02-01", "2026-02-02", "2026-02-03", "2026-02-04"}
    latest = instance.get_latest_materialization_event(report.key)
    assert latest is not None
    record = instance.fetch_materializations(dg.AssetRecordsFilter(asset_key=events.key), limit=1).records[0]
    assert record.asset_materialization is not None
    assert set(record.asset_materialization.metadata) == {"dagster/row_count", "computed_at"}
    index = Path(instance.root_directory, "history", "runs", "index.db")
    with closing(sqlite3.connect(index)) as database:
        ((checks,),) = database.execute("select count(*) from asset_check_executions")
    assert checks == 1, "the newest of each check"


def test_records_stay_bounded_however_many_nights(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    sizes: list[int] = []
    for _ in range(3):
        for _ in range(2):
            night(instance, "2026-02-01", "2026-02-04")
        prune_runs(instance, ALL)
        sizes.append(sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()))
    assert sizes[2] < sizes[1] * 1.1


def test_the_command_tells_what_it_freed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")
    (tmp_path / "product.yaml").write_text(PRODUCT)
    left = tmp_path / "marts" / ".daily_kpis.parquet.1-ab.tmp"
    left.parent.mkdir()
    left.write_bytes(b"x" * 2_000_000)
    os.utime(left, (1, 1))
    for words, stated, is_there in (
        (["--dry-run"], "2.0 MB would be freed", True),
        (["--keep-days", "7"], "Dagster's runs older than 7 days: 0, 0.0 MB", False),
        ([], "0.0 MB freed", False),
    ):
        result = CliRunner().invoke(app, ["prune", "--home", str(tmp_path), *words])
        assert result.exit_code == 0, result.output
        assert stated in result.output
        assert left.exists() == is_there
