"""How often a piece of work was tried, and when it is tried again. What must not be here: what the work is."""

from dataclasses import dataclass

import dagster as dg

# Names the work of a run, whichever attempt it is.
WORK_TAG = "footfall/work"
LONGEST_PAUSE_SECONDS = 3600.0
_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]


@dataclass(frozen=True)
class Attempt:
    """The next attempt: how many went before it, when it may begin (seconds since 1970), whether a gate forbids it."""

    number: int
    not_before: float
    is_held_back: bool


def next_attempt(instance: dg.DagsterInstance, work: str) -> Attempt:
    """When work that lies there still is tried again: 1, 2, 4 ... 60 minutes after the run before it ended.

    Where a gate held back what the last run made, other inputs are waited for. What a person cancelled is no attempt.
    """
    ended = instance.get_run_records(dg.RunsFilter(statuses=_ENDED, tags={WORK_TAG: work}))
    if not ended:
        return Attempt(0, 0.0, is_held_back=False)
    last = max(ended, key=lambda record: record.create_timestamp)
    at = last.end_time or last.update_timestamp.timestamp()
    pause = min(60.0 * 2 ** min(len(ended) - 1, 10), LONGEST_PAUSE_SECONDS)
    return Attempt(len(ended), at + pause, _is_held_back(instance, last.dagster_run))


def _is_held_back(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether nothing but gates failed: they raise dg.Failure, which bears data of ours."""
    failures = instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE).records
    events = [record.event_log_entry.dagster_event for record in failures]
    return bool(events) and all(event and event.step_failure_data.user_failure_data for event in events)
