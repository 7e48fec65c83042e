"""One landing file on its way into objects: read, judged, written per local event day; its manifest says what became of it."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import polars as pl

from pipeline.ingest.accept import Judged, judge, rejected_frame
from pipeline.ingest.batch import Batch, Reader, Reject
from pipeline.ingest.erased import Erased
from pipeline.ingest.faults import FileFault
from pipeline.ingest.in_order import in_order
from pipeline.ingest.landing import LandingFile
from pipeline.ingest.manifests import DayObject, Manifest
from pipeline.ingest.raw_text import raw_text
from pipeline.ingest.reading import How, read_records
from pipeline.ingest.recorded import days_of, recorded_frame
from pipeline.lake import Lake
from pipeline.product import Product

# Raised whenever the meaning of a record changes: files are then read anew.
READER_VERSION = "6"
BATCH_RECORDS = 16_384
OBJECT_ROWS = 1_000_000
# Of recordings single events may be as large as a page.
RECORDED_CHARACTERS = 64_000_000
# What a source says about later steps.
_NOT_OF_READING = {"heartbeat_s", "minimum_visit_s", "capabilities", "identified_by"}


def reader_hash(source: str, product: Product) -> str:
    """What the reading of a source's files depends on, besides their bytes."""
    config = product.sources.get(source)
    said = config.model_dump_json(exclude=_NOT_OF_READING) if config else "unknown"
    parts = (READER_VERSION, source, product.part_hash("ingest"), said)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


@dataclass
class _Taking:
    """One file on its way into objects: rows are flushed so that memory is bounded."""

    lake: Lake
    product: Product
    file: LandingFile
    sha256: str
    erased: Erased
    frames: list[pl.DataFrame] = field(default_factory=list)
    rejects: list[pl.DataFrame] = field(default_factory=list)
    days: dict[str, list[DayObject]] = field(default_factory=dict)
    recorded: list[pl.DataFrame] = field(default_factory=list[pl.DataFrame])
    recorded_characters: int = 0
    recordings: dict[str, list[DayObject]] = field(default_factory=dict)
    filtered: Counter[str] = field(default_factory=Counter)
    placeholder_ids: Counter[str] = field(default_factory=Counter)
    records: int = 0
    accepted: int = 0
    rejected: int = 0
    rows: int = 0
    parts: int = 0

    @property
    def reader(self) -> str:
        return reader_hash(self.file.source, self.product)

    @property
    def stem(self) -> str:
        return f"{self.sha256[:24]}-{self.reader[:8]}"

    def add(self, judged: Judged) -> None:
        self.frames.append(judged.accepted)
        self.rejects.append(judged.rejected)
        self.filtered += judged.filtered
        self.placeholder_ids += judged.placeholder_ids
        self.records += judged.records
        self.accepted += judged.records_accepted
        self.rejected += judged.records_rejected
        self.rows += judged.accepted.height
        if self.rows >= OBJECT_ROWS:
            self.flush()

    def add_recorded(self, batch: Batch) -> None:
        if not batch.recorded:
            return
        self.recorded.append(recorded_frame(batch, self.erased))
        self.recorded_characters += batch.recorded_characters
        if self.recorded_characters >= RECORDED_CHARACTERS:
            self.flush_recorded()

    def flush_recorded(self) -> None:
        for day, frame in days_of(self.recorded).items():
            number = sum(map(len, self.recordings.values()))
            key = f"lake/raw_recordings/day={day}/{self.stem}-{number}.parquet"
            sha256 = self.lake.write_frame(key, frame)
            self.recordings.setdefault(day, []).append(DayObject(key, frame.height, sha256))
        self.recorded, self.recorded_characters = [], 0

    def flush(self) -> None:
        if not self.frames:
            return
        parts = pl.concat(self.frames).partition_by("local_day", as_dict=True, include_key=False)
        for (day,), frame in sorted(parts.items(), key=lambda part: str(part[0])):
            iso = str(day)
            key = f"lake/raw_events/day={iso}/{self.stem}-{self.parts}.parquet"
            sha256 = self.lake.write_frame(key, frame)
            self.days.setdefault(iso, []).append(DayObject(key, frame.height, sha256))
        self.frames, self.rows, self.parts = [], 0, self.parts + 1


