"""Tables with a partition per local day: what a day is computed from, and by which function."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
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
from pipeline.stats.buckets import key_range

# Of the largest table that a day is computed from; a day of more is computed in ranges of people, so that memory doesn't
# grow with it.
RANGE_ROWS = 131_072


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
    # Only these people are asked for.
    people: pl.Expr | None = None

    @cached_property
    def product(self) -> Product:
        """The sections of the product file that the table declares."""
        return DeclaredProduct.of(self.whole, "time", *self.table.sections)

    def scan(self, table: str, offsets: Iterable[int] = (0,)) -> pl.LazyFrame:
        """Rows of `table` for the days at `offsets` from this one, of the people asked for."""
        rows = self._scan(table, offsets)
        return rows if self.people is None else rows.filter(self.people)

    def _scan(self, table: str, offsets: Iterable[int]) -> pl.LazyFrame:
        days = [self.day + ONE_DAY * offset for offset in self._declared(table, tuple(offsets))]
        if table in (RAW, RECORDED):
            return self.lake.scan(TABLES[table], self._objects(table, days))
        if table not in self.snapshot.states:
            # What isn't configured any more may still lie there.
            return TABLES[table].schema.to_frame().lazy()
        self._check(table, days)
        rows = self.lake.scan_days(table, days)
        return with_promoted(rows, self.whole) if TABLES[table].product_columns else rows

    @property
    def ranges(self) -> int:
        """How many ranges of people the day is computed in: a power of two that follows from what lies there alone."""
        snapshot, day = self.snapshot, self.day
        read = [snapshot.states[name][day].rows for name, _ in self.table.reads if day in snapshot.states.get(name, {})]
        most = max([sum(snapshot.raw.get(day, {}).values()) if self._reads(RAW) else 0, *read])
        return 1 << max(0, (most - 1) // RANGE_ROWS).bit_length()

    @property
    def wide_ranges(self) -> int:
        """As many ranges for what must read the whole day for each of them: sixteen times as wide."""
        return max(1, self.ranges // 16)

    def in_ranges(self) -> Iterator["Sources"]:
        """The same for each range of people: for what is summed over them."""
        number = self.ranges
        for n in range(number):
            yield self if number == 1 else replace(self, people=_range_of_people(n, number))

    def _reads(self, table: str) -> bool:
        return any(reads.table == table for reads in self.table.reads)

    def scan_objects(self, table: str) -> list[pl.LazyFrame]:
        """Rows of the day's objects that landing files were read into, each by itself."""
        self._declared(table, (0,))
        return [self.lake.scan(TABLES[table], [key]) for key in self._objects(table, [self.day])]

    def _objects(self, table: str, days: Iterable[date]) -> list[str]:
        """Keys of the objects of raw rows of `days`, each found to be what was written."""
        objects = self.snapshot.raw if table == RAW else self.snapshot.recorded
        keys = sorted({key for day in days for key in objects.get(day, {})})
        for key in keys:
            self.lake.check(key, self.snapshot.sha256.get(key, ""))
        return keys

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
    """A table with a partition per local day, and the function that computes one.

    `by_person`: a row follows from rows of one person, so a large day is computed range by range of people. What must know
    something of the whole day first gives its parts itself (`Sources.in_ranges`).
    """

    compute: Callable[[Sources], Built | Iterator[Built]] = field(kw_only=True)
    by_person: bool = field(default=False, kw_only=True)

    @property
    def parts_follow(self) -> bool:
        """Whether parts of a day follow each other in the table's order: it begins with what ranges are cut by."""
        return self.contract.order[0] in {"person_key", "id_hash"}

    def built(self, sources: Sources) -> Iterator[Built]:
        """The day in parts, at least one. With `parts_follow` they stand in the table's order, one after the other."""
        for part in sources.in_ranges() if self.by_person else [sources]:
            result = self.compute(part)
            yield from (result,) if isinstance(result, Built) else result


def _range_of_people(n: int, number: int) -> pl.Expr:
    """Whether a row's person lies in the range number `n`; nobody stands in the last one, as in a table's order."""
    inside = key_range(n, number)
    return inside | pl.col("person_key").is_null() if n == number - 1 else inside
