"""Parts of period tables that are kept from one run to the next: what was computed over days that change no more.

A part is named by the hash of all that it was made from. One that was made from anything else isn't found and is made anew,
so nothing here can be out of date; what a run no longer asked for is removed.
"""

from collections.abc import Collection

import polars as pl

from pipeline.core.lake import DamagedObject, Lake
from pipeline.core.sealed import delete_sum, read_sum, write_sum


def recall(lake: Lake, table: str, name: str) -> pl.DataFrame | None:
    """The part of that name; None if there is none, or it isn't what was written."""
    key = _key(table, name)
    sha256 = read_sum(lake, key)
    if not sha256:
        return None
    try:
        lake.check(key, sha256)
        return pl.read_parquet(lake.path(key), glob=False)
    except (DamagedObject, FileNotFoundError):
        return None


def keep(lake: Lake, table: str, name: str, part: pl.DataFrame) -> None:
    """Keep `part` under that name."""
    key = _key(table, name)
    write_sum(lake, key, lake.write_frame(key, part))


def forget_others(lake: Lake, table: str, names: Collection[str]) -> None:
    """Remove all parts of the table but those of these names."""
    wanted = {_key(table, name) for name in names}
    for key in set(lake.keys(f"lake/{table}/kept")) - wanted:
        lake.delete(key)
        delete_sum(lake, key)


def _key(table: str, name: str) -> str:
    return f"lake/{table}/kept/{name}.parquet"
