"""Make the home anew, for another time zone or start date or after doubt, without what deleting it would bring back.

Who was erased and what was retracted stays so. Landing files that are there are read again; rows of those that are gone are
carried over from their objects, which hold instants. What can't be carried over exactly is listed, and nothing happens
unless that is accepted. All is prepared beside what lies there and then done as one, by a journal: a killed rebuild leaves
the home as it was, or one that the next command finishes (docs/decisions/0023-rebuild.md).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import msgspec

from pipeline.build.tables import DAY_TABLE, PERIOD_TABLE
from pipeline.core.lake import Lake
from pipeline.core.product import Product
from pipeline.core.state import RAW
from pipeline.ingest.commit import Seen, without_erased_names
from pipeline.ingest.home import HOME_KEY, Fixed, read_fixed
from pipeline.ingest.journal import Journal, carry_out, finish
from pipeline.ingest.landing import LandingFile, content_hash, find, unchanged
from pipeline.ingest.manifests import (
    Manifest,
    damaged_manifests,
    manifest_key,
    note_withdrawal,
    read_manifests,
    withdrawals,
)
from pipeline.ingest.workers import takers
from pipeline.maintenance.carry import carry


class WouldLose(Exception):
    """Making the home anew would lose something that can't come back; `losses` says what, a sentence each."""

    def __init__(self, losses: list[str]) -> None:
        super().__init__("\n".join(losses))
        self.losses = losses


@dataclass(frozen=True)
class Plan:
    """What a rebuild does: what differs, files to read again, manifests to carry over and to leave, what is lost."""

    changes: list[str]
    again: list[LandingFile]
    gone: list[Manifest]
    retracted: list[Manifest]
    unreadable: list[str] = field(default_factory=list[str])
    losses: list[str] = field(default_factory=list[str])


def plan(lake: Lake, product: Product) -> Plan:
    """What a rebuild would do now; nothing is written."""
    known, fixed = read_manifests(lake), read_fixed(lake)
    result = _plan(lake, product, known)
    twins = _twins(result, known)
    apart = [manifest for manifest in result.gone if manifest.sha256 not in twins]
    lost = [each for manifest in apart for each in carry(lake, product, manifest, fixed, dry=True).losses]
    return replace(result, losses=[*result.losses, *lost])


def rebuild(lake: Lake, product: Product, *, accept_loss: bool = False) -> Plan:
    """Make the home anew by today's product file; days and marts are computed by the next run.

    Raises WouldLose, before anything changed, unless `accept_loss`.
    """
    with lake.exclusive():
        finish(lake)
    while True:
        seen = Seen.of(lake)
        foreseen = plan(lake, product)
        if foreseen.losses and not accept_loss:
            raise WouldLose(foreseen.losses)
        fixed = read_fixed(lake)
        taken = list(_taken(lake, product, foreseen.again, seen))
        missed = {file.file_id for file in foreseen.again} - {manifest.file_id for manifest in taken}
        # What vanished while it was read is carried over like what was gone before.
        gone = [*foreseen.gone, *(seen.known[each] for each in sorted(missed) if each in seen.known)]
        twins = {manifest.sha256: manifest for manifest in taken}
        same = [_under(twins[old.sha256], old) for old in gone if old.sha256 in twins]
        carried = [carry(lake, product, old, fixed) for old in gone if old.sha256 not in twins]
        if not accept_loss and (lost := [loss for each in carried for loss in each.losses]):
            raise WouldLose(lost)
        with lake.exclusive():
            if seen.mark == withdrawals(lake) and seen.known == read_manifests(lake):
                note_withdrawal(lake)
                carry_out(
                    lake, _journal(product, foreseen, seen, [*taken, *same, *(each.manifest for each in carried)])
                )
                return foreseen


def _plan(lake: Lake, product: Product, known: dict[str, Manifest]) -> Plan:
    fixed, wanted = read_fixed(lake), Fixed.of(product)
    changes = [
        f"{name}: {getattr(fixed, name) if fixed else 'unknown'} becomes {getattr(wanted, name)}"
        for name in Fixed.__struct_fields__
        if fixed is None or getattr(fixed, name) != getattr(wanted, name)
    ]
    unreadable, _ = damaged_manifests(lake)
    retracted = [manifest for manifest in known.values() if manifest.retracted]
    left = {manifest.file_id for manifest in retracted}
    there = {file.file_id: file for file in find(lake)}
    again = [file for key, file in there.items() if key not in left and (key in known or key in unreadable)]
    gone = [manifest for key, manifest in known.items() if key not in left and key not in there]
    losses = [
        f"{manifest_key(each)} is damaged and its landing file is gone; restore it from a backup"
        for each in unreadable
        if each not in there
    ]
    return Plan(changes, again, sorted(gone, key=lambda each: each.name), retracted, unreadable, losses)


def _twins(result: Plan, known: dict[str, Manifest]) -> set[str]:
    """Contents that are read again under some name: what is gone under another has the same rows."""
    both = [(file, known[file.file_id]) for file in result.again if file.file_id in known]
    return {manifest.sha256 for file, manifest in both if (manifest.size, manifest.mtime_ns) == file.fingerprint}


def _under(twin: Manifest, old: Manifest) -> Manifest:
    return msgspec.structs.replace(
        twin, file_id=old.file_id, name=old.name, arrived=old.arrived, size=old.size, mtime_ns=old.mtime_ns
    )


def _taken(lake: Lake, product: Product, files: list[LandingFile], seen: Seen) -> Iterator[Manifest]:
    with takers(lake, product, seen.erased, files) as (take, at_a_time):
        for first in range(0, len(files), at_a_time):
            under_way = []
            for file in files[first : first + at_a_time]:
                try:
                    under_way.append((file, take(file, content_hash(file))))
                except FileNotFoundError:
                    continue
            for file, taken in under_way:
                try:
                    manifest = taken()
                except FileNotFoundError:
                    continue
                finally:
                    file.forget()
                if unchanged(file):
                    yield without_erased_names(manifest, seen.erased)


def _journal(product: Product, foreseen: Plan, seen: Seen, manifests: list[Manifest]) -> Journal:
    named = {key for manifest in manifests for key in manifest.objects}
    before = {key for manifest in seen.known.values() for key in manifest.objects}
    tables = [name for name in (*DAY_TABLE, *PERIOD_TABLE) if name != RAW]
    return Journal(
        manifests=manifests,
        documents={HOME_KEY: msgspec.to_builtins(Fixed.of(product))},
        objects=sorted(before - named)
        + [manifest_key(each) for each in foreseen.unreadable if each not in {m.file_id for m in manifests}],
        folders=[*(f"lake/{name}" for name in tables), *(f"lake/_state/{name}" for name in (*tables, "verdicts"))],
    )
