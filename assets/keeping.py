"""What Dagster's records of old runs leave: for each table and day that it was computed. What must not be here: our data.

Dagster keeps all events of all runs, each twice, some 7 MB a night. An old run goes with its events, and what made a
day green in the UI is recorded again without its previews; checks keep their newest evaluation.
"""

import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

from pipeline.maintenance.prune import Pruned

_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
_KEPT_METADATA = ("dagster/row_count", "dagster/partition_row_count")
_RUNS = Path("history", "runs")


def prune_runs(instance: dg.DagsterInstance, keep_days: int, *, dry_run: bool = False) -> Pruned:
    """Remove runs that were made more than `keep_days` days ago and have ended; counts runs, and bytes freed on disk."""
    before = datetime.now(UTC) - timedelta(days=keep_days)
    filters = dg.RunsFilter(statuses=_ENDED, created_before=before)
    old = [record.dagster_run.run_id for record in instance.get_run_records(filters)]
    folder, what = Path(instance.root_directory), f"Dagster's runs older than {keep_days} days"
    if dry_run:
        return Pruned(what, len(old), sum(_size(path) for run in old for path in _own_files(folder, run)))
    size = _size(folder)
    for event in list(_last_known(instance, set(old))):
        instance.report_runless_asset_event(event)
    for run in old:
        instance.delete_run(run)
        for path in _own_files(folder, run):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    _shrink(folder)
    _old_errors(folder, before)
    return Pruned(what, len(old), max(0, size - _size(folder)))


def _last_known(instance: dg.DagsterInstance, old: set[str]) -> Iterator[dg.AssetMaterialization]:
    """For each table and day whose newest computation is of one of the `old` runs: that it was computed, and when."""
    seen: set[tuple[dg.AssetKey, str | None]] = set()
    for key in instance.get_asset_keys():
        cursor = None
        while True:
            page = instance.fetch_materializations(dg.AssetRecordsFilter(asset_key=key), limit=1000, cursor=cursor)
            for record in page.records:
                name = (key, record.partition_key)
                made = record.asset_materialization
                if name not in seen and record.run_id in old and made is not None:
                    kept = {k: v for k, v in made.metadata.items() if k in _KEPT_METADATA}
                    kept["computed_at"] = dg.MetadataValue.timestamp(record.timestamp)
                    yield dg.AssetMaterialization(key, partition=record.partition_key, metadata=kept)
                seen.add(name)
            if not page.has_more:
                break
            cursor = page.cursor


def _own_files(folder: Path, run: str) -> Iterable[Path]:
    """A run's events and logs on disk, as Dagster lays them out over SQLite."""
    shards = (folder / _RUNS / f"{run}.db{ending}" for ending in ("", "-wal", "-shm", "-journal"))
    return [path for path in (*shards, folder / "storage" / run) if path.exists()]


def _shrink(folder: Path) -> None:
    """Drop evaluations of checks whose runs are gone, but the newest of each, and give free pages back to the disk."""
    index, runs = folder / _RUNS / "index.db", folder / "history" / "runs.db"
    if not index.exists() or not runs.exists():
        return
    with closing(sqlite3.connect(index, timeout=30)) as events:
        events.execute("attach ? as known", (str(runs),))
        events.execute(
            "delete from asset_check_executions where run_id not in (select run_id from known.runs) and id not in "
            "(select max(id) from asset_check_executions group by asset_key, check_name)"
        )
        events.commit()
    for path in (index, runs, folder / "schedules" / "schedules.db"):
        with closing(sqlite3.connect(path, timeout=30)) as database:
            try:
                database.execute("vacuum")
            except sqlite3.OperationalError:
                # Somebody writes just now; the freed pages are used again.
                continue


def _old_errors(folder: Path, before: datetime) -> None:
    for path in folder.glob("footfall-error-*.txt"):
        if path.stat().st_mtime < before.timestamp():
            path.unlink(missing_ok=True)


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    total = 0
    for file in files:
        try:
            total += file.stat().st_size if file.is_file() else 0
        except FileNotFoundError:
            continue
    return total
