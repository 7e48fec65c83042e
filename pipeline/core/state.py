"""Which days are dirty: pure decisions over hashes (docs/design.md, "The way of one event").

A day of a table is dirty when the hash of its inputs differs from the hash that it was published with. Work is
reconciled from what lies there, never passed on as messages, so a lost run loses nothing.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

import msgspec

from pipeline.core.contract import Table
from pipeline.core.days import ONE_DAY
from pipeline.core.product import Product

RAW = "raw_events"
# Recorded rrweb events; like raw events they lie in objects that manifests name.
RECORDED = "raw_recordings"
# Not tables but resolutions of a day, made from all days of the tables named (pipeline/events/resolutions.py).
IDENTITY = "identity"
REPEATS = "repeats"
RESOLUTIONS: dict[str, tuple[str, ...]] = {
    IDENTITY: ("identity_events", "appearances"),
    REPEATS: ("event_ids",),
}


class DayState(msgspec.Struct, frozen=True):
    """What a partition was made from, and what it is.

    `facts` are counts that the batch profile showed, `judged` by which limits its gate judged them. `parts` are the hashes of
    the objects of a large day, by ranges of people in order; without any the partition is one object, of `output_hash`.
    """

    input_hash: str
    output_hash: str
    rows: int
    facts: dict[str, int | float | None] = {}
    judged: str = ""
    parts: tuple[str, ...] = ()


class DayFailure(msgspec.Struct, frozen=True):
    """A day that its gate held back: with which inputs, judged by which limits, and why."""

    input_hash: str
    reasons: list[str]
    judged: str = ""


class Reads(NamedTuple):
    """A table that a day is computed from, and the offsets of the days that are read of it."""

    table: str
    offsets: tuple[int, ...] = (0,)


@dataclass(frozen=True)
class DayInputs:
    """Which table a day belongs to and all that its content depends on, as far as it was decided by us."""

    contract: Table
    reads: tuple[Reads, ...]
    sections: tuple[str, ...]
    code_version: str
    # The table exists only where one of these sections is filled (pipeline/build/configured.py).
    needs: tuple[str, ...] = field(default=(), kw_only=True)
    # Sections with the limits of its gate: where they change its days are judged anew, not computed.
    judged_by: tuple[str, ...] = field(default=(), kw_only=True)


@dataclass
class Snapshot:
    """What lies in the home: raw objects by day, per table the states and failures by day; `files` hashes the manifests."""

    raw: dict[date, dict[str, int]]
    states: dict[str, dict[date, DayState]]
    failures: dict[str, dict[date, DayFailure]] = field(default_factory=dict)
    resolutions: dict[str, dict[date, str]] = field(default_factory=dict)
    files: str = ""
    recorded: dict[date, dict[str, int]] = field(default_factory=dict)
    wholly_rejected: dict[date, set[str]] = field(default_factory=dict[date, set[str]])
    # sha256 of raw objects, where the manifest tells it.
    sha256: Mapping[str, str] = field(default_factory=dict)

    def data_days(self, table: str = "events") -> list[date]:
        """All days from the first with raw events to the newest that is published of `table`; none without either.

        The last is data_end of docs/definitions/rules.md, "Maturity": events dated ahead lie in days that aren't over, and open none.
        """
        published = self.states.get(table, {}).keys() & self.raw.keys()
        if not published:
            return []
        first, last = min(self.raw), max(published)
        return [first + ONE_DAY * i for i in range((last - first).days + 1)]

    def output(self, table: str, day: date) -> str:
        """Hash of what a reader of that day finds: of objects for raw events, of bytes for tables, or a resolution."""
        if table in (RAW, RECORDED):
            keys = (self.raw if table == RAW else self.recorded).get(day, {})
            hashed = sorted(f"{key}:{self.sha256[key]}" if key in self.sha256 else key for key in keys)
            # The gate looks at files without an accepted record too.
            return hash_texts([*hashed, *sorted(self.wholly_rejected.get(day, ()) if table == RAW else ())])
        if table in RESOLUTIONS:
            return self.resolutions.get(table, {}).get(day, "")
        state = self.states.get(table, {}).get(day)
        return state.output_hash if state else ""


@dataclass(frozen=True)
class Dirty:
    """Days to compute per table, those held back with just these inputs, and what changed (old > new input hash)."""

    days: dict[str, set[date]]
    failed: dict[str, dict[date, DayFailure]]
    changes: dict[tuple[str, date], str]

    def version(self, first: date, last: date) -> str:
        """A hash of what is to be computed from `first` to `last`: other inputs are other work."""
        inside = sorted((*key, change) for key, change in self.changes.items() if first <= key[1] <= last)
        return hash_texts([f"{table}:{day}:{change}" for table, day, change in inside])

    def tables(self, first: date, last: date) -> list[str]:
        """Tables with a day to compute from `first` to `last`, in upstream order."""
        return [name for name, days in self.days.items() if any(first <= day <= last for day in days)]

    @property
    def runnable(self) -> set[date]:
        """Days with something to compute that isn't known to fail."""
        held = {day for failures in self.failed.values() for day in failures}
        return {day for days in self.days.values() for day in days} - held

    @property
    def held_back(self) -> set[date]:
        """Days on which a gate failed with the inputs that lie there now."""
        return {day for failures in self.failed.values() for day in failures}


