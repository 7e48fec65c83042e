"""A home in an object store: `s3://`; credentials and endpoint come from the environment, as obstore reads them.

Objects are read through a folder of this machine, the working copy: what is asked for is fetched once and again only where
its ETag changed, so Polars and DuckDB read files as they do in a local home, and the bytes are the same. The store is the
truth: whatever lies in the working copy may be removed at any time.
"""

import hashlib
import os
import re
import threading
import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import obstore
import polars as pl
from obstore.exceptions import AlreadyExistsError, BaseError, InvalidPathError, NotModifiedError, PreconditionError
from obstore.store import from_url
from polars.io.plugins import register_io_source

from pipeline.core.contract import Table
from pipeline.core.engine import has_cluster
from pipeline.core.files import ANY, TEMPORARY, Staged, Stamp
from pipeline.core.lake import SCRATCH_SECONDS, DamagedObject, Lake, Replaced
from pipeline.core.object_lock import Held, exclusive
from pipeline.core.working_copy import WorkingCopy

CACHE_VARIABLE = "FOOTFALL_CACHE"
# What is raised where a store refuses or doesn't answer; no OSError.
StoreError = BaseError
_URL = re.compile(r"(s3|gs|az|abfss?)://?([^/].*?)/*")
# What was compared with the store so recently isn't compared again, unless the lock was taken in between.
FRESH_SECONDS = 5.0
# A store that doesn't answer is asked again for so long.
_RETRIES: Any = {
    "max_retries": 100,
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=5), "base": 2},
    "retry_timeout": timedelta(seconds=45),
}
_AT_ONCE = 8
_FEW = 3
# Where workers on other machines leave rows for each other (pipeline/core/scratch.py).
SCRATCH = "lake/scratch"


class UnknownStore(Exception):
    """An address of a store that isn't known; the sentence says which are."""


def url_of(home: Path | str) -> str | None:
    """The URL of a home in an object store; None for a folder. A Path keeps one of the two slashes."""
    result = _URL.fullmatch(str(home))
    return f"{result[1]}://{result[2]}" if result else None


def open_lake(home: Path | str) -> Lake:
    """The home at a path or URL."""
    url = url_of(home)
    if url is not None and not url.startswith("s3://"):
        # Their conditional writes work otherwise: ETags without quotes, generations.
        raise UnknownStore(f"{url}: homes lie in folders or in s3://; other stores aren't known yet")
    return Lake(home) if url is None else ObjectLake(url)


def _working_copy(url: str) -> Path:
    root = os.environ.get(CACHE_VARIABLE, "").strip() or Path.home() / ".cache" / "footfall"
    return Path(root) / f"{re.sub(r'[^a-zA-Z0-9.-]+', '-', url)}-{hashlib.sha256(url.encode()).hexdigest()[:8]}"


