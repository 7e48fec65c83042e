"""The home folder: the only module that knows paths. Atomic publish, scan, list (docs/design.md, "The home folder").

Promise kept here: an object is replaced atomically, and a large day's parts are never replaced, since their content names
them. Every name handed in or out is a key relative to the home, with `/`, so that an object store can stand in for the
folder (object_lake.py).
"""

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl
from polars.io.plugins import register_io_source

from pipeline.core.contract import Table
from pipeline.core.files import (
    ANY,
    TEMPORARY,
    Staged,
    Stamp,
    file_stamp,
    gone_if_it_fails,
    link_folder,
    temporary_beside,
)

# Fixed, so that equal frames give equal bytes whatever wrote them.
_COMPRESSION_LEVEL = 1
_ROW_GROUP_ROWS = 131_072
_SLICE_ROWS = 16_384


# What was written to a scratch so long ago is nobody's any more.
SCRATCH_SECONDS = 86_400


class DamagedObject(Exception):
    """An object isn't what was written; the sentence names it."""


class Replaced(Exception):
    """Another writer replaced an object while this one worked from what was there before; running again is all it takes."""


class Lake:
    """One product's home folder. Nothing is read or made before it is asked for."""

    is_remote = False

    def __init__(self, home: Path | str) -> None:
        self.home = Path(home).expanduser().resolve()
        # How people name the home.
        self.url = str(self.home)
        # Objects known to be what was written, by what would change with them.
        self._sound: dict[str, tuple[str, Stamp]] = {}
        # Small objects as they were read, by folder and key, each with its stamp (pipeline/core/sealed.py).
        self.read_before: dict[str, dict[str, tuple[Stamp, Any]]] = {}

    def __reduce__(self) -> tuple[Callable[[type["Lake"], str], "Lake"], tuple[type["Lake"], str]]:
        # Other processes have a memory of their own, for as long as they live.
        return _reopened, (type(self), self.url)

    def path(self, key: str) -> Path:
        """The object of that key as a file of this machine; no file if there is no object."""
        return self.home / key

    def folder(self, prefix: str) -> Path:
        """The folder `prefix` with all its objects as files of this machine."""
        return self.home / prefix

    def name_of(self, key: str) -> str:
        """The object's name for people and tools outside."""
        return str(self.home / key)

    def exists(self, key: str) -> bool:
        """Whether there is an object of that key."""
        return self.path(key).is_file()

    def size_and_time(self, key: str) -> tuple[int, float] | None:
        """Bytes of the object and when it was written, in seconds since 1970; None if there is none."""
        try:
            status = (self.home / key).stat()
        except FileNotFoundError:
            return None
        return status.st_size, status.st_mtime

    def read(self, key: str) -> bytes | None:
        """The object's bytes; None if there is none."""
        try:
            return self.path(key).read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None

    def sha256(self, key: str) -> str | None:
        """Hash of the object's bytes; None if there is none."""
        try:
            with self.path(key).open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None

    def check(self, key: str, sha256: str) -> None:
        """Raise DamagedObject where the object isn't the one of that hash; one that was looked at isn't read again.

        Without a hash, of objects that were written before there were any, nothing can be told.
        """
        if not sha256:
            return
        try:
            status = self.path(key).stat()
        except OSError:
            raise DamagedObject(f"{key} is gone; `footfall doctor --deep` tells what mends it") from None
        seen = (sha256, file_stamp(status))
        if self._sound.get(key) != seen:
            if self.sha256(key) != sha256:
                raise DamagedObject(f"{key} isn't what was written; `footfall doctor --deep` tells what mends it")
            self._sound[key] = seen

    def write(self, key: str, data: bytes, replaces: Stamp | None = ANY) -> None:  # noqa: ARG002  # the lock keeps others out
        """Replace the object of that key: a reader sees the old bytes or the new, never a part.

        Raises Replaced where something else than `replaces` lies there by now (None: something at all).
        """
        target = self.home / key
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = temporary_beside(target)
        with gone_if_it_fails(temporary):
            with temporary.open("wb") as writing:
                writing.write(data)
                writing.flush()
                os.fsync(writing.fileno())
            temporary.replace(target)

    def write_frame(self, key: str, frame: pl.DataFrame) -> str:
        """Publish `frame` as one Parquet object and return its sha256; equal frames give equal bytes."""
        staged = self.stage(key, frame)
        self.publish(staged)
        return staged.sha256

    def stage(self, key: str, frame: pl.DataFrame) -> "Staged":
        """Write `frame` where no reader looks, to be published under `key` or discarded."""
        return self._staged(key, frame.lazy())

    def stage_parts(self, key: str, first: pl.DataFrame, others: Iterator[pl.DataFrame]) -> "Staged":
        """Stage frames of one schema that follow each other: the bytes are those of one frame, the memory that of a part."""

        def parts(*_asked: object) -> Iterator[pl.DataFrame]:
            # Small ones: the writer takes several before it has written one.
            for part in chain([first], others):
                yield from part.iter_slices(_SLICE_ROWS)

        return self._staged(key, register_io_source(parts, schema=first.schema))

    def _staged(self, key: str, rows: pl.LazyFrame) -> "Staged":
        target = self.home / key
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = temporary_beside(target)
        with gone_if_it_fails(temporary):
            rows.sink_parquet(
                temporary, compression="zstd", compression_level=_COMPRESSION_LEVEL, row_group_size=_ROW_GROUP_ROWS
            )
            with temporary.open("rb") as written:
                digest = hashlib.file_digest(written, "sha256").hexdigest()
                os.fsync(written.fileno())
        return Staged(key, temporary, digest)

    @contextmanager
    def scratch(self) -> Generator[Path]:
        """A folder of the home for what doesn't fit into memory; gone in the end, with all that lies in it."""
        folder = temporary_beside(self.home / "lake/scratch")
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def publish(self, staged: "Staged") -> None:
        """Replace the object by what was staged: a reader sees the old one or the new one."""
        with gone_if_it_fails(staged.path):
            status = staged.path.stat()
            staged.path.replace(self.home / staged.key)
        self._sound[staged.key] = (staged.sha256, file_stamp(status))

    def take_over(self, staged: "Staged") -> "Staged":
        """What another process staged, under a name of this one: left-overs of processes that ended are swept away."""
        taken = temporary_beside(self.home / staged.key)
        staged.path.replace(taken)
        return replace(staged, path=taken)

    def discard(self, staged: "Staged") -> None:
        """Drop what was staged."""
        staged.path.unlink(missing_ok=True)

    @contextmanager
    def discarding(self, staged: "Staged") -> Generator[None]:
        """Drops what was staged in the end, if it wasn't published."""
        try:
            yield
        finally:
            self.discard(staged)

    def delete(self, key: str) -> None:
        """Remove the object of that key, if there is one."""
        (self.home / key).unlink(missing_ok=True)

    def delete_folder(self, prefix: str) -> None:
        """Remove all objects below the folder, and what else lies there."""
        shutil.rmtree(self.home / prefix, ignore_errors=True)

    def put_file(self, key: str, file: Path) -> None:
        """Put a file of this machine in the object's place, as one step; the file is gone afterwards."""
        target = self.home / key
        target.parent.mkdir(parents=True, exist_ok=True)
        moved = temporary_beside(target)
        shutil.move(file, moved)
        moved.replace(target)

    def forget(self, key: str) -> None:
        """Of an object that lies elsewhere this machine's copy isn't needed any more."""

    def tidy(self) -> None:
        """Where objects lie elsewhere, remove from this machine's copy what is there no more."""

    def fetch(self, keys: Iterable[str]) -> None:
        """These objects are about to be read: where they lie elsewhere, fetch them together."""

    @contextmanager
    def looking(self) -> Generator[None]:
        """While in it nothing is written: where listing is dear, what was listed needn't be listed again."""
        yield

    def keys(self, prefix: str) -> Iterator[str]:
        """Keys of all objects below the folder `prefix`, sorted; half-written ones are no objects."""
        found: list[str] = []
        for folder, folders, names in os.walk(self.path(prefix)):
            folders[:] = [name for name in folders if not name.endswith(TEMPORARY)]
            within = os.path.relpath(folder, self.home)
            found += [f"{within}/{name}" for name in names if not name.endswith(TEMPORARY)]
        yield from sorted(found)

    def folders(self, prefix: str) -> list[str]:
        """Names of the folders right below the folder `prefix`."""
        root = self.home / prefix
        return sorted(path.name for path in root.iterdir() if path.is_dir()) if root.is_dir() else []

    def link(self, files: Mapping[str, str], folder: str) -> None:
        """Have objects lie under other keys too: `folder` is there with all of them, by their keys there, or not at all."""
        link_folder(self.home / folder, {name: self.home / key for name, key in files.items()})

    def stamps(self, folder: str) -> dict[str, Stamp]:
        """Keys of the objects in a folder, not below it, sorted, each with what would change with it."""
        try:
            with os.scandir(self.path(folder)) as entries:
                names = sorted(each.name for each in entries if not each.name.endswith(TEMPORARY) and each.is_file())
        except (FileNotFoundError, NotADirectoryError):
            return {}
        found: dict[str, Stamp] = {}
        for name in names:
            # What was removed meanwhile isn't there; the others are.
            with suppress(FileNotFoundError):
                found[f"{folder}/{name}"] = file_stamp(os.stat(f"{self.home}/{folder}/{name}"))  # noqa: PTH116  # there are thousands
        return found

    def left_behind(self) -> Iterator[str]:
        """Keys of what writers didn't end, or haven't yet: half-written files and folders."""
        for root in ("lake", "marts", "report"):
            for path in list((self.home / root).rglob(f".*{TEMPORARY}")):
                # A folder may be written to for hours, and rows that are missing from it would be lost to all that follows.
                inside = [each.relative_to(self.home).as_posix() for each in path.rglob("*")] if path.is_dir() else []
                times = [found[1] for key in inside if (found := self.size_and_time(key))]
                if not times or time.time() - max(times) > SCRATCH_SECONDS:
                    yield path.relative_to(self.home).as_posix()

    def remove(self, key: str) -> None:
        """Remove an object, or a folder that was left behind."""
        self.delete_folder(key) if (self.home / key).is_dir() else self.delete(key)

    def sweep(self, older_than: float) -> int:
        """Remove what killed writers left behind before the time `older_than` (seconds since 1970); count it."""
        known = {key: self.size_and_time(key) for key in list(self.left_behind())}
        left = [key for key, stamp in known.items() if stamp and stamp[1] < older_than]
        for key in left:
            self.remove(key)
        return len(left)

    @contextmanager
    def exclusive(self) -> Generator[None]:
        """One writer at a time between the last look at its inputs and its commit; the system frees a dead one's lock."""
        path = self.home / "lake/_state/lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    # Tables.

    def scan(self, table: Table, keys: Iterable[str]) -> pl.LazyFrame:
        """The rows of the objects `keys` of `table`; no object gives no rows with the contract's columns."""
        paths = [self.path(key) for key in keys]
        if not paths:
            return table.no_rows
        # Diagonal: objects written before a column came, or a property was promoted, lack it.
        scans = [table.no_rows, *(pl.scan_parquet(path, glob=False) for path in paths)]
        return pl.concat(scans, how="diagonal_relaxed")

    def lost(self, keys: Iterable[str]) -> set[str]:
        """Those of the keys, which were written, whose objects are gone."""
        return {key for key in keys if not os.path.isfile(f"{self.home}/{key}")}  # noqa: PTH113  # there are thousands


@cache
def _reopened(kind: type[Lake], url: str) -> Lake:
    return kind(url)
