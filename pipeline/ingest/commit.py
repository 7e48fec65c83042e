"""The commit of a landing file: its manifest, written under the lock, and only if nothing was taken back meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from pipeline.core.lake import Lake
from pipeline.ingest.erased import Erased, mend_erased, read_erased
from pipeline.ingest.landing import LandingFile, unchanged
from pipeline.ingest.manifests import Manifest, read_manifests, withdrawals, write_manifest


@dataclass(frozen=True)
class Seen:
    """What a run knows when it reads a file: manifests by file id and who was erased, as of the last withdrawal `mark`."""

    mark: str
    known: dict[str, Manifest]
    erased: Erased

    @classmethod
    def of(cls, lake: Lake) -> "Seen":
        """What is known now."""
        mark = withdrawals(lake)
        mend_erased(lake)
        return cls(mark, read_manifests(lake), read_erased(lake))


def commit(lake: Lake, file: LandingFile, seen: Seen, read: Callable[[Seen], Manifest]) -> Manifest | None:
    """Write the manifest that `read` makes of the file; None where the file changed while it was read.

    Where somebody was erased, a file retracted or the home rebuilt meanwhile, it is read once more, and what the first
    reading left goes.
    """
    before: list[Manifest] = []
    try:
        while True:
            made = read(seen)
            with lake.exclusive():
                if seen.mark == withdrawals(lake):
                    if not unchanged(file):
                        before.append(made)
                        return None
                    own = without_erased_names(made, seen.erased)
                    write_manifest(lake, own)
                    return own
            before.append(made)
            seen = Seen.of(lake)
    finally:
        if before:
            _drop(lake, before)


def without_erased_names(made: Manifest, erased: Erased) -> Manifest:
    """The manifest without erased ids in what it says of the file: its name, names of fields, the reason."""
    if not erased.hashes:
        return made
    fields: dict[str, dict[str, int]] = {}
    for name, kinds in made.fields.items():
        own = fields.setdefault(erased.without(name), {})
        for kind, number in kinds.items():
            own[kind] = own.get(kind, 0) + number
    reason = made.file_reason and erased.without(made.file_reason)
    return msgspec.structs.replace(made, name=erased.without(made.name), fields=fields, file_reason=reason)


def _drop(lake: Lake, made: list[Manifest]) -> None:
    """Remove objects of manifests that weren't committed, as far as no other names them."""
    with lake.exclusive():
        named = {key for manifest in read_manifests(lake).values() for key in manifest.objects}
        for key in {key for manifest in made for key in manifest.objects} - named:
            lake.delete(key)
