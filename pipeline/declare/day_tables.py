"""Tables with a partition per local day: what a day is computed from, and by which function."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

import polars as pl

from pipeline.core.days import ONE_DAY
from pipeline.core.lake import DamagedObject, Lake, day_key
from pipeline.core.product import Product
from pipeline.core.product_declared import DeclaredProduct, UndeclaredError
from pipeline.core.registry import TABLES
from pipeline.core.state import IDENTITY, RAW, RECORDED, REPEATS, DayInputs, Snapshot
from pipeline.events.identity import Identities
from pipeline.events.profile import Facts
from pipeline.events.resolutions import Resolutions
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
