"""When things run: two jobs, two sensors, the nightly schedules. What must not be here: which days are dirty.

Work is reconciled: each tick compares what lies in the home with what was published, so a lost tick or run loses
nothing. A run that is under way is waited for.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from assets.attempts import WORK_TAG, next_attempt
from assets.names import JOB_TAG, OUTPUTS, Names
from assets.partitions import RANGE_END, RANGE_START, range_runs, range_tags
from assets.processes import runs_under_way
from assets.resources import Home, home_of
from pipeline.build.configured import day_tables
from pipeline.build.marts import Stale
from pipeline.core.days import ranges
from pipeline.core.state import RAW, Dirty

NIGHTLY = "15 4 * * *"  # not 02:00, which doesn't exist on one day a year
NIGHTLY_MARTS = "15 5 * * *"


def day_keys(home: Home) -> list[dg.AssetKey]:
    """All daily tables of the home, not the landing files."""
    return home.names.keys(table.contract.name for table in day_tables(home.product))


def dirty_keys(home: Home, dirty: Dirty, tags: Mapping[str, str]) -> list[dg.AssetKey]:
    """The daily tables that are dirty in a range of days."""
    first, last = (date.fromisoformat(tags[tag]) for tag in (RANGE_START, RANGE_END))
    return home.names.keys(dirty.tables(first, last))


def publish_keys(home: Home, stale: Stale, *, outputs: bool = True) -> list[dg.AssetKey]:
    """What a publication is made of: what is stale, and with `outputs` what is made from all marts."""
    return home.names.keys((*stale.periods, *stale.marts, *(OUTPUTS if outputs else ())))


@cache
def asset_jobs(names: Names) -> list[UnresolvedAssetJobDefinition]:
    """The jobs of a home, the same ones whoever asks: Dagster refuses two of a name."""
    described = {
        "days": "Landing files and all daily tables, over one range of days.",
        "marts": "Period tables and marts, once no day is dirty.",
    }
    return [
        dg.define_asset_job(
            names.named(name),
            selection=dg.AssetSelection.tag(JOB_TAG, names.named(name)),
            executor_def=dg.in_process_executor,
            description=description,
        )
        for name, description in described.items()
    ]


Requests = Iterator[dg.RunRequest | dg.SkipReason]


def is_under_way(instance: dg.DagsterInstance, home: Home) -> bool:
    """Whether a run of ours, or of a backfill, hasn't ended yet; one whose worker is gone has."""
    return bool(runs_under_way(instance, home.lake, home.names))


def _waits(context: dg.SensorEvaluationContext | dg.ScheduleEvaluationContext, home: Home) -> dg.SkipReason | None:
    """Why nothing is asked for now, if so."""
    if outdated := home.outdated:
        return dg.SkipReason(outdated)
    return dg.SkipReason("a run is under way") if is_under_way(context.instance, home) else None


def _asked(instance: dg.DagsterInstance, requests: Iterable[dg.RunRequest]) -> Requests:
    """The requests whose time it is: work that lies there still after a run of it is asked for again, with pauses.

    An equal run key is launched once, ever, so the key counts the attempts.
    """
    for request in requests:
        work = str(request.run_key)
        attempt = next_attempt(instance, work)
        if attempt.not_before > time.time():
            until = datetime.fromtimestamp(attempt.not_before, UTC)
            yield dg.SkipReason(f"{work} ended {attempt.number} times with its work undone; again at {until:%H:%M} UTC")
        elif attempt.is_held_back:
            yield dg.SkipReason(f"{work} is held back by its gate; it runs again when its inputs change, or by night")
        else:
            key = f"{work}#{attempt.number}" if attempt.number else work
            yield request.with_replaced_attrs(run_key=key, tags={**request.tags, WORK_TAG: work})


def _one_answer(result: Requests, otherwise: str) -> Requests:
    """A tick either asks for runs or says why it doesn't."""
    answers = list(result)
    requests = [each for each in answers if isinstance(each, dg.RunRequest)]
    yield from requests or answers[:1] or [dg.SkipReason(otherwise)]


def sensors(names: Names) -> list[dg.SensorDefinition]:
    """What looks every minute whether there is something to do."""
    days, marts = asset_jobs(names)
    common: dict[str, Any] = {
        "minimum_interval_seconds": 60,
        "default_status": dg.DefaultSensorStatus.RUNNING,
        "required_resource_keys": {names.resource},
    }

    @dg.sensor(name=names.named("landing"), job=days, **common)
    def landing(context: dg.SensorEvaluationContext) -> Requests:
        """Takes landing files that arrived and no longer grow."""
        yield from _landing(context, home_of(context, names))

    @dg.sensor(name=names.named("dirty_days"), jobs=[days, marts], **common)
    def dirty_days(context: dg.SensorEvaluationContext) -> Requests:
        """Computes days whose inputs changed, as ranges; once none is left, the marts, or only what is made from them."""
        yield from _dirty_days(context, home_of(context, names))

    return [landing, dirty_days]


