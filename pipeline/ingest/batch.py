"""Records of a landing file on their way to columns: decoded, turned into canonical events, counted by field."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
import polars as pl

from pipeline.core.canonical import ID_COLUMNS, INPUT_COLUMNS, PROMOTED_PREFIX, RAW_EVENTS
from pipeline.core.contract import UTC_MICROSECONDS
from pipeline.ingest.faults import RecordFault, RecordLeftOut
from pipeline.ingest.ids import with_ids_as_text
from pipeline.ingest.promoted import promote, promoted_schema
from pipeline.ingest.raw_text import drops_one
from pipeline.ingest.reader import Raw, Reader, Reject
from pipeline.ingest.reading import Record
from pipeline.ingest.scrub import without_personal
from pipeline.ingest.scrub_at_once import as_json, scrub_settled
from pipeline.ingest.sources import canonical
from pipeline.ingest.sources.base import Recorded
from pipeline.ingest.sources.fields import text

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Below so many lines the compiler isn't worth its import.
PLAIN_LINES = 2_048
_TOO_DEEP = ("too_deep", "nested too deeply to be read; send it flatter")


@dataclass
class Batch:
    """Some records of one landing file, read but not yet judged."""

    reader: Reader
    numbers: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    raw: dict[int, Raw] = field(default_factory=dict)
    events: list[msgspec.Struct] = field(default_factory=list)
    rest: list[dict[str, Any]] = field(default_factory=list)
    # Places in `rest` of what is scrubbed by its names, and not yet by what it holds.
    settled: list[int] = field(default_factory=list[int])
    rejected: list[Reject] = field(default_factory=list)
    filtered: Counter[str] = field(default_factory=Counter)
    recorded: list[tuple[int, int, Recorded]] = field(default_factory=list[tuple[int, int, Recorded]])
    recorded_characters: int = 0
    records: int = 0
    # Lines of the canonical format that are still to be read, with their numbers.
    lines: list[tuple[int, bytes]] = field(default_factory=list[tuple[int, bytes]])

    def add(self, number: int, record: Record) -> None:
        """Decode a record; one that can't be is rejected at once."""
        if self.reader.is_direct and type(record) is bytes:
            self.records += 1
            self.lines.append((number, record))
            return
        self._add(number, record)
        kept = self.reader.recorded
        if kept:
            self.recorded += [(number, position, each) for position, each in enumerate(kept)]
            self.recorded_characters += sum(len(each.event) for each in kept)
            kept.clear()

    def _add_line(self, number: int, line: bytes) -> None:
        """A line of the canonical format, which is one event: what `_add` does, without what only others need."""
        try:
            event = canonical.decode(line)
            properties, is_settled = self._rest(canonical.properties_of(event))
        except RecordFault as fault:
            self.rejected.append(Reject(number, fault.rule, fault.reason, line))
            return
        except RecursionError:
            self.rejected.append(Reject(number, *_TOO_DEEP, line))
            return
        if is_settled:
            self.settled.append(len(self.rest))
        self.raw[number] = line
        self.events.append(event)
        self.rest.append(properties)
        self.numbers.append(number)
        self.positions.append(0)

    def _add(self, number: int, record: Record) -> None:
        self.records += 1
        if isinstance(record, RecordFault):
            reader = self.reader
            # A cell that slipped into another column may be one that is never stored.
            is_shown = not drops_one(record.names, reader.format, reader.dropped_names)
            raw = record.raw if is_shown else b"[not shown: the header names columns that are never stored]"
            self.rejected.append(Reject(number, record.rule, record.reason, raw))
            return
        try:
            result = self.reader.events(record)
            rest = [
                ({}, False) if isinstance(event, RecordFault) else self._rest(canonical.properties_of(event))
                for event in result
            ]
        except RecordFault as fault:
            self.rejected.append(Reject(number, fault.rule, fault.reason, record))
            return
        except RecordLeftOut as reason:
            self.filtered[reason.rule] += 1
            return
        except RecursionError:
            self.rejected.append(Reject(number, *_TOO_DEEP, record))
            return
        self.raw[number] = record
        for position, event in enumerate(result):
            if isinstance(event, RecordFault):
                self.rejected.append(Reject(number, event.rule, event.reason, record, position))
            else:
                properties, is_settled = rest[position]
                if is_settled:
                    self.settled.append(len(self.rest))
                self.events.append(event)
                self.rest.append(properties)
                self.numbers.append(number)
                self.positions.append(position)

    def frame(self) -> pl.DataFrame:
        """The events as columns of raw_events: canonical names, properties as sorted JSON, promoted properties."""
        product, source = self.reader.product, self.reader.source
        plain = self._read_lines()
        frame = self._with_rest(self._columns(), self.rest, self.settled, self.numbers, self.positions)
        if plain is not None:
            frame = plain if frame.is_empty() else pl.concat([plain, frame]).sort("record_number")
        if self.reader.config.format == "canonical":
            for column in INPUT_COLUMNS:
                if present := frame.height - frame[column.name].null_count():
                    self.reader.fields.count(column.name, str(column.dtype), present)
        frame = with_ids_as_text(frame, product.identity).with_columns(
            source=pl.lit(source), occurred_at_raw=pl.col("occurred_at")
        )
        if self.reader.config.event_id == "none":
            # What such a source sends as ids repeats: equal rows are all kept.
            frame = frame.with_columns(event_id=pl.lit(None, dtype=pl.String))
        return frame.select(*RAW_EVENTS.schema.names(), *promoted_schema(product))

    def _read_lines(self) -> pl.DataFrame | None:
        """The plain lines as columns, where there are enough; all others are decoded one by one."""
        lines, self.lines = self.lines, []
        if len(lines) < PLAIN_LINES:
            for number, line in lines:
                self._add_line(number, line)
            return None
        from pipeline.ingest.plain_lines import plain_lines  # noqa: PLC0415  # its compiler takes half a second to import

        result = plain_lines([line for _, line in lines])
        places = result.places
        self.raw.update(map(lines.__getitem__, places))
        judged = [self._rest(each) if each else ({}, False) for each in result.properties]
        rest = [own for own, _ in judged]
        settled = [n for n, (_, is_settled) in enumerate(judged) if is_settled]
        for place in sorted(set(range(len(lines))).difference(places)):
            self._add_line(*lines[place])
        return self._with_rest(result.columns, rest, settled, [lines[place][0] for place in places], [0] * len(places))

    def _with_rest(
        self,
        columns: list[pl.Series],
        rest: list[dict[str, Any]],
        settled: list[int],
        numbers: list[int],
        positions: list[int],
    ) -> pl.DataFrame:
        """Columns of events, with what else their records held, and where they stood."""
        product = self.reader.product
        written = scrub_settled(rest, settled, self.reader.dropped_names)
        moved = [name.removeprefix(PROMOTED_PREFIX) for name in promoted_schema(product)]
        # What holds a property that moves is written again without it.
        written = {place: text for place, text in written.items() if not any(name in rest[place] for name in moved)}
        promoted = [promote(rest, own, product.properties[own]) for own in moved]
        texts = [written[place] if place in written else as_json(each) for place, each in enumerate(rest)]
        return pl.DataFrame(
            [
                *columns,
                *promoted,
                pl.Series("properties", texts, dtype=pl.String),
                pl.Series("record_number", numbers, dtype=pl.Int64),
                pl.Series("event_number", positions, dtype=pl.Int64),
            ]
        )

    def _columns(self) -> list[pl.Series]:
        values = list(zip(*map(msgspec.structs.astuple, self.events), strict=True))
        if not values:
            values = [()] * (len(INPUT_COLUMNS) + 1)
        columns: list[pl.Series] = []
        for column, cells in zip(INPUT_COLUMNS, values, strict=False):
            if cells.count(None) == len(cells):
                # Most columns are empty in most files, and nothing needs to be looked at then.
                columns.append(pl.Series(column.name, [None], dtype=column.dtype).new_from_index(0, len(cells)))
            elif column.dtype == UTC_MICROSECONDS:
                micros = pl.Series(column.name, [_micros(cell) for cell in cells], dtype=pl.Int64)
                columns.append(micros.cast(UTC_MICROSECONDS))
            elif column.name in ID_COLUMNS:
                reported = [cell if type(cell) is str else text(cell) for cell in cells]
                columns.append(pl.Series(column.name, reported, dtype=pl.String))
            else:
                columns.append(pl.Series(column.name, cells, dtype=column.dtype))
        return columns

    def _rest(self, result: dict[str, Any] | None) -> tuple[dict[str, Any], bool]:
        """What else a record held, without addresses and what the product file denies; whether that is still to be done."""
        if not result:
            return {}, False
        if self.reader.config.format == "canonical":
            for name, value in result.items():
                self.reader.fields.count(f"properties.{name}", type(value).__name__)
        if self.reader.names.settle(result):
            return result, True
        return without_personal(result, self.reader.dropped_names), False


def _micros(time: datetime | None) -> int | None:
    if time is None:
        return None
    passed = time - _EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds
