"""What a format of events is: how its documents split into records and how a record turns into canonical events."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

from pipeline.core.canonical import Capability
from pipeline.core.product_sources import Source
from pipeline.ingest.faults import RecordFault
from pipeline.ingest.sources.fields import Fields, parsed
from pipeline.ingest.sources.times import Clock

# Turns a record, which it may change, into canonical events: fields by the names of INPUT_COLUMNS, all else under
# `properties`. Raises RecordFault for a record that can't be read and RecordLeftOut for one without an event; where one
# event of several can't be read, a RecordFault stands in its place.
ToEvents = Callable[[Any], Iterable[Fields | RecordFault]]


class Recorded(NamedTuple):
    """An rrweb event to be kept for replays: whose, when (ms since 1970), what it is, and itself as masked JSON.

    Copies of an event bear the same `sameness`, however much of each had to be masked.
    """

    session_id: str
    anonymous_id: str
    user_id: str | None
    tab_id: str | None
    at_ms: int
    kind: int
    source: int | None
    interaction: int | None
    sameness: int
    event: str


@runtime_checkable
class Recorder(Protocol):
    """A reader whose records are kept besides, for replays; `dropped_names` are entries that are never stored."""

    recorded: list[Recorded]
    dropped_names: frozenset[str]


def _is_no_wrapper(_document: Any) -> None:  # noqa: ANN401  # JSON holds anything
    return None


@dataclass(frozen=True)
class Format:
    """One format of events.

    `begin` makes a reader per landing file, which may remember what came before in it, and reads times by the clock.
    `capabilities` are what the format measures wherever it is used (docs/definitions/rules.md, "Not measured is null"); what only its events can
    show isn't among them. `identified_by` and `orders` hold where the source says nothing else. `dropped` names record fields that are never stored, with the rule; `typed` the names under
    which stands what visitors typed, which no rejected record shows. `unwrap` finds the
    records in a whole JSON document; None: the document is one record, or a list of them. `parse` reads a line;
    files of `line_endings` are read line by line though their ending says otherwise. `moment` tells when a line is to
    be read, where records say something about those after them; None: lines are read as they stand.
    """

    documentation: str
    begin: Callable[[Source, Clock], ToEvents]
    capabilities: frozenset[Capability] = frozenset()
    identified_by: Literal["identify", "user_id"] = "identify"
    orders: Literal["each", "once_per_order_id"] = "each"
    dropped: Mapping[str, str] = field(default_factory=dict[str, str])
    typed: tuple[str, ...] = ()
    unwrap: Callable[[Any], list[Any] | None] = _is_no_wrapper
    parse: Callable[[bytes], Any] = parsed
    moment: Callable[[bytes], tuple[float, int] | None] | None = None
    max_record_bytes: int = 1_048_576
    # Of a format of a team's own: when it rises, its files are read anew. Ours rise with READER_VERSION.
    version: str = ""
    line_endings: tuple[str, ...] = ()
    repeated_headers: bool = False
