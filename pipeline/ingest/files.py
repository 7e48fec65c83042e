"""Take landing files: read, judge, write accepted rows per local event day, commit by manifest.

A crash at any moment leaves either the old manifest or the new one; objects that no manifest names are not read.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import msgspec
import polars as pl

from pipeline.ingest.accept import Batch, judge, rejected_frame
from pipeline.ingest.faults import FileFault
from pipeline.ingest.landing import Fingerprint, LandingFile, content_hash, find, settled, unchanged
from pipeline.ingest.manifests import DayObject, Manifest, read_manifests, write_manifest
from pipeline.ingest.reading import read_records
from pipeline.lake import Lake
from pipeline.product import Product

# Raised whenever the meaning of a record changes: files are then read anew.
READER_VERSION = "1"
BATCH_RECORDS = 16_384
OBJECT_ROWS = 1_000_000


def reader_hash(source: str, product: Product) -> str:
    """What the reading of a source's files depends on, besides their bytes."""
    config = product.sources.get(source)
    parts = (READER_VERSION, source, product.part_hash("ingest"), config.model_dump_json() if config else "unknown")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def pending(files: Iterable[LandingFile], manifests: Mapping[str, Manifest], product: Product) -> list[LandingFile]:
    """Files that were not taken yet, were written to since, or would be read differently today."""
    return [
        file
        for file in files
        if (known := manifests.get(file.file_id)) is None
        or (known.size, known.mtime_ns) != file.fingerprint
        or (known.reader != reader_hash(file.source, product) and not known.retracted)
    ]


def settled_pending(lake: Lake, product: Product, before: Mapping[str, Fingerprint]) -> list[LandingFile]:
    """Files to take now: pending, and the same as in the listing `before`."""
    return pending(settled(find(lake.path("landing")), before), read_manifests(lake), product)


def listing(lake: Lake) -> dict[str, Fingerprint]:
    """The landing folder as it is now: file id to fingerprint."""
    return {file.file_id: file.fingerprint for file in find(lake.path("landing"))}


def ingest(
    lake: Lake,
    product: Product,
    files: Iterable[LandingFile],
    *,
    again: bool = False,
) -> Iterator[Manifest]:
    """Take each of `files` and yield its manifest once it is committed; `again` reads known content anew.

    A file that vanishes or is written to meanwhile is left for the next time, and nothing of it is visible.
    """
    known = read_manifests(lake)
    for file in files:
        try:
            sha256 = content_hash(file)
            manifest = None if again else _known_content(file, sha256, known, product)
            manifest = manifest or _take(lake, product, file, sha256)
        except OSError:
            # Vanished, or not ours to read: it stays pending, and `footfall status` names it.
            continue
        if unchanged(file):
            write_manifest(lake, manifest)
            known[file.file_id] = manifest
            yield manifest


def _known_content(file: LandingFile, sha256: str, known: Mapping[str, Manifest], product: Product) -> Manifest | None:
    """A manifest for content that was read before, under this name or another."""
    own = known.get(file.file_id)
    reader = reader_hash(file.source, product)
    candidates = [m for m in (own, *known.values()) if m and m.sha256 == sha256 and m.reader == reader]
    if own is not None and own.retracted and own.sha256 == sha256:
        candidates = [own]
    candidates = [m for m in candidates if m is own or not m.retracted]
    if not candidates:
        return None
    return msgspec.structs.replace(
        candidates[0],
        file_id=file.file_id,
        name=file.name,
        arrived=file.arrived.isoformat(),
        size=file.size,
        mtime_ns=file.mtime_ns,
    )


