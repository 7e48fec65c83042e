"""Footfall through a real Dagster instance: ranges, late files, failed runs, gates, ticks, edges, loading."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, NoReturn

import dagster as dg
import pytest
from support import (
    PLAIN_PRODUCT,
    PRODUCT,
    compute_all,
    days_from,
    drop,
    marts_of,
    ndjson,
    plain_product,
    product,
    record,
    take_all,
)

from assets.attempts import WORK_TAG
from assets.automation import day_keys, nightly_schedules, sensors
from assets.definitions import build_defs
from assets.empty_days import show_empty_days
from assets.names import Names
from assets.partitions import RANGE_END, RANGE_START, local_days, range_tags
from assets.resources import Home
from assets.run_failures import run_failures
from assets.running import Runner, open_runner
from pipeline.build.configured import day_tables, marts, period_tables
from pipeline.build.marts import read_record
from pipeline.build.sql_models import load_models, sources_of
from pipeline.build.tables import DAY_TABLE
from pipeline.core.files import Staged
from pipeline.core.lake import Lake
from pipeline.core.registry import DOMAIN_OF, MARTS, TABLES
from pipeline.core.state import RESOLUTIONS
from pipeline.core.states import published_days, read_states, scan_days

ROOT = Path(__file__).parents[2]
DAYS = days_from("2026-02-02", 6)

landing, dirty_days = sensors(Names())


@pytest.fixture
def runner(home: Home, instance: dg.DagsterInstance) -> Runner:
    return Runner(home, instance)


def day_file(home: Home, day: date, *, people: int = 5, broken: int = 0, name: str = "part.ndjson") -> None:
    """A landing file of a day: for each person a page view and a click late in the evening."""
    rows = [
        record(f"{day}-{name}-{p}-{minute}", f"{day}T22:{minute}:00", kind, anonymous_id=f"d{p}", url="/")
        for p in range(people)
        for minute, kind in ((50, "page_view"), (55, "click"))
    ]
    drop(home.lake.home, f"web/{day}/{name}", ndjson(rows) + b"broken\n" * broken)


def materialized(instance: dg.DagsterInstance, name: str) -> list[str]:
    return sorted(instance.get_materialized_partitions(dg.AssetKey(name)))


def untouched(home: Home) -> dict[str, bytes]:
    """What the same files give without Dagster, in a home of their own."""
    other = Lake(home.lake.home / "other")
    other.home.mkdir()
    (other.home / "landing").symlink_to(home.lake.path("landing"))
    take_all(other, home.product)
    compute_all(other, home.product)
    return marts_of(other)


def test_one_day(home: Home, runner: Runner, instance: dg.DagsterInstance) -> None:
    day_file(home, DAYS[0])
    runner.run()
    assert not runner.failures
    for name in ("raw_events", *(table.contract.name for table in day_tables(home.product))):
        assert materialized(instance, name) == ["2026-02-02"], name
    for table in (*(t.contract for t in period_tables(home.product)), *marts(home.product)):
        assert instance.get_latest_materialization_event(dg.AssetKey(table.name)), table.name
    assert marts_of(home.lake) == untouched(home)


def test_a_range_is_one_run_and_each_day_has_its_own_rows(
    home: Home, runner: Runner, instance: dg.DagsterInstance
) -> None:
    for i, day in enumerate(DAYS):
        day_file(home, day, people=i + 1)
    runner.run()
    assert len(instance.get_runs()) == 3, "landing files, days, marts"
    records = instance.fetch_materializations(dg.AssetKey("events"), limit=20).records
    rows = {r.partition_key: r.asset_materialization.metadata["dagster/row_count"].value for r in records}
    assert rows == {day.isoformat(): 2 * (i + 1) for i, day in enumerate(DAYS)}


@pytest.mark.parametrize("home", [PRODUCT], indirect=True)
def test_a_late_file_for_an_old_day(home: Home, runner: Runner, instance: dg.DagsterInstance) -> None:
    for day in DAYS:
        day_file(home, day)
    runner.run()
    before = {day: home.lake.path(f"lake/events/day={day}/part.parquet").stat().st_mtime_ns for day in DAYS}
    late = record("late", f"{DAYS[2]}T10:00:00", anonymous_id="new", url="/")
    drop(home.lake.home, f"web/{DAYS[5]}/late.ndjson", ndjson([late]))
    runner.take_files()
    # Funnel steps of a day look at the sessions of the day before.
    assert home.dirty().days["sessions"] == set(DAYS[1:4])
    assert home.dirty().runnable == set(DAYS[1:5])
    runner.compute_dirty_days()
    runner.publish_marts()
    after = {day: home.lake.path(f"lake/events/day={day}/part.parquet").stat().st_mtime_ns for day in DAYS}
    assert {day for day in DAYS if before[day] != after[day]} == set(DAYS[1:5])
    last = instance.fetch_materializations(dg.AssetKey("sessions"), limit=4).records
    assert {r.partition_key for r in last} == {day.isoformat() for day in DAYS[1:5]}
    assert marts_of(home.lake) == untouched(home)


def test_a_failed_run_is_taken_up_again(home: Home, runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    for day in DAYS:
        day_file(home, day)
    with monkeypatch.context() as broken:

        def no_memory(*_: object) -> None:
            raise MemoryError("no memory left")

        broken.setattr("pipeline.domains.events.domain.page_views", no_memory)
        runner.run()
    assert any("no memory left" in failure for failure in runner.failures)
    assert home.dirty().days["sessions"] == set()
    assert home.dirty().days["page_views"] == set(DAYS)
    runner.failures.clear()
    runner.run()
    assert not runner.failures
    assert not home.dirty().runnable
    assert marts_of(home.lake) == untouched(home)


def test_a_disk_that_fails_for_a_moment_is_retried(home: Home, runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    day_file(home, DAYS[0])
    runner.take_files()
    monkeypatch.setattr("assets.checks.random.random", lambda: -1.0)  # no waiting: 2**0 - 1 seconds
    failing = [OSError("disk gone")]
    real = Lake.publish

    def publish(self: Lake, staged: Staged) -> None:
        if failing:
            raise failing.pop()
        real(self, staged)

    monkeypatch.setattr(Lake, "publish", publish)
    runner.compute_dirty_days()
    assert not failing
    assert not runner.failures
    assert not home.dirty().runnable


def test_a_failing_gate_in_the_middle_of_a_range(home: Home, runner: Runner, instance: dg.DagsterInstance) -> None:
    for day in DAYS:
        day_file(home, day, people=60, broken=40 if day == DAYS[3] else 0)
    runner.take_files()
    runner.compute_dirty_days()
    good = [day.isoformat() for day in DAYS if day != DAYS[3]]
    assert materialized(instance, "events") == good
    assert materialized(instance, "sessions") == good, "the others go on without it"
    assert any("2026-02-05 held back" in failure and "25.0%" in failure for failure in runner.failures)
    dirty = home.dirty()
    assert dirty.held_back == {DAYS[3]}
    assert not dirty.runnable
    (failure,) = dirty.failed["events"].values()
    assert "25.0% of the records in the day's landing files were rejected" in failure.reasons[0]
    checks = instance.event_log_storage.get_asset_check_execution_history(
        dg.AssetCheckKey(dg.AssetKey("events"), "events_gate"), limit=50
    )
    assert "FAILED" in {check.status.value for check in checks}
    runner.publish_marts()
    assert home.lake.exists("marts/daily_kpis.parquet")
    assert b'"2026-02-05"' in (home.lake.read("marts/_published.json") or b"")

    # The sender mends the file: its day runs again, and all is as if it had never been broken.
    day_file(home, DAYS[3], people=60)
    runner.failures.clear()
    runner.run()
    assert not runner.failures
    assert materialized(instance, "events") == [day.isoformat() for day in DAYS]
    assert marts_of(home.lake) == untouched(home)


def test_a_held_back_day_keeps_its_old_partition(home: Home, runner: Runner) -> None:
    day_file(home, DAYS[0], people=60)
    runner.run()
    old = home.lake.read(f"lake/events/day={DAYS[0]}/part.parquet")
    day_file(home, DAYS[0], people=70, broken=60)
    runner.run()
    assert home.lake.read(f"lake/events/day={DAYS[0]}/part.parquet") == old
    assert runner.failures


# Ticks.


def tick(sensor: dg.SensorDefinition, home: Home, instance: dg.DagsterInstance) -> Any:
    context = dg.build_sensor_context(instance=instance, resources={"home": home}, definitions=build_defs(home))
    return sensor.evaluate_tick(context)


def test_ticks_follow_what_lies_there(home: Home, runner: Runner, instance: dg.DagsterInstance) -> None:
    assert not tick(landing, home, instance).run_requests
    assert not tick(dirty_days, home, instance).run_requests
    for day in (DAYS[0], DAYS[1], DAYS[4]):
        day_file(home, day)
    requests = tick(landing, home, instance).run_requests
    ranges = [(r.tags[RANGE_START], r.tags[RANGE_END]) for r in requests]
    assert ranges == [("2026-02-02", "2026-02-03"), ("2026-02-06", "2026-02-06")]
    assert [r.asset_selection for r in requests] == [[dg.AssetKey("raw_events")]] * 2
    runner.take_files()
    assert not tick(landing, home, instance).run_requests

    request, other_range = tick(dirty_days, home, instance).run_requests
    assert (request.tags[RANGE_START], request.tags[RANGE_END]) == ("2026-02-02", "2026-02-03")
    assert (other_range.tags[RANGE_START], other_range.tags[RANGE_END]) == ("2026-02-06", "2026-02-06")
    assert request.asset_selection == day_keys(home)
    again, _ = tick(dirty_days, home, instance).run_requests
    assert again.run_key == request.run_key, "the same work is asked for once"
    day_file(home, DAYS[1], name="late.ndjson")
    runner.take_files()
    other, _ = tick(dirty_days, home, instance).run_requests
    assert other.run_key != request.run_key, "other inputs are other work"

    runner.compute_dirty_days()
    (marts,) = tick(dirty_days, home, instance).run_requests
    assert marts.job_name == "marts"
    runner.publish_marts()
    assert not tick(dirty_days, home, instance).run_requests


@pytest.fixture
def disk_instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance with files: a schedule's context opens it a second time."""
    (tmp_path / "dagster").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "dagster")) as made:
        yield made


