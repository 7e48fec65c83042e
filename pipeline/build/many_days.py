"""Many days of one table, shared by processes of this machine where that is worth it. What must not be here: how a day is computed."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

from pipeline.build.staging import Job, StagedDay, job_of, known_day, stage_day
from pipeline.core.engine import engine, has_cluster, run_parts, staying_here
from pipeline.core.lake import DamagedObject
from pipeline.core.state import IDENTITY, REPEATS, input_hash
from pipeline.declare import Sources

# What a day of a table costs here, as measured over the demo, and from when on processes are worth their start.
_DAY_SECONDS, _ROW_SECONDS, _WORTH_SECONDS = 0.02, 1e-6, 0.15


def stage_days(days: Sequence[Sources]) -> Iterator[StagedDay | DamagedObject]:
    """Compute days of one table, in order; what one of them reads being damaged is told of that day.

    One that is published and only to be judged anew isn't computed. Where there are many small ones processes of this machine
    share them, from now on and not only when asked: most of a small day is Python's work.
    """
    known = [known_day(each) for each in days]
    wanted = [each for each, is_known in zip(days, known, strict=True) if is_known is None and _can_be_sent(each)]
    sent = {each.day for each in wanted} if _is_worth_processes(wanted) else set[date]()
    made = _in_processes(wanted) if sent else iter(())
    return (
        is_known or (next(made) if each.day in sent else _tried(each))
        for each, is_known in zip(days, known, strict=True)
    )


def _in_processes(days: Sequence[Sources]) -> Iterator[StagedDay | DamagedObject]:
    on = engine(len(days))
    # So many at a time that all are begun at once; what days share is sent once for each of these.
    each = -(-len(days) // on.under_way)
    groups = [days[first : first + each] for first in range(0, len(days), each)]
    jobs = ([job_of(sources, (0, 1)) for sources in group] for group in groups)
    made = run_parts(_staged_there, jobs, on)
    return (
        result if isinstance(result, DamagedObject) else _taken_over(sources, result)
        for group, results in zip(groups, made, strict=True)
        for sources, result in zip(group, results, strict=True)
    )


def _can_be_sent(day: Sources) -> bool:
    """Whether another process can compute it: who is who isn't sent, nor which ids came on earlier days, where there are any."""
    reads = {each.table for each in day.table.reads}
    return IDENTITY not in reads and not (REPEATS in reads and day.snapshot.output(REPEATS, day.day))


def _is_worth_processes(days: Sequence[Sources]) -> bool:
    """Whether the work is more than starting processes takes."""
    if not days or has_cluster() or days[0].lake.is_remote:
        return False
    seconds = sum(_DAY_SECONDS + _ROW_SECONDS * each.rows for each in days)
    return seconds >= _WORTH_SECONDS and all(each.ranges == 1 for each in days)


def _staged_there(jobs: Sequence[Job]) -> list[StagedDay | DamagedObject]:
    """Some days, by whatever process."""
    with staying_here():
        return [_tried(job.sources) for job in jobs]


def _tried(sources: Sources) -> StagedDay | DamagedObject:
    try:
        return stage_day(sources)
    except DamagedObject as fault:
        return fault


def _taken_over(sources: Sources, made: StagedDay) -> StagedDay:
    """A day that another process staged: what it wrote is ours from now on, also once that process has ended."""
    staged = made.staged and sources.lake.take_over(made.staged)
    # It wasn't sent all of the snapshot that these are a hash of.
    return replace(made, staged=staged, inputs=input_hash(sources.table, sources.day, sources.whole, sources.snapshot))
