"""`footfall prune` on a schedule. What must not be here: what may go (pipeline/maintenance/prune.py, assets/keeping.py)."""

import dagster as dg

from assets.keeping import prune_runs
from assets.resources import Home
from pipeline.maintenance.prune import prune

KEEP_DAYS = 30
WEEKLY = "45 5 * * 0"


@dg.op(description="Old Dagster runs and logs, left-overs of killed writers, replaced raw objects.")
def prune_home(context: dg.OpExecutionContext, home: dg.ResourceParam[Home]) -> None:
    """Free what nothing needs."""
    for each in [*prune(home.lake), prune_runs(context.instance, KEEP_DAYS)]:
        context.log.info("%s: %d, %.1f MB freed", each.what, each.files, each.size / 1e6)


@dg.job(name="prune", executor_def=dg.in_process_executor, description="Once a week what nothing needs is removed.")
def prune_job() -> None:
    """`footfall prune` as a run."""
    prune_home()


def weekly_prune(time_zone: str) -> dg.ScheduleDefinition:
    """Every Sunday morning, after the marts."""
    return dg.ScheduleDefinition(
        name="weekly_prune",
        job=prune_job,
        cron_schedule=WEEKLY,
        execution_timezone=time_zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
