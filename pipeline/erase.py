"""Remove a person for good: from accepted rows and rejected texts; what was computed from them is computed anew.

Kept are salted hashes of the ids, so that ingest never takes them again (design.md, "Security"). The landing files
belong to the outside: those that still hold an id are named, for their owner to remove.
"""

import hashlib
import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import msgspec
import polars as pl

from pipeline.build import take_snapshot
from pipeline.contracts import TABLES
from pipeline.events.identity import Identities, with_person
from pipeline.events.keys import stable_key
from pipeline.ingest.erased import read_erased, write_erased
from pipeline.ingest.faults import FileFault
from pipeline.ingest.landing import find
from pipeline.ingest.manifests import DayObject, Manifest, read_manifests, write_manifest
from pipeline.ingest.raw_text import ERASED
from pipeline.ingest.reading import contains
from pipeline.lake import Lake
from pipeline.product import Product
from pipeline.verdicts import Verdicts


@dataclass(frozen=True)
class Erasure:
    """What was removed: the ids, how many events, rejected records and recorded events; landing files that still hold an id."""

    users: list[str]
    devices: list[str]
    events: int
    rejected: int
    recorded: int
    landing_files: list[str]


@dataclass(frozen=True)
class _Person:
    """The person's ids: users, and devices that nobody else uses. `person_id` finds what links tell besides."""

    person_id: str
    users: list[str]
    devices: list[str]
    sessions: list[str] = field(default_factory=list[str])

    @property
    def ids(self) -> list[str]:
        return [*self.users, *self.devices]

    def owns(self, rows: pl.DataFrame) -> pl.Expr:
        named = [name for name in ("user_id", "previous_user_id") if name in rows.columns]
        users = pl.any_horizontal(pl.col(named).is_in(self.users).fill_null(value=False))
        devices = pl.col("anonymous_id").is_in(self.devices).fill_null(value=False)
        # Recordings may bear nothing of a person but the session's id.
        recorded = pl.col("session_id").is_in(self.sessions) if "sameness" in rows.columns else pl.lit(value=False)
        return users | devices | recorded | (pl.col("person_id") == self.person_id).fill_null(value=False)


class _Kept(NamedTuple):
    """One kind of objects that manifests name."""

    table: str
    field: str

    def objects(self, manifest: Manifest) -> dict[str, list[DayObject]]:
        return getattr(manifest, self.field)

    def keys(self, manifests: Collection[Manifest]) -> set[str]:
        return {part.key for m in manifests for parts in self.objects(m).values() for part in parts}

    def rows(self, lake: Lake, key: str) -> pl.DataFrame:
        return lake.scan(TABLES[self.table], [key]).collect()

    def changed(self, manifest: Manifest, days: dict[str, list[DayObject]], gone: int) -> Manifest:
        erased = manifest.erased + gone if self.table == "raw_events" else manifest.erased
        return msgspec.structs.replace(manifest, erased=erased, **{self.field: days})


_KEPT = (_Kept("raw_events", "days"), _Kept("raw_recordings", "recordings"))


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
        person = replace(person, sessions=_recorded_sessions(lake, person))
        # A recorder that names no device is known by its session.
        known = [
            *(f"user:{each}" for each in person.users),
            *(f"device:{each}" for each in (*person.devices, *person.sessions)),
        ]
        # First of all: what arrives from now on is left out.
        write_erased(lake, read_erased(lake).plus(known))
        manifests = read_manifests(lake).values()
        events, recorded = (_erase_rows(lake, kept, person, identities) for kept in _KEPT)
        texts = sorted({manifest.rejected_key for manifest in manifests if manifest.rejected_key})
        rejected = sum(_erase_texts(lake, key, person.ids) for key in texts)
        _drop_left_behind(lake, person, identities)
        _drop_replays(lake, person)
    return Erasure(
        person.users, person.devices, events, rejected, recorded, sorted(holding(lake, [*person.ids, *person.sessions]))
    )


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


