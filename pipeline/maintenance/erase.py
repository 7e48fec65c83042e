"""Remove a person for good: from accepted rows and rejected texts; what was computed from them is computed anew.

Kept are salted hashes of the ids, so that ingest never takes them again (docs/design.md, "Security"). Where rows of others and
other texts name the person, `[erased]` takes the place of the id. What belongs to the outside is named, for its owner to
remove: landing files, what Dagster keeps.
"""

from dataclasses import dataclass, field, replace

import polars as pl

from pipeline.build.context import take_snapshot
from pipeline.build.restatements import FOLDER as RESTATEMENTS
from pipeline.build.restatements import ledger_of
from pipeline.build.today import drop_today
from pipeline.core.engine import on_all_workers
from pipeline.core.lake import Lake
from pipeline.core.product import Product
from pipeline.core.sealed import write_sum
from pipeline.core.states import published_days, scan_days
from pipeline.events.identity import Identities, with_person
from pipeline.events.keys import stable_key
from pipeline.events.resolutions import Resolutions
from pipeline.ingest.erased import read_erased, write_erased
from pipeline.ingest.journal import carry_out, finish
from pipeline.ingest.manifests import note_withdrawal, read_manifests
from pipeline.maintenance.mentions import Mentions
from pipeline.maintenance.prune import tidy, unnamed_parts
from pipeline.maintenance.remains import landing_files, remains
from pipeline.maintenance.rewriting import KEPT, Person, Rewriting, whole

# Slashes in the key of what was told to a webhook, which lies beside the folders of tables.
_SENT = 2


@dataclass(frozen=True)
class Erasure:
    """What was removed: the ids, how many events, rejected records and recorded events; landing files that still hold an id.

    `mentions` counts rows of other people that named the person, `sessions` are ids of recorded sessions.
    """

    users: list[str]
    devices: list[str]
    events: int
    rejected: int
    recorded: int
    landing_files: list[str]
    mentions: int = 0
    sessions: list[str] = field(default_factory=list[str])


def erase(lake: Lake, product: Product, person_id: str) -> Erasure:
    """Remove the person `user:<id>` or `device:<id>`; what was computed from the person's events becomes dirty.

    All manifests change as one, and a run in progress reads anew what it read before. Raises ValueError where the id has
    no such form. An id that nobody bears is kept out of the future all the same.
    """
    kind, _, name = person_id.partition(":")
    if kind not in ("user", "device") or not name:
        raise ValueError(f"{person_id!r} is no person; write user:<id> or device:<id>")
    snapshot = take_snapshot(lake, product)
    identities = Resolutions(lake, product, snapshot.states).identities
    with lake.exclusive():
        finish(lake)
        note_withdrawal(lake)
        person = _person(lake, kind, name, identities)
        person = replace(person, sessions=_recorded_sessions(lake, person))
        # A recorder that names no device is known by its session.
        known = [
            *(f"user:{each}" for each in person.users),
            *(f"device:{each}" for each in (*person.devices, *person.sessions)),
        ]
        erased = read_erased(lake).plus(known)
        # First of all: what arrives from now on is left out.
        write_erased(lake, erased)
        manifests = list(read_manifests(lake).values())
        reported = Mentions([*person.ids, *person.sessions], erased)
        work = Rewriting(lake, manifests, person, identities, reported)
        carry_out(lake, work.journal())
        _drop_left_behind(lake, person, identities, reported)
        _drop_replays(lake, person)
        drop_today(lake)
        for key in list(unnamed_parts(lake)):
            lake.delete(key)
        clean_beside(lake, reported)
    on_all_workers(tidy, lake)
    return Erasure(
        person.users,
        person.devices,
        work.events,
        work.rejected,
        work.recorded,
        landing_files(lake, reported),
        work.mentions,
        person.sessions,
    )


def _person(lake: Lake, kind: str, name: str, identities: Identities) -> Person:
    if kind == "device":
        return Person(f"device:{name}", [], [name])
    people = dict(identities.users.rows())
    least = people.get(name, name)
    users = sorted({name, *(user for user, person in people.items() if person == least)})
    pairs = _named(lake, ["anonymous_id", "user_id"]).drop_nulls()
    theirs = pl.col("user_id").is_in(users)
    devices = set(pairs.filter(theirs)["anonymous_id"]) - set(pairs.filter(~theirs)["anonymous_id"])
    return Person(f"user:{least}", users, sorted(devices))


def _recorded_sessions(lake: Lake, person: Person) -> list[str]:
    """Ids that the person's recorded sessions bear at their source, and nobody else's."""
    if not KEPT[1].keys(read_manifests(lake).values()):
        return []
    rows = scan_days(lake, "sessions", published_days(lake, "sessions")).select("person_key", "source_session_id")
    known = rows.drop_nulls().unique().collect()
    theirs = pl.col("person_key") == stable_key(person.person_id)
    own = set(known.filter(theirs)["source_session_id"]) - set(known.filter(~theirs)["source_session_id"])
    return sorted(own)


def _named(lake: Lake, columns: list[str]) -> pl.DataFrame:
    """The ids that events and recordings bear together."""
    manifests = read_manifests(lake).values()
    both = [pl.DataFrame(schema=dict.fromkeys(columns, pl.String()))]
    for kept in KEPT:
        for key in sorted(kept.keys(manifests)):
            rows = kept.rows(lake, key, columns)
            both += [] if rows is None else [rows.unique()]
    return pl.concat(both).unique()


def _drop_left_behind(lake: Lake, person: Person, identities: Identities, reported: Mentions) -> None:
    """Objects that no manifest names, left by killed runs, go if they hold the person or can't be read."""
    named = {key for manifest in read_manifests(lake).values() for key in manifest.objects}
    for table in (*(kept.table for kept in KEPT), "rejected"):
        for key in set(lake.keys(f"lake/{table}")) - named:
            rows = whole(lake, table, key)
            if rows is None or reported.frame(rows)[1] or _owns(rows, person, identities):
                lake.delete(key)


def _owns(rows: pl.DataFrame, person: Person, identities: Identities) -> bool:
    if "anonymous_id" not in rows.columns:
        return False
    return bool(with_person(rows, identities).select(person.owns(rows).any()).item())


def _drop_replays(lake: Lake, person: Person) -> None:
    """The person's assembled recordings; their rows go with the next run."""
    rows = scan_days(lake, "recordings", published_days(lake, "recordings"))
    for key in rows.filter(pl.col("person_key") == stable_key(person.person_id)).collect()["recording"]:
        lake.delete(key)


def clean_beside(lake: Lake, reported: Mentions) -> None:
    """What else names the person: the ledger of restatements; states of tables, which are then made again."""
    for key in lake.keys(RESTATEMENTS):
        rows, changed = reported.frame(ledger_of(lake, key))
        if changed:
            write_sum(lake, key, lake.write_frame(key, rows))
    for key in list(lake.keys("lake/_state")):
        text = (lake.read(key) or b"").decode(errors="replace")
        if not reported.holds(text):
            continue
        if key.count("/") == _SENT:
            lake.write(key, reported.text(text).encode())
        else:
            lake.delete(key)


def still_held(lake: Lake, erasure: Erasure) -> list[str]:
    """A sentence for each object that still holds the person, landing files apart; to be asked after the next run."""
    reported = Mentions([*erasure.users, *erasure.devices, *erasure.sessions], read_erased(lake))
    identifiers = [*(f"user:{each}" for each in erasure.users), *(f"device:{each}" for each in erasure.devices)]
    return list(remains(lake, reported, [stable_key(each) for each in identifiers]))
