"""How the records of a landing file become canonical events: its source's format, and what the product file says of it."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec

from pipeline.core.product import Product
from pipeline.ingest.faults import RecordFault, RecordLeftOut
from pipeline.ingest.field_counts import FieldCounts
from pipeline.ingest.reading import LooseRow
from pipeline.ingest.scrub_at_once import Names
from pipeline.ingest.sources import FORMATS, canonical
from pipeline.ingest.sources.base import Recorded, Recorder
from pipeline.ingest.sources.fields import Fields, copied, derived_id, naming
from pipeline.ingest.sources.orders import id_of_order
from pipeline.ingest.sources.times import Clock, Scout
from pipeline.ingest.sources.written_times import Order

UNFORESEEN = "unforeseen_record"
_UNFORESEEN = (TypeError, ValueError, KeyError, IndexError, AttributeError, ArithmeticError, RecursionError)

Raw = bytes | dict[str, Any]


@dataclass(frozen=True)
class Reject:
    """A piece of a record that can't be taken: where, by which rule, why, and its raw form if there is one."""

    record_number: int
    rule: str
    reason: str
    raw: Raw = b""
    event_number: int = 0


@dataclass
class Reader:
    """Reads the records of one landing file; `fields` counts (field, type) over all of them."""

    source: str
    product: Product
    fields: FieldCounts = field(default_factory=FieldCounts)

    def __post_init__(self) -> None:
        self.config = self.product.sources[self.source]
        self.format = FORMATS[self.config.format]
        self.dropped_names = frozenset(self.product.privacy.drop_properties)
        self.names = Names(self.dropped_names)
        self.clock = Clock(self.config.time_zone, self.config.time_format)
        self._to_events = self.format.begin(self.config, self.clock)
        self.recorded: list[Recorded] = []
        if isinstance(self._to_events, Recorder):
            self._to_events.dropped_names = self.dropped_names
            self.recorded = self._to_events.recorded
        # Canonical lines are decoded straight into their columns, unless fields must be looked at by name.
        is_canonical = self.config.format == "canonical"
        # Who names the fields that tell events apart means orders as well.
        usual = self.format.orders if self.config.event_id == "event_id" else "each"
        self._is_once_per_order = (self.config.orders or usual) == "once_per_order_id"
        by_name = isinstance(self.config.event_id, tuple) or bool(self.config.ignore_columns) or self._is_once_per_order
        self.is_direct = is_canonical and not by_name
        # Columns of the canonical format are counted where they are built.
        self._counts_paths = not is_canonical

    def events(self, record: Raw) -> list[msgspec.Struct | RecordFault]:
        """The canonical events in one record, at least one; a fault where one of several can't be read."""
        parsed = self.format.parse(record) if isinstance(record, bytes) else copied(record)
        if self._counts_paths:
            self.fields.add(parsed)
        ids = self.config.event_id
        named = naming(parsed, ids) if isinstance(ids, tuple) else []
        strict = not isinstance(record, LooseRow)
        result: list[msgspec.Struct | RecordFault] = []
        for position, event in enumerate(self._mapped(parsed)):
            if isinstance(event, RecordFault):
                result.append(event)
                continue
            if named and self.config.format != "mapping":
                event["event_id"] = derived_id(*named, position) if any(v is not None for v in named) else None
            try:
                result.append(canonical.convert(self._as_configured(event), strict=strict))
            except RecordFault as fault:
                result.append(fault)
        if not result:
            raise RecordLeftOut("no_event")
        return result

    def _as_configured(self, event: Fields) -> Fields:
        """The event as the source's settings want it."""
        if self._is_once_per_order:
            event["event_id"] = id_of_order(event) or event.get("event_id")
        for column in self.config.ignore_columns:
            if event.get(column) is not None:
                event["properties"] = {**(event.get("properties") or {}), column: event.pop(column)}
        return event

    def order_in(self, records: Iterable[Raw | RecordFault]) -> Order | None:
        """Whether the dates of a file's records prove that day or month comes first."""
        scout = Scout(self.clock.zone)
        to_events = self.format.begin(self.config, scout)
        for record in records:
            if isinstance(record, RecordFault):
                continue
            with suppress(RecordFault, RecordLeftOut, *_UNFORESEEN):
                to_events(self.format.parse(record) if isinstance(record, bytes) else copied(record))
        return scout.proved_order

    def _mapped(self, parsed: Any) -> Iterable[Fields | RecordFault]:  # noqa: ANN401  # JSON holds anything
        try:
            return self._to_events(parsed)
        except _UNFORESEEN as fault:
            # No record may stop a file: what the format's module didn't think of is the record's fault.
            kind = type(fault).__name__
            raise RecordFault(UNFORESEEN, f"the record isn't what {self.config.format} sends ({kind})") from fault
