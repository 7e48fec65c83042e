"""A day of a table on its way: computed in parts, written as they come, counted for the gate.

A day is one object, or where it is large as many as it has parts (`Sources.parts`). Parts are made by whatever process is
there (pipeline/core/engine.py): each writes its own object, whose name is its content, so nobody reads it before a state names
it, and whoever makes it twice makes the same.
"""

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, NamedTuple

import polars as pl

from pipeline.build.tables import DAY_TABLE
from pipeline.core.days import ONE_DAY
from pipeline.core.engine import engine, run_parts
from pipeline.core.files import Staged
from pipeline.core.keys import day_key, part_key
from pipeline.core.lake import Lake
from pipeline.core.product import Product
from pipeline.core.scratch import Scratch, scratch
from pipeline.core.state import RAW, RECORDED, Snapshot, hash_texts, input_hash, limits_of
from pipeline.core.states import Part, parts_of, unnamed
from pipeline.declare import Sources
from pipeline.events.profile import Facts, Profile
from pipeline.events.resolutions import Resolutions


@dataclass(frozen=True)
class StagedDay:
    """A day of a table that is computed and written, and not yet judged or visible.

    One that is published and only to be judged anew has nothing written. The objects of `parts` are in their place already.
    """

    day: date
    inputs: str
    staged: Staged | None
    parts: tuple[Part, ...]
    facts: Facts
    preview: list[dict[str, object]]
    objects: tuple[str, ...]

    @property
    def output_hash(self) -> str:
        """Hash of what was written."""
        return self.staged.sha256 if self.staged else hash_texts([part.sha256 for part in self.parts])


class Job(NamedTuple):
    """A part to be made by any process: only what is needed for it, and nothing that can't be pickled."""

    lake: Lake
    product: Product
    snapshot: Snapshot
    day: date
    table: str
    part: tuple[int, int]
    cut: int
    told: Any
    scratch: Scratch | None

    @property
    def sources(self) -> Sources:
        """What the part is computed from, where it is computed."""
        return Sources(
            self.lake,
            self.product,
            self.snapshot,
            {},
            Resolutions(self.lake, self.product, self.snapshot.states),
            self.day,
            DAY_TABLE[self.table],
            part=self.part,
            cut=self.cut,
            told=self.told,
            scratch=self.scratch,
        )


class _Made(NamedTuple):
    """A part: its object if it was written, else its rows or sums; its counts."""

    staged: Staged | None
    rows: list[pl.DataFrame]
    summed: list[Any]
    profile: Profile
    ids: list[pl.Series]
    objects: tuple[str, ...]
    preview: list[dict[str, object]]


def stage_day(sources: Sources) -> StagedDay:
    """Compute a day, in parts where it is large, write it where no reader looks, and count what the gate judges."""
    table = sources.table
    number = table.parts(sources)
    on = engine(number)
    waiting = scratch(sources.lake, shared=on.is_elsewhere) if sources.ranges > 1 else nullcontext()
    with waiting as folder:
        known = replace(sources, cut=sources.ranges, on=on, scratch=folder)
        if number == 1:
            known = table.prepared(known)
            return _staged_day(known, [_written(known)])
        known = replace(known, told=table.told(known) if table.told else None)
        try:
            made = list(run_parts(_made, [job_of(known, (n, number)) for n in range(number)], on))
        except BaseException:
            drop_unnamed(sources.lake, table.contract.name, sources.day)
            raise
        if table.sums is not None:
            made = [_written(replace(known, summed=[sums for each in made for sums in each.summed]))]
        elif not table.parts_follow:
            made = [_together(known, made)]
        return _staged_day(known, made)


def drop_unnamed(lake: Lake, table: str, day: date) -> None:
    """Remove parts of the day that no state names."""
    with lake.exclusive():
        for key in list(unnamed(lake, table, day)):
            lake.delete(key)


def job_of(sources: Sources, part: tuple[int, int]) -> Job:
    """A part of the day with what it needs of the snapshot."""
    snapshot, table = sources.snapshot, sources.table
    around = {sources.day + ONE_DAY * offset for reads in table.reads for offset in reads.offsets}
    raw, recorded = (
        {day: objects[day] for day in around if day in objects and any(reads.table == name for reads in table.reads)}
        for name, objects in ((RAW, snapshot.raw), (RECORDED, snapshot.recorded))
    )
    keys = [key for objects in (*raw.values(), *recorded.values()) for key in objects]
    known = Snapshot(
        raw=raw,
        recorded=recorded,
        states={
            reads.table: {day: state for day, state in snapshot.states[reads.table].items() if day in around}
            for reads in table.reads
            if reads.table in snapshot.states
        },
        sha256={key: snapshot.sha256[key] for key in keys if key in snapshot.sha256},
    )
    return Job(
        sources.lake,
        sources.whole,
        known,
        sources.day,
        table.contract.name,
        part,
        sources.cut,
        sources.told,
        sources.scratch,
    )


