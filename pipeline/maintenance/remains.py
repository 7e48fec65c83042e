"""Where an erased person still stands once everything was computed anew: what can't be removed here is named."""

import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa

from pipeline.core.lake import Lake
from pipeline.core.object_lake import SCRATCH
from pipeline.core.published import id_of
from pipeline.ingest.erased import COPY, KEY
from pipeline.ingest.faults import CannotRead, FileFault
from pipeline.ingest.landing import printable
from pipeline.ingest.reading import contains
from pipeline.maintenance.mentions import Mentions, spellings_of

_CHUNK = 8 * 1_048_576
_ROWS = 131_072
# More than an id, so that one that lies across two chunks is seen.
_OVERLAP = 4_096
_REMEDIES = (
    (".dagster/", "what Dagster kept of earlier runs; delete those runs in the UI, or the file while nothing runs"),
    ("lake/", "a day that is held back, or an object that is damaged; `footfall status` and `footfall doctor` tell, then erase again"),
    ("marts/", "not published anew; run `footfall marts --rebuild`"),
    ("report/", "not made anew; run `footfall report`"),
)  # fmt: skip
_OTHERS = "a file of your own; remove the id from it"


def landing_files(lake: Lake, reported: Mentions) -> list[str]:
    """Landing files that hold one of the ids, or bear it in their name; one that can't be read is looked at as it is."""
    root, wanted = lake.folder("landing"), [each.encode() for each in spellings_of(reported.ids)]
    result = {
        printable(path.relative_to(root).as_posix())
        for path in root.rglob("*")
        if path.is_file() and (reported.holds(path.relative_to(root).as_posix()) or _holds(path, wanted))
    }
    _forget_landing(lake)
    return sorted(result)


def _forget_landing(lake: Lake) -> None:
    for key in lake.keys("landing") if lake.is_remote else ():
        lake.forget(key)


def _holds(path: Path, wanted: list[bytes]) -> bool:
    try:
        return contains(path, wanted)
    except FileNotFoundError:
        return False
    except (OSError, CannotRead, FileFault):
        data = path.read_bytes()
        return any(each in data for each in wanted)


def remains(lake: Lake, reported: Mentions, persons: list[int]) -> Iterator[str]:
    """A sentence for each object of the home, landing files apart, that still holds an id or a key of `persons`."""
    # What lies elsewhere is looked at as well, object by object, and what this machine holds of it.
    if lake.is_remote:
        for folder in lake.folders(""):
            if folder not in {"landing", ".dagster"}:
                lake.folder(folder)
        lake.tidy()
    for path in sorted(lake.home.rglob("*")):
        name = path.relative_to(lake.home).as_posix()
        if name.startswith(("landing/", ".etags/")) or name in (KEY, COPY) or not path.is_file():
            continue
        if name.startswith(("lake/.scratch", f"{SCRATCH}/")):
            # Packed rows, which nobody can search while they are being written.
            yield f"{name}: rows of a run, which go when it ends, or with `footfall prune` a day after it was killed"
            continue
        remedy = next((stated for begin, stated in _REMEDIES if name.startswith(begin)), _OTHERS)
        if reported.holds(name):
            yield f"{printable(name)} (its name): {remedy}"
        elif (held := _held(path, reported, persons)) is not False:
            yield f"{printable(name)}{'' if held else ' (unreadable, so nobody knows)'}: {remedy}"


def _held(path: Path, reported: Mentions, persons: list[int]) -> bool | None:
    """Whether the file holds one; None if that can't be told."""
    is_table = ".parquet" in path.name
    try:
        return _table_holds(path, reported, persons) if is_table else any(reported.holds(text) for text in _texts(path))
    except FileNotFoundError:
        return False
    except (OSError, EOFError, zlib.error, pa.ArrowException, pl.exceptions.PolarsError):
        return None


def _table_holds(path: Path, reported: Mentions, persons: list[int]) -> bool:
    rows = pl.scan_parquet(path, glob=False)
    schema = rows.collect_schema()
    texts = [name for name, dtype in schema.items() if dtype == pl.String]
    keys = [name for name in ("person_key",) if name in schema and schema[name] == pl.Int64]
    # Marts and facts bear keys as text.
    named = [id_of(person) for person in persons] if schema.get("person_key") == pl.String else []
    if named and rows.filter(pl.col("person_key").is_in(named)).select(pl.len()).collect().item():
        return True
    if any(reported.holds(name) for name in schema):
        return True
    if not keys and not texts:
        return False
    wanted = pl.any_horizontal(
        *(pl.col(name).is_in(persons) for name in keys),
        *(pl.col(n).str.contains_any(reported.looked_for) for n in texts),
    )
    hits = rows.filter(wanted).collect()
    if keys and hits.select(pl.any_horizontal(pl.col(name).is_in(persons).any() for name in keys)).item():
        return True
    return reported.frame(hits.select(texts))[1] > 0 or any(
        f"{kind}:{each}" in hits["person_id"]
        for each in reported.ids
        for kind in ("user", "device")
        if "person_id" in texts
    )


def _texts(path: Path) -> Iterator[str]:
    kept = ""
    with path.open("rb") as stream:
        begin = stream.read(4)
    with path.open("rb") as stream:
        opened: io.BufferedIOBase = stream
        if begin.startswith(b"\x1f\x8b"):
            opened = gzip.GzipFile(fileobj=stream)
        elif begin == b"\x28\xb5\x2f\xfd":
            opened = pa.input_stream(stream, compression="zstd")  # pyright: ignore[reportAssignmentType]
        while part := opened.read(_CHUNK):
            kept = kept[-_OVERLAP:] + part.decode("utf-8", errors="replace")
            yield kept
