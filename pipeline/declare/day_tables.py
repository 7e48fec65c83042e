"""Tables with a partition per local day: what a day is computed from, and by which function."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property, partial
from typing import Any

import polars as pl

from pipeline.core.days import ONE_DAY
from pipeline.core.engine import HERE, Engine
from pipeline.core.keys import day_folder
from pipeline.core.lake import DamagedObject, Lake
from pipeline.core.product import Product
from pipeline.core.product_declared import DeclaredProduct, UndeclaredError
from pipeline.core.registry import TABLES
from pipeline.core.scratch import Scratch
from pipeline.core.state import IDENTITY, RAW, RECORDED, REPEATS, DayInputs, Snapshot
from pipeline.core.states import parts_of
from pipeline.events.identity import Identities
from pipeline.events.profile import Facts
from pipeline.events.resolutions import Resolutions
from pipeline.ingest.manifests import Manifest
from pipeline.ingest.promoted import with_promoted
from pipeline.stats.buckets import added_up, key_range

# Of the largest table that a day is computed from; a day of more is computed in ranges of people, so that memory doesn't
# grow with it.
RANGE_ROWS = 131_072
# So many ranges make a part: an object of its own, which any process may make.
RANGES_PER_PART = 16
# Landing files are read into objects of at most so many rows; of small ones as many are read together.
_GROUP_ROWS = 1_000_000


@dataclass(frozen=True)
class Built:
    """A computed day, or a range of it: its rows, counts of its making for the batch profile, and objects that its rows name.

    Of `ids` it is told over all ranges how many repeat.
    """

    frame: pl.DataFrame
    facts: Facts = field(default_factory=dict)
    objects: tuple[str, ...] = ()
    ids: pl.Series | None = None


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
    # Only these people are asked for: range `n` of so many.
    people: tuple[int, int] | None = None
    # Only this part of the day is made: `n` of so many.
    part: tuple[int, int] = (0, 1)
    # How many ranges the day is computed in, where that is settled already.
    cut: int = 0
    # What the table looked up of the whole day (`DayTable.told`), and the sums of its ranges (`DayTable.sums`).
    told: Any = None
    summed: Sequence[Any] = ()
    # For what is looked up of a day that doesn't fit into memory.
    on: Engine = HERE
    scratch: Scratch | None = None

    @cached_property
    def product(self) -> Product:
        """The sections of the product file that the table declares."""
        return DeclaredProduct.of(self.whole, "time", *self.table.sections)

    def scan(self, table: str, offsets: Iterable[int] = (0,)) -> pl.LazyFrame:
        """Rows of `table` for the days at `offsets` from this one, of the people asked for."""
        rows = self._scan(table, offsets)
        return rows if self.people is None else rows.filter(_is_in_range(*self.people))

    def _scan(self, table: str, offsets: Iterable[int]) -> pl.LazyFrame:
        days = [self.day + ONE_DAY * offset for offset in self._declared(table, tuple(offsets))]
        if table in (RAW, RECORDED):
            return scan_checked(self.lake, table, self._objects(table, days))
        if table not in self.snapshot.states:
            # What isn't configured any more may still lie there.
            return TABLES[table].schema.to_frame().lazy()
        rows = scan_checked(self.lake, table, self._parts(table, days))
        return with_promoted(rows, self.whole) if TABLES[table].product_columns else rows

    @property
    def rows(self) -> int:
        """Rows of the largest table that the day is computed from."""
        snapshot, day = self.snapshot, self.day
        read = [snapshot.states[name][day].rows for name, _ in self.table.reads if day in snapshot.states.get(name, {})]
        return max([sum(snapshot.raw.get(day, {}).values()) if self._reads(RAW) else 0, *read])

    @property
    def ranges(self) -> int:
        """How many ranges of people the day is computed in: a power of two that follows from what lies there alone."""
        return self.cut or 1 << max(0, (self.rows - 1) // RANGE_ROWS).bit_length()

    @property
    def parts(self) -> int:
        """How many parts a day has that is made in parts: of so many ranges each."""
        return max(1, self.ranges // RANGES_PER_PART)

    @property
    def places(self) -> int:
        """In how many places rows wait that are dealt out: fewer than ranges, for each is written in as many files."""
        return min(self.ranges, max(RANGES_PER_PART, 4 * self.parts))

    def in_ranges(self) -> Iterator["Sources"]:
        """The same for each range of people of the part."""
        n, parts = self.part
        number = self.ranges
        each = max(1, number // parts)
        for place in range(n * each, (n + 1) * each):
            yield self if number == 1 else replace(self, people=(place, number))

    def _reads(self, table: str) -> bool:
        return any(reads.table == table for reads in self.table.reads)

    def scan_objects(self, table: str) -> list[list[Callable[[], pl.LazyFrame]]]:
        """What reads the day's objects that landing files were read into, in groups of about a million rows."""
        self._declared(table, (0,))
        rows = (self.snapshot.raw if table == RAW else self.snapshot.recorded).get(self.day, {})
        groups: list[list[Callable[[], pl.LazyFrame]]] = []
        held = _GROUP_ROWS
        for key, sha256 in self._objects(table, [self.day]):
            if held >= _GROUP_ROWS:
                groups.append([])
                held = 0
            groups[-1].append(partial(scan_checked, self.lake, table, [(key, sha256)]))
            held += rows[key]
        return groups

    def _objects(self, table: str, days: Iterable[date]) -> list[tuple[str, str]]:
        """Keys and hashes of the objects of raw rows of `days`."""
        objects = self.snapshot.raw if table == RAW else self.snapshot.recorded
        keys = sorted({key for day in days for key in objects.get(day, {})})
        return [(key, self.snapshot.sha256.get(key, "")) for key in keys]

    def _declared(self, table: str, offsets: tuple[int, ...]) -> tuple[int, ...]:
        known = {offset for reads in self.table.reads if reads.table == table for offset in reads.offsets}
        if lacking := set(offsets) - known:
            name = self.table.contract.name
            raise UndeclaredError(
                f"{name} reads {table} at {sorted(lacking)} but doesn't declare it; add it to its `Reads`"
            )
        return offsets

    def _parts(self, table: str, days: Iterable[date]) -> Iterator[tuple[str, str]]:
        """Objects of the partitions, of large days those that hold people asked for, with their hashes."""
        states, is_by_person = self.snapshot.states[table], TABLES[table].order[0] == "person_key"
        for day in days:
            if day in states:
                parts = parts_of(table, day, states[day])
                yield from (part for n, part in enumerate(parts) if not is_by_person or self._may_hold(n, len(parts)))
            elif key := next(self.lake.keys(day_folder(table, day)), None):
                raise DamagedObject(f"{key} isn't known to be whole, for its state is lost; run `footfall run` again")

    def _may_hold(self, n: int, number: int) -> bool:
        """Whether part `n` of so many holds people asked for."""
        if self.people is None:
            return True
        place, ranges = self.people
        return n * ranges < (place + 1) * number and place * number < (n + 1) * ranges

    @property
    def repeated(self) -> pl.DataFrame:
        """(source, event_id) of the day's ids that came on an earlier day."""
        self._declared(REPEATS, (0,))
        self._of_whole_day()
        if self.snapshot.output(REPEATS, self.day):
            return self.resolutions.repeated(self.day)
        return pl.DataFrame(schema={"source": pl.String, "event_id": pl.String})

    @property
    def identities(self) -> Identities:
        """Who is who by all that was linked; a day depends on what it says about it alone."""
        self._declared(IDENTITY, (0,))
        self._of_whole_day()
        return self.resolutions.identities

    def _of_whole_day(self) -> None:
        if self.part != (0, 1):
            raise UndeclaredError(f"a part of {self.table.contract.name} doesn't know it; look it up in `told`")


def scan_checked(lake: Lake, table: str, objects: Iterable[tuple[str, str]]) -> pl.LazyFrame:
    """Rows of objects by key and hash, each found to be what was written; raises DamagedObject."""
    known = list(objects)
    lake.fetch(key for key, _ in known)
    for key, sha256 in known:
        lake.check(key, sha256)
    return lake.scan(TABLES[table], [key for key, _ in known])


@dataclass(frozen=True)
class DayTable(DayInputs):
    """A table with a partition per local day, and the function that computes one.

    `by_person`: a row follows from rows of one person, so a large day is computed range by range of people. `by_part`: the
    function itself makes the part of the day that it is asked for. What must be known of the whole day is `told` first, and
    what is summed over ranges of people is given by `sums`: `compute` then finds it in `Sources.told` and `Sources.summed`.
    `closing` are counts of the whole day, once those of its parts are known.
    """

    compute: Callable[[Sources], Built | Iterator[Built]] = field(kw_only=True)
    by_person: bool = field(default=False, kw_only=True)
    by_part: bool = field(default=False, kw_only=True)
    told: Callable[[Sources], Any] | None = field(default=None, kw_only=True)
    sums: Callable[[Sources], Any] | None = field(default=None, kw_only=True)
    closing: Callable[[Sources, Facts, Sequence[pl.Series]], Facts] | None = field(default=None, kw_only=True)

    @property
    def parts_follow(self) -> bool:
        """Whether parts of a day follow each other in the table's order: it begins with what they are cut by."""
        return self.contract.order[0] in {"person_key", "id_hash"}

    def parts(self, sources: Sources) -> int:
        """How many parts a day is made in, by whatever process."""
        return sources.parts if self.by_person or self.by_part or self.sums else 1

    def summed(self, sources: Sources) -> list[Any]:
        """The sums of the ranges of a part."""
        return [] if self.sums is None else [self.sums(each) for each in sources.in_ranges()]

    def prepared(self, sources: Sources) -> Sources:
        """The sources of a day that is one part, with all that is looked up and summed before it is computed."""
        ready = replace(sources, told=self.told(sources) if self.told else None)
        return replace(ready, summed=self.summed(ready))

    def built(self, sources: Sources) -> Iterator[Built]:
        """A part of the day, range by range, at least one. With `parts_follow` they stand in the table's order, one after the other."""
        for each in sources.in_ranges() if self.by_person else [sources]:
            result = self.compute(each)
            yield from (result,) if isinstance(result, Built) else result


def added(s: Sources) -> Built:
    """A day whose rows are the sums of its ranges of people, added up by the table's key."""
    table = s.table.contract
    return Built(table.conform(added_up(s.summed, table.key)))


def _is_in_range(n: int, number: int) -> pl.Expr:
    """Whether a row's person lies in the range number `n`; nobody stands in the last one, as in a table's order."""
    inside = key_range(n, number)
    return inside | pl.col("person_key").is_null() if n == number - 1 else inside
