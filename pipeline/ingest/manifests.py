"""Manifests: one small file per landing file, replaced atomically, that commits its rows.

Readers of raw events read only the objects that manifests name, so a run that dies half-way leaves nothing visible.
"""

import re
import secrets
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date

import msgspec

from pipeline.core.lake import Lake
from pipeline.core.sealed import read_folder, read_sealed, write_sealed

_FOLDER = "lake/ingested"
_KEY = re.compile(rf"{_FOLDER}/([0-9a-f]{{32}})\.json")
_WITHDRAWN = "lake/_state/withdrawn.json"


class DayObject(msgspec.Struct, frozen=True):
    """An object of accepted rows: its key, how many rows it holds, and the hash of its bytes.

    Objects of before hashes were kept have none; they get it when their file is read again.
    """

    key: str
    rows: int
    sha256: str = ""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one landing file.

    `records_read` = `accepted` (records with at least one event) + `records_rejected` + those `filtered`, by rule.
    `rejected` counts rejected pieces by rule and `rejected_days` those whose local day is known: of a record with
    several events some may be rejected. `placeholder_ids` counts values that are no ids, by column. `fields` counts, per field of the records, the values of each type. `erased`
    counts events that were removed for good. `recordings` names the objects of recorded rrweb events. `file_rule` is set where the file as a whole was rejected. A retracted
    file has no days, and its content is not taken again under this name.
    """

    file_id: str
    name: str
    source: str
    arrived: str
    size: int
    mtime_ns: int
    sha256: str
    reader: str
    records_read: int = 0
    accepted: int = 0
    events: int = 0
    erased: int = 0
    records_rejected: int = 0
    rejected: dict[str, int] = {}
    rejected_days: dict[str, dict[str, int]] = {}
    filtered: dict[str, int] = {}
    placeholder_ids: dict[str, int] = {}
    fields: dict[str, dict[str, int]] = {}
    file_rule: str | None = None
    file_reason: str | None = None
    days: dict[str, list[DayObject]] = {}
    recordings: dict[str, list[DayObject]] = {}
    rejected_key: str | None = None
    rejected_sha256: str = ""
    retracted: bool = False

    @property
    def balances(self) -> bool:
        """Whether every record is accounted for (docs/design.md, "Promises")."""
        held = sum(part.rows for parts in self.days.values() for part in parts)
        total = self.accepted + self.records_rejected + sum(self.filtered.values())
        return self.retracted or (self.records_read == total and held + self.erased == self.events)

    @property
    def judged_days(self) -> set[str]:
        """Local days whose gate looks at this file (docs/definitions/data_problems.md).

        Those of its events; where no record was accepted those that its rejected records tell, else its arrival day.
        """
        if self.accepted or not self.records_rejected or self.retracted:
            return set(self.days)
        return set(self.rejected_days) or {self.arrived}

    @property
    def objects(self) -> dict[str, str]:
        """Keys of all objects that it names, with their hashes."""
        parts = [part for by_day in (self.days, self.recordings) for of_day in by_day.values() for part in of_day]
        rejected = {self.rejected_key: self.rejected_sha256} if self.rejected_key else {}
        return {**{part.key: part.sha256 for part in parts}, **rejected}


def read_manifests(lake: Lake) -> dict[str, Manifest]:
    """All manifests by file id; one that can't be read counts as none, so that its file is taken again."""
    found = read_folder(lake, _FOLDER, lambda key: Manifest if _KEY.fullmatch(key) else None)
    return {manifest.file_id: manifest for key, manifest in found.items() if manifest_key(manifest.file_id) == key}


def read_manifest(lake: Lake, file_id: str) -> Manifest | None:
    """The manifest of one landing file, if it was taken."""
    return read_sealed(lake, manifest_key(file_id), Manifest)


def damaged_manifests(lake: Lake) -> tuple[list[str], list[str]]:
    """Keys of manifests that can't be read, by file id, and of files beside them that are none of ours."""
    known, keys = read_manifests(lake), list(lake.keys(_FOLDER))
    ids = [result[1] for key in keys if (result := _KEY.fullmatch(key))]
    return [each for each in ids if each not in known], [key for key in keys if not _KEY.fullmatch(key)]


def write_manifest(lake: Lake, manifest: Manifest) -> None:
    """Commit: from here on readers see the rows that `manifest` names, and no others of this file."""
    write_sealed(lake, manifest_key(manifest.file_id), manifest)


def manifest_key(file_id: str) -> str:
    """Where the manifest of a landing file lies."""
    return f"{_FOLDER}/{file_id}.json"


def withdrawals(lake: Lake) -> str:
    """A mark that is another one after each withdrawal: who read manifests before it must read them again."""
    result = read_sealed(lake, _WITHDRAWN, dict[str, str])
    return (result or {}).get("mark", "")


def note_withdrawal(lake: Lake) -> None:
    """Tell runs in progress that rows are taken back; to be called under the lock, before the first manifest changes."""
    write_sealed(lake, _WITHDRAWN, {"mark": secrets.token_hex(16)})


def mend_withdrawals(lake: Lake) -> None:
    """Make the mark anew where it is damaged: then nobody knows what was taken back."""
    if lake.read(_WITHDRAWN) is not None and not withdrawals(lake):
        note_withdrawal(lake)


def hashes_of(manifests: Iterable[Manifest]) -> dict[str, str]:
    """sha256 of each object that manifests name, where it is known."""
    return {key: sha256 for each in manifests for key, sha256 in each.objects.items() if sha256}


def objects_by_day(manifests: Iterable[Manifest]) -> dict[date, dict[str, int]]:
    """Per local event day the keys of its raw objects and their rows; one content under two names stands once."""
    return _by_day(manifest.days for manifest in manifests)


def recordings_by_day(manifests: Iterable[Manifest]) -> dict[date, dict[str, int]]:
    """Per local day the keys of its objects of recorded rrweb events and their rows."""
    return _by_day(manifest.recordings for manifest in manifests)


def _by_day(objects: Iterable[Mapping[str, list[DayObject]]]) -> dict[date, dict[str, int]]:
    days: dict[date, dict[str, int]] = {}
    for of_file in objects:
        for day, parts in of_file.items():
            days.setdefault(date.fromisoformat(day), {}).update({part.key: part.rows for part in parts})
    return days


def wholly_rejected_by_day(manifests: Iterable[Manifest]) -> dict[date, set[str]]:
    """Per local day the contents of files without an accepted record that its gate looks at."""
    days: dict[date, set[str]] = {}
    for manifest in manifests:
        if not manifest.accepted:
            for day in manifest.judged_days:
                days.setdefault(date.fromisoformat(day), set()).add(f"{manifest.sha256}:{manifest.reader}")
    return days


def rejected_by_rule(manifests: Iterable[Manifest]) -> Mapping[str, int]:
    """Rejected records and files by rule; one content under two names counts once."""
    counts: Counter[str] = Counter()
    for manifest in {(m.sha256, m.reader): m for m in manifests if not m.retracted}.values():
        counts.update(manifest.rejected)
        if manifest.file_rule:
            counts[manifest.file_rule] += 1
    return dict(sorted(counts.items()))
