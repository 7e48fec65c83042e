"""Compute, judge, publish: a day of a daily table, or a period table, with the gate in front of publishing."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Protocol

import msgspec

from pipeline.build.configured import day_tables, table_names
from pipeline.build.home_models import models_of
from pipeline.build.staging import StagedDay, drop_unnamed, known_day, preview, stage_day
from pipeline.build.tables import DAY_TABLE, PERIOD_TABLE
from pipeline.core.contract import Table
from pipeline.core.days import ONE_DAY
from pipeline.core.files import Staged
from pipeline.core.kept import forget_others
from pipeline.core.keys import day_folder, day_key, period_key
from pipeline.core.lake import DamagedObject, Lake
from pipeline.core.product import Product
from pipeline.core.sealed import delete_sum, write_sum
from pipeline.core.state import (
    RAW,
    RECORDED,
    RESOLUTIONS,
    DayFailure,
    DayState,
    Dirty,
    Snapshot,
    dirty_days,
    hash_texts,
    input_hash,
    limits_of,
)
from pipeline.core.states import parts_of, published_days, read_state, read_states, write_failure, write_state
from pipeline.declare import DayTable, PeriodSources, Sources
from pipeline.events.profile import CheckResult, Facts, batch_profile
from pipeline.events.resolutions import Resolutions
from pipeline.ingest.manifests import (
    Manifest,
    hashes_of,
    objects_by_day,
    read_manifests,
    recordings_by_day,
    wholly_rejected_by_day,
    withdrawals,
)

DAYS_PER_JUDGEMENT = 31
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


def take_snapshot(
    lake: Lake,
    product: Product,
    manifests: Mapping[str, Manifest] | None = None,
    tables: Iterable[str] | None = None,
) -> Snapshot:
    """Read what lies in the home: raw objects, states and failures of `tables`, and the resolutions among them.

    Of tables that aren't configured nothing is read, whatever lies there; `tables` are by default all that are.
    """
    known = read_manifests(lake) if manifests is None else manifests
    made = dict.fromkeys([*(table.contract.name for table in day_tables(product)), *RESOLUTIONS])
    wanted = dict.fromkeys(name for name in (made if tables is None else tables) if name in made)
    resolutions = [name for name in RESOLUTIONS if name in wanted]
    names = dict.fromkeys(
        [*(n for n in wanted if n not in RESOLUTIONS), *(t for v in resolutions for t in RESOLUTIONS[v])]
    )
    with lake.looking():
        read = {name: read_states(lake, name) for name in names}
    states = {name: states for name, (states, _) in read.items()}
    whole = Snapshot(
        raw={},
        states=states,
        failures={name: failures for name, (_, failures) in read.items()},
        resolutions=Resolutions(lake, product, states).all(resolutions),
        files=hash_texts(sorted(f"{m.file_id}:{m.sha256}:{m.reader}:{m.retracted}:{m.erased}" for m in known.values())),
    )
    return _of_files(whole, known)


def find_dirty(lake: Lake, product: Product, exists: Callable[[date], bool]) -> Dirty:
    """Which days must be computed now, in which tables; one decision for sensor, nightly job and command line."""
    return dirty_days(day_tables(product), product, take_snapshot(lake, product), exists)


def build_days(lake: Lake, product: Product, name: str, days: Sequence[date], judge: Judge) -> Iterator[Outcome]:
    """Compute, judge and publish each day of table `name`; good days are published though others are held back.

    Days are staged first and judged together, a month at a time, since a judgement costs as much for one day as for
    thirty. Where the inputs of a day changed meanwhile, it starts over.
    """
    for first in range(0, len(days), DAYS_PER_JUDGEMENT):
        yield from _build_chunk(lake, product, DAY_TABLE[name], days[first : first + DAYS_PER_JUDGEMENT], judge)


def _build_chunk(
    lake: Lake, product: Product, table: DayTable, days: Sequence[date], judge: Judge
) -> Iterator[Outcome]:
    name = table.contract.name
    # There may be ten thousands; most tables are made from other tables.
    reads_files = not _OF_FILES.isdisjoint(reads.table for reads in table.reads)
    mark, manifests = withdrawals(lake), read_manifests(lake) if reads_files else {}
    upstream = [reads.table for reads in table.reads if reads.table not in _OF_FILES]
    snapshot = take_snapshot(lake, product, manifests, [name, *upstream])
    resolutions = Resolutions(lake, product, snapshot.states)
    staged: list[StagedDay] = []
    try:
        for day in days:
            try:
                sources = Sources(lake, product, snapshot, manifests, resolutions, day, table)
                staged.append(known_day(sources) or stage_day(sources))
            except DamagedObject as fault:
                # No failure is recorded: what mends the object doesn't change the day's inputs.
                yield Outcome(day, 0, None, CheckResult((str(fault),)), {}, [])
        if not staged:
            return
        history = [_same_weekdays(snapshot, name, each.day) for each in staged]
        resolutions = judge(table.contract, product, [each.facts for each in staged], history)
        if reads_files:
            snapshot = _of_files(snapshot, read_manifests(lake))
        for each, check_result in zip(staged, resolutions, strict=True):
            with lake.exclusive():
                if reads_files and (now_marked := withdrawals(lake)) != mark:
                    mark, snapshot = now_marked, _of_files(snapshot, read_manifests(lake))
                now = _refreshed(lake, snapshot, table, each.day)
                is_same = input_hash(table, each.day, product, now) == each.inputs
                outcome = _publish_day(lake, table, product, each, check_result) if is_same else None
            if outcome is not None:
                yield outcome
            else:
                yield from _build_chunk(lake, product, table, [each.day], judge)
    finally:
        # Of what failed nothing is left on a disk that is full already.
        for each in staged:
            _discard(lake, table.contract.name, each)


def _discard(lake: Lake, name: str, each: StagedDay) -> None:
    """Remove what was written for a day and not published; a part that was made before has the same name."""
    if each.staged is not None:
        lake.discard(each.staged)
    if each.parts:
        drop_unnamed(lake, name, each.day)


def _of_files(snapshot: Snapshot, manifests: Mapping[str, Manifest]) -> Snapshot:
    """The snapshot with what these manifests say of raw objects."""
    return replace(
        snapshot,
        raw=objects_by_day(manifests.values()),
        recorded=recordings_by_day(manifests.values()),
        wholly_rejected=wholly_rejected_by_day(manifests.values()),
        sha256=hashes_of(manifests.values()),
    )


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


def _same_weekdays(snapshot: Snapshot, name: str, day: date) -> list[Facts]:
    """Facts of the last eight same weekdays that are published, newest first."""
    states = snapshot.states.get(name, {})
    return [states[then].facts for weeks in range(1, 9) if (then := day - ONE_DAY * 7 * weeks) in states]


class TakenBack(Exception):
    """What is about to be published was made from rows that are no longer to be shown."""


class BuildContext:
    """What lies in the home when period tables and marts begin to be made, looked at once for all of them.

    What changes meanwhile makes them stale again: marts are recorded with the hash of what stood here.
    """

    def __init__(self, lake: Lake, product: Product) -> None:
        self.mark = withdrawals(lake)
        self.manifests: Mapping[str, Manifest] = read_manifests(lake)
        self.snapshot = take_snapshot(lake, product, self.manifests)
        self.resolutions = Resolutions(lake, product, self.snapshot.states)
        self.models = models_of(lake)
        self.model_faults: Mapping[str, str] = self.models.faults
        self.tables = table_names(product)
        self.held_back: Mapping[str, Mapping[date, DayFailure]] = dirty_days(
            day_tables(product), product, self.snapshot
        ).failed

    def check(self, lake: Lake, tables: Iterable[str]) -> None:
        """Raise DamagedObject where a published partition of a daily table isn't what was written."""
        for table in tables:
            for day, state in self.snapshot.states.get(table, {}).items():
                for part in parts_of(table, day, state):
                    lake.check(*part)

    def publish(self, lake: Lake, staged: Staged) -> None:
        """Publish an object under the lock; TakenBack where rows were erased or retracted since all this was read."""
        if withdrawals(lake) != self.mark:
            raise TakenBack("rows were erased or retracted meanwhile, so nothing was published; run `footfall run`")
        lake.publish(staged)


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
