"""When things run: two jobs, two sensors, the nightly schedules. What must not be here: which days are dirty.

Work is reconciled: each tick compares what lies in the home with what was published, so a lost tick or run loses
nothing. A run that is under way is waited for.
"""

from collections.abc import Iterator

import dagster as dg

from assets.partitions import range_runs, range_tags
from assets.processes import runs_under_way
from assets.resources import Home
from pipeline.contracts import MARTS
from pipeline.days import ranges
from pipeline.period_tables import PERIOD_TABLE
from pipeline.state import RAW
from pipeline.tables import DAY_TABLE

NIGHTLY = "15 4 * * *"  # not 02:00, which doesn't exist on one day a year
NIGHTLY_MARTS = "15 5 * * *"
RAW_KEY = dg.AssetKey(RAW)
# What dirty days are computed in: all daily tables, not the landing files.
DAY_KEYS = [dg.AssetKey(name) for name in DAY_TABLE]
_BACKFILL_JOB = "__ASSET_JOB"

days_job = dg.define_asset_job(
    "days",
    selection=dg.AssetSelection.assets(RAW_KEY, *DAY_KEYS),
    executor_def=dg.in_process_executor,
    description="Landing files and all daily tables, over one range of days.",
)
marts_job = dg.define_asset_job(
    "marts",
    selection=dg.AssetSelection.assets(
        *PERIOD_TABLE, *(mart.name for mart in MARTS), "catalog", "report", "alert_messages", "digest_message"
    )
    | dg.AssetSelection.checks(dg.AssetCheckKey(dg.AssetKey("events"), "newest_day_age")),
    executor_def=dg.in_process_executor,
    description="Period tables and marts, once no day is dirty.",
)

Requests = Iterator[dg.RunRequest | dg.SkipReason]


def is_under_way(instance: dg.DagsterInstance) -> bool:
    """Whether a run of ours, or of a backfill, hasn't ended yet."""
    names = {days_job.name, marts_job.name, _BACKFILL_JOB}
    return any(run.job_name in names for run in runs_under_way(instance))


@dg.sensor(job=days_job, minimum_interval_seconds=60, default_status=dg.DefaultSensorStatus.RUNNING)
def landing(context: dg.SensorEvaluationContext, home: dg.ResourceParam[Home]) -> Requests:
    """Takes landing files that arrived and no longer grow."""
    if is_under_way(context.instance):
        yield dg.SkipReason("a run is under way")
        return
    runs = list(range_runs(home.waiting_days()))
    for name, tags in runs:
        yield dg.RunRequest(run_key=f"landing {name}:{home.waiting_version()}", tags=tags, asset_selection=[RAW_KEY])
    if not runs:
        yield dg.SkipReason("no file waits, or the product's first day isn't over")


@dg.sensor(jobs=[days_job, marts_job], minimum_interval_seconds=60, default_status=dg.DefaultSensorStatus.RUNNING)
def dirty_days(context: dg.SensorEvaluationContext, home: dg.ResourceParam[Home]) -> Requests:
    """Computes days whose inputs changed, as ranges; once none is left, the marts."""
    if is_under_way(context.instance):
        yield dg.SkipReason("a run is under way")
        return
    dirty = home.dirty()
    runs = list(ranges(dirty.runnable))
    for first, last in runs:
        key = f"{first}..{last}:{dirty.version(first, last)}"
        tags = range_tags(first, last)
        yield dg.RunRequest(run_key=key, job_name=days_job.name, tags=tags, asset_selection=DAY_KEYS)
    if not runs and home.marts_are_stale():
        yield dg.RunRequest(run_key=f"marts:{home.marts_version()}", job_name=marts_job.name)
    elif not runs:
        yield dg.SkipReason("nothing is dirty")


def nightly_schedules(time_zone: str) -> list[dg.ScheduleDefinition]:
    """Every night what is still dirty, and an hour later the marts if they are behind; no run key: failed ones return."""
    running = dg.DefaultScheduleStatus.RUNNING

    @dg.schedule(job=days_job, cron_schedule=NIGHTLY, execution_timezone=time_zone, default_status=running)
    def nightly(context: dg.ScheduleEvaluationContext, home: dg.ResourceParam[Home]) -> Requests:
        """Takes files that still wait, computes what is still dirty; held back days are tried again, each on its own."""
        dirty = home.dirty()
        days = [*range_runs(dirty.runnable), *(run for day in sorted(dirty.held_back) for run in range_runs([day]))]
        work = [(RAW_KEY, range_runs(home.waiting_days())), (None, days)]
        runs = [(tags, [key] if key else DAY_KEYS) for key, found in work for _, tags in found]
        if is_under_way(context.instance) or not runs:
            yield dg.SkipReason("a run is under way" if runs else "nothing waits and nothing is dirty")
            return
        for tags, keys in runs:
            yield dg.RunRequest(tags=tags, asset_selection=keys)

    @dg.schedule(job=marts_job, cron_schedule=NIGHTLY_MARTS, execution_timezone=time_zone, default_status=running)
    def nightly_marts(context: dg.ScheduleEvaluationContext, home: dg.ResourceParam[Home]) -> Requests:
        """Publishes the marts if they are behind the days."""
        if is_under_way(context.instance) or not home.marts_are_stale():
            yield dg.SkipReason("a run is under way, or the marts are up to date")
            return
        yield dg.RunRequest()

    return [nightly, nightly_marts]
