"""How a table is declared: what it is computed from and by which function (docs/decisions/0030).

A function receives what its table declares and nothing else, so hashes, edges and provenance follow from the declaration.
A domain is a package below `pipeline/domains` with a `contract` (its tables) and a `domain` (`DOMAIN`: what they are computed
from). Raise `code_version` of a table when its numbers change: it is then computed anew everywhere.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Literal, Protocol

import polars as pl

from pipeline.core.contract import Table
from pipeline.core.days import ONE_DAY
from pipeline.core.lake import DamagedObject, Lake, day_key, period_key
from pipeline.core.product import Product
from pipeline.core.product_declared import DeclaredProduct, UndeclaredError
from pipeline.core.registry import TABLES
from pipeline.core.sealed import read_inputs, read_sum
from pipeline.core.state import IDENTITY, RAW, RECORDED, REPEATS, DayFailure, DayInputs, Snapshot, hash_texts
from pipeline.events.identity import Identities
from pipeline.events.problem import Known, Problem
from pipeline.events.profile import Facts
from pipeline.events.resolutions import IDENTITY_VERSION, Resolutions
from pipeline.ingest.manifests import Manifest
from pipeline.ingest.promoted import with_promoted


@dataclass(frozen=True)
class Built:
    """A computed day: its rows, counts of its making for the batch profile, and keys of the objects that its rows name."""

    frame: pl.DataFrame
    facts: Facts = field(default_factory=dict)
    objects: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sources:
    """What a day of `table` is computed from: what the table declares, and nothing else.

    Asking for another table, day or section of the product file raises UndeclaredError.
    """

    lake: Lake
    whole: Product
    snapshot: Snapshot
    manifests: Mapping[str, Manifest]
    resolutions: Resolutions
    day: date
    table: "DayTable"

    @cached_property
    def product(self) -> Product:
        """The sections of the product file that the table declares."""
        return DeclaredProduct.of(self.whole, "time", *self.table.sections)

    def scan(self, table: str, offsets: Iterable[int] = (0,)) -> pl.LazyFrame:
        """Rows of `table` for the days at `offsets` from this one."""
        days = [self.day + ONE_DAY * offset for offset in self._declared(table, tuple(offsets))]
        if table in (RAW, RECORDED):
            objects = self.snapshot.raw if table == RAW else self.snapshot.recorded
            keys = sorted({key for day in days for key in objects.get(day, {})})
            for key in keys:
                self.lake.check(key, self.snapshot.sha256.get(key, ""))
            return self.lake.scan(TABLES[table], keys)
        if table not in self.snapshot.states:
            # What isn't configured any more may still lie there.
            return TABLES[table].schema.to_frame().lazy()
        self._check(table, days)
        rows = self.lake.scan_days(table, days)
        return with_promoted(rows, self.whole) if TABLES[table].product_columns else rows

    def _declared(self, table: str, offsets: tuple[int, ...]) -> tuple[int, ...]:
        known = {offset for reads in self.table.reads if reads.table == table for offset in reads.offsets}
        if lacking := set(offsets) - known:
            name = self.table.contract.name
            raise UndeclaredError(
                f"{name} reads {table} at {sorted(lacking)} but doesn't declare it; add it to its `Reads`"
            )
        return offsets

    def _check(self, table: str, days: Iterable[date]) -> None:
        """Raise DamagedObject where a partition isn't the one that its state tells of."""
        states = self.snapshot.states[table]
        for day in days:
            key = day_key(table, day)
            if day in states:
                self.lake.check(key, states[day].output_hash)
            elif self.lake.exists(key):
                raise DamagedObject(f"{key} isn't known to be whole, for its state is lost; run `footfall run` again")

    @property
    def repeated(self) -> pl.DataFrame:
        """(source, event_id) of the day's ids that came on an earlier day."""
        self._declared(REPEATS, (0,))
        if self.snapshot.output(REPEATS, self.day):
            return self.resolutions.repeated(self.day)
        return pl.DataFrame(schema={"source": pl.String, "event_id": pl.String})

    @property
    def identities(self) -> Identities:
        """Who is who by all that was linked; a day depends on what it says about it alone."""
        self._declared(IDENTITY, (0,))
        return self.resolutions.identities


@dataclass(frozen=True)
class DayTable(DayInputs):
    """A table with a partition per local day, and the function that computes one."""

    compute: Callable[[Sources], Built] = field(kw_only=True)


class Context(Protocol):
    """What lies in the home when period tables begin to be made (pipeline/build/compute.py, `BuildContext`)."""

    manifests: Mapping[str, Manifest]
    snapshot: Snapshot
    resolutions: Resolutions
    held_back: Mapping[str, Mapping[date, DayFailure]]
    # Names of all tables that the home has.
    tables: frozenset[str]
    # What is wrong with models and small tables of the team's own, by file.
    model_faults: Mapping[str, str]


# What besides days of tables a period table may be made from: landing files, links between devices and users, days that a
# gate holds back, the counts that the state of each day of `reads` holds, and what is wrong with the team's own models.
Also = Literal["files", "links", "held_back", "facts", "models"]


