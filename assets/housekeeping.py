"""`footfall prune` on a schedule. What must not be here: what may go (pipeline/maintenance/prune.py, assets/keeping.py)."""

import dagster as dg

from assets.keeping import prune_runs
from assets.names import Names
from assets.resources import home_of
from pipeline.maintenance.prune import prune

KEEP_DAYS = 30
WEEKLY = "45 5 * * 0"


def prune_job(names: Names) -> dg.JobDefinition:
    """`footfall prune` as a run."""

    @dg.op(
        name=names.named("prune_home"),
        description="Old Dagster runs and logs, left-overs of killed writers, replaced raw objects.",
        required_resource_keys={names.resource},
    )
    def prune_home(context: dg.OpExecutionContext) -> None:
        for each in [*prune(home_of(context, names).lake), prune_runs(context.instance, KEEP_DAYS)]:
            context.log.info("%s: %d, %.1f MB freed", each.what, each.files, each.size / 1e6)

    @dg.job(
        name=names.named("prune"),
        executor_def=dg.in_process_executor,
        description="Once a week what nothing needs is removed.",
    )
    def prune_all() -> None:
        prune_home()

    return prune_all


def weekly_prune(time_zone: str, names: Names) -> dg.ScheduleDefinition:
    """Every Sunday morning, after the marts."""
    return dg.ScheduleDefinition(
        name=names.named("weekly_prune"),
        job_name=names.named("prune"),
        cron_schedule=WEEKLY,
        execution_timezone=time_zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