def _made(job: Job) -> _Made:
    """Make a part, by whatever process."""
    sources = job.sources
    table = sources.table
    if table.sums is not None:
        return _Made(None, [], table.summed(sources), Profile(table.contract), [], (), [])
    if table.parts_follow:
        return _written(sources)
    built = list(table.built(sources))
    profile, ids = Profile(table.contract, stable=True), [each.ids for each in built if each.ids is not None]
    for each in built:
        profile.add(each.frame, each.facts)
    objects = tuple(key for each in built for key in each.objects)
    return _Made(None, [each.frame for each in built], [], profile, ids, objects, [])


def _written(sources: Sources) -> _Made:
    """Make a part, or a day that is one, and write it range by range."""
    table, (n, number) = sources.table, sources.part
    # Hashes of several machines are compared.
    profile, ids, objects = Profile(table.contract, stable=number > 1), list[pl.Series](), list[str]()

    def frames() -> Iterator[pl.DataFrame]:
        for built in table.built(sources):
            profile.add(built.frame, built.facts)
            objects.extend(built.objects)
            ids.extend([] if built.ids is None else [built.ids])
            yield built.frame

    parts = frames() if table.parts_follow else iter([_in_order(sources, list(frames()))])
    first = next(parts)
    staged = sources.lake.stage_parts(day_key(table.contract.name, sources.day), first, parts)
    if number > 1:
        key = part_key(table.contract.name, sources.day, n, number, staged.sha256)
        staged = replace(staged, key=key)
        sources.lake.publish(staged)
    return _Made(staged, [], [], profile, ids, tuple(objects), preview(first))


def _together(sources: Sources, made: Sequence[_Made]) -> _Made:
    """One object of the rows of parts that don't follow each other in the table's order."""
    rows = _in_order(sources, [frame for each in made for frame in each.rows])
    table, profile = sources.table, Profile(sources.table.contract, stable=True)
    for each in made:
        profile.merge(each.profile)
    staged = sources.lake.stage_parts(day_key(table.contract.name, sources.day), rows, iter(()))
    ids, objects = [each for part in made for each in part.ids], tuple(key for part in made for key in part.objects)
    return _Made(staged, [], [], profile, ids, objects, preview(rows))


def _staged_day(sources: Sources, made: Sequence[_Made]) -> StagedDay:
    """The day of the parts that were made, with the counts of all of them."""
    table, profile = sources.table, made[0].profile
    for each in made[1:]:
        profile.merge(each.profile)
    staged = [each.staged for each in made if each.staged is not None]
    paths = (each.path if len(staged) == 1 else sources.lake.path(each.key) for each in staged)
    facts = profile.facts(lambda: pl.concat(pl.scan_parquet(path, glob=False) for path in paths))
    if table.closing:
        facts = {**facts, **table.closing(sources, facts, [ids for each in made for ids in each.ids])}
    return StagedDay(
        sources.day,
        input_hash(table, sources.day, sources.whole, sources.snapshot),
        staged[0] if len(staged) == 1 else None,
        tuple(Part(each.key, each.sha256) for each in staged) if len(staged) > 1 else (),
        facts,
        made[0].preview,
        tuple(key for each in made for key in each.objects),
    )


def known_day(sources: Sources) -> StagedDay | None:
    """A day that is published as it would be computed now, to be judged by other limits; None where it must be computed."""
    table, day = sources.table, sources.day
    name = table.contract.name
    state = sources.snapshot.states.get(name, {}).get(day)
    if state is None or state.judged == limits_of(table, sources.whole):
        return None
    inputs = input_hash(table, day, sources.whole, sources.snapshot)
    is_whole = all(sources.lake.sha256(part.key) == part.sha256 for part in parts_of(name, day, state))
    return StagedDay(day, inputs, None, (), state.facts, [], ()) if inputs == state.input_hash and is_whole else None


def _in_order(sources: Sources, frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    return frames[0] if len(frames) == 1 else sources.table.contract.conform(pl.concat(frames))


_PERSONAL = {"person_key", "person_id", "anonymous_id", "user_id", "event_id", "session_key", "text", "quote"}


def preview(frame: pl.DataFrame) -> list[dict[str, object]]:
    """The first rows as plain data, to show in the UI; long texts are cut.

    None of tables about people: what Dagster has stored can't be erased.
    """
    if _PERSONAL & set(frame.columns):
        return []
    return [
        {name: textwrap.shorten(value, 60) if isinstance(value, str) else value for name, value in row.items()}
        for row in frame.head(5).iter_rows(named=True)
    ]
