"""Today as a provisional day: computed beside the home's own tables, for questions and replays only.

A day has a partition once it is over. Until then what came of it can be computed into a folder of its own, `today/`, by the
functions that compute every other day; marts, period tables, alerts and the report don't look there, so that nothing counts it,
and the first run after midnight computes the day as any other, from the same rows. The folder goes with the first run that
finds the day over; after an erasure or a retraction it isn't shown any more until it is computed again.
"""

import fcntl
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from weakref import WeakKeyDictionary

import msgspec
import polars as pl

from pipeline.build.compute import build_days
from pipeline.build.configured import day_tables
from pipeline.build.sql_models import load_models, run_model, sources_of
from pipeline.core.contract import Table
from pipeline.core.files import Stamp
from pipeline.core.keys import mart_key
from pipeline.core.lake import Lake
from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.core.sealed import read_sealed, write_sealed
from pipeline.core.state import Snapshot, hash_texts
from pipeline.core.states import read_state, read_states, scan_days
from pipeline.events.profile import CheckResult, Facts
from pipeline.ingest.manifests import withdrawals

FOLDER = "today"
_NOW = f"{FOLDER}/now.json"
# Of the marts only those by which a recording is shown.
_SHOWN = ("replays", "replay_moments")


class Beside(Lake):
    """A folder for what is made beside a home: what isn't there is read from the home, and nothing is written to that."""

    def __init__(self, home: Lake, folder: str) -> None:
        super().__init__(home.home / folder)
        self.below, self._folder = home, folder

    def __reduce__(self) -> tuple[type["Beside"], tuple[Lake, str]]:  # pyright: ignore[reportIncompatibleMethodOverride]  # made of two
        return type(self), (self.below, self._folder)

    def path(self, key: str) -> Path:
        """The object's file in the folder, else that of the home."""
        own = self.home / key
        return own if own.exists() else self.below.path(key)

    def size_and_time(self, key: str) -> tuple[int, float] | None:
        """Bytes of the object and when it was written; None if there is none."""
        return super().size_and_time(key) or self.below.size_and_time(key)

    def keys(self, prefix: str) -> Iterator[str]:
        """Keys of all objects below the folder `prefix`, sorted."""
        own = (self.home / prefix).is_dir()
        yield from sorted({*(Lake(self.home).keys(prefix) if own else ()), *self.below.keys(prefix)})

    def folders(self, prefix: str) -> list[str]:
        """Names of the folders right below the folder `prefix`."""
        return sorted({*super().folders(prefix), *self.below.folders(prefix)})

    def stamps(self, folder: str) -> dict[str, Stamp]:
        """Keys of the objects in a folder, sorted, each with what would change with it."""
        return dict(sorted({**self.below.stamps(folder), **Lake(self.home).stamps(folder)}.items()))

    def check(self, key: str, sha256: str) -> None:
        """Raise DamagedObject where the object isn't the one of that hash; the home knows which of its own it has looked at."""
        super().check(key, sha256) if (self.home / key).exists() else self.below.check(key, sha256)

    def lost(self, keys: Iterable[str]) -> set[str]:
        """Those of the keys whose objects are gone."""
        return self.below.lost(super().lost(keys))

    @contextmanager
    def exclusive(self) -> Generator[None]:
        """The home's own lock: an erasure there must not come between."""
        with self.below.exclusive():
            yield


class _Now(msgspec.Struct, frozen=True):
    """Which day is computed in which folder, as of when."""

    day: date
    as_of: datetime
    folder: str
    # Who was erased or what was retracted since is not to be shown.
    mark: str
    # By which product file.
    product: str


