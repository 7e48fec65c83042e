"""Landing files: find them, tell whether they are still growing, fingerprint them.

Landing belongs to the outside: nothing here writes to it. A file is taken when its size and time are the same on two
listings, or when a `.done` file stands beside it (docs/design.md, "The way of one event"). In an object store a file
is there whole or not at all.
"""

import hashlib
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path

from pipeline.core.files import Stamp
from pipeline.core.lake import Lake
from pipeline.core.object_lake import ObjectLake
from pipeline.ingest.faults import CannotRead, FileFault
from pipeline.ingest.reading.opening import open_landing

_DAY_IN_PATH = re.compile(r"(?<!\d)(\d{4}-\d{2}-\d{2})(?!\d)")
_DONE = ".done"
_IGNORED_ENDINGS = (_DONE, ".tmp", ".part", ".crc")

_LANDING = "landing"
_HASHED_BYTES = 1_048_576
_NANOSECONDS = 1_000_000_000
# What a folder can hold, less what a half-written file's name has more.
_NAME_BYTES = 200

Fingerprint = tuple[int, int]


@dataclass(frozen=True)
class LandingFile:
    """A file as listed. `name` is its path below landing/, made printable; `file_id` is made from the exact bytes.

    `fault` is rule and reason where it must not be opened: it leads out of landing/, or is no file.
    """

    path: Path
    name: str
    file_id: str
    source: str
    size: int
    mtime_ns: int
    is_done: bool
    fault: tuple[str, str] | None = None
    # The object store that it lies in under the key `path`, if it doesn't lie on this machine.
    store: ObjectLake | None = field(default=None, compare=False, repr=False)

    @property
    def local(self) -> Path:
        """The file on this machine, fetched where it lies elsewhere; it may have vanished since it was listed."""
        return self.path if self.store is None else self.store.path(self.key)

    def forget(self) -> None:
        """Landing files are as they came, ids and all: no copy of one that lies elsewhere stays on this machine."""
        if self.store is not None:
            self.store.forget(self.key)

    @property
    def key(self) -> str:
        """Its key in an object store."""
        return self.path.as_posix() if self.store else self.name

    @property
    def fingerprint(self) -> Fingerprint:
        """Changes when the file is written to."""
        return self.size, self.mtime_ns

    @property
    def arrived(self) -> date:
        """First date in the path, else the day (UTC) on which it was last written."""
        for result in _DAY_IN_PATH.findall(self.name):
            try:
                return date.fromisoformat(result)
            except ValueError:
                continue
        return datetime.fromtimestamp(self.mtime_ns / 1e9, tz=UTC).date()


def find(lake: Lake) -> list[LandingFile]:
    """List the files below landing/ that can be read, one folder a source, in the order of their names.

    Hidden files, `.done` marks and files still being copied (.tmp, .part) are none of ours. A file that vanishes
    while we look, a link that leads nowhere and a folder named like a file are passed over.
    """
    return [file for file in find_all(lake) if file.fault is None]


def find_all(lake: Lake) -> list[LandingFile]:
    """`find`, and with a fault what lies there and must not be opened: links that lead out, pipes, devices."""
    found = _objects(lake) if isinstance(lake, ObjectLake) else _files(lake.path(_LANDING))
    return sorted(found, key=lambda file: file.name)


def _objects(lake: ObjectLake) -> list[LandingFile]:
    there = lake.stamps_below(_LANDING)
    # Some tools make empty objects that stand for folders; an empty file holds no record either.
    folders = {"/".join(key.split("/")[:end]) for key in there for end in range(2, key.count("/") + 1)}
    result: list[LandingFile] = []
    for key, stamp in there.items():
        name = key.removeprefix(f"{_LANDING}/")
        parts = name.split("/")
        is_ours = len(parts) > 1 and not any(part.startswith((".", "_")) for part in parts)
        size, mtime_ns = _fingerprint(stamp)
        if not is_ours or key in folders or name.endswith(_IGNORED_ENDINGS) or not size:
            continue
        unsafe = "\\" in name or not name.isprintable() or any(len(part.encode()) > _NAME_BYTES for part in parts)
        result.append(
            LandingFile(
                path=Path(key),
                name=printable(name),
                file_id=file_id(name),
                source=printable(parts[0]),
                size=size,
                mtime_ns=mtime_ns,
                is_done=True,
                fault=("unsafe_name", "a name that no folder can hold; copy it to a plain one") if unsafe else None,
                store=lake,
            )
        )
    return result


def _fingerprint(stamp: Stamp) -> Fingerprint:
    """Size and time; stores tell whole seconds, so what is below them comes from the ETag."""
    etag = hashlib.sha256(str(stamp[0]).encode()).digest()
    return stamp[1], stamp[2] * _NANOSECONDS + int.from_bytes(etag[:8]) % _NANOSECONDS


