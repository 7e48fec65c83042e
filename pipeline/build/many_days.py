"""Many days of one table, shared by processes of this machine where that is worth it. What must not be here: how a day is computed."""

from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import replace
from datetime import date
from typing import cast

from pipeline.build.staging import Job, StagedDay, job_of, known_day, stage_day
from pipeline.core.engine import Engine, engine, has_cluster, processors, run_parts, staying_here
from pipeline.core.lake import DamagedObject
from pipeline.core.state import IDENTITY, REPEATS, input_hash
from pipeline.declare import Sources

# What a day of a table costs here, as measured over the demo, and from when on processes are worth their start.
_DAY_SECONDS, _ROW_SECONDS, _WORTH_SECONDS = 0.02, 1e-6, 0.15


Made = StagedDay | DamagedObject


def stage_days(days: Sequence[Sources]) -> Generator[Made]:
    """Compute days of one table, in order; what one of them reads being damaged is told of that day.

    One that is published and only to be judged anew isn't computed. Where there are many small ones processes of this machine
    share them, from now on and not only when asked: most of a small day is Python's work. Closed before its end, nothing goes on
    and nothing that was written and not taken stays.
    """
    made = _stage_days(days)
    # A generator that was begun is also ended.
    next(made)
    return cast("Generator[Made]", made)


def _stage_days(days: Sequence[Sources]) -> Generator[Made | None]:
    """None once the first ones are begun, then the days."""
    known = [known_day(each) for each in days]
    wanted = [each for each, is_known in zip(days, known, strict=True) if is_known is None and _can_be_sent(each)]
    # A pool of another size would be another pool.
    on = engine(max(len(wanted), processors()), worth=_is_worth_processes(wanted))
    sent = {each.day for each in wanted} if on.at_once > 1 else set[date]()
    made = _in_processes(wanted if sent else [], on)
    try:
        yield None
        for each, is_known in zip(days, known, strict=True):
            yield is_known or (next(made) if each.day in sent else _tried(each))
    finally:
        made.close()


def _in_processes(days: Sequence[Sources], on: Engine) -> Generator[Made]:
    """The days, by processes that have begun when this returns."""
    # So many at a time that all are begun at once; what days share is sent once for each of these.
    each = max(1, -(-len(days) // on.under_way))
    groups = [days[first : first + each] for first in range(0, len(days), each)]
    jobs = ([job_of(sources, (0, 1)) for sources in group] for group in groups)
    return _collected(groups, run_parts(_staged_there, jobs, on, _discard))


def _collected(groups: Sequence[Sequence[Sources]], made: Generator[list[Made]]) -> Generator[Made]:
    untaken: deque[tuple[Sources, Made]] = deque()
    try:
        for group, results in zip(groups, made, strict=True):
            untaken.extend(zip(group, results, strict=True))
            while untaken:
                sources, result = untaken.popleft()
                yield result if isinstance(result, DamagedObject) else _taken_over(sources, result)
    finally:
        made.close()
        _discard([result for _, result in untaken])


def _discard(made: Sequence[Made]) -> None:
    """Remove what was written for days that nobody takes."""
    for each in made:
        if isinstance(each, StagedDay) and each.staged is not None:
            each.staged.path.unlink(missing_ok=True)


def _can_be_sent(day: Sources) -> bool:
    """Whether another process can compute it: who is who isn't sent, nor which ids came on earlier days, where there are any."""
    reads = {each.table for each in day.table.reads}
    return (
        IDENTITY not in reads
        and day.table.closing is None
        and not (REPEATS in reads and day.snapshot.output(REPEATS, day.day))
    )


def _is_worth_processes(days: Sequence[Sources]) -> bool:
    """Whether the work is more than starting processes takes."""
    if not days or has_cluster() or days[0].lake.is_remote:
        return False
    seconds = sum(_DAY_SECONDS + _ROW_SECONDS * each.rows for each in days)
    return seconds >= _WORTH_SECONDS and all(each.ranges == 1 for each in days)


def _staged_there(jobs: Sequence[Job]) -> list[Made]:
    """Some days, by whatever process; all of them or none."""
    made: list[Made] = []
    try:
        with staying_here():
            made.extend(_tried(job.sources) for job in jobs)
    except BaseException:
        _discard(made)
        raise
    return made


def _tried(sources: Sources) -> Made:
    try:
        return stage_day(sources)
    except DamagedObject as fault:
        return fault


def _taken_over(sources: Sources, made: StagedDay) -> StagedDay:
    """A day that another process staged: what it wrote is ours from now on, also once that process has ended."""
    staged = made.staged and sources.lake.take_over(made.staged)
    # It wasn't sent all of the snapshot that these are a hash of.
    return replace(made, staged=staged, inputs=input_hash(sources.table, sources.day, sources.whole, sources.snapshot))