def _recorded_sessions(lake: Lake, person: _Person) -> list[str]:
    """Ids that the person's recorded sessions bear at their source, and nobody else's."""
    kept = _KEPT[1]
    if not kept.keys(read_manifests(lake).values()):
        return []
    rows = lake.scan_days("sessions", lake.published_days("sessions")).select("person_key", "source_session_id")
    known = rows.drop_nulls().unique().collect()
    theirs = pl.col("person_key") == stable_key(person.person_id)
    own = set(known.filter(theirs)["source_session_id"]) - set(known.filter(~theirs)["source_session_id"])
    return sorted(own)


def _pairs(lake: Lake) -> pl.DataFrame:
    """Each device with each user that an event named together with it."""
    manifests = read_manifests(lake).values()
    both = [
        lake.scan(TABLES[kept.table], sorted(kept.keys(manifests))).select("anonymous_id", "user_id") for kept in _KEPT
    ]
    return pl.concat(both).drop_nulls().unique().collect()


def _erase_rows(lake: Lake, kept: _Kept, person: _Person, identities: Identities) -> int:
    """Rewrite the objects that hold the person; all manifests name the new ones before an old one goes.

    One content under two names is one object that two manifests name.
    """
    manifests = read_manifests(lake).values()
    fresh: dict[str, DayObject | None] = {}
    removed: dict[str, int] = {}
    for key in sorted(kept.keys(manifests)):
        rows = kept.rows(lake, key)
        left = with_person(rows, identities).filter(~person.owns(rows)).select(rows.columns)
        if left.height < rows.height:
            removed[key] = rows.height - left.height
            fresh[key] = _rewritten(lake, key, left) if left.height else None
    for manifest in manifests:
        own = kept.objects(manifest)
        gone = sum(removed.get(part.key, 0) for parts in own.values() for part in parts)
        if gone:
            now = {day: [new for part in parts if (new := fresh.get(part.key, part))] for day, parts in own.items()}
            days = {day: parts for day, parts in now.items() if parts}
            write_manifest(lake, kept.changed(manifest, days, gone))
    for key in fresh:
        lake.delete(key)
    return sum(removed.values())


def _drop_left_behind(lake: Lake, person: _Person, identities: Identities) -> None:
    """Objects that no manifest names, left by killed runs, go if they hold the person."""
    for kept in _KEPT:
        for key in set(lake.keys(f"lake/{kept.table}")) - kept.keys(read_manifests(lake).values()):
            rows = kept.rows(lake, key)
            if with_person(rows, identities).select(person.owns(rows).any()).item():
                lake.delete(key)


def _drop_replays(lake: Lake, person: _Person) -> None:
    """The person's assembled recordings; their rows go with the next run."""
    rows = lake.scan_days("recordings", lake.published_days("recordings"))
    for key in rows.filter(pl.col("person_key") == stable_key(person.person_id)).collect()["recording"]:
        lake.delete(key)


def _rewritten(lake: Lake, key: str, kept: pl.DataFrame) -> DayObject:
    # Another name for other content: what was read under the old one is dirty.
    folder, _, name = key.rpartition("/")
    mark = hashlib.sha256(f"{name}:{kept.height}:{kept['record_number'].sum()}".encode()).hexdigest()[:8]
    fresh = f"{folder}/{name.removesuffix('.parquet')}-{mark}.parquet"
    lake.write_frame(fresh, kept)
    return DayObject(fresh, kept.height)


def _erase_texts(lake: Lake, key: str, ids: list[str]) -> int:
    """Of rejected records that name the person nothing is left but where they were."""
    if not lake.exists(key):
        return 0
    rows = lake.scan(TABLES["rejected"], [key]).collect()
    # An id within a longer word is somebody else's; in JSON some characters are written otherwise.
    written = {each: None for name in ids for each in (name, json.dumps(name, ensure_ascii=False)[1:-1])}
    names = re.compile("|".join(rf"(?<!\w){re.escape(each)}(?!\w)" for each in written))
    texts = ("raw_text", "reason")
    held = [any(names.search(text or "") for text in row) for row in rows.select(texts).rows()]
    if any(held):
        gone = pl.when(pl.Series(held)).then(pl.lit(ERASED))
        lake.write_frame(key, rows.with_columns(gone.otherwise(pl.col(c)).alias(c) for c in texts))
    return sum(held)


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
