"""Take landing files: read, judge, write accepted rows per local event day, commit by manifest.

A crash at any moment leaves either the old manifest or the new one; objects that no manifest names are not read.
"""

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TypeVar

import msgspec

from pipeline.core.lake import Lake
from pipeline.core.product import Product
from pipeline.ingest.commit import Seen, commit
from pipeline.ingest.faults import CannotRead
from pipeline.ingest.landing import Fingerprint, LandingFile, content_hash, find, find_all, other_content, settled
from pipeline.ingest.manifests import Manifest, note_withdrawal, read_manifests, write_manifest
from pipeline.ingest.taking import reader_hash, take_file
from pipeline.ingest.workers import takers

# Between tries at a file that a disk or network doesn't give us.
PAUSES_S = (0.1, 0.5, 2.0)
# A landing folder up to this size is looked into on every look, which costs a fraction of a second once.
RESCANNED_BYTES = 64 * 1_048_576
RESCANNED_FILES = 1_000
T = TypeVar("T")


def pending(
    files: Iterable[LandingFile], manifests: Mapping[str, Manifest], product: Product, *, rescan: bool = False
) -> list[LandingFile]:
    """Files that were not taken yet, were written to since, or would be read differently today.

    `rescan` looks into files whose size and time are the same as when they were taken: some tools keep both.
    """
    readers = {source: reader_hash(source, product) for source in {file.source for file in files}}
    return [
        file
        for file in files
        if (known := manifests.get(file.file_id)) is None
        or (known.size, known.mtime_ns) != file.fingerprint
        or (known.reader != readers[file.source] and not known.retracted)
        or (rescan and other_content(file, known.sha256))
    ]


def settled_pending(
    lake: Lake, product: Product, before: Mapping[str, Fingerprint], *, rescan: bool = False
) -> list[LandingFile]:
    """Files to take now: pending, and the same as in the listing `before`.

    Where the landing folder is small its files are looked into each time, else with `rescan`.
    """
    files = find_all(lake)
    is_small = len(files) <= RESCANNED_FILES and sum(file.size for file in files) <= RESCANNED_BYTES
    return pending(settled(files, before), read_manifests(lake), product, rescan=rescan or is_small)


def listing(lake: Lake) -> dict[str, Fingerprint]:
    """The landing folder as it is now: file id to fingerprint."""
    return {file.file_id: file.fingerprint for file in find_all(lake)}


class LandingUnread(Exception):
    """Files that a disk or network didn't give us, after several tries; they wait, and all others were taken."""

    def __init__(self, unread: Mapping[str, str]) -> None:
        named = "; ".join(f"landing/{name} {reason}" for name, reason in unread.items())
        super().__init__(f"{named}. They wait: see to the disk or the rights, then run again")
        self.unread = dict(unread)


def ingest(
    lake: Lake,
    product: Product,
    files: Iterable[LandingFile],
    *,
    again: bool = False,
) -> Iterator[Manifest]:
    """Take each of `files` and yield its manifest once it is committed; `again` reads known content anew.

    A file that vanishes or is written to meanwhile is left for the next time, and nothing of it is visible. Raises
    LandingUnread, after all others, where a file's bytes can't be had; OSError at once where the home can't be written.
    """
    seen, chosen = Seen.of(lake), list(files)
    under_way: deque[tuple[LandingFile, str, Callable[[], Manifest]]] = deque()
    unread: dict[str, str] = {}

    def next_one() -> Iterator[Manifest]:
        file, sha256, taken = under_way.popleft()

        def read(first: Callable[[], Manifest] | None, now: Seen) -> Manifest:
            result = _known_content(file, sha256, now.known, product, again=again)
            if result is None and first is not None and now is seen:
                result = first()
            return result or take_file(lake, product, file, sha256, now.erased)

        attempt = partial(commit, lake, file, seen)
        manifest = _tried(file, unread, partial(attempt, partial(read, taken)), partial(attempt, partial(read, None)))
        file.forget()
        if manifest is not None:
            seen.known[file.file_id] = manifest
            yield manifest

    with takers(lake, product, seen.erased, chosen) as (take, at_a_time):
        for file in chosen:
            sha256 = _tried(file, unread, partial(content_hash, file))
            if sha256 is None:
                file.forget()
                continue
            is_known = _known_content(file, sha256, seen.known, product, again=again) is not None
            later = partial(take_file, lake, product, file, sha256, seen.erased)
            under_way.append((file, sha256, later if is_known else take(file, sha256)))
            if len(under_way) >= at_a_time:
                yield from next_one()
        while under_way:
            yield from next_one()
    if unread:
        raise LandingUnread(unread)


def _tried(
    file: LandingFile, unread: dict[str, str], first: Callable[[], T], again: Callable[[], T] | None = None
) -> T | None:
    """What `first` gives, or `again` after pauses while the file can't be read; None, and the file named, if that lasts.

    One that vanished isn't named: it isn't there any more.
    """
    attempt = first
    for pause in (*PAUSES_S, None):
        try:
            return attempt()
        except CannotRead as fault:
            if not os.path.lexists(file.local):
                return None
            if pause is None or not fault.is_passing:
                unread[file.name] = fault.reason
                return None
            time.sleep(pause)
        attempt = again or first
    return None


def _known_content(
    file: LandingFile, sha256: str, known: Mapping[str, Manifest], product: Product, *, again: bool
) -> Manifest | None:
    """A manifest for content that was read before, under this name or another; `again`: only of what was retracted."""
    own = known.get(file.file_id)
    reader = reader_hash(file.source, product)
    candidates = [] if again else [m for m in (own, *known.values()) if m and m.sha256 == sha256 and m.reader == reader]
    if own is not None and own.retracted and own.sha256 == sha256:
        candidates = [own]
    # What was refused or gave nothing may have been so for its name, or for what it was unpacked with.
    candidates = [m for m in candidates if (m is own and m.retracted) or (not m.retracted and m.accepted)]
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
    for file in find(lake):
        if name in (file.name, f"landing/{file.name}", file.file_id):
            sha256 = content_hash(file)
            file.forget()
            return Manifest(
                file_id=file.file_id,
                name=file.name,
                source=file.source,
                arrived=file.arrived.isoformat(),
                size=file.size,
                mtime_ns=file.mtime_ns,
                sha256=sha256,
                reader="",
            )
    raise KeyError(name)


def with_rejections(lake: Lake) -> list[LandingFile]:
    """Landing files that are still there and had rejected records, or were rejected whole."""
    manifests = read_manifests(lake)
    return [
        file
        for file in find(lake)
        if (known := manifests.get(file.file_id)) and (known.rejected or known.file_rule) and not known.retracted
    ]


def of_content(lake: Lake, name: str) -> list[LandingFile]:
    """The landing file of that name, if it was taken and is there, and those of the same content: they share objects."""
    known, there = read_manifests(lake), find(lake)
    wanted = {name, name.removeprefix("landing/")}
    contents = {m.sha256 for m in known.values() if wanted & {m.name, m.file_id}}
    return [file for file in there if (own := known.get(file.file_id)) and own.sha256 in contents]
