"""Files and folders of this machine that are there whole or not at all."""

import os
import secrets
import shutil
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# Another one whenever an object was replaced or written to: inode or ETag, size, time.
Stamp = tuple[int | str, int, int]
# Whatever lies there.
ANY: Stamp = ("any", 0, 0)
# How the names end of what isn't there yet.
TEMPORARY = ".tmp"


def temporary_beside(target: Path) -> Path:
    """A name for what is to become `target`: in the same folder, so that replacing is one step of the file system."""
    return target.parent / f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}{TEMPORARY}"


@contextmanager
def gone_if_it_fails(temporary: Path) -> Generator[None]:
    """A full disk isn't filled further by what couldn't be written whole."""
    try:
        yield
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def link_folder(target: Path, files: Mapping[str, Path]) -> None:
    """Make the folder `target` of links to files, by their names in it."""
    fresh = temporary_beside(target)
    try:
        fresh.mkdir(parents=True)
        for name, file in files.items():
            linked = fresh / name
            linked.parent.mkdir(exist_ok=True)
            try:
                linked.hardlink_to(file)
            except OSError:
                # A file system without links.
                shutil.copyfile(file, linked)
        shutil.rmtree(target, ignore_errors=True)
        fresh.rename(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


@dataclass(frozen=True)
class Staged:
    """An object that is written and not yet visible."""

    key: str
    path: Path
    sha256: str


def file_stamp(status: os.stat_result) -> Stamp:
    """What would change with a file."""
    return status.st_ino, status.st_size, status.st_mtime_ns