def input_hash(table: DayInputs, day: date, product: Product, snapshot: Snapshot, sections: str = "") -> str:
    """Hash of everything that the day's content depends on; `sections` spares hashing the product file's for each day."""
    read = [
        f"{source}:{offset}:{snapshot.output(source, day + ONE_DAY * offset)}"
        for source, offsets in table.reads
        for offset in offsets
    ]
    return hash_texts([table.code_version, table.contract.fingerprint, sections or _sections(table, product), *read])


def limits_of(table: DayInputs, product: Product) -> str:
    """By which limits the gate judges the table now; empty where nobody set any."""
    unset = product.section_hash()
    now = product.section_hash(*table.judged_by)
    return "" if now == unset else now


def _sections(table: DayInputs, product: Product) -> str:
    return product.section_hash("time", *table.sections)


def dirty_days(
    tables: Sequence[DayInputs],
    product: Product,
    snapshot: Snapshot,
    exists: Callable[[date], bool] = lambda _day: True,
) -> Dirty:
    """Decide which days of which tables must be computed, upstream first.

    A day is dirty when its inputs changed, when its object is missing, or when it reads a dirty day. Days without raw
    events need no partition, but one that lost them all is computed again. `exists` tells which days are over: others
    wait.
    """
    dirty: dict[str, set[date]] = {}
    failed: dict[str, dict[date, DayFailure]] = {}
    # Days that will change: a held back day is dirty too, but its readers see what is published, which stays.
    changing: dict[str, set[date]] = {}
    # Nothing of a day is computed while a table of it is held back.
    blocked: set[date] = set()
    changes: dict[tuple[str, date], str] = {}
    for table in tables:
        name = table.contract.name
        states = snapshot.states.get(name, {})
        days = [day for day in sorted({*snapshot.raw, *states}) if exists(day)]
        sections = _sections(table, product)
        inputs = {day: input_hash(table, day, product, snapshot, sections) for day in days}
        moving = {day for day in days if _reads_changing(table, day, changing)}
        limits = limits_of(table, product)
        computed = moving | {day for day in days if day not in states or states[day].input_hash != inputs[day]}
        dirty[name] = computed | {day for day in days if day in states and states[day].judged != limits}
        failures = snapshot.failures.get(name, {})
        still = (dirty[name] - moving) & set(failures)
        held = {
            day: failures[day]
            for day in still
            if (failures[day].input_hash, failures[day].judged) == (inputs[day], limits)
        }
        if held:
            failed[name] = held
        blocked |= set(held)
        # What is only judged anew stays what it is.
        changing[name] = computed - blocked
        before = {day: states[day].input_hash if day in states else "" for day in dirty[name]}
        changes |= {(name, day): f"{before[day]}>{inputs[day]}{limits}" for day in dirty[name]}
    return Dirty(dirty, failed, changes)


def _reads_changing(table: DayInputs, day: date, changing: Mapping[str, set[date]]) -> bool:
    return any(
        day + ONE_DAY * offset in changing.get(source, set()) for source, offsets in table.reads for offset in offsets
    )


def hash_texts(parts: Sequence[str]) -> str:
    """A short hash of texts in order."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