def take_file(lake: Lake, product: Product, file: LandingFile, sha256: str, erased: Erased) -> Manifest:
    """Read a file to its end, or reject it whole, and write its objects; its manifest isn't written yet."""
    taking, fault = _Taking(lake, product, file, sha256, erased), None
    fields: dict[str, dict[str, int]] = {}
    try:
        _check_source(file.source, taking.product)
        reader = Reader(file.source, taking.product)
        for batch in _batches(file, reader):
            taking.add(judge(batch, taking.erased, taking.sha256))
            taking.add_recorded(batch)
        taking.flush()
        taking.flush_recorded()
        for (name, kind), number in sorted(reader.fields.items()):
            fields.setdefault(name, {})[kind] = number
    except FileFault as found:
        fault, name = found, Reject(0, found.rule, found.reason, file.name.encode())
        taking = _Taking(taking.lake, taking.product, file, taking.sha256, taking.erased)
        shown = raw_text(name.raw, None, frozenset(), taking.erased)
        taking.rejects = [rejected_frame(file.source, taking.sha256, [name], [shown])]
    return _manifest(taking, fault, fields)


def _manifest(taking: _Taking, fault: FileFault | None, fields: dict[str, dict[str, int]]) -> Manifest:
    """Write what was rejected, and say what became of the file."""
    file = taking.file
    rejected = pl.concat(taking.rejects) if taking.rejects else rejected_frame(file.source, taking.sha256, [], [])
    rejected_key, rejected_sha256 = None, ""
    if rejected.height:
        rejected_key = f"lake/rejected/arrived={file.arrived.isoformat()}/{taking.stem}.parquet"
        rejected_sha256 = taking.lake.write_frame(rejected_key, rejected)
    by_day: dict[str, dict[str, int]] = {}
    for day, rule, number in (
        rejected.drop_nulls("event_day").group_by("event_day", "rule").len().sort("event_day", "rule").rows()
    ):
        by_day.setdefault(str(day), {})[rule] = number
    return Manifest(
        file_id=file.file_id,
        name=file.name,
        source=file.source,
        arrived=file.arrived.isoformat(),
        size=file.size,
        mtime_ns=file.mtime_ns,
        sha256=taking.sha256,
        reader=taking.reader,
        records_read=taking.records,
        accepted=taking.accepted,
        events=sum(part.rows for parts in taking.days.values() for part in parts),
        records_rejected=taking.rejected,
        rejected={} if fault else dict(sorted(Counter(rejected["rule"].to_list()).items())),
        rejected_days=by_day,
        filtered=dict(sorted(taking.filtered.items())),
        placeholder_ids=dict(sorted(taking.placeholder_ids.items())),
        fields=fields,
        file_rule=fault.rule if fault else None,
        file_reason=fault.reason if fault else None,
        days=taking.days,
        recordings=taking.recordings,
        rejected_key=rejected_key,
        rejected_sha256=rejected_sha256,
    )


def _check_source(source: str, product: Product) -> None:
    if source not in product.sources:
        known = ", ".join(product.sources)
        raise FileFault("unknown_source", f"no source {source!r} in product.yaml, only {known}; add it there")


def _batches(file: LandingFile, reader: Reader) -> Iterator[Batch]:
    form = reader.format
    how = How(form.max_record_bytes, form.unwrap, form.line_endings, form.repeated_headers)
    # Asked for at most once, where a date leaves open whether day or month comes first.
    reader.clock.look = lambda: reader.order_in(read_records(file.path, how))
    batch = Batch(reader)
    for number, record in in_order(read_records(file.path, how), form.moment):
        batch.add(number, record)
        if max(batch.records, len(batch.events)) >= BATCH_RECORDS or batch.recorded_characters >= RECORDED_CHARACTERS:
            yield batch
            batch = Batch(reader)
    if batch.records:
        yield batch
