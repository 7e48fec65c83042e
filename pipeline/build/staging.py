"""A day of a table on its way: computed in parts, written as they come, counted for the gate."""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from pipeline.core.contract import Table
from pipeline.core.lake import Staged, day_key
from pipeline.core.state import input_hash, limits_of
from pipeline.declare import Sources
from pipeline.events.profile import Facts, Profile


@dataclass(frozen=True)
class StagedDay:
    """A day of a table that is computed and written, and not yet judged or visible.

    One that is published and only to be judged anew has nothing staged.
    """

    day: date
    inputs: str
    staged: Staged | None
    facts: Facts
    preview: list[dict[str, object]]
    objects: tuple[str, ...]


def stage_day(sources: Sources) -> StagedDay:
    """Compute a day, range by range where it is large, write it where no reader looks, and count what the gate judges."""
    table = sources.table
    profile, objects = Profile(table.contract), list[str]()

    def frames() -> Iterator[pl.DataFrame]:
        for built in table.built(sources):
            profile.add(built.frame, built.facts)
            objects.extend(built.objects)
            yield built.frame

    parts = frames() if table.parts_follow else iter([_together(table.contract, list(frames()))])
    first = next(parts)
    staged = sources.lake.stage_parts(day_key(table.contract.name, sources.day), first, parts)
    inputs = input_hash(table, sources.day, sources.whole, sources.snapshot)
    facts = profile.facts(pl.scan_parquet(staged.path, glob=False))
    return StagedDay(sources.day, inputs, staged, facts, preview(first), tuple(objects))


def known_day(sources: Sources) -> StagedDay | None:
    """A day that is published as it would be computed now, to be judged by other limits; None where it must be computed."""
    table, day = sources.table, sources.day
    state = sources.snapshot.states.get(table.contract.name, {}).get(day)
    if state is None or state.judged == limits_of(table, sources.whole):
        return None
    inputs = input_hash(table, day, sources.whole, sources.snapshot)
    key = day_key(table.contract.name, day)
    if inputs != state.input_hash or sources.lake.sha256(key) != state.output_hash:
        return None
    return StagedDay(day, inputs, None, state.facts, [], ())


def _together(table: Table, parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    return parts[0] if len(parts) == 1 else table.conform(pl.concat(parts))


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