def _files(landing: Path) -> list[LandingFile]:
    root = landing.resolve()
    result: list[LandingFile] = []
    # Where links lead that were followed: two folders that link to each other have no end.
    followed: set[Path] = set()
    for folder, folders, names in os.walk(landing, followlinks=True):
        marks = set(names)
        for name in [*folders, *names]:
            is_folder = name in folders
            if name.startswith((".", "_")) or (not is_folder and name.endswith(_IGNORED_ENDINGS)):
                continue
            path = Path(folder, name)
            file = _listed(path, landing, root, is_done=name + _DONE in marks)
            if file and (file.fault or not is_folder):
                result.append(file)
        folders[:] = [name for name in folders if _is_ours(Path(folder, name), root, followed)]
    return result


def _is_ours(folder: Path, root: Path, followed: set[Path]) -> bool:
    """Whether to look into a folder: a link is followed once, and never out of landing."""
    if folder.name.startswith((".", "_")):
        return False
    if not folder.is_symlink():
        return True
    target = folder.resolve()
    is_new = target not in followed and target not in (root, *folder.parent.resolve().parents, folder.parent.resolve())
    followed.add(target)
    return is_new and target.is_relative_to(root)


def _listed(path: Path, landing: Path, root: Path, *, is_done: bool) -> LandingFile | None:
    """What lies at `path`; None for a folder, a loose file, and where nothing is."""
    try:
        own = path.lstat()
        status = path.stat() if stat.S_ISLNK(own.st_mode) else own
        leads_out = status is not own and not path.resolve().is_relative_to(root)
    except (OSError, RuntimeError):
        return None
    relative = path.relative_to(landing)
    fault = None
    if leads_out:
        fault = ("leads_out", "a link that leads out of landing/; copy or mount there what it leads to")
        status, is_done = own, True
    elif stat.S_ISDIR(status.st_mode):
        return None
    elif not stat.S_ISREG(status.st_mode):
        fault, is_done = ("no_regular_file", "a pipe, socket or device; put a file there"), True
    if len(relative.parts) == 1 and not (fault and path.is_dir()):
        return None
    return LandingFile(
        path=path,
        name=printable(relative.as_posix()),
        file_id=file_id(relative.as_posix()),
        source=printable(relative.parts[0]),
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
        is_done=is_done,
        fault=fault,
    )


def printable(name: str) -> str:
    """A file's name as text without bytes that are no UTF-8 and without control characters."""
    shown = os.fsencode(name).decode("utf-8", errors="backslashreplace")
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in shown)


def file_id(name: str) -> str:
    """Stable id of a path below landing/, safe as a file's name whatever the path holds."""
    return hashlib.sha256(os.fsencode(name)).hexdigest()[:32]


def settled(files: list[LandingFile], before: Mapping[str, Fingerprint]) -> list[LandingFile]:
    """Those of `files` that are marked done or were the same in the listing `before` (file id to fingerprint)."""
    return [file for file in files if file.is_done or before.get(file.file_id) == file.fingerprint]


def content_hash(file: LandingFile) -> str:
    """sha256 of the file's bytes; of what must not be opened, of why. CannotRead where the bytes can't be had."""
    if file.fault is not None:
        return hashlib.sha256(f"{file.fault}:{file.file_id}".encode()).hexdigest()
    with open_landing(file.local) as stream:
        digest = hashlib.sha256()
        while part := stream.read(_HASHED_BYTES):
            digest.update(part)
        return digest.hexdigest()


def unchanged(file: LandingFile) -> bool:
    """Whether the file is still the one that was listed."""
    if file.store is not None:
        now = file.store.stamp_of(file.key)
        return now is not None and _fingerprint(now) == file.fingerprint
    try:
        status = file.path.lstat() if file.fault else file.path.stat()
    except OSError:
        return False
    return (status.st_size, status.st_mtime_ns) == file.fingerprint


def other_content(file: LandingFile, sha256: str) -> bool:
    """Whether the file holds something else than it did, though its size and time are the same.

    What was hashed once isn't hashed again until the file system says that it was touched. False for what can't be read.
    """
    if file.store is not None:
        # Its ETag says so by itself.
        return False
    try:
        status = file.path.stat()
        return _hash_of(file, status.st_ctime_ns, status.st_ino) != sha256
    except (OSError, CannotRead, FileFault):
        return False


@lru_cache(maxsize=10_000)
def _hash_of(file: LandingFile, _changed_ns: int, _inode: int) -> str:
    return content_hash(file)
