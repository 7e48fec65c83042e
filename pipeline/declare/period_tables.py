"""Tables over all days: what they are computed from, by which function, and what of it is kept from run to run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Literal, Protocol

import polars as pl

from pipeline.core.contract import Table
from pipeline.core.kept import keep, recall
from pipeline.core.keys import period_key
from pipeline.core.lake import DamagedObject, Lake
from pipeline.core.product import Product
from pipeline.core.product_declared import DeclaredProduct, UndeclaredError
from pipeline.core.registry import TABLES
from pipeline.core.sealed import read_inputs, read_sum
from pipeline.core.state import DayFailure, Snapshot, hash_texts
from pipeline.core.states import scan_known
from pipeline.events.identity import Identities
from pipeline.events.profile import Facts
from pipeline.events.resolutions import IDENTITY_VERSION, Resolutions
from pipeline.ingest.manifests import Manifest


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

    def input_hash(self, lake: Lake, product: Product, context: Context, days: Sequence[date] | None = None) -> str:
        """Hash of all that the table is made from, of other period tables as they lie there; or of what `days` add to it."""
        snapshot = context.snapshot
        days = snapshot.data_days(self.reads) if days is None else days
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
    # Names of the kept parts that were asked for; the others are removed when the table is published.
    asked: set[str] = field(default_factory=set[str])

    @cached_property
    def product(self) -> Product:
        """The sections of the product file that the table declares."""
        return DeclaredProduct.of(self.whole, "time", *self.table.sections)

    def within(self, first: date, last: date) -> "PeriodSources":
        """The same of the days from `first` to `last`, and no others."""
        return replace(self, days=[day for day in self.days if first <= day <= last])

    def recall(self, part: str) -> pl.DataFrame | None:
        """What was kept as `part` of just these days; None if nothing was, or anything of them changed."""
        name = self._part(part)
        result = recall(self.lake, self.table.contract.name, name)
        if result is not None:
            self.asked.add(name)
        return result

    def keep(self, part: str, frame: pl.DataFrame) -> None:
        """Keep `frame`, which these days give, as `part` for the next run."""
        name = self._part(part)
        self.asked.add(name)
        keep(self.lake, self.table.contract.name, name, frame)

    def once(self, part: str, compute: Callable[["PeriodSources"], pl.DataFrame]) -> pl.DataFrame:
        """What `compute` gives of these days, computed once for as long as nothing of them changes."""
        result = self.recall(part)
        if result is None:
            result = compute(self)
            self.keep(part, result)
        return result

    def _part(self, part: str) -> str:
        return hash_texts([part, self.table.input_hash(self.lake, self.whole, self.context, self.days)])

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
        return scan_known(
            self.lake,
            table,
            self.context.snapshot.states.get(table, {}),
            [day for day in self.days if first <= day <= last],
        )

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
