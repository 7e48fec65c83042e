"""Remove a person for good: from accepted rows and rejected texts; what was computed from them is computed anew.

Kept are salted hashes of the ids, so that ingest never takes them again (design.md, "Security"). The landing files
belong to the outside: those that still hold an id are named, for their owner to remove.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import polars as pl

from pipeline.build import take_snapshot
from pipeline.contracts import TABLES
from pipeline.events.identity import Identities, with_person
from pipeline.ingest.erased import read_erased, write_erased
from pipeline.ingest.faults import FileFault
from pipeline.ingest.landing import find
from pipeline.ingest.manifests import DayObject, Manifest, read_manifests, write_manifest
from pipeline.ingest.reading import contains
from pipeline.lake import Lake
from pipeline.product import Product
from pipeline.verdicts import Verdicts

_GONE = "[erased]"


@dataclass(frozen=True)
class Erasure:
    """What was removed: the ids, how many events and rejected records, and the landing files that still hold an id."""

    users: list[str]
    devices: list[str]
    events: int
    rejected: int
    landing_files: list[str]


@dataclass(frozen=True)
class _Person:
    """The person's ids: users, and devices that nobody else uses. `person_id` finds what links tell besides."""

    person_id: str
    users: list[str]
    devices: list[str]

    @property
    def ids(self) -> list[str]:
        return [*self.users, *self.devices]

    def owns(self) -> pl.Expr:
        users = pl.any_horizontal(pl.col("user_id", "previous_user_id").is_in(self.users).fill_null(value=False))
        devices = pl.col("anonymous_id").is_in(self.devices).fill_null(value=False)
        return users | devices | (pl.col("person_id") == self.person_id).fill_null(value=False)


def erase(lake: Lake, product: Product, person_id: str) -> Erasure:
    """Remove the person `user:<id>` or `device:<id>`; what was computed from the person's events becomes dirty.

    Raises ValueError where the id has no such form. An id that nobody bears is kept out of the future all the same.
    """
    kind, _, name = person_id.partition(":")
    if kind not in ("user", "device") or not name:
        raise ValueError(f"{person_id!r} is no person; write user:<id> or device:<id>")
    snapshot = take_snapshot(lake, product)
    identities = Verdicts(lake, product, snapshot.states).identities
    with lake.exclusive():
        person = _person(lake, kind, name, identities)
        known = [*(f"user:{each}" for each in person.users), *(f"device:{each}" for each in person.devices)]
        # First of all: what arrives from now on is left out.
        write_erased(lake, read_erased(lake).plus(known))
        events = rejected = 0
        for manifest in read_manifests(lake).values():
            removed, texts = _erase_from(lake, manifest, person, identities)
            events += removed
            rejected += texts
        _drop_left_behind(lake, person, identities)
    return Erasure(person.users, person.devices, events, rejected, sorted(holding(lake, person.ids)))


def _person(lake: Lake, kind: str, name: str, identities: Identities) -> _Person:
    if kind == "device":
        return _Person(f"device:{name}", [], [name])
    people = dict(identities.users.rows())
    least = people.get(name, name)
    users = sorted({name, *(user for user, person in people.items() if person == least)})
    pairs = _pairs(lake)
    theirs = pl.col("user_id").is_in(users)
    devices = set(pairs.filter(theirs)["anonymous_id"]) - set(pairs.filter(~theirs)["anonymous_id"])
    return _Person(f"user:{least}", users, sorted(devices))


def _pairs(lake: Lake) -> pl.DataFrame:
    """Each device with each user that an event named together with it."""
    keys = {part.key for m in read_manifests(lake).values() for parts in m.days.values() for part in parts}
    rows = lake.scan(TABLES["raw_events"], sorted(keys)).select("anonymous_id", "user_id")
    return rows.drop_nulls().unique().collect()


def _erase_from(lake: Lake, manifest: Manifest, person: _Person, identities: Identities) -> tuple[int, int]:
    """Rewrite the objects of one file that hold the person; the manifest names the new ones, then the old ones go."""
    days: dict[str, list[DayObject]] = {}
    old: list[str] = []
    removed = 0
    for day, parts in manifest.days.items():
        for part in parts:
            rows = lake.scan(TABLES["raw_events"], [part.key]).collect()
            kept = with_person(rows, identities).filter(~person.owns()).select(rows.columns)
            if kept.height == rows.height:
                days.setdefault(day, []).append(part)
                continue
            removed += rows.height - kept.height
            old.append(part.key)
            if kept.height:
                days.setdefault(day, []).append(_rewritten(lake, part.key, kept))
    texts = _erase_texts(lake, manifest.rejected_key, person.ids)
    if removed:
        write_manifest(lake, msgspec.structs.replace(manifest, days=days, erased=manifest.erased + removed))
        for key in old:
            lake.delete(key)
    return removed, texts


def _drop_left_behind(lake: Lake, person: _Person, identities: Identities) -> None:
    """Objects that no manifest names, left by killed runs, go if they hold the person."""
    named = {part.key for m in read_manifests(lake).values() for parts in m.days.values() for part in parts}
    for key in set(lake.keys("lake/raw_events")) - named:
        rows = lake.scan(TABLES["raw_events"], [key]).collect()
        if with_person(rows, identities).select(person.owns().any()).item():
            lake.delete(key)


def _rewritten(lake: Lake, key: str, kept: pl.DataFrame) -> DayObject:
    # Another name for other content: what was read under the old one is dirty.
    folder, _, name = key.rpartition("/")
    mark = hashlib.sha256(f"{name}:{kept.height}:{kept['record_number'].sum()}".encode()).hexdigest()[:8]
    fresh = f"{folder}/{name.removesuffix('.parquet')}-{mark}.parquet"
    lake.write_frame(fresh, kept)
    return DayObject(fresh, kept.height)


def _erase_texts(lake: Lake, key: str | None, ids: list[str]) -> int:
    if key is None or not lake.exists(key):
        return 0
    rows = lake.scan(TABLES["rejected"], [key]).collect()
    names_one = pl.any_horizontal(pl.lit(value=False), *(_names(column, ids) for column in ("raw_text", "reason")))
    found = rows.filter(names_one).height
    if found:
        gone = pl.when(names_one).then(pl.lit(_GONE))
        lake.write_frame(key, rows.with_columns(gone.otherwise(pl.col(c)).alias(c) for c in ("raw_text", "reason")))
    return found


def _names(column: str, ids: list[str]) -> pl.Expr:
    return pl.col(column).str.contains_any(ids).fill_null(value=False)


def holding(lake: Lake, ids: list[str]) -> Iterator[str]:
    """Landing files that hold one of `ids`; one that can't be read to its end is looked at as it is."""
    wanted = [each.encode() for each in ids]
    for file in find(lake.path("landing")):
        try:
            if contains(file.path, wanted):
                yield file.name
        except (OSError, FileFault):
            if any(each in file.path.read_bytes() for each in wanted):
                yield file.name
