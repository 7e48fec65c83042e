"""Files of this machine that stand for objects of a store, each with a note of which version it is."""

import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from pipeline.core.files import TEMPORARY, Stamp, file_stamp, temporary_beside

_NOTES = ".etags"


class WorkingCopy:
    """A folder that may hold any of a store's objects, under their keys."""

    def __init__(self, root: Path) -> None:
        self._root = root
        # When an object was last compared with the store, in seconds of the monotonic clock.
        self.compared: dict[str, float] = {}

    def etag(self, key: str) -> str | None:
        """Which version of the object lies here; None if the file isn't the one that was noted."""
        try:
            etag, _, file = (self._root / _NOTES / key).read_text().rpartition("\n")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        return etag if file and file == str(self.note(key)) else None

    def note(self, key: str) -> Stamp | None:
        """The file, as it would be known again; None if there is none."""
        try:
            return file_stamp((self._root / key).stat())
        except (FileNotFoundError, NotADirectoryError):
            return None

    def take(self, key: str, etag: str | None, parts: Iterable[bytes]) -> None:
        """Write what a store gave."""
        target = self._root / key
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = temporary_beside(target)
        try:
            with temporary.open("wb") as stream:
                for part in parts:
                    stream.write(part)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        self.keep(key, etag)

    def keep(self, key: str, etag: str | None) -> None:
        """Note which version the file is; after it was written, so whoever dies in between fetches it once more."""
        note = self._root / _NOTES / key
        note.parent.mkdir(parents=True, exist_ok=True)
        temporary = temporary_beside(note)
        temporary.write_text(f"{etag or ''}\n{self.note(key)}")
        temporary.replace(note)
        self.compared[key] = time.monotonic()

    def drop(self, key: str) -> None:
        """Remove the file, if there is one."""
        for path in (self._root / _NOTES / key, self._root / key):
            with suppress(FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError):
                path.unlink()
        self.compared.pop(key, None)

    def drop_folder(self, prefix: str) -> None:
        """Remove all files below the folder."""
        for path in (self._root / prefix, self._root / _NOTES / prefix):
            shutil.rmtree(path, ignore_errors=True)
        self.compared = {key: at for key, at in self.compared.items() if not key.startswith(f"{prefix}/")}

    def drop_others(self, folder: Path, there: set[str], began: float) -> None:
        """Remove files of a folder that aren't `there`, as a listing says that began at that time (seconds since 1970)."""
        for path in folder.rglob("*"):
            key = path.relative_to(self._root).as_posix()
            with suppress(FileNotFoundError):
                # Half-written ones are this machine's own, and newer ones another process's.
                if path.is_file() and key not in there and path.suffix != TEMPORARY and path.stat().st_mtime < began:
                    self.drop(key)