def test_nightly_takes_what_is_dirty_and_failed_days_on_their_own(
    home: Home, disk_instance: dg.DagsterInstance
) -> None:
    instance = disk_instance
    runner = Runner(home, instance)
    for day in DAYS:
        day_file(home, day, people=60, broken=40 if day == DAYS[3] else 0)
    runner.take_files()
    nightly, nightly_marts = nightly_schedules("Europe/Berlin", Names())
    when = datetime(2026, 3, 29, 2, 15, tzinfo=UTC)

    def ranges() -> list[tuple[str, str]]:
        with dg.build_schedule_context(
            instance=instance, resources={"home": home}, scheduled_execution_time=when
        ) as context:
            requests = nightly.evaluate_tick(context).run_requests
        assert all(str(r.run_key).startswith("night of 2026-03-29") for r in requests), "so that failed ones return"
        return [(r.tags[RANGE_START], r.tags[RANGE_END]) for r in requests]

    assert ranges() == [("2026-02-02", "2026-02-07")]
    runner.compute_dirty_days()
    assert ranges() == [("2026-02-05", "2026-02-05")]
    with dg.build_schedule_context(
        instance=instance, resources={"home": home}, scheduled_execution_time=when
    ) as context:
        assert nightly_marts.evaluate_tick(context).run_requests
    runner.publish_marts()
    with dg.build_schedule_context(
        instance=instance, resources={"home": home}, scheduled_execution_time=when
    ) as context:
        assert not nightly_marts.evaluate_tick(context).run_requests


