"""What lies in a home at one moment, as a question sees it: the old days or the new, never a mix."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

import polars as pl

from pipeline.ask.question import Question, columns_of
from pipeline.ask.variants import PREFIX, named_experiments, variant_columns, variant_of
from pipeline.build.context import take_snapshot
from pipeline.build.today import Today, today_of
from pipeline.core.days import ONE_DAY
from pipeline.core.lake import Lake
from pipeline.core.product import Product
from pipeline.core.product_matches import Narrowed
from pipeline.core.registry import TABLES
from pipeline.core.state import Snapshot, hash_texts
from pipeline.core.states import Part, parts_of
from pipeline.declare.day_tables import scan_checked
from pipeline.events.askable import OF_EVENT, Booked, told_events
from pipeline.events.matching import column_of
from pipeline.ingest.promoted import with_promoted

_AROUND, _BOOKED = (-1, 0, 1), (-1, 0)
# What full events have besides, which the table `askable` leaves out.
EVERYTHING = ("events", "session_events", "sessions")
_IDS = ("anonymous_id", "user_id", "session_id", "page_view_id", "tab_id", "url")


class StoppedError(Exception):
    """Nobody waits for the answer any more, or it took too long."""


class Stop:
    """When to stop computing: once nobody waits, or after so many seconds."""

    def __init__(self, seconds: float = float("inf")) -> None:
        self._seconds, self._gone = seconds, threading.Event()
        self._until: float | None = None

    def set(self) -> None:
        """Nobody waits any more."""
        self._gone.set()

    @property
    def is_set(self) -> bool:
        """Whether nobody waits any more."""
        return self._gone.is_set()

    def check(self) -> None:
        """Raise StoppedError once it is time; asked between days. The time begins with the first look."""
        now = time.monotonic()
        if self._until is None:
            self._until = now + self._seconds
        if self._gone.is_set() or now > self._until or not self._seconds:
            raise StoppedError


class Cache:
    """Rows of days by what they were made of, for as long as they fit into so many bytes; shared by all questions."""

    def __init__(self, megabytes: int = 512) -> None:
        self._kept: OrderedDict[str, pl.DataFrame] = OrderedDict()
        self._limit, self._size, self._lock = megabytes << 20, 0, threading.Lock()

    def get(self, key: str, make: Callable[[], pl.DataFrame]) -> pl.DataFrame:
        """What is kept under `key`, else what `make` gives."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        frame = make()
        with self._lock:
            if key not in self._kept:
                self._kept[key] = frame
                self._size += frame.estimated_size()
            while self._size > self._limit and len(self._kept) > 1:
                self._size -= self._kept.popitem(last=False)[1].estimated_size()
        return frame