def _landing(context: dg.SensorEvaluationContext, home: Home) -> Requests:
    if waits := _waits(context, home):
        yield waits
        return
    version, days = home.waiting_version(), home.waiting_days()
    requests = [
        dg.RunRequest(run_key=f"landing {name}:{version}", tags=tags, asset_selection=[home.names.key(RAW)])
        for name, tags in range_runs(days)
    ]
    why = "; ".join(home.landing_faults()) or "no file waits, or the product's first day isn't over"
    yield from _one_answer(_asked(context.instance, requests), why)


def _dirty_days(context: dg.SensorEvaluationContext, home: Home) -> Requests:
    if waits := _waits(context, home):
        yield waits
        return
    dirty = home.dirty()
    requests = [
        dg.RunRequest(
            run_key=f"{first}..{last}:{dirty.version(first, last)}",
            job_name=home.names.named("days"),
            tags=range_tags(first, last),
            asset_selection=dirty_keys(home, dirty, range_tags(first, last)),
        )
        for first, last in ranges(dirty.runnable)
    ]
    if not requests:
        requests = list(_publishing(context.instance, home))
    yield from _one_answer(_asked(context.instance, requests), "nothing is dirty")


def _publishing(instance: dg.DagsterInstance, home: Home) -> Iterator[dg.RunRequest]:
    """The marts if they are behind; where a gate holds one back, or they aren't, what is made from those that lie there."""
    stale, outputs = home.stale(), home.outputs_are_stale()
    key = f"marts:{stale.version}"
    if stale and not (outputs and next_attempt(instance, key).is_held_back):
        yield dg.RunRequest(run_key=key, job_name=home.names.named("marts"), asset_selection=publish_keys(home, stale))
    elif outputs:
        key = f"report:{home.outputs_version()}"
        yield dg.RunRequest(run_key=key, job_name=home.names.named("marts"), asset_selection=home.names.keys(OUTPUTS))


def nightly_schedules(time_zone: str, names: Names) -> list[dg.ScheduleDefinition]:
    """Every night what is still dirty, and an hour later the marts if they are behind; what failed returns every night."""
    days, marts = asset_jobs(names)
    common: dict[str, Any] = {
        "execution_timezone": time_zone,
        "default_status": dg.DefaultScheduleStatus.RUNNING,
        "required_resource_keys": {names.resource},
    }

    @dg.schedule(name=names.named("nightly"), job=days, cron_schedule=NIGHTLY, **common)
    def nightly(context: dg.ScheduleEvaluationContext) -> Requests:
        """Takes files that still wait, computes what is still dirty; held back days are tried again, each on its own."""
        yield from _night(context, home_of(context, names))

    @dg.schedule(name=names.named("nightly_marts"), job=marts, cron_schedule=NIGHTLY_MARTS, **common)
    def nightly_marts(context: dg.ScheduleEvaluationContext) -> Requests:
        """Publishes the marts if they are behind the days."""
        home = home_of(context, names)
        if waits := _waits(context, home):
            yield waits
        elif stale := home.stale():
            yield dg.RunRequest(asset_selection=publish_keys(home, stale))
        elif home.outputs_are_stale():
            yield dg.RunRequest(asset_selection=home.names.keys(OUTPUTS))
        else:
            yield dg.SkipReason("the marts and the report are up to date")

    return [nightly, nightly_marts]


def _night(context: dg.ScheduleEvaluationContext, home: Home) -> Requests:
    if waits := _waits(context, home):
        yield waits
        return
    dirty = home.dirty()
    days = [*range_runs(dirty.runnable), *(run for day in sorted(dirty.held_back) for run in range_runs([day]))]
    runs = [(tags, [home.names.key(RAW)]) for _, tags in range_runs(home.waiting_days())]
    runs += [(tags, dirty_keys(home, dirty, tags)) for _, tags in days]
    if not runs:
        yield dg.SkipReason("nothing waits and nothing is dirty")
    # Dagster wants a key where there are several; that of the night lets failed ones return in the next.
    night = f"{context.scheduled_execution_time:%Y-%m-%d}"
    for number, (tags, keys) in enumerate(runs, start=1):
        yield dg.RunRequest(run_key=f"night of {night}, {number}", tags=tags, asset_selection=keys)