@dataclass
class _Taking:
    """Rows of one file on their way into objects, flushed so that memory is bounded."""

    lake: Lake
    stem: str
    frames: list[pl.DataFrame] = field(default_factory=list)
    rejects: list[pl.DataFrame] = field(default_factory=list)
    days: dict[str, list[DayObject]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    parts: int = 0

    def flush(self) -> None:
        if not self.frames:
            return
        parts = pl.concat(self.frames).partition_by("local_day", as_dict=True, include_key=False)
        for (day,), frame in sorted(parts.items(), key=lambda part: str(part[0])):
            iso = str(day)
            key = f"lake/raw_events/day={iso}/{self.stem}-{self.parts}.parquet"
            self.lake.write_frame(key, frame)
            self.days.setdefault(iso, []).append(DayObject(key, frame.height))
        self.frames, self.rows, self.parts = [], 0, self.parts + 1


def _take(lake: Lake, product: Product, file: LandingFile, sha256: str) -> Manifest:
    reader = reader_hash(file.source, product)
    taking = _Taking(lake, f"{sha256[:24]}-{reader[:8]}")
    read = 0
    fault: FileFault | None = None
    try:
        _check_source(file.source, product)
        for batch in _batches(file):
            read += len(batch)
            judged = judge(batch, file.source, product, sha256)
            taking.frames.append(judged.accepted)
            taking.rejects.append(judged.rejected)
            taking.rows += judged.accepted.height
            if taking.rows >= OBJECT_ROWS:
                taking.flush()
        taking.flush()
    except FileFault as found:
        fault, read, taking.days = found, 0, {}
        taking.rejects = [rejected_frame(file.source, sha256, [(0, found.rule, found.reason, file.name)])]
    rejected = pl.concat(taking.rejects) if taking.rejects else rejected_frame(file.source, sha256, [])
    rejected_key = None
    if rejected.height:
        rejected_key = f"lake/rejected/arrived={file.arrived.isoformat()}/{taking.stem}.parquet"
        lake.write_frame(rejected_key, rejected)
    by_rule = {} if fault else dict(sorted(Counter(rejected["rule"].to_list()).items()))
    return Manifest(
        file_id=file.file_id,
        name=file.name,
        source=file.source,
        arrived=file.arrived.isoformat(),
        size=file.size,
        mtime_ns=file.mtime_ns,
        sha256=sha256,
        reader=reader,
        records_read=read,
        accepted=sum(part.rows for parts in taking.days.values() for part in parts),
        rejected=by_rule,
        file_rule=fault.rule if fault else None,
        file_reason=fault.reason if fault else None,
        days=taking.days,
        rejected_key=rejected_key,
    )


def _check_source(source: str, product: Product) -> None:
    if source not in product.sources:
        known = ", ".join(product.sources)
        raise FileFault("unknown_source", f"no source {source!r} in product.yaml, only {known}; add it there")


def _batches(file: LandingFile) -> Iterator[Batch]:
    batch = Batch()
    for number, record in enumerate(read_records(file.path), start=1):
        batch.add(number, record)
        if len(batch) >= BATCH_RECORDS:
            yield batch
            batch = Batch()
    if len(batch):
        yield batch


def retract(lake: Lake, name: str) -> Manifest:
    """Take back the rows of the landing file of that name; KeyError if none was taken under it.

    Its days become dirty. The same content is not taken again under this name; new content is.
    """
    for manifest in read_manifests(lake).values():
        if name in (manifest.name, f"landing/{manifest.name}", manifest.file_id):
            withdrawn = msgspec.structs.replace(
                manifest,
                days={},
                rejected={},
                rejected_key=None,
                records_read=0,
                accepted=0,
                file_rule=None,
                file_reason=None,
                retracted=True,
            )
            write_manifest(lake, withdrawn)
            return withdrawn
    raise KeyError(name)


def with_rejections(lake: Lake) -> list[LandingFile]:
    """Landing files that are still there and had rejected records, or were rejected whole."""
    manifests = read_manifests(lake)
    return [
        file
        for file in find(lake.path("landing"))
        if (known := manifests.get(file.file_id)) and (known.rejected or known.file_rule) and not known.retracted
    ]