@dataclass(frozen=True)
class Today:
    """The provisional day: which, as of when, and where it lies, the days before it included."""

    day: date
    as_of: datetime
    lake: Beside

    def added_to(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot with the day in its tables."""
        own = {name: read_state(self.lake, name, self.day) for name in snapshot.states}
        states = {
            name: {**states, self.day: state} if (state := own[name]) else states
            for name, states in snapshot.states.items()
        }
        return replace(snapshot, states=states)


# One for each folder: what was read of it, and found to be what was written, is known.
_KEPT: WeakKeyDictionary[Lake, Beside] = WeakKeyDictionary()


def today_of(home: Lake, product: Product) -> Today | None:
    """The provisional day; None where none was computed, by this product file, or it is over and computed like any other."""
    now = None if home.is_remote else read_sealed(home, _NOW, _Now)
    if now is None or now.mark != withdrawals(home) or now.product != _version(product) or _is_over(home, now.day):
        return None
    beside = _KEPT.get(home)
    if beside is None or beside.home != home.home / now.folder:
        beside = _KEPT[home] = Beside(home, now.folder)
    return Today(now.day, now.as_of, beside)


def _is_over(home: Lake, day: date) -> bool:
    """Whether the day was computed like any other, though it be held back."""
    states, failures = read_states(home, "events")
    return day in states or day in failures


def _version(product: Product) -> str:
    return hash_texts([product.model_dump_json()])


@contextmanager
def _alone(home: Lake, *, waits: bool = True) -> Generator[bool]:
    """Whether nobody else computes or removes a provisional day meanwhile."""
    path = home.home / "lake/_state/today.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX if waits else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def compute_today(
    home: Lake, product: Product, day: date, as_of: datetime, on_progress: Callable[[str, int, int], None]
) -> Today:
    """Compute all daily tables of `day` from what was taken of it; readers see the one before until all of it is there.

    Raises ValueError where the home can't have a provisional day, or the day is over.
    """
    if home.is_remote:
        raise ValueError(
            "a home in an object store has no provisional day; `footfall run` computes the day once it is over"
        )
    with _alone(home):
        if _is_over(home, day):
            raise ValueError(f"{day} is over; `footfall run` does all there is to do")
        return _computed(home, product, day, as_of, on_progress)


def _computed(
    home: Lake, product: Product, day: date, as_of: datetime, on_progress: Callable[[str, int, int], None]
) -> Today:
    mark = withdrawals(home)
    folder = f"{FOLDER}/{as_of:%Y%m%dT%H%M%S%f}"
    beside = Beside(home, folder)
    tables = [table.contract.name for table in day_tables(product)]
    try:
        for done, name in enumerate(tables, start=1):
            _compute(beside, product, name, day)
            on_progress("today", done, len(tables))
        _write_shown(beside, day, tables)
        with home.exclusive():
            whole = all(read_state(beside, name, day) for name in tables)
            if withdrawals(home) != mark or not whole:
                raise ValueError("rows were erased or retracted meanwhile; run `footfall run --today` again")  # noqa: TRY301
            write_sealed(home, _NOW, _Now(day, as_of, folder, mark, _version(product)))
    except BaseException:
        home.delete_folder(folder)
        raise
    for other in home.folders(FOLDER):
        if f"{FOLDER}/{other}" != folder:
            home.delete_folder(f"{FOLDER}/{other}")
    return Today(day, as_of, beside)


def drop_today(home: Lake) -> None:
    """Remove the provisional day."""
    if not home.is_remote:
        home.delete_folder(FOLDER)


def drop_what_is_over(home: Lake, product: Product) -> None:
    """Remove the provisional day once it isn't shown any more, unless one is just being computed."""
    if home.is_remote or not (home.home / FOLDER).exists():
        return
    with _alone(home, waits=False) as is_alone:
        if is_alone and today_of(home, product) is None:
            drop_today(home)


def _let_pass(
    table: Table,  # noqa: ARG001  # whatever it is
    product: Product,  # noqa: ARG001
    batches: Sequence[Facts],
    history: Sequence[Sequence[Facts]],  # noqa: ARG001
) -> Sequence[CheckResult]:
    """A day that isn't over is judged when it is."""
    return [CheckResult() for _ in batches]


def _compute(beside: Beside, product: Product, table: str, day: date) -> None:
    for outcome in build_days(beside, product, table, [day], _let_pass):
        if outcome.path is None:
            raise ValueError(f"{day} can't be computed: {'; '.join(outcome.check_result.faults)}")


def _write_shown(beside: Beside, day: date, tables: Sequence[str]) -> None:
    """The marts of recordings, of the day alone."""
    models = load_models()
    for mart in _SHOWN:
        sources = sources_of(mart, models)
        if not sources <= {*tables}:
            continue
        rows: Mapping[str, pl.DataFrame] = {
            name: scan_days(beside, name, [day]).select(TABLES[name].schema.names()).collect() for name in sources
        }
        beside.write_frame(mart_key(mart), run_model(mart, rows, models))
