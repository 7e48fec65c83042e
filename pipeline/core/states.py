"""What is known of the days of tables: one object per table and month, `lake/_state/<table>/month=<month>.json`.

A state is written after its partition, so what a killed run leaves is computed again. A look at years of history reads as
many objects as there are tables and months, and those only that were replaced since the last look.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import NamedTuple

import msgspec
import polars as pl

from pipeline.core.keys import day_folder, day_key, day_of, part_key
from pipeline.core.lake import Lake
from pipeline.core.registry import TABLES
from pipeline.core.sealed import read_folder, write_sealed
from pipeline.core.state import DayFailure, DayState


class MonthStates(msgspec.Struct, frozen=True):
    """What is known of a table's days of one month, by day: one object, so that a look at years reads few."""

    states: dict[str, DayState]
    failures: dict[str, DayFailure]


# Before there were months each day had files of its own. They count until their month is written.
_OF_DAY = re.compile(r"day=(\d{4}-\d\d-\d\d)(\.failed)?\.json")
_OF_MONTH = re.compile(r"month=\d{4}-\d\d\.json")


def _folder(table: str) -> str:
    return f"lake/_state/{table}"


def _month_key(table: str, day: date) -> str:
    return f"{_folder(table)}/month={day:%Y-%m}.json"


def _kind_of(key: str) -> type[MonthStates | DayState | DayFailure] | None:
    """What an object among a table's states is; what is none is passed over, and its days computed again."""
    name = key.rpartition("/")[2]
    if _OF_MONTH.fullmatch(name):
        return MonthStates
    if (of_day := _OF_DAY.fullmatch(name)) and day_of(of_day[1]):
        return DayFailure if of_day[2] else DayState
    return None


class Part(NamedTuple):
    """An object of a day's partition and the hash of its bytes."""

    key: str
    sha256: str


def parts_of(table: str, day: date, state: DayState) -> list[Part]:
    """The objects of the partition that the state tells of, in the order of the table."""
    number = len(state.parts)
    if not number:
        return [Part(day_key(table, day), state.output_hash)]
    return [Part(part_key(table, day, n, number, sha256), sha256) for n, sha256 in enumerate(state.parts)]


def read_states(lake: Lake, table: str) -> tuple[dict[date, DayState], dict[date, DayFailure]]:
    """States and failures of a table by day; a state one of whose objects is gone doesn't count."""
    known = _known(lake, table)
    states = {date.fromisoformat(day): state for day, state in known.states.items()}
    objects = {part.key: day for day, state in states.items() for part in parts_of(table, day, state)}
    for key in lake.lost(objects):
        states.pop(objects[key], None)
    return states, {date.fromisoformat(day): failure for day, failure in known.failures.items()}


def unnamed(lake: Lake, table: str, day: date | None = None) -> Iterator[str]:
    """Keys of partitions' objects, of all days or one, that no state names: left by who died or was held back."""
    named = {part.key for day, state in recorded(lake, table).items() for part in parts_of(table, day, state)}
    below = f"lake/{table}" if day is None else day_folder(table, day)
    of_partition = re.compile(rf"lake/{table}/day=[^/]+/part[^/]*\.parquet")
    yield from (key for key in lake.keys(below) if of_partition.fullmatch(key) and key not in named)


def published_days(lake: Lake, table: str) -> list[date]:
    """Days of `table` that have a partition, in order."""
    return sorted(read_states(lake, table)[0])


def scan_days(lake: Lake, table: str, days: Iterable[date]) -> pl.LazyFrame:
    """The rows of the published partitions of `days`; days without a partition add none."""
    return scan_known(lake, table, read_states(lake, table)[0], days)


def scan_known(lake: Lake, table: str, states: Mapping[date, DayState], days: Iterable[date]) -> pl.LazyFrame:
    """The rows of the partitions of `days` that `states` tell of; days without a state add none."""
    parts = (part for day in days if day in states for part in parts_of(table, day, states[day]))
    return lake.scan(TABLES[table], [part.key for part in parts])


def recorded(lake: Lake, table: str) -> dict[date, DayState]:
    """States of the days of the table that were published, whether their objects are still there or not."""
    return {date.fromisoformat(day): state for day, state in sorted(_known(lake, table).states.items())}


def read_state(lake: Lake, table: str, day: date) -> DayState | None:
    """State of one day; None if it was never published, or an object of it is gone."""
    state = _known(lake, table).states.get(day.isoformat())
    return None if state is None or lake.lost(part.key for part in parts_of(table, day, state)) else state


def write_state(lake: Lake, table: str, day: date, state: DayState) -> None:
    """Record what the partition just published was made from; written after it, so a crash means: compute again.

    To be called under the lock of the home: the month is read, changed and replaced.
    """
    known = _known(lake, table)
    known.states[day.isoformat()] = state
    known.failures.pop(day.isoformat(), None)
    _write_month(lake, table, day, known)


def write_failure(lake: Lake, table: str, day: date, failure: DayFailure) -> None:
    """Record, under the lock of the home, that the day's gate held it back with these inputs."""
    known = _known(lake, table)
    known.failures[day.isoformat()] = failure
    _write_month(lake, table, day, known)


def _known(lake: Lake, table: str) -> MonthStates:
    """All months of the table in one."""
    known, doubtful = MonthStates({}, {}), set[str]()
    # `day=` comes before `month=`. Where both tell of a day, an earlier release was there in between, or somebody died.
    for key, each in read_folder(lake, _folder(table), _kind_of).items():
        day = key.rpartition("day=")[2][:10]
        if isinstance(each, MonthStates):
            doubtful |= {day for day, state in each.states.items() if known.states.get(day, state) != state}
            known.states.update(each.states)
            known.failures.update(each.failures)
        elif isinstance(each, DayState):
            known.states[day] = each
        else:
            known.failures[day] = each
    for day in doubtful:
        del known.states[day]
    return known


def _write_month(lake: Lake, table: str, day: date, known: MonthStates) -> None:
    month = f"{day:%Y-%m}"
    own = MonthStates(
        {each: state for each, state in known.states.items() if each.startswith(month)},
        {each: failure for each, failure in known.failures.items() if each.startswith(month)},
    )
    key = _month_key(table, day)
    before = lake.read_before[_folder(table)].get(key)
    write_sealed(lake, key, own, before[0] if before else None)
    for key in lake.stamps(_folder(table)):
        if _kind_of(key) in {DayState, DayFailure} and f"day={month}" in key:
            lake.delete(key)