def start_near(home: Home, today: date) -> None:
    """Give the product a start a few days ago: each day between costs a bookkeeping of Dagster's."""
    start = today - timedelta(days=6)
    (home.lake.home / "product.yaml").write_text(PLAIN_PRODUCT.replace("2026-01-01", str(start)))
    home.days = local_days(home.product)


def test_files_of_today_and_of_long_ago_are_taken_under_days_that_exist(home: Home, runner: Runner) -> None:
    today = datetime.now(tz=UTC).date()
    start_near(home, today)
    for arrived in ("2019-01-01", str(today), "2099-01-01"):
        drop(
            home.lake.home,
            f"web/{arrived}/a.ndjson",
            ndjson([record(arrived, f"{today - timedelta(days=3)}T10:00:00")]),
        )
    runner.run()
    assert not home.waiting_files()
    assert not runner.failures


def test_events_of_days_that_are_not_over_wait(home: Home, runner: Runner) -> None:
    now = datetime.now(tz=UTC)
    start_near(home, now.date())
    old = now.date() - timedelta(days=4)
    rows = [record("now", now.isoformat()), record("old", f"{old}T10:00:00")]
    rows.append(record("tomorrow", (now + timedelta(days=1)).isoformat()))
    drop(home.lake.home, f"web/{old}/a.ndjson", ndjson(rows))
    runner.run()
    assert not runner.failures
    yesterday = (now - timedelta(days=1)).date()
    assert max(published_days(home.lake, "events")) <= yesterday
    assert date.fromisoformat(read_record(home.lake)["daily_kpis"].newest_day or "") <= yesterday
    assert old in published_days(home.lake, "events")