@dataclass
class Data:
    """The tables of a home as they lie there when a question is asked.

    Each object is looked at by its hash before it is read, and all once more when the answer is made (`verify`).
    """

    lake: Lake
    product: Product
    snapshot: Snapshot
    cache: Cache
    stop: Stop
    # Experiments whose variants are columns of the people's rows.
    experiments: tuple[str, ...] = ()
    # The provisional day: only what asks for it by its date counts it.
    today: Today | None = None
    asks_today: bool = False
    _read: set[Part] = field(default_factory=set[Part])

    @classmethod
    def of(
        cls, lake: Lake, product: Product, tables: Iterable[str], question: Question | None, cache: Cache, stop: Stop
    ) -> "Data":
        """What lies there now of `tables` and of `askable`; for no question all that one could ask for."""
        columns = columns_of(question) if question else variant_columns(product)
        last = max(span.last for span in question.spans.values()) if question else date.max
        experiments = named_experiments(columns, product)
        wanted = dict.fromkeys(("askable", *tables, *(["exposures"] if experiments else ())))
        snapshot, today = take_snapshot(lake, product, {}, wanted), today_of(lake, product)
        if today is not None:
            lake, snapshot = today.lake, today.added_to(snapshot)
        asks = today is not None and today.day <= last
        return cls(lake, product, snapshot, cache, stop, experiments, today, asks)

    @property
    def days(self) -> list[date]:
        """Local days that are over and can be asked about, in order."""
        states = self.snapshot.states.get("askable", {})
        today = self.today.day if self.today else None
        return sorted(day for day, state in states.items() if state.rows and day != today)

    @property
    def oldest(self) -> date:
        """The first day that can be asked about."""
        return [*self.days, *([self.today.day] if self.today else [])][0]

    @property
    def newest(self) -> date:
        """The newest day that is over, or the provisional one where none is."""
        return [*([self.today.day] if self.today else []), *self.days][-1]

    def since(self, first: date) -> list[date]:
        """Days that are over, from `first` on."""
        return [day for day in self.days if day >= first]

    def within(self, first: date, last: date) -> list[date]:
        """Those of the days that lie from `first` to `last`, the provisional one among them where the question asks for it."""
        today = [self.today.day] if self.today and self.asks_today else []
        return [day for day in (*self.days, *today) if first <= day <= last]

    def scan(self, table: str, days: Iterable[date]) -> pl.LazyFrame:
        """The rows of a daily table on `days`; days without a partition add none."""
        states = self.snapshot.states.get(table, {})
        # What nobody asked for by its date isn't looked at, though a visit goes on in it.
        left_out = self.today.day if self.today and not self.asks_today else None
        parts = [
            part for day in days if day in states and day != left_out for part in parts_of(table, day, states[day])
        ]
        self._read.update(parts)
        rows = scan_checked(self.lake, table, parts)
        return with_promoted(rows, self.product) if TABLES[table].product_columns else rows

    def with_variants(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Rows of people with the variants that the question names, as columns."""
        for name, variants in self._variants.items():
            column = column_of(PREFIX + name)
            own = variants.lazy().rename({"variant": column})
            rows = rows.join(own, on="person_key", how="left", maintain_order="left")
        return rows

    @cached_property
    def _variants(self) -> dict[str, pl.DataFrame]:
        met = {name: self.scan("exposures", self.days) for name in self.experiments}
        return {name: variant_of(rows, name, self.product.experiments[name]) for name, rows in met.items()}

    @cached_property
    def _variants_version(self) -> list[str]:
        return [f"{name}:{self.snapshot.output('exposures', day)}" for name in self.experiments for day in self.days]

    def events(self, day: date, *, everything: bool = False) -> pl.LazyFrame:
        """Events of people on `day` with all that is told of their visits; `everything`: each move, with ids and addresses."""
        if not everything:
            return self.with_variants(self.scan("askable", [day]))
        before = [day + ONE_DAY * offset for offset in _BOOKED]
        booked = Booked(self.scan("session_events", before), self.scan("sessions", before), self.product.team_surveys)
        return self.with_variants(told_events(self.scan("events", [day]), day, booked, (*OF_EVENT, *_IDS)))

    def around(self, day: date, people: pl.LazyFrame, narrowed: Narrowed) -> pl.LazyFrame:
        """Askable events of the day before, the day and the day after, in which the visits of the day are whole.

        These are the day's `people` themselves where no condition looks at other events of a visit.
        """
        if not narrowed.looks_around:
            return people
        return self.with_variants(self.scan("askable", [day + ONE_DAY * offset for offset in _AROUND]))

    def by_day(
        self,
        what: Sequence[object],
        days: Iterable[date],
        make: Callable[[date, pl.LazyFrame], pl.DataFrame],
        *,
        everything: bool,
        empty: pl.DataFrame,
    ) -> pl.DataFrame:
        """What `make` gives of each day and its events, one after the other; of no day `empty`."""
        parts = [self.kept(what, day, make, everything=everything) for day in days]
        return pl.concat(parts) if parts else empty

    def kept(
        self, what: Sequence[object], day: date, make: Callable[[date, pl.LazyFrame], pl.DataFrame], *, everything: bool
    ) -> pl.DataFrame:
        """What `make` gives of a day and its events, kept under what it is for as long as the days around stay what they are."""
        self.stop.check()
        near = [day + ONE_DAY * offset for offset in _AROUND]
        tables = ("askable", *EVERYTHING) if everything else ("askable",)
        made_of = [f"{table}:{self.snapshot.output(table, each)}" for table in tables for each in near]
        key = hash_texts([*map(repr, what), str(day), str(everything), *made_of, *self._variants_version])
        return self.cache.get(key, lambda: make(day, self.events(day, everything=everything)))

    def verify(self) -> None:
        """Raise DamagedObject where an object that was read isn't what it was any more."""
        for part in self._read:
            self.lake.check(part.key, part.sha256)
