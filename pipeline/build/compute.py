"""Compute, judge, publish: a day of a daily table, or a period table, with the gate in front of publishing."""

from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Protocol

import msgspec

from pipeline.build.context import BuildContext, of_files, take_snapshot
from pipeline.build.many_days import stage_days
from pipeline.build.staging import StagedDay, drop_unnamed, preview
from pipeline.build.tables import DAY_TABLE, PERIOD_TABLE
from pipeline.core.contract import Table
from pipeline.core.days import ONE_DAY
from pipeline.core.kept import forget_others
from pipeline.core.keys import day_folder, day_key, period_key
from pipeline.core.lake import DamagedObject, Lake
from pipeline.core.product import Product
from pipeline.core.sealed import delete_sum, write_sum
from pipeline.core.state import (
    RAW,
    RECORDED,
    DayFailure,
    DayState,
    Snapshot,
    input_hash,
    limits_of,
)
from pipeline.core.states import parts_of, published_days, read_state, read_states, write_failure, write_state
from pipeline.declare import DayTable, PeriodSources, Sources
from pipeline.events.profile import CheckResult, Facts, batch_profile
from pipeline.events.resolutions import Resolutions
from pipeline.ingest.manifests import (
    read_manifests,
    withdrawals,
)

DAYS_PER_JUDGEMENT, FIRST_DAYS = 31, 8
_OF_FILES = frozenset({RAW, RECORDED})


@dataclass(frozen=True)
class Outcome:
    """What became of one day of one table. `path` is None where the gate held it back."""

    day: date | None
    rows: int
    path: str | None
    check_result: CheckResult
    facts: Facts
    preview: list[dict[str, object]]


class Judge(Protocol):
    """Judges batches of a table by their profiles; the real one is pipeline.build.gate.judge."""

    def __call__(
        self, table: Table, product: Product, batches: Sequence[Facts], history: Sequence[Sequence[Facts]]
    ) -> Sequence[CheckResult]:
        """One check result per batch."""
        ...


def build_days(lake: Lake, product: Product, name: str, days: Sequence[date], judge: Judge) -> Iterator[Outcome]:
    """Compute, judge and publish each day of table `name`; good days are published though others are held back.

    Days are staged first and judged together, a month at a time, since a judgement costs as much for one day as for
    thirty. Where the inputs of a day changed meanwhile, it starts over.
    """
    table, begun = DAY_TABLE[name], deque[_Chunk]()
    try:
        for some in _judged_together(days):
            # While some days are judged and published, other processes compute the next ones.
            begun.append(_begin(lake, product, table, some))
            if len(begun) > 1:
                yield from _finished(lake, product, begun.popleft(), judge)
        while begun:
            yield from _finished(lake, product, begun.popleft(), judge)
    finally:
        for each in begun:
            each.made.close()


def _judged_together(days: Sequence[date]) -> Iterator[Sequence[date]]:
    """The days by months; of several a few come first, for until there are days to be judged this process waits."""
    first = FIRST_DAYS if len(days) > DAYS_PER_JUDGEMENT else len(days)
    yield from filter(None, [days[:first]])
    for begin in range(first, len(days), DAYS_PER_JUDGEMENT):
        yield days[begin : begin + DAYS_PER_JUDGEMENT]


@dataclass
class _Chunk:
    """Some days of a table on their way, as the home was when they were begun: each as it is made, or what it reads is damaged."""

    table: DayTable
    days: Sequence[date]
    mark: str
    snapshot: Snapshot
    made: Generator[StagedDay | DamagedObject]

    @property
    def reads_files(self) -> bool:
        return _reads_files(self.table)


def _reads_files(table: DayTable) -> bool:
    return not _OF_FILES.isdisjoint(reads.table for reads in table.reads)


def _begin(lake: Lake, product: Product, table: DayTable, days: Sequence[date]) -> _Chunk:
    # There may be ten thousands; most tables are made from other tables.
    mark, manifests = withdrawals(lake), read_manifests(lake) if _reads_files(table) else {}
    upstream = [reads.table for reads in table.reads if reads.table not in _OF_FILES]
    snapshot = take_snapshot(lake, product, manifests, [table.contract.name, *upstream])
    resolutions = Resolutions(lake, product, snapshot.states)
    wanted = [Sources(lake, product, snapshot, manifests, resolutions, day, table) for day in days]
    return _Chunk(table, days, mark, snapshot, stage_days(wanted))