# Shape.


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with every section: all tables there are."""
    folder = tmp_path_factory.mktemp("everything")
    written = (ROOT / "examples" / "shop" / "product.yaml").read_text()
    chosen = "\n  purchase:\n    people: [{event: {kind: order}, did: false}]\n"
    assert "\n  purchase:\n" in written
    (folder / "product.yaml").write_text(written.replace("\n  purchase:\n", chosen, 1))
    return Home(folder)


def test_edges_are_those_of_sqlglot_and_of_the_tables_themselves(everything: Home) -> None:
    graph = build_defs(everything).resolve_asset_graph()
    models = load_models()
    for mart in MARTS:
        parents = {key.path[-1] for key in graph.get(dg.AssetKey(mart.name)).parent_keys}
        assert parents == sources_of(mart.name, models)
    for name, table in DAY_TABLE.items():
        read = {each for reads in table.reads for each in RESOLUTIONS.get(reads.table, (reads.table,))}
        # Recordings come with the same files as events.
        read = {"raw_events" if each == "raw_recordings" else each for each in read}
        assert {key.path[-1] for key in graph.get(dg.AssetKey(name)).parent_keys} == read


# These lie in objects that manifests name, and come with raw_events.
_NO_ASSETS = {"rejected", "raw_recordings"}
_NO_TABLES = {"publication", "catalog", "report", "alert_messages", "digest_message"}


def test_every_asset_says_what_it_is(everything: Home) -> None:
    graph = build_defs(everything).resolve_asset_graph()
    publication = dg.AssetKey("publication")
    assert {key.path[-1] for key in graph.get_all_asset_keys()} == {*TABLES, *_NO_TABLES} - _NO_ASSETS
    assert {key.path[-1] for key in graph.get(publication).parent_keys} == {mart.name for mart in MARTS}
    for key in graph.get_all_asset_keys() - {dg.AssetKey(name) for name in _NO_TABLES}:
        node = graph.get(key)
        table = TABLES[key.path[-1]]
        assert table.grain in (node.description or "")
        assert node.kinds
        assert node.owners
        assert node.group_name == ("ingest" if table.name == "raw_events" else DOMAIN_OF[table.name])
        columns = node.metadata["dagster/column_schema"].columns
        assert [c.name for c in columns] == table.schema.names()
        if node.is_partitioned:
            assert node.backfill_policy == dg.BackfillPolicy.single_run()


def test_the_graph_reads_like_a_map(everything: Home) -> None:
    """Groups are subjects, each small enough to be opened, and none leads back to itself."""
    graph = build_defs(everything).resolve_asset_graph()
    group = {key: graph.get(key).group_name for key in graph.get_all_asset_keys()}
    assert max(Counter(group.values()).values()) < 15
    above = {
        name: {group[parent] for key in group if group[key] == name for parent in graph.get(key).parent_keys} - {name}
        for name in set(group.values())
    }
    assert len(list(TopologicalSorter(above).static_order())) == len(above)
    fed = {name: len(graph.get(dg.AssetKey(name)).parent_keys) for name in ("catalog", "report", "digest_message")}
    assert fed == {"catalog": 1, "report": 1, "digest_message": 1}


@pytest.mark.parametrize("home", [PRODUCT], indirect=True)
def test_alerts_and_silent_selectors_are_checks_that_warn(
    home: Home, runner: Runner, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Ten weeks of page views; the orders that end half of them stop on the last day, and no zone is ever met.
    last = date(2026, 3, 9)
    for week in range(10):
        day = last - timedelta(days=7 * week)
        rows = [record(f"{day}-{p}", f"{day}T10:00:00", url="/", anonymous_id=f"d{p}") for p in range(200)]
        rows += [
            record(f"{day}-{p}-b", f"{day}T10:00:10", "order", anonymous_id=f"d{p}", url="/")
            for p in range(100 if week else 0)
        ]
        # The source tells of elements, and none of them lies in a zone.
        rows.append(
            record(f"{day}-c", f"{day}T10:00:05", "click", anonymous_id="d0", url="/", element_chain="<footer><a>")
        )
        drop(home.lake.home, f"web/{day}/a.ndjson", ndjson(rows))
    heard: list[str | None] = []
    reported = home.send_alerts

    def send(webhook: str | None) -> int:
        heard.append(webhook)
        return reported(None)

    monkeypatch.setattr(home, "send_alerts", send)
    monkeypatch.setenv("FOOTFALL_ALERT_WEBHOOK", "https://hooks.example/x")
    runner.run()
    assert not runner.failures
    assert heard == ["https://hooks.example/x"]
    result = {(alert["metric"], alert["device_type"]): alert for alert in home.newest_alerts()}
    fell = result["goal_rate", ""]
    assert (fell["rate"], fell["expected"], fell["days_compared"], fell["since"]) == (0.0, 0.5, 8, last)
    for asset, check, words in (
        ("alerts", "newest_day_usual", "goal rate of the whole product fell to 0.0% (expected 50.0%"),
        ("zone_metrics", "selectors_find_elements", "home/hero: no element fits 'section.hero' any more (never)"),
    ):
        key = dg.AssetCheckKey(dg.AssetKey(asset), check)
        (record_,) = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
        assert record_.event is not None
        assert record_.event.dagster_event is not None
        evaluation = record_.event.dagster_event.asset_check_evaluation_data
        assert not evaluation.passed
        assert evaluation.severity == dg.AssetCheckSeverity.WARN
        assert any(words in str(value.value) for value in evaluation.metadata.values()), evaluation.metadata


def test_a_run_that_failed_is_told_once(
    home: Home, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    day_file(home, DAYS[0])
    heard: list[str] = []
    monkeypatch.setattr("assets.run_failures.post", lambda _webhook, text: heard.append(text))

    def fail(*_: object) -> NoReturn:
        raise ValueError("the model is broken")

    def told(run: dg.DagsterRun) -> object:
        event = next(
            log.dagster_event
            for log in reversed(instance.all_logs(run.run_id))
            if log.dagster_event and log.dagster_event.is_run_failure
        )
        context = dg.build_run_status_sensor_context("run_failures", event, instance, run).for_run_failure()
        return run_failures(home)(context)

    def failed(**tags: str) -> dg.DagsterRun:
        job = build_defs(home).resolve_job_def("days")
        keys = [dg.AssetKey("raw_events"), dg.AssetKey("events")]
        made = job.execute_in_process(
            instance=instance, asset_selection=keys, tags={**range_tags(DAYS[0], DAYS[0]), **tags}, raise_on_error=False
        )
        assert not made.success
        return made.dagster_run

    with monkeypatch.context() as broken:
        broken.setattr(Home, "build_days", fail)
        run = failed()
    assert isinstance(told(run), dg.SkipReason), "without an address there is nobody to tell"
    monkeypatch.setenv("FOOTFALL_ALERT_WEBHOOK", "https://hooks.example/x")
    assert told(run) is None
    assert heard == [f"*Test shop*: a run failed (days {DAYS[0]})\n• events: ValueError: the model is broken"]
    with monkeypatch.context() as broken:
        broken.setattr(Home, "build_days", fail)
        first, second = failed(**{WORK_TAG: "w"}), failed(**{WORK_TAG: "w"})
    assert isinstance(told(second), dg.SkipReason), "tried again, it was told before"
    assert len(heard) == 1
    del first
    home.names = Names(key_prefix=("other",))
    assert isinstance(told(run), dg.SkipReason), "another home's"


def test_two_homes_share_a_code_location(tmp_path: Path, disk_instance: dg.DagsterInstance) -> None:
    made: dict[str, Home] = {}
    for name in ("shop", "app-eu"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "product.yaml").write_text(PRODUCT)
        made[name] = Home(folder)
        day_file(made[name], DAYS[0], people=3 if name == "shop" else 5)
        day_file(made[name], DAYS[2], people=3)
    parts = [
        build_defs(home, key_prefix=(name,), group_prefix=f"{name[:3]}_", pool=name) for name, home in made.items()
    ]
    both = dg.Definitions.merge(*parts)
    dg.Definitions.validate_loadable(both)
    sensors_there = {each.name for each in both.sensors or []}
    assert {"shop_landing", "app_eu_landing", "shop_run_failures", "app_eu_dirty_days"} <= sensors_there
    assert {op.pool for op in both.resolve_assets_def(dg.AssetKey(["shop", "events"])).op.iterate_op_defs()} == {"shop"}
    for name, home in made.items():
        prefix = name.replace("-", "_")
        job = both.resolve_job_def(f"{prefix}_days")
        keys = {key.path[0] for key in job.asset_layer.executable_asset_keys}
        assert keys == {name}, "a job holds its own home's assets"
        tags = range_tags(DAYS[0], DAYS[2])
        done = job.execute_in_process(instance=disk_instance, tags=tags)
        assert done.success
        assert both.resolve_job_def(f"{prefix}_marts").execute_in_process(instance=disk_instance).success
        events = scan_days(home.lake, "events", DAYS).collect()
        assert events["person_key"].n_unique() == (5 if name == "app-eu" else 3)
        assert not home.stale()
    ours, theirs = (build_defs(home, key_prefix=(name,)) for name, home in made.items())
    sensor = next(each for each in ours.sensors or [] if each.name == "shop_dirty_days")
    context = dg.build_sensor_context(instance=disk_instance, resources={"shop_home": made["shop"]}, definitions=ours)
    assert not sensor.evaluate_tick(context).run_requests
    assert theirs.resolve_job_def("app_eu_marts")


def test_days_on_which_nothing_came_are_shown_as_such(home: Home, runner: Runner, instance: dg.DagsterInstance) -> None:
    for day in (DAYS[0], DAYS[3]):
        day_file(home, day)
    runner.run()
    for table in ("raw_events", "events", "sessions"):
        assert set(map(str, DAYS[:4])) <= set(materialized(instance, table)), table
    empty = instance.fetch_materializations(
        dg.AssetRecordsFilter(dg.AssetKey("events"), asset_partitions=[str(DAYS[2])]), limit=1
    ).records[0]
    made = empty.asset_materialization
    assert made is not None
    assert made.description == "nothing happened on this day"
    assert not home.dirty().runnable
    day_file(home, DAYS[2])
    runner.run()
    late = instance.fetch_materializations(
        dg.AssetRecordsFilter(dg.AssetKey("events"), asset_partitions=[str(DAYS[2])]), limit=1
    ).records[0]
    assert late.asset_materialization is not None
    assert late.asset_materialization.description is None, "what came late is computed as ever"


def test_a_stretch_of_more_than_a_month_stays_missing(home: Home, instance: dg.DagsterInstance) -> None:
    """One event of a wrong year would make thousands of days, each a record for every table."""
    for day in (date(2024, 3, 1), date(2026, 1, 2), date(2026, 1, 4), date(2026, 2, 4), date(2026, 3, 8)):
        rows = [record(f"{day}", f"{day}T10:00:00", url="/")]
        drop(home.lake.home, f"web/{day}/a.ndjson", ndjson(rows))
    take_all(home.lake, plain_product(start_date="2024-01-01"))
    (home.lake.home / "product.yaml").write_text(PLAIN_PRODUCT.replace("2026-01-01", "2024-01-01"))
    show_empty_days(instance, home)
    shown = {date.fromisoformat(each) for each in materialized(instance, "sessions")}
    assert shown == {date(2026, 1, 3), *(date(2026, 1, 4) + timedelta(days=n) for n in range(1, 31))}


def test_a_reversed_range_is_refused() -> None:
    with pytest.raises(ValueError, match="ends on"):
        range_tags(date(2026, 1, 2), date(2026, 1, 1))


def test_backfill_names_just_its_days_and_sessions_a_day_wider(
    home: Home, runner: Runner, instance: dg.DagsterInstance
) -> None:
    for day in DAYS:
        day_file(home, day)
    runner.backfill(DAYS[2], DAYS[3])
    assert materialized(instance, "events") == ["2026-02-04", "2026-02-05"]
    assert materialized(instance, "sessions") == ["2026-02-03", "2026-02-04", "2026-02-05", "2026-02-06"]
    with pytest.raises(ValueError, match="exist"):
        runner.backfill(date(2025, 1, 1), date(2025, 1, 2))


@pytest.mark.parametrize("with_product", [True, False])
def test_location_loads_in_a_fresh_interpreter_from_another_folder(tmp_path: Path, with_product: bool) -> None:
    if with_product:
        (tmp_path / "product.yaml").write_text(PRODUCT)
    code = (
        "import warnings; warnings.filterwarnings('ignore', message='.*currently in beta')\n"
        "import dagster as dg, sys\n"
        "from assets.definitions import defs\n"
        "made = defs() if callable(defs) else defs\n"
        "dg.Definitions.validate_loadable(made)\n"
        "print(len(made.resolve_asset_graph().get_all_asset_keys()), 'polars' in sys.modules)\n"
    )
    env = {**os.environ, "FOOTFALL_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd="/", env=env, check=False)
    assert done.returncode == 0, done.stderr
    tables = Home(tmp_path, may_lack_product=True).tables
    assert done.stdout.split()[0] == str(len({"raw_events", "owners", *tables, *_NO_TABLES}))


def test_without_a_product_file_nothing_is_ingested(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    home = Home(tmp_path, may_lack_product=True)
    drop(tmp_path, "none/2026-02-02/a.ndjson", ndjson([record("a", "2026-02-02T10:00:00")]))
    runner = Runner(home, instance)
    runner.take_files()
    assert any("footfall init" in failure for failure in runner.failures)
    assert not list(home.lake.keys("lake/ingested"))
    assert not list(home.lake.keys("lake/raw_events"))


def test_states_hold_what_was_published(home: Home, runner: Runner) -> None:
    day_file(home, DAYS[0])
    runner.run()
    for name in (table.contract.name for table in day_tables(home.product)):
        states, failures = read_states(home.lake, name)
        assert set(states) == {DAYS[0]}
        assert not failures
    assert product().name == home.product.name


KILLED = """
import os, signal, sys
from pathlib import Path
import assets.resources
from assets.resources import Home
from assets.running import open_runner
assets.resources.ingest = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
with open_runner(Home(Path(sys.argv[1]))) as runner:
    runner.take_files()
"""


def test_a_killed_command_blocks_neither_the_next_one_nor_the_sensors(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    day_file(home, DAYS[0])
    monkeypatch.setenv("DAGSTER_HOME", str(home.lake.home / ".dagster"))
    done = subprocess.run([sys.executable, "-c", KILLED, str(home.lake.home)], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL
    with dg.DagsterInstance.get() as instance:
        assert [run.status for run in instance.get_runs()] == [dg.DagsterRunStatus.STARTED]
        assert tick(landing, home, instance).run_requests, "its process is gone, so it isn't under way"
        assert [run.status for run in instance.get_runs()] == [dg.DagsterRunStatus.FAILURE]
    with open_runner(home) as runner:
        runner.run()
        assert not runner.failures
    assert marts_of(home.lake) == untouched(home)
