"""Landing files: find them, tell whether they are still growing, fingerprint them.

Landing belongs to the outside: nothing here writes to it. A file is taken when its size and time are the same on two
listings, or when a `.done` file stands beside it (design.md, "The way of one event", step 1).
"""

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

_DAY_IN_PATH = re.compile(r"(?<!\d)(\d{4}-\d{2}-\d{2})(?!\d)")
_DONE = ".done"
_IGNORED_ENDINGS = (_DONE, ".tmp", ".part", ".crc")

Fingerprint = tuple[int, int]


@dataclass(frozen=True)
class LandingFile:
    """A file as listed. `name` is its path below landing/, made printable; `file_id` is made from the exact bytes."""

    path: Path
    name: str
    file_id: str
    source: str
    size: int
    mtime_ns: int
    is_done: bool

    @property
    def fingerprint(self) -> Fingerprint:
        """Changes when the file is written to."""
        return self.size, self.mtime_ns

    @property
    def arrived(self) -> date:
        """First date in the path, else the day (UTC) on which it was last written."""
        for found in _DAY_IN_PATH.findall(self.name):
            try:
                return date.fromisoformat(found)
            except ValueError:
                continue
        return datetime.fromtimestamp(self.mtime_ns / 1e9, tz=UTC).date()


def find(landing: Path) -> list[LandingFile]:
    """List the files below `landing`, one folder a source, in the order of their names.

    Hidden files, `.done` marks and files still being copied (.tmp, .part) are none of ours. A file that vanishes
    while we look, a link that leads nowhere and a folder named like a file are passed over.
    """
    found: list[LandingFile] = []
    for folder, folders, names in os.walk(landing):
        folders[:] = [name for name in folders if not name.startswith((".", "_"))]
        marks = set(names)
        for name in names:
            if name.startswith((".", "_")) or name.endswith(_IGNORED_ENDINGS):
                continue
            path = Path(folder, name)
            try:
                status = path.stat()
            except OSError:
                continue
            relative = path.relative_to(landing)
            if len(relative.parts) > 1 and path.is_file():
                found.append(
                    LandingFile(
                        path=path,
                        name=printable(relative.as_posix()),
                        file_id=file_id(relative.as_posix()),
                        source=printable(relative.parts[0]),
                        size=status.st_size,
                        mtime_ns=status.st_mtime_ns,
                        is_done=name + _DONE in marks,
                    )
                )
    return sorted(found, key=lambda file: file.name)


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
    """sha256 of the file's bytes."""
    with file.path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def unchanged(file: LandingFile) -> bool:
    """Whether the file is still the one that was listed."""
    try:
        status = file.path.stat()
    except FileNotFoundError:
        return False
    return (status.st_size, status.st_mtime_ns) == file.fingerprint
