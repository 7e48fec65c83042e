"""What is acknowledged is on the disk: a spool that is committed in groups and shipped as landing files.

One file for each process and source is open at a time, and locked while its process lives. Its name is fixed when it opens and
is that of the landing file: shipped twice, it is the same file with the same bytes. What must not be here: what a line holds.
"""

import asyncio
import fcntl
import gzip
import os
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from pipeline.core.lake import Lake

# Requests that come within it share one write to the disk.
COMMIT_SECONDS = 0.02
ROTATE_BYTES = 64 << 20
# More than this waiting for the disk, and the disk isn't keeping up.
MOST_WAITING = 64 << 20
# Of a file that isn't locked yet, and of one that is.
_NEW, _OPEN = ".new", ".open"
# As small as the usual 6 within a tenth, for a third of the time.
_GZIP_LEVEL = 3


class BusyError(OSError):
    """The disk doesn't keep up; whoever sent this may send it again later."""


class Spool:
    """The spool of one source. `add` returns once the bytes are on the disk."""

    def __init__(self, lake: Lake, folder: Path, source: str, rotate_seconds: float) -> None:
        self.commits = self.shipped = self.waiting = 0
        self._lake, self._folder, self._source, self._rotate_seconds = lake, folder, source, rotate_seconds
        self._next: list[tuple[bytes, asyncio.Future[None]]] = []
        self._committing: asyncio.Task[None] | None = None
        # Nobody who waits for the disk waits for a file to be packed.
        self._writing, self._shipping = ThreadPoolExecutor(1), ThreadPoolExecutor(1)
        self._file: _File | None = None
        self._full: list[_File] = []

    async def add(self, lines: bytes) -> None:
        """Store whole lines; OSError where they aren't on the disk: nothing of them stays then."""
        if self.waiting + len(lines) > MOST_WAITING:
            raise BusyError("more waits for the disk than it takes")
        done = asyncio.get_running_loop().create_future()
        self._next.append((lines, done))
        self.waiting += len(lines)
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit())
        await done

    async def _commit(self) -> None:
        try:
            await asyncio.sleep(COMMIT_SECONDS)
            while self._next:
                group, self._next = self._next, []
                data, fault = b"".join(lines for lines, _ in group), None
                try:
                    await _in(self._writing, self._write, data)
                except OSError as error:
                    fault = error
                self.waiting -= len(data)
                self.commits += 1
                for _, done in group:
                    if done.cancelled():
                        continue
                    done.set_result(None) if fault is None else done.set_exception(fault)
        finally:
            self._committing = None

    async def ship_when_due(self) -> None:
        """Ship what is full, and the open file if it is old enough; OSError where it can't be shipped now."""
        # While some can't be shipped no more are made: each holds a file open.
        is_due = self._file is not None and time.monotonic() - self._file.opened >= self._rotate_seconds
        if is_due and not self._full:
            await _in(self._writing, self._end_file)
        await _in(self._shipping, self._ship)

    async def close(self) -> None:
        """Write what waits, ship what is there."""
        while self._committing:
            await self._committing
        await _in(self._writing, self._end_file)
        await _in(self._shipping, self._ship)
        self._writing.shutdown()
        self._shipping.shutdown()

    def _write(self, data: bytes) -> None:
        if self._file and self._file.size + len(data) > ROTATE_BYTES:
            self._end_file()
        if self._file is None:
            self._file = _File(self._folder, self._source)
        try:
            self._file.append(data)
        except OSError:
            # Whatever is at its end now, nothing is written behind it.
            self._end_file()
            raise

    def _end_file(self) -> None:
        if self._file is not None:
            self._full.append(self._file)
            self._file = None

    @property
    def unshipped_bytes(self) -> int:
        """What is on the disk and no landing file yet."""
        files = [*self._full, *([self._file] if self._file else [])]
        return sum(each.size for each in files)

    def _ship(self) -> None:
        # What can't be shipped now stays, and is ours, for the next time.
        while self._full:
            ship(self._lake, self._full[0].path)
            self._full.pop(0).close()
            self.shipped += 1


async def _in(thread: ThreadPoolExecutor, work: Callable[..., None], *given: bytes) -> None:
    await asyncio.get_running_loop().run_in_executor(thread, work, *given)


class _File:
    """An open file of the spool."""

    def __init__(self, folder: Path, source: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        new = folder / f"{source}.{time.time_ns():x}-{secrets.token_hex(4)}{_NEW}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
        self._fd, self.size, self.opened = os.open(new, flags, 0o600), 0, time.monotonic()
        # Others that start meanwhile leave it alone while we live: they look at it only once it is locked.
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        self.path = new.rename(new.with_suffix(_OPEN))
        _sync_folder(folder)

    def append(self, data: bytes) -> None:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._fd, rest) :]
            os.fdatasync(self._fd)
        except OSError:
            # Nothing of what was refused stays, or it would be there twice when it is sent again.
            os.ftruncate(self._fd, self.size)
            raise
        self.size += len(data)

    def close(self) -> None:
        os.close(self._fd)


def ship(lake: Lake, path: Path) -> None:
    """Make a landing file of a spool file, under `landing/<source>/<day>/`, then remove it.

    A last line that was cut off by a crash was never acknowledged, and is left out.
    """
    source, name = path.name.removesuffix(_OPEN).split(".", 1)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        # Somebody shipped it.
        return
    if whole := data[: data.rfind(b"\n") + 1]:
        day = datetime.fromtimestamp(int(name.split("-")[0], 16) / 1e9, UTC).date()
        key = f"landing/{source}/{day}/{name}.ndjson.gz"
        lake.write(key, gzip.compress(whole, _GZIP_LEVEL, mtime=0))
        if not lake.is_remote:
            lake.write(f"{key}.done", b"")
            for folder in list(lake.path(key).parents)[:4]:
                _sync_folder(folder)
        # Of an object store a copy lies here; it would fill the disk.
        lake.forget(key)
    path.unlink(missing_ok=True)
    _sync_folder(path.parent)


def ship_left_behind(lake: Lake, folder: Path) -> int:
    """Ship the spool files of processes that are gone, those of others excepted; how many. Each is locked meanwhile."""
    shipped = 0
    for path in sorted(folder.glob(f"*{_OPEN}")):
        with suppress(FileNotFoundError), path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            ship(lake, path)
            shipped += 1
    return shipped


def _sync_folder(folder: Path) -> None:
    """A name is on the disk once its folder is."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
