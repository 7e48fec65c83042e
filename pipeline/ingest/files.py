"""Take landing files: read, judge, write accepted rows per local event day, commit by manifest.

A crash at any moment leaves either the old manifest or the new one; objects that no manifest names are not read.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

import msgspec

from pipeline.ingest.commit import Seen, commit
from pipeline.ingest.landing import Fingerprint, LandingFile, content_hash, find, settled
from pipeline.ingest.manifests import Manifest, note_withdrawal, read_manifests, write_manifest
from pipeline.ingest.taking import reader_hash, take_file
from pipeline.ingest.workers import takers
from pipeline.lake import Lake
from pipeline.product import Product


def pending(files: Iterable[LandingFile], manifests: Mapping[str, Manifest], product: Product) -> list[LandingFile]:
    """Files that were not taken yet, were written to since, or would be read differently today."""
    return [
        file
        for file in files
        if (known := manifests.get(file.file_id)) is None
        or (known.size, known.mtime_ns) != file.fingerprint
        or (known.reader != reader_hash(file.source, product) and not known.retracted)
    ]


def settled_pending(lake: Lake, product: Product, before: Mapping[str, Fingerprint]) -> list[LandingFile]:
    """Files to take now: pending, and the same as in the listing `before`."""
    return pending(settled(find(lake.path("landing")), before), read_manifests(lake), product)


def listing(lake: Lake) -> dict[str, Fingerprint]:
    """The landing folder as it is now: file id to fingerprint."""
    return {file.file_id: file.fingerprint for file in find(lake.path("landing"))}


def ingest(
    lake: Lake,
    product: Product,
    files: Iterable[LandingFile],
    *,
    again: bool = False,
) -> Iterator[Manifest]:
    """Take each of `files` and yield its manifest once it is committed; `again` reads known content anew.

    A file that vanishes or is written to meanwhile is left for the next time, and nothing of it is visible.
    """
    seen, chosen = Seen.of(lake), list(files)
    under_way: deque[tuple[LandingFile, str, Callable[[], Manifest]]] = deque()

    def next_one() -> Iterator[Manifest]:
        file, sha256, taken = under_way.popleft()

        def read(now: Seen) -> Manifest:
            found = _known_content(file, sha256, now.known, product, again=again)
            return found or (taken() if now is seen else take_file(lake, product, file, sha256, now.erased))

        try:
            manifest = commit(lake, file, seen, read)
        except OSError:
            # Vanished, or not ours to read: it stays pending, and `footfall status` names it.
            return
        if manifest is not None:
            seen.known[file.file_id] = manifest
            yield manifest

    with takers(lake, product, seen.erased, chosen) as (take, at_a_time):
        for file in chosen:
            try:
                sha256 = content_hash(file)
            except OSError:
                continue
            is_known = _known_content(file, sha256, seen.known, product, again=again) is not None
            later = partial(take_file, lake, product, file, sha256, seen.erased)
            under_way.append((file, sha256, later if is_known else take(file, sha256)))
            if len(under_way) >= at_a_time:
                yield from next_one()
        while under_way:
            yield from next_one()


def _known_content(
    file: LandingFile, sha256: str, known: Mapping[str, Manifest], product: Product, *, again: bool
) -> Manifest | None:
    """A manifest for content that was read before, under this name or another; `again`: only of what was retracted."""
    own = known.get(file.file_id)
    reader = reader_hash(file.source, product)
    candidates = [] if again else [m for m in (own, *known.values()) if m and m.sha256 == sha256 and m.reader == reader]
    if own is not None and own.retracted and own.sha256 == sha256:
        candidates = [own]
    candidates = [m for m in candidates if m is own or not m.retracted]
    if not candidates:
        return None
    return msgspec.structs.replace(
        candidates[0],
        file_id=file.file_id,
        name=file.name,
        arrived=file.arrived.isoformat(),
        size=file.size,
        mtime_ns=file.mtime_ns,
    )


def retract(lake: Lake, name: str) -> Manifest:
    """Take back the rows of the landing file of that name; KeyError if there is none.

    Its days become dirty. The same content is not taken again under this name, not even by a run that is reading it;
    new content is.
    """
    with lake.exclusive():
        manifest = _named(lake, name)
        note_withdrawal(lake)
        withdrawn = msgspec.structs.replace(
            manifest,
            days={},
            recordings={},
            rejected={},
            rejected_days={},
            rejected_key=None,
            rejected_sha256="",
            filtered={},
            fields={},
            records_read=0,
            records_rejected=0,
            accepted=0,
            events=0,
            file_rule=None,
            file_reason=None,
            retracted=True,
        )
        write_manifest(lake, withdrawn)
    return withdrawn


def _named(lake: Lake, name: str) -> Manifest:
    """The manifest of a file by its name, or one of a file that waits to be taken or is being taken."""
    for manifest in read_manifests(lake).values():
        if name in (manifest.name, f"landing/{manifest.name}", manifest.file_id):
            return manifest
    for file in find(lake.path("landing")):
        if name in (file.name, f"landing/{file.name}", file.file_id):
            return Manifest(
                file_id=file.file_id,
                name=file.name,
                source=file.source,
                arrived=file.arrived.isoformat(),
                size=file.size,
                mtime_ns=file.mtime_ns,
                sha256=content_hash(file),
                reader="",
            )
    raise KeyError(name)


def with_rejections(lake: Lake) -> list[LandingFile]:
    """Landing files that are still there and had rejected records, or were rejected whole."""
    manifests = read_manifests(lake)
    return [
        file
        for file in find(lake.path("landing"))
        if (known := manifests.get(file.file_id)) and (known.rejected or known.file_rule) and not known.retracted
    ]


def of_content(lake: Lake, name: str) -> list[LandingFile]:
    """The landing file of that name, if it was taken and is there, and those of the same content: they share objects."""
    known, there = read_manifests(lake), find(lake.path("landing"))
    wanted = {name, name.removeprefix("landing/")}
    contents = {m.sha256 for m in known.values() if wanted & {m.name, m.file_id}}
    return [file for file in there if (own := known.get(file.file_id)) and own.sha256 in contents]
