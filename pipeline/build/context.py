"""What lies in the home when something begins to be made: looked at once, and what is dirty by it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date

from pipeline.build.configured import day_tables, table_names
from pipeline.build.home_models import models_of
from pipeline.core.files import Staged
from pipeline.core.lake import Lake
from pipeline.core.product import Product
from pipeline.core.state import RESOLUTIONS, DayFailure, Dirty, Snapshot, dirty_days, hash_texts
from pipeline.core.states import parts_of, read_states
from pipeline.events.resolutions import Resolutions
from pipeline.ingest.manifests import (
    Manifest,
    hashes_of,
    objects_by_day,
    read_manifests,
    recordings_by_day,
    wholly_rejected_by_day,
    withdrawals,
)


def take_snapshot(
    lake: Lake,
    product: Product,
    manifests: Mapping[str, Manifest] | None = None,
    tables: Iterable[str] | None = None,
) -> Snapshot:
    """Read what lies in the home: raw objects, states and failures of `tables`, and the resolutions among them.

    Of tables that aren't configured nothing is read, whatever lies there; `tables` are by default all that are.
    """
    known = read_manifests(lake) if manifests is None else manifests
    made = dict.fromkeys([*(table.contract.name for table in day_tables(product)), *RESOLUTIONS])
    wanted = dict.fromkeys(name for name in (made if tables is None else tables) if name in made)
    resolutions = [name for name in RESOLUTIONS if name in wanted]
    names = dict.fromkeys(
        [*(n for n in wanted if n not in RESOLUTIONS), *(t for v in resolutions for t in RESOLUTIONS[v])]
    )
    with lake.looking():
        read = {name: read_states(lake, name) for name in names}
    states = {name: states for name, (states, _) in read.items()}
    whole = Snapshot(
        raw={},
        states=states,
        failures={name: failures for name, (_, failures) in read.items()},
        resolutions=Resolutions(lake, product, states).all(resolutions),
        files=hash_texts(sorted(f"{m.file_id}:{m.sha256}:{m.reader}:{m.retracted}:{m.erased}" for m in known.values())),
    )
    return of_files(whole, known)


def find_dirty(lake: Lake, product: Product, exists: Callable[[date], bool]) -> Dirty:
    """Which days must be computed now, in which tables; one decision for sensor, nightly job and command line."""
    return dirty_days(day_tables(product), product, take_snapshot(lake, product), exists)


def of_files(snapshot: Snapshot, manifests: Mapping[str, Manifest]) -> Snapshot:
    """The snapshot with what these manifests say of raw objects."""
    return replace(
        snapshot,
        raw=objects_by_day(manifests.values()),
        recorded=recordings_by_day(manifests.values()),
        wholly_rejected=wholly_rejected_by_day(manifests.values()),
        sha256=hashes_of(manifests.values()),
    )


class TakenBack(Exception):
    """What is about to be published was made from rows that are no longer to be shown."""


class BuildContext:
    """What lies in the home when period tables and marts begin to be made, looked at once for all of them.

    What changes meanwhile makes them stale again: marts are recorded with the hash of what stood here.
    """

    def __init__(self, lake: Lake, product: Product) -> None:
        self.mark = withdrawals(lake)
        self.manifests: Mapping[str, Manifest] = read_manifests(lake)
        self.snapshot = take_snapshot(lake, product, self.manifests)
        self.resolutions = Resolutions(lake, product, self.snapshot.states)
        self.models = models_of(lake)
        self.model_faults: Mapping[str, str] = self.models.faults
        self.tables = table_names(product)
        self.held_back: Mapping[str, Mapping[date, DayFailure]] = dirty_days(
            day_tables(product), product, self.snapshot
        ).failed

    def check(self, lake: Lake, tables: Iterable[str]) -> None:
        """Raise DamagedObject where a published partition of a daily table isn't what was written."""
        for table in tables:
            for day, state in self.snapshot.states.get(table, {}).items():
                for part in parts_of(table, day, state):
                    lake.check(*part)

    def publish(self, lake: Lake, staged: Staged) -> None:
        """Publish an object under the lock; TakenBack where rows were erased or retracted since all this was read."""
        if withdrawals(lake) != self.mark:
            raise TakenBack("rows were erased or retracted meanwhile, so nothing was published; run `footfall run`")
        lake.publish(staged)
