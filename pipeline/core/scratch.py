"""Rows that wait for a later step of the same piece of work: in a folder, or in the store where who reads them is elsewhere."""

import io
import secrets
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import obstore
import polars as pl

from pipeline.core.lake import DamagedObject, Lake
from pipeline.core.object_lake import SCRATCH, ObjectLake


class Scratch(Protocol):
    """Frames by name, `folder/number`; gone in the end."""

    def put(self, name: str, rows: pl.DataFrame) -> None:
        """Keep the rows under that name."""
        ...

    def rows(self, folder: str) -> list[pl.LazyFrame]:
        """What was put into the folder, in the order of names."""
        ...


@dataclass(frozen=True)
class FolderScratch:
    """A folder that all who read it can see."""

    root: Path

    def put(self, name: str, rows: pl.DataFrame) -> None:
        """Write the rows."""
        target = self.root / f"{name}.arrow"
        target.parent.mkdir(parents=True, exist_ok=True)
        rows.write_ipc(target, compression="lz4", compat_level=pl.CompatLevel.newest())

    def rows(self, folder: str) -> list[pl.LazyFrame]:
        """Scan what lies in the folder."""
        return [pl.scan_ipc(path) for path in sorted((self.root / folder).glob("*.arrow"))]


@dataclass(frozen=True)
class StoreScratch:
    """Objects beside the home's: workers on other machines put them there and get them from there."""

    lake: ObjectLake
    prefix: str

    def put(self, name: str, rows: pl.DataFrame) -> None:
        """Put the rows as one object."""
        written = io.BytesIO()
        rows.write_ipc(written, compression="lz4", compat_level=pl.CompatLevel.newest())
        obstore.put(self.lake.store, f"{self.prefix}/{name}.arrow", written.getvalue())

    def rows(self, folder: str) -> list[pl.LazyFrame]:
        """Get the objects of the folder."""
        keys = sorted(self.lake.stamps_below(f"{self.prefix}/{folder}"))
        return [pl.read_ipc(obstore.get(self.lake.store, key).bytes().to_bytes()).lazy() for key in keys]


@contextmanager
def scratch(lake: Lake, *, shared: bool) -> Generator[Scratch]:
    """A scratch of the home; `shared` where who reads it may be on another machine."""
    if shared and isinstance(lake, ObjectLake):
        prefix = f"{SCRATCH}/{int(time.time())}-{secrets.token_hex(4)}"
        try:
            yield StoreScratch(lake, prefix)
        finally:
            lake.delete_folder(prefix)
        return
    with lake.scratch() as folder:
        yield FolderScratch(folder)


def deal_out(scratch: Scratch, rows: pl.DataFrame, ends: Sequence[int], kind: str, name: str) -> list[int]:
    """Put slices of `rows` into the folders `kind/0`, `kind/1`, ..., each under that name; each ends before its place in `ends`.

    Returns how many rows each got, by which it is known later that none is missing.
    """
    begins = [0, *ends[:-1]]
    for n, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        if end > begin:
            scratch.put(f"{kind}/{n}/{name}", rows.slice(begin, end - begin))
    return [end - begin for begin, end in zip(begins, ends, strict=True)]


def waiting_rows(scratch: Scratch, folder: str, empty: pl.DataFrame, wanted: int) -> pl.DataFrame:
    """The rows that were dealt out to a folder, which were so many; DamagedObject where some are gone."""
    rows = pl.concat([empty.lazy(), *scratch.rows(folder)]).collect()
    if rows.height != wanted:
        raise DamagedObject(
            f"of {wanted} rows that wait for a large day {rows.height} are left: somebody removed the run's scratch; run again"
        )
    return rows
