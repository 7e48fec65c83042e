"""Runs that failed, in a sentence: for the command line, and for the webhook. What must not be here: when a run is tried again."""

import os

import dagster as dg

from assets.alerts import WEBHOOK_VARIABLE
from assets.attempts import WORK_TAG, next_attempt
from assets.faults import of_disk
from assets.partitions import RANGE_END, RANGE_START
from assets.resources import Home
from pipeline.publish.webhook import post

_OUR_FAILURE = "dagster._core.definitions.events.Failure: "
_MOST = 5


def reason(event: dg.DagsterEvent) -> str:
    """Why a step or a run failed."""
    is_step = event.event_type == dg.DagsterEventType.STEP_FAILURE
    error = event.step_failure_data.error if is_step else event.job_failure_data.error
    while error is not None and error.cause is not None:
        error = error.cause
    message = error.message.strip() if error is not None else "failed"
    if sentence := of_disk(message):
        return sentence
    # Our own sentences name the table; of others the class of the error is part of what happened.
    where = event.step_key or event.job_name
    return message.removeprefix(_OUR_FAILURE) if message.startswith(_OUR_FAILURE) else f"{where}: {message}"


def run_failures(home: Home) -> dg.SensorDefinition:
    """Tells who watches the channel that something doesn't run."""
    names = home.names

    @dg.run_failure_sensor(
        name=names.named("run_failures"),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Posts runs of this home that failed to the webhook in {WEBHOOK_VARIABLE}: each piece of work once, however often it is tried again.",
    )
    def _sensor(context: dg.RunFailureSensorContext) -> dg.SkipReason | None:
        run, webhook = context.dagster_run, os.environ.get(WEBHOOK_VARIABLE)
        if not webhook:
            return dg.SkipReason(f"{WEBHOOK_VARIABLE} isn't set")
        if not names.is_ours(run):
            return dg.SkipReason("a run of somebody else")
        work = run.tags.get(WORK_TAG)
        if work is not None and next_attempt(context.instance, work).number > 1:
            return dg.SkipReason("that this work fails was told before")
        post(webhook, _message(context, home))
        return None

    return _sensor


def _message(context: dg.RunFailureSensorContext, home: Home) -> str:
    run = context.dagster_run
    days = "..".join(dict.fromkeys(run.tags[tag] for tag in (RANGE_START, RANGE_END) if tag in run.tags))
    # The run's own failure repeats what its steps say.
    failed = [*context.get_step_failure_events()] or [context.failure_event]
    reasons = list(dict.fromkeys(reason(event) for event in failed))
    lines = [f"• {each}" for each in reasons[:_MOST]]
    more = [f"... and {len(reasons) - _MOST} more; `footfall status` lists them"] if len(reasons) > _MOST else []
    return "\n".join(
        [f"*{home.product.name}*: a run failed ({' '.join(filter(None, [run.job_name, days]))})", *lines, *more]
    )