@dataclass(frozen=True)
class PeriodTable:
    """A table without partitions, computed over all days with data of the daily table that it reads.

    `inputs` are further daily tables, read over the same days, and period tables of other domains; `sections` what it
    reads of the product file besides time. Nothing else can be read, and when any of it changes the table is computed anew.
    """

    contract: Table
    reads: str
    compute: Callable[["PeriodSources"], pl.DataFrame]
    code_version: str = "1"
    inputs: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()
    # Besides what `reads` needs: the table exists only where one of these sections is filled (pipeline/build/configured.py).
    needs: tuple[str, ...] = ()
    also: tuple[Also, ...] = ()

    @property
    def periods(self) -> tuple[str, ...]:
        """The period tables that it reads."""
        return tuple(name for name in self.inputs if TABLES[name].layer == "period")

    def input_hash(self, lake: Lake, product: Product, context: Context) -> str:
        """Hash of all that the table is made from, of other period tables as they lie there."""
        snapshot = context.snapshot
        days = snapshot.data_days(self.reads)
        # A day without events is known to be empty; one that is held back isn't known at all.
        read = [
            f"{name}:{day}:{snapshot.output(name, day)}:{day in snapshot.raw}"
            for name in (self.reads, *self.inputs)
            if TABLES[name].layer != "period"
            for day in days
        ]
        read += [f"{name}:{read_inputs(lake, period_key(name))}" for name in self.periods if name in context.tables]
        also = [f"{name}:{_VERSIONS[name](context, self.reads)}" for name in self.also]
        section_hash = product.section_hash("time", *self.sections)
        return hash_texts([self.code_version, self.contract.fingerprint, section_hash, *read, *also])


def _links(context: Context, _table: str) -> str:
    states = context.snapshot.states.get("identity_events", {})
    return hash_texts([IDENTITY_VERSION, *(f"{day}:{states[day].output_hash}" for day in sorted(states))])


def _held(context: Context, _table: str) -> str:
    held = context.held_back
    return hash_texts(sorted(f"{name}:{day}:{held[name][day].input_hash}" for name in held for day in held[name]))


def _facts(context: Context, table: str) -> str:
    states = context.snapshot.states.get(table, {})
    # Counts follow from what a day was made from, not from the rows that came out.
    counted = [f"{day}:{states[day].input_hash}" for day in sorted(states)]
    return hash_texts([*map(str, context.snapshot.data_days()), ">", *counted])


_VERSIONS: dict[Also, Callable[[Context, str], str]] = {
    "files": lambda context, _table: context.snapshot.files,
    "links": _links,
    "held_back": _held,
    "facts": _facts,
    "models": lambda context, _table: hash_texts([*context.model_faults, *context.model_faults.values()]),
}


@dataclass(frozen=True)
class PeriodSources:
    """What a period table is computed from over `days`: what it declares; asking for more raises UndeclaredError."""

    lake: Lake
    whole: Product
    context: Context
    days: list[date]
    table: PeriodTable

    @cached_property
    def product(self) -> Product:
        """The sections of the product file that the table declares."""
        return DeclaredProduct.of(self.whole, "time", *self.table.sections)

    @property
    def rows(self) -> pl.LazyFrame:
        """The table's own daily rows over all days."""
        return self.scan(self.table.reads)

    def scan(self, table: str, first: date = date.min, last: date = date.max) -> pl.LazyFrame:
        """Rows of a daily table over the days, or those from `first` to `last`: only their files are looked at."""
        self._declared(table, (self.table.reads, *self.table.inputs))
        if table not in self.context.tables:
            # What isn't configured any more may still lie there.
            return TABLES[table].schema.to_frame().lazy()
        if TABLES[table].layer == "period":
            if not self.lake.exists(period_key(table)):
                raise DamagedObject(f"{table} isn't published yet; run `footfall run`")
            self.lake.check(period_key(table), read_sum(self.lake, period_key(table)) or "")
            return self.lake.scan(TABLES[table], [period_key(table)])
        return self.lake.scan_days(table, [day for day in self.days if first <= day <= last])

    @property
    def manifests(self) -> Sequence[Manifest]:
        """What became of each landing file."""
        self._declared("files", self.table.also)
        return list(self.context.manifests.values())

    @property
    def identities(self) -> Identities:
        """Who is who, by all links."""
        self._declared("links", self.table.also)
        return self.context.resolutions.identities

    @property
    def held_back(self) -> Mapping[str, Mapping[date, DayFailure]]:
        """Days that a gate holds back, by table."""
        self._declared("held_back", self.table.also)
        return self.context.held_back

    @property
    def model_faults(self) -> Mapping[str, str]:
        """What is wrong with models and small tables of the team's own, by file."""
        self._declared("models", self.table.also)
        return self.context.model_faults

    @property
    def facts(self) -> dict[date, Facts]:
        """Counts that the state of each day of the table that it reads holds."""
        self._declared("facts", self.table.also)
        return {day: state.facts for day, state in self.context.snapshot.states.get(self.table.reads, {}).items()}

    @property
    def data_days(self) -> list[date]:
        """All days from the first with events to the newest, those that a gate holds back among them."""
        self._declared("facts", self.table.also)
        return self.context.snapshot.data_days()

    def _declared(self, name: str, known: Sequence[str]) -> None:
        if name not in known:
            raise UndeclaredError(
                f"{self.table.contract.name} reads {name} but doesn't declare it; add it to its declaration"
            )


def own_rows(
    compute: Callable[[pl.LazyFrame, list[date], Product], pl.DataFrame],
) -> Callable[[PeriodSources], pl.DataFrame]:
    """What most period tables are computed from: their own daily rows, the days and the product file."""
    return lambda s: compute(s.rows, s.days, s.product)


@dataclass(frozen=True)
class Domain:
    """A domain: what its daily and period tables are computed from, and how it finds problems with its own data."""

    day_tables: tuple[DayTable, ...] = ()
    period_tables: tuple[PeriodTable, ...] = ()
    problems: Callable[[Known], Iterator[Problem]] | None = None