def _finished(lake: Lake, product: Product, chunk: _Chunk, judge: Judge) -> Iterator[Outcome]:
    table, snapshot, mark = chunk.table, chunk.snapshot, chunk.mark
    name = table.contract.name
    staged: list[StagedDay] = []
    try:
        for day, made in zip(chunk.days, chunk.made, strict=True):
            if isinstance(made, StagedDay):
                staged.append(made)
            else:
                # No failure is recorded: what mends the object doesn't change the day's inputs.
                yield Outcome(day, 0, None, CheckResult((str(made),)), {}, [])
        if not staged:
            return
        # Of the table itself days may have been published since.
        states, _ = read_states(lake, name)
        history = [_same_weekdays(states, each.day) for each in staged]
        resolutions = judge(table.contract, product, [each.facts for each in staged], history)
        if chunk.reads_files:
            snapshot = of_files(snapshot, read_manifests(lake))
        for each, check_result in zip(staged, resolutions, strict=True):
            with lake.exclusive():
                if chunk.reads_files and (now_marked := withdrawals(lake)) != mark:
                    mark, snapshot = now_marked, of_files(snapshot, read_manifests(lake))
                now = _refreshed(lake, snapshot, table, each.day)
                is_same = input_hash(table, each.day, product, now) == each.inputs
                outcome = _publish_day(lake, table, product, each, check_result) if is_same else None
            if outcome is not None:
                yield outcome
            else:
                yield from _finished(lake, product, _begin(lake, product, table, [each.day]), judge)
    finally:
        # Of what failed nothing is left on a disk that is full already.
        chunk.made.close()
        for each in staged:
            _discard(lake, name, each)


def _discard(lake: Lake, name: str, each: StagedDay) -> None:
    """Remove what was written for a day and not published; a part that was made before has the same name."""
    if each.staged is not None:
        lake.discard(each.staged)
    if each.parts:
        drop_unnamed(lake, name, each.day)


def _refreshed(lake: Lake, snapshot: Snapshot, table: DayTable, day: date) -> Snapshot:
    """The snapshot with what `table` reads around `day` read anew."""
    states = dict(snapshot.states)
    for reads in table.reads:
        around = [day + ONE_DAY * offset for offset in reads.offsets]
        # A resolution that changed meanwhile makes the day dirty, and the next round takes it.
        if reads.table in states:
            read = {each: result for each in around if (result := read_state(lake, reads.table, each))}
            states[reads.table] = {**states[reads.table], **read}
    return replace(snapshot, states=states)


def _publish_day(lake: Lake, table: DayTable, product: Product, each: StagedDay, check_result: CheckResult) -> Outcome:
    name, rows, limits = table.contract.name, int(each.facts["rows"] or 0), limits_of(table, product)
    if check_result.faults:
        write_failure(lake, name, each.day, DayFailure(each.inputs, list(check_result.faults), limits))
        return Outcome(each.day, rows, None, check_result, each.facts, [])
    before, is_made = read_state(lake, name, each.day), bool(each.staged or each.parts)
    gone = next((part.key for part in each.parts if not lake.exists(part.key)), None)
    if gone or (before is None and not is_made):
        # It went meanwhile; the next look finds it.
        fault = f"{gone or day_key(name, each.day)} is gone; run `footfall run` again"
        return Outcome(each.day, 0, None, CheckResult((fault,)), {}, [])
    if each.staged is not None:
        lake.publish(each.staged)
    if before is not None and not is_made:
        state = msgspec.structs.replace(before, judged=limits)
    else:
        parts = tuple(part.sha256 for part in each.parts)
        state = DayState(each.inputs, each.output_hash, rows, each.facts, limits, parts)
    write_state(lake, name, each.day, state)
    objects = parts_of(name, each.day, state)
    if is_made:
        # What no row names any more may hold somebody who was erased.
        for other in set(lake.keys(day_folder(name, each.day))) - {part.key for part in objects} - {*each.objects}:
            lake.delete(other)
    path = objects[0].key if len(objects) == 1 else day_folder(name, each.day)
    return Outcome(each.day, rows, lake.name_of(path), check_result, each.facts, each.preview)


def _same_weekdays(states: Mapping[date, DayState], day: date) -> list[Facts]:
    """Facts of the last eight same weekdays that are published, newest first."""
    return [states[then].facts for weeks in range(1, 9) if (then := day - ONE_DAY * 7 * weeks) in states]


def build_period(lake: Lake, product: Product, name: str, judge: Judge, context: BuildContext | None = None) -> Outcome:
    """Compute, judge and publish a period table over all days with data."""
    table, context = PERIOD_TABLE[name], context or BuildContext(lake, product)
    snapshot = context.snapshot
    # A day without any event is known to be empty; one whose events were held back is not known at all.
    published = set(published_days(lake, table.reads))
    days = [day for day in snapshot.data_days(table.reads) if day not in snapshot.raw or day in published]
    context.check(lake, [name for name in (table.reads, *table.inputs) if name not in table.periods])
    sources = PeriodSources(lake, product, context, days, table)
    frame = table.compute(sources)
    facts = batch_profile(table.contract, frame)
    check_result = judge(table.contract, product, [facts], [[]])[0]
    if check_result.faults:
        return Outcome(None, frame.height, None, check_result, facts, [])
    inputs = table.input_hash(lake, product, context)
    staged = lake.stage(period_key(name), frame)
    with lake.exclusive(), lake.discarding(staged):
        # Who dies before its end leaves a table of which nobody knows what it was made from.
        delete_sum(lake, staged.key)
        context.publish(lake, staged)
        write_sum(lake, staged.key, staged.sha256, inputs)
    forget_others(lake, name, sources.asked)
    return Outcome(None, frame.height, lake.name_of(staged.key), check_result, facts, preview(frame))
