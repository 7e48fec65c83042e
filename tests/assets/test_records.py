"""Dagster's records over kept connections are those of Dagster: either reads what the other wrote."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets.dagster_home import SETTINGS
from assets.keeping import prune_runs
from assets.records import EventLog, Records


@dg.asset(partitions_def=dg.StaticPartitionsDefinition(["a", "b"]))
def thing(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    return dg.MaterializeResult(metadata={"rows": len(context.partition_key)})


@contextmanager
def instance_of(folder: Path, settings: str) -> Iterator[dg.DagsterInstance]:
    folder.mkdir(exist_ok=True)
    (folder / "dagster.yaml").write_text(settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(folder))
        with dg.DagsterInstance.get() as made:
            yield made


PLAIN = "telemetry: {enabled: false}\n"


def recorded(instance: dg.DagsterInstance) -> dict[str, Any]:
    runs = instance.get_run_records()
    return {
        "runs": sorted((record.dagster_run.run_id, record.dagster_run.status) for record in runs),
        "events": {
            record.dagster_run.run_id: [
                (entry.timestamp, entry.dagster_event_type, entry.user_message)
                for entry in instance.all_logs(record.dagster_run.run_id)
            ]
            for record in runs
        },
        "made": instance.get_materialized_partitions(thing.key),
        "newest": [
            (record.run_id, record.partition_key, record.asset_materialization)
            for record in instance.fetch_materializations(thing.key, limit=100).records
        ],
    }


@pytest.mark.parametrize("order", [(SETTINGS, PLAIN), (PLAIN, SETTINGS)], ids=["ours first", "Dagster's first"])
def test_either_reads_what_the_other_wrote(tmp_path: Path, order: tuple[str, str]) -> None:
    kept: list[dict[str, Any]] = []
    for settings, key in zip(order, "ab", strict=True):
        with instance_of(tmp_path / "records", settings) as instance:
            assert isinstance(instance.event_log_storage, EventLog) is (settings == SETTINGS)
            if kept:
                assert recorded(instance) == kept[-1]
            assert dg.materialize([thing], partition_key=key, instance=instance).success
            kept.append(recorded(instance))
    assert kept[-1]["made"] == {"a", "b"}
    assert len(kept[-1]["runs"]) == 2
    assert all(kept[-1]["events"].values())
    assert len(list((tmp_path / "records" / "history" / "runs").glob("*.db"))) == 3, "an index, and a file for each run"


def test_more_runs_than_files_that_stay_open_from_several_threads(tmp_path: Path) -> None:
    with instance_of(tmp_path / "records", SETTINGS) as instance:
        runs = [dg.materialize([thing], partition_key="ab"[n % 2], instance=instance).run_id for n in range(11)]
        with ThreadPoolExecutor(4) as pool:
            logs = list(pool.map(instance.all_logs, runs * 3))
        assert {len(log) for log in logs} == {len(logs[0])}
        assert all(entry.run_id == run for run, log in zip(runs * 3, logs, strict=True) for entry in log)


def test_two_at_once_over_the_same_folder(tmp_path: Path) -> None:
    """A run beside the UI: what one writes the other sees at once, whoever wrote last."""
    with ExitStack() as stack:
        one = stack.enter_context(instance_of(tmp_path / "records", SETTINGS))
        other = stack.enter_context(instance_of(tmp_path / "records", SETTINGS))
        for number, (writer, reader) in enumerate([(one, other), (other, one), (one, other)], start=1):
            assert dg.materialize([thing], partition_key="a", instance=writer).success
            assert len(recorded(reader)["newest"]) == number
        assert recorded(one) == recorded(other)


def test_old_runs_go_and_their_files_with_them(tmp_path: Path) -> None:
    with instance_of(tmp_path / "records", SETTINGS) as instance:
        run = dg.materialize([thing], partition_key="a", instance=instance).run_id
        assert instance.all_logs(run)
        assert prune_runs(instance, keep_days=-1).files == 1
        assert not instance.get_run_records()
        assert instance.get_materialized_partitions(thing.key) == {"a"}
        assert dg.materialize([thing], partition_key="b", instance=instance).success
        assert instance.get_materialized_partitions(thing.key) == {"a", "b"}


def test_wiped_records_begin_anew(tmp_path: Path) -> None:
    with instance_of(tmp_path / "records", SETTINGS) as instance:
        assert dg.materialize([thing], partition_key="a", instance=instance).success
        instance.event_log_storage.wipe()
        assert instance.get_materialized_partitions(thing.key) == set()
        assert dg.materialize([thing], partition_key="b", instance=instance).success
        assert instance.get_materialized_partitions(thing.key) == {"b"}


DAYS = ["2026-02-02", "2026-02-03", "2026-02-04", "2026-02-05"]


@dg.asset(
    partitions_def=dg.DailyPartitionsDefinition(DAYS[0], end_date="2026-02-10"),
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def daily() -> None:
    """Made for a range of days at once."""


def of_range(folder: Path, size: int) -> dict[str, Any]:
    """What is recorded of a run over four days with batches of `size`; 0: event by event."""
    tags = {"dagster/asset_partition_range_start": DAYS[0], "dagster/asset_partition_range_end": DAYS[-1]}
    with pytest.MonkeyPatch.context() as patch, instance_of(folder, SETTINGS) as instance:
        patch.setenv("DAGSTER_EVENT_BATCH_SIZE", str(size))
        run = dg.materialize([daily], tags=tags, instance=instance).run_id
        logged = [(e.dagster_event_type, e.dagster_event and e.dagster_event.partition) for e in instance.all_logs(run)]
        planned = instance.event_log_storage.get_event_records(
            dg.EventRecordsFilter(dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED, asset_key=daily.key)
        )
        (asset,) = instance.get_asset_records([daily.key])
        assert asset.asset_entry.last_run_id == run
        return {
            "logged": sorted(logged, key=str),
            "planned": sorted(str(each.partition_key) for each in planned),
            "made": instance.get_materialized_partitions(daily.key),
        }


def test_events_of_a_batch_are_recorded_as_one_by_one(tmp_path: Path) -> None:
    one_by_one, *batches = (of_range(tmp_path / str(size), size) for size in (0, 3, 1000))
    assert one_by_one["planned"] == DAYS
    assert one_by_one["made"] == set(DAYS)
    assert batches == [one_by_one] * 2


def test_the_settings_name_what_exists() -> None:
    assert f"module: {Records.__module__}, class: {Records.__name__}," in SETTINGS
