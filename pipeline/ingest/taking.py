"""One landing file on its way into objects: read, judged, written per local event day; its manifest says what became of it."""

import gc
import hashlib
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import polars as pl

from pipeline.core.lake import Lake
from pipeline.core.product import Product
from pipeline.ingest.accept import Judged, judge, rejected_frame
from pipeline.ingest.batch import Batch
from pipeline.ingest.erased import Erased
from pipeline.ingest.faults import FileFault, RecordFault
from pipeline.ingest.in_order import in_order
from pipeline.ingest.landing import LandingFile
from pipeline.ingest.manifests import DayObject, Manifest
from pipeline.ingest.peeking import how_of
from pipeline.ingest.raw_text import raw_text
from pipeline.ingest.reader import Reader, Reject
from pipeline.ingest.reading import Row, read_records
from pipeline.ingest.recorded import days_of, recorded_frame
from pipeline.ingest.rejects import Rejects
from pipeline.ingest.sources import FORMATS

# Raised whenever the meaning of a record changes: files are then read anew.
READER_VERSION = "8"
BATCH_RECORDS = 16_384
OBJECT_ROWS = 1_000_000
# Of recordings single events may be as large as a page.
RECORDED_CHARACTERS = 64_000_000
# What records hold before they are judged, and frames before they are written, however few they are.
BATCH_BYTES = 64_000_000
OBJECT_BYTES = 256_000_000
# A file of nothing but so many bad records is of another kind than its source says.
MAX_REJECTED = 1_000_000
_OF_WORKBOOKS = ("surveys", "mapping")
# What a source says about later steps.
_NOT_OF_READING = {"heartbeat_s", "minimum_visit_s", "capabilities", "identified_by"}


def reader_hash(source: str, product: Product) -> str:
    """What the reading of a source's files depends on, besides their bytes."""
    config = product.sources.get(source)
    stated = config.model_dump_json(exclude=_NOT_OF_READING) if config else "unknown"
    version = FORMATS[config.format].version if config else ""
    parts = (READER_VERSION, source, product.section_hash("ingest"), stated, *filter(None, [version]))
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
    size: int = 0
    parts: int = 0

    def __post_init__(self) -> None:
        arrived = self.file.arrived.isoformat()
        self.rejects = Rejects(self.lake, f"lake/rejected/arrived={arrived}/{self.stem}.parquet")

    @property
    def reader(self) -> str:
        return reader_hash(self.file.source, self.product)

    @property
    def stem(self) -> str:
        return f"{self.sha256[:24]}-{self.reader[:8]}"

    def add(self, judged: Judged) -> None:
        self.frames.append(judged.accepted)
        self.rejects.add(judged.rejected)
        self.filtered += judged.filtered
        self.placeholder_ids += judged.placeholder_ids
        self.records += judged.records
        self.accepted += judged.records_accepted
        self.rejected += judged.records_rejected
        self.rows += judged.accepted.height
        self.size += int(judged.accepted.estimated_size())
        if self.rejected > MAX_REJECTED and not self.accepted:
            (rule, _), *_ = self.rejects.rules.most_common(1)
            raise FileFault(
                "nothing_accepted",
                f"over {MAX_REJECTED} records and all rejected, most by {rule}; look at the source's format",
            )
        if self.rows >= OBJECT_ROWS or self.size >= OBJECT_BYTES:
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
        self.frames, self.rows, self.size, self.parts = [], 0, 0, self.parts + 1


def take_file(lake: Lake, product: Product, file: LandingFile, sha256: str, erased: Erased) -> Manifest:
    """Read a file to its end, or reject it whole, and write its objects; its manifest isn't written yet."""
    taking, fault = _Taking(lake, product, file, sha256, erased), None
    fields: dict[str, dict[str, int]] = {}
    try:
        _check(file, taking.product)
        reader = Reader(file.source, taking.product)
        with _without_collector():
            for batch in _batches(file, reader):
                taking.add(judge(batch, taking.erased, taking.sha256))
                taking.add_recorded(batch)
        taking.flush()
        taking.flush_recorded()
        for (name, kind), number in sorted(reader.fields.all().items()):
            fields.setdefault(name, {})[kind] = number
    except FileFault as result:
        fault, name = result, Reject(0, result.rule, result.reason, file.name.encode())
        taking.rejects.discard()
        taking = _Taking(taking.lake, taking.product, file, taking.sha256, taking.erased)
        shown = raw_text(name.raw, None, frozenset(), taking.erased)
        taking.rejects.add(rejected_frame(file.source, taking.sha256, [name], [shown]))
    return _manifest(taking, fault, fields)


@contextmanager
def _without_collector() -> Generator[None]:
    """Python doesn't look for cycles meanwhile: records have none, and looking at a batch of them costs as much as reading it."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _manifest(taking: _Taking, fault: FileFault | None, fields: dict[str, dict[str, int]]) -> Manifest:
    """Write what was rejected, and say what became of the file."""
    file = taking.file
    rejects = taking.rejects
    rejected_key, rejected_sha256 = rejects.write()
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
        rejected={} if fault else dict(sorted(rejects.rules.items())),
        rejected_days={day: dict(sorted(rules.items())) for day, rules in sorted(rejects.days.items())},
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


def _check(file: LandingFile, product: Product) -> None:
    if file.fault is not None:
        raise FileFault(*file.fault)
    if file.source not in product.sources:
        known = ", ".join(product.sources)
        raise FileFault("unknown_source", f"no source {file.source!r} in product.yaml, only {known}; add it there")


def _batches(file: LandingFile, reader: Reader) -> Iterator[Batch]:
    form, config = reader.format, reader.config
    how = how_of(form, config.encoding, workbooks=config.format in _OF_WORKBOOKS)
    # Asked for at most once, where a date leaves open whether day or month comes first.
    reader.clock.look = lambda: reader.order_in(read_records(file.local, how))
    batch, size = Batch(reader), 0
    for number, record in in_order(read_records(file.local, how), form.moment):
        batch.add(number, record)
        size += len(record) if isinstance(record, bytes) else _size(record)
        if (
            size >= BATCH_BYTES
            or batch.records >= BATCH_RECORDS
            or len(batch.events) >= BATCH_RECORDS
            or len(batch.rejected) >= BATCH_RECORDS
            or batch.recorded_characters >= RECORDED_CHARACTERS
        ):
            yield batch
            batch, size = Batch(reader), 0
    if batch.records:
        yield batch


def _size(record: Row | RecordFault) -> int:
    return len(record.raw) if isinstance(record, RecordFault) else record.size
