"""The marts of one publication as one version: `marts/versions/<id>/`, which never changes and never mixes two runs.

Marts are replaced one by one, so who reads two of them while a run publishes may see one of before and one of after. The
catalog and `footfall query` read a version; so does who follows `marts/_version.json`. Facts by row are there and nowhere
else: the files of each local day, as they lie in the lake. Files of a version are the marts' and the days' own, linked and not
copied. What must not be here: how a mart is made.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

from pipeline.build.marts import read_record
from pipeline.core.contract import Table
from pipeline.core.keys import mart_key
from pipeline.core.lake import Lake
from pipeline.core.registry import TABLES
from pipeline.core.sealed import read_sealed, write_sealed
from pipeline.core.state import hash_texts
from pipeline.core.states import parts_of, read_states
from pipeline.ingest.manifests import withdrawals

FACTS: tuple[Table, ...] = tuple(table for table in TABLES.values() if table.layer == "fact")
FOLDER, POINTER_KEY = "marts/versions", "marts/_version.json"
# A dashboard that holds a connection open, a notebook of last week.
KEPT, MOST_KEPT = timedelta(days=7), 30


class Pointer(msgspec.Struct, frozen=True):
    """Which version is the current one, since when, and when earlier ones that are still there were replaced."""

    id: str
    made_at: datetime
    replaced: dict[str, datetime] = {}


class _Contents(msgspec.Struct, frozen=True):
    """sha256 of each file of a version by its key there without the ending; the mark of what had been withdrawn then."""

    files: dict[str, str] = msgspec.field(name="marts")
    mark: str


@dataclass(frozen=True)
class _File:
    """A file of a version: where it lies besides, and its sha256."""

    key: str
    sha256: str


def _published(lake: Lake) -> dict[str, _File]:
    """What a version made now would hold."""
    result = {name: _File(mart_key(name), mart.sha256) for name, mart in read_record(lake).items()}
    for fact in FACTS:
        for day, state in read_states(lake, fact.name)[0].items():
            parts = parts_of(fact.name, day, state)
            names = [f"{day}"] if len(parts) == 1 else [f"{day}.{n:04}" for n in range(len(parts))]
            result |= {f"{fact.name}/{name}": _File(*part) for name, part in zip(names, parts, strict=True)}
    return result


def version_of(lake: Lake) -> str:
    """The id of the version that what is published makes: the same marts and facts are the same version."""
    return _id_of(_published(lake))


def _id_of(files: Mapping[str, _File]) -> str:
    return hash_texts([f"{name}:{file.sha256}" for name, file in sorted(files.items())])


def current(lake: Lake) -> Pointer | None:
    """The current version; None before the first one."""
    return read_sealed(lake, POINTER_KEY, Pointer)


def folder_of(lake: Lake) -> str:
    """Key of the folder that a reader of all marts together reads: that of the current version, else of the marts."""
    pointer = current(lake)
    return f"{FOLDER}/{pointer.id}" if pointer and _contents_of(lake, pointer.id) else "marts"


def make_version(lake: Lake, now: datetime | None = None, *, settled: bool = True) -> Pointer:
    """Make the version of what is published and point to it; versions go that were replaced more than `KEPT` ago.

    After an erasure or a retraction all earlier ones go at once: they may hold what was taken back. So may one that is made
    before all days and marts were made anew (not `settled`): it goes with the next. Raises DamagedObject where a mart isn't what
    was published.
    """
    now = now or datetime.now(UTC)
    with lake.exclusive():
        files = _published(lake)
        made, before = _id_of(files), current(lake)
        if not _is_whole(lake, made, files):
            _link(lake, made, files, before)
        contents = _Contents({name: file.sha256 for name, file in files.items()}, withdrawals(lake) if settled else "")
        if settled or _mark_of(lake, made) is None:
            write_sealed(lake, f"{FOLDER}/{made}/version.json", contents)
        replaced = dict(before.replaced) if before else {}
        if before and before.id != made:
            replaced[before.id] = now
        kept = _still_kept(lake, {name: since for name, since in replaced.items() if name != made}, now)
        pointer = before if before and before.id == made else Pointer(made, now)
        pointer = msgspec.structs.replace(pointer, replaced=kept)
        write_sealed(lake, POINTER_KEY, pointer)
        for version in lake.folders(FOLDER):
            if version not in kept and version != made:
                lake.delete_folder(f"{FOLDER}/{version}")
    return pointer


def _still_kept(lake: Lake, replaced: Mapping[str, datetime], now: datetime) -> dict[str, datetime]:
    """Those replaced versions that stay, the newest first: replaced not long ago, and holding nothing that was taken back."""
    mark = withdrawals(lake)
    stay = [(since, name) for name, since in replaced.items() if now - since < KEPT and _mark_of(lake, name) == mark]
    return {name: since for since, name in sorted(stay, reverse=True)[:MOST_KEPT]}


def faults(lake: Lake) -> list[str]:
    """Keys of the current version's files that are gone or aren't what was published."""
    pointer = current(lake)
    if pointer is None:
        return [POINTER_KEY] if lake.exists(POINTER_KEY) else []
    key = f"{FOLDER}/{pointer.id}"
    contents = _contents_of(lake, pointer.id)
    if contents is None:
        return [f"{key}/version.json"]
    return [
        f"{key}/{name}.parquet" for name, sha in contents.files.items() if lake.sha256(f"{key}/{name}.parquet") != sha
    ]


def _is_whole(lake: Lake, version: str, files: Mapping[str, _File]) -> bool:
    contents = _contents_of(lake, version)
    return contents is not None and all(
        # What a store holds was copied by the store itself; links may have been written through.
        contents.files.get(name) == file.sha256 if lake.is_remote else _is_in(lake, version, name, file)
        for name, file in files.items()
    )


def _is_in(lake: Lake, version: str, name: str, file: _File) -> bool:
    """Whether a version holds the file: the very one that lies there, or a copy of it. `doctor --deep` reads them all."""
    key = f"{FOLDER}/{version}/{name}.parquet"
    try:
        return lake.path(key).samefile(lake.path(file.key)) or lake.sha256(key) == file.sha256
    except FileNotFoundError:
        return False


def _contents_of(lake: Lake, version: str) -> _Contents | None:
    return read_sealed(lake, f"{FOLDER}/{version}/version.json", _Contents)


def _mark_of(lake: Lake, version: str) -> str | None:
    contents = _contents_of(lake, version)
    return contents.mark if contents else None


def _link(lake: Lake, version: str, files: Mapping[str, _File], before: Pointer | None) -> None:
    """Put the files into the version's folder, once it is known that they are what was published."""
    known = _contents_of(lake, before.id) if before else None
    # What the version before holds was looked at then: facts are years of days.
    fresh = [
        file
        for name, file in files.items()
        if not (
            before
            and known
            and known.files.get(name) == file.sha256
            and (lake.is_remote or _is_in(lake, before.id, name, file))
        )
    ]
    lake.fetch(file.key for file in fresh)
    for file in fresh:
        lake.check(file.key, file.sha256)
    lake.link({f"{name}.parquet": file.key for name, file in files.items()}, f"{FOLDER}/{version}")