class ObjectLake(Lake):
    """One product's home in an object store."""

    is_remote = True

    def __init__(self, url: str) -> None:
        super().__init__(_working_copy(url))
        self.url = url
        self.store = from_url(url, retry_config=_RETRIES)
        self._copy = WorkingCopy(self.home)
        # By thread, a listing of lake/_state while several tables are looked at.
        self._looks = threading.local()

    def name_of(self, key: str) -> str:
        """The URL of the object."""
        return f"{self.url}/{key}"

    # Single objects.

    def path(self, key: str) -> Path:
        """The object as a file of the working copy, fetched if it changed; no file if there is no object."""
        file = self.home / key
        if time.monotonic() - self._copy.compared.get(key, -FRESH_SECONDS) >= FRESH_SECONDS or not file.is_file():
            self._fetch(key)
        return file

    def exists(self, key: str) -> bool:
        """Whether there is an object of that key."""
        return self.stamp_of(key) is not None

    def size_and_time(self, key: str) -> tuple[int, float] | None:
        """Bytes of the object and when it was written; of a half-written file of this machine, that file's."""
        if key.endswith(TEMPORARY):
            return super().size_and_time(key)
        known = self.stamp_of(key)
        return (known[1], known[2]) if known else None

    def check(self, key: str, sha256: str) -> None:
        """Raise DamagedObject where the object isn't the one of that hash, fetched anew if the working copy is not."""
        known = self._sound.get(key)
        if known and known[0] == sha256 and self._copy.note(key) == known[1]:
            # The bytes that are wanted, whatever lies in the store by now.
            self._copy.compared[key] = time.monotonic()
            return
        try:
            super().check(key, sha256)
        except DamagedObject:
            self._copy.drop(key)
            super().check(key, sha256)

    def write(self, key: str, data: bytes, replaces: Stamp | None = ANY) -> None:
        """Replace the object of that key; Replaced where something else than `replaces` lies there by now."""
        self._still_held()
        mode: Any = "overwrite"
        if replaces != ANY:
            mode = "create" if replaces is None else {"e_tag": replaces[0]}
        try:
            written = obstore.put(self.store, key, data, mode=mode)
        except (AlreadyExistsError, PreconditionError):
            raise Replaced(f"{self.name_of(key)} was replaced by another writer meanwhile; run again") from None
        super().write(key, data)
        self._copy.keep(key, written["e_tag"])

    def publish(self, staged: Staged) -> None:
        """Put what was staged in the object's place."""
        try:
            self._still_held()
            written = obstore.put(self.store, staged.key, staged.path)
        except BaseException:
            staged.path.unlink(missing_ok=True)
            raise
        super().publish(staged)
        self._copy.keep(staged.key, written["e_tag"])

    def put_file(self, key: str, file: Path) -> None:
        """Put a file of this machine in the object's place; the file is gone afterwards."""
        self._still_held()
        written = obstore.put(self.store, key, file)
        super().put_file(key, file)
        self._copy.keep(key, written["e_tag"])

    def link(self, files: Mapping[str, str], folder: str) -> None:
        """Have the store copy objects into `folder`: who reads it must know that it is whole."""

        def copy(name: str, key: str) -> None:
            obstore.copy(self.store, key, f"{folder}/{name}")
            self._copy.compared.pop(f"{folder}/{name}", None)

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(copy, files.keys(), files.values()))

    def delete(self, key: str) -> None:
        """Remove the object of that key, if there is one."""
        self._still_held()
        with suppress(FileNotFoundError):
            obstore.delete(self.store, key)
        self._copy.drop(key)

    def forget(self, key: str) -> None:
        """Remove the object's file from the working copy only."""
        self._copy.drop(key)

    def stamp_of(self, key: str) -> Stamp | None:
        """What would change with the object; None if there is none."""
        try:
            return _stamp(obstore.head(self.store, key))
        except FileNotFoundError:
            return None

    # Many.

    def stamps_below(self, prefix: str) -> dict[str, Stamp]:
        """Keys of all objects below the folder `prefix`, each with what would change with it."""
        return self._listed(prefix)

    def keys(self, prefix: str) -> Iterator[str]:
        """Keys of all objects below the folder `prefix`, sorted."""
        yield from sorted(self._listed(prefix))

    def folders(self, prefix: str) -> list[str]:
        """Names of the folders right below the folder `prefix`."""
        below = obstore.list_with_delimiter(self.store, prefix=prefix)["common_prefixes"]
        return sorted(each.rpartition("/")[2] for each in below)

    def stamps(self, folder: str) -> dict[str, Stamp]:
        """Keys of the objects in a folder, not below it, sorted, each with what would change with it."""
        known: dict[str, Stamp] | None = getattr(self._looks, "now", None)
        if known is None or not folder.startswith("lake/_state/"):
            known = self._listed(folder)
        for key, stamp in known.items():
            # A stamp must not be taken for that of a file that was read before it changed.
            if key in self._copy.compared and self._copy.etag(key) != stamp[0]:
                del self._copy.compared[key]
        return {key: stamp for key, stamp in sorted(known.items()) if key.rpartition("/")[0] == folder}

    @contextmanager
    def looking(self) -> Generator[None]:
        """While in it lake/_state is listed once for all tables."""
        before: dict[str, Stamp] | None = getattr(self._looks, "now", None)
        self._looks.now = self._listed("lake/_state") if before is None else before
        try:
            yield
        finally:
            self._looks.now = before

    def fetch(self, keys: Iterable[str]) -> None:
        """Fetch those objects that changed, several at once; they are listed instead of asked for one by one."""
        wanted = list(keys)
        if len(wanted) <= _FEW:
            return
        there: dict[str, Stamp] = {}
        # lake/<table>, marts/versions: what lies beside each other is listed together.
        for folder in {"/".join(key.split("/")[:2]) for key in wanted if key.count("/") > 1}:
            there |= self._listed(folder)
        changed = [key for key in wanted if key not in there or self._copy.etag(key) != there[key][0]]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(self._fetch, changed))
        self._copy.compared |= dict.fromkeys(wanted, time.monotonic())

    def folder(self, prefix: str) -> Path:
        """The folder of the working copy with all objects below `prefix` in it, and no others."""
        began, root = time.time(), self.home / prefix
        # Some tools make empty objects that stand for folders.
        there = [key for key, stamp in self._listed(prefix).items() if stamp[1] or "." in key.rpartition("/")[2]]
        self.fetch(there)
        for key in there:
            self.path(key)
        self._copy.drop_others(root, set(there), began)
        return root

    def tidy(self) -> None:
        """Remove from the working copy what is in the store no more, or no longer so; Dagster's records and what is being written stay."""
        began, listed = time.time(), self._listed("")
        # Neither what isn't there any more nor what is there in another version.
        there = {key for key, stamp in listed.items() if self._copy.etag(key) == stamp[0]}
        for name in ("landing", "lake", "marts", "report", "models", "tables", "pictures"):
            self._copy.drop_others(self.home / name, there, began)

    def left_behind(self) -> Iterator[str]:
        """Keys of what writers didn't end, on this machine and in the store."""
        yield from super().left_behind()
        newest: dict[str, float] = {}
        there = self.stamps_below(SCRATCH)
        for key, stamp in there.items():
            newest[_piece_of(key)] = max(stamp[2], newest.get(_piece_of(key), 0))
        yield from (key for key in there if time.time() - newest[_piece_of(key)] > SCRATCH_SECONDS)

    def delete_folder(self, prefix: str) -> None:
        """Remove all objects below the folder."""
        if keys := list(self._listed(prefix)):
            obstore.delete(self.store, keys)
        self._copy.drop_folder(prefix)

    def scan(self, table: Table, keys: Iterable[str]) -> pl.LazyFrame:
        """The rows of the objects `keys` of `table`."""
        wanted = list(keys)
        self.fetch(wanted)
        rows = super().scan(table, wanted)
        if not wanted or not has_cluster():
            return rows
        # Who computes it elsewhere has no files of this machine, and fetches for itself.
        return register_io_source(partial(_rows_there, self, table, wanted), schema=rows.collect_schema())

    def lost(self, keys: Iterable[str]) -> set[str]:  # noqa: ARG002  # they needn't be looked for
        """None: the store loses nothing, and what names its objects is written after them."""
        return set()

    @contextmanager
    def exclusive(self) -> Generator[None]:
        """One writer at a time, of all machines; Replaced in the end where another took over."""
        with exclusive(self.store, self.url) as held:
            # What was read before may be another's by now.
            self._copy.compared.clear()
            self._looks.held = held
            try:
                yield
            finally:
                self._looks.held = None

    def _still_held(self) -> None:
        held: Held | None = getattr(self._looks, "held", None)
        if held is not None:
            held.check()

    # The working copy.

    def _listed(self, prefix: str) -> dict[str, Stamp]:
        listing = obstore.list(self.store, prefix=prefix.strip("/") or None, chunk_size=1_000)
        try:
            return {
                each["path"]: _stamp(each)
                for chunk in listing
                for each in chunk
                if not each["path"].endswith(TEMPORARY)
            }
        except InvalidPathError as fault:
            raise DamagedObject(
                f"{self.url}/{prefix} holds an object whose name no folder could hold ({fault}); rename it, then run again"
            ) from None

    def _fetch(self, key: str) -> None:
        known = self._copy.etag(key)
        try:
            result = obstore.get(self.store, key, options={"if_none_match": known} if known else None)
        except NotModifiedError:
            self._copy.compared[key] = time.monotonic()
            return
        except FileNotFoundError:
            self._copy.drop(key)
            return
        self._copy.take(key, result.meta["e_tag"], result.stream())


def _rows_there(
    lake: ObjectLake,
    table: Table,
    keys: list[str],
    columns: list[str] | None,
    predicate: pl.Expr | None,
    rows: int | None,
    _batch_rows: int | None,
) -> Iterator[pl.DataFrame]:
    """The rows of objects, as Polars asks for them on whatever machine."""
    lake.fetch(keys)
    scanned = Lake.scan(lake, table, keys)
    # Asked for both, Polars means the first rows, and of these those that fit.
    scanned = scanned if rows is None else scanned.head(rows)
    scanned = scanned if predicate is None else scanned.filter(predicate)
    yield from (scanned if columns is None else scanned.select(columns)).collect_batches(maintain_order=True)


def _piece_of(key: str) -> str:
    """The scratch that an object is of: `lake/scratch/<piece>/...`."""
    return "/".join(key.split("/")[:3])


def _stamp(known: Mapping[str, Any]) -> Stamp:
    return known["e_tag"] or "", known["size"], int(known["last_modified"].timestamp())
