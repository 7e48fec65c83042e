"""Which of the known formats a file is, told by its records: each format has marks, and then has to read the sample."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.core.canonical import KINDS
from pipeline.core.product import Product
from pipeline.ingest.batch import Batch
from pipeline.ingest.faults import RecordFault
from pipeline.ingest.reader import Reader
from pipeline.ingest.sources import FORMATS
from pipeline.ingest.sources.fields import peek
from pipeline.ingest.sources.rrweb_wrappers import unwrapped_line
from pipeline.propose.names import word_set
from pipeline.propose.sample import CannotPropose, first_records, plain, share

_MARKED_SHARE = 0.8
_READ_SHARE = 0.5
_SEGMENT_TYPES = ("track", "page", "screen", "identify", "alias", "group")
_RRWEB_TYPES = range(7)
# Headers that only survey tools write, and those of any survey, by their letters and digits.
_SURVEY_TOOLS = word_set("""
    responseid respondentid collectorid recordeddate submitdateutc submittedat hotjaruserid networkid
    responsereceivedat datesubmitted surveytype surveyid distributionchannel
    """)
_SURVEY_TIMES = word_set(
    "submitdateutc submittedat enddate recordeddate datesubmitted responsereceivedat createdat timestamp date"
)
_ANSWERS = word_set("score nps rating starrating comment comments feedback answer")
_OF_EVENTS = word_set("event eventname eventtype kind action pageurl orderid messageid")


def _has(*paths: str) -> Callable[[Any], bool]:
    return lambda record: all(peek(record, path) is not None for path in paths)


def _is_canonical(record: Any) -> bool:  # noqa: ANN401  # JSON holds anything
    return _has("occurred_at", "kind")(record) and record["kind"] in KINDS


def _is_segment(record: Any) -> bool:  # noqa: ANN401
    if not isinstance(record, dict):
        return False
    batch = record.get("batch")
    if isinstance(batch, list) and batch:
        return _is_segment(batch[0])
    ids, times = (
        ("messageId", "anonymousId", "userId"),
        ("timestamp", "originalTimestamp", "sentAt", "receivedAt", "context"),
    )
    return record.get("type") in _SEGMENT_TYPES and any(n in record for n in ids) and any(n in record for n in times)


def _is_rrweb(record: Any) -> bool:  # noqa: ANN401
    try:
        event = next(iter(unwrapped_line(record)), None)
    except RecordFault:
        return False
    return (
        isinstance(event, dict) and event.get("type") in _RRWEB_TYPES and "data" in event and "timestamp" in event
        and not isinstance(event["type"], bool)
    )  # fmt: skip


def _is_amplitude(record: Any) -> bool:  # noqa: ANN401
    own = (
        "amplitude_id",
        "event_properties",
        "user_properties",
        "$insert_id",
        "insert_id",
        "amplitude_event_type",
        "uuid",
    )
    times = ("event_time", "client_event_time", "server_upload_time", "time")
    return _has("event_type")(record) and sum(n in record for n in own) > 1 and any(n in record for n in times)


def _is_survey(record: Any) -> bool:  # noqa: ANN401
    if not isinstance(record, dict) or not record:
        return False
    names = {plain(name) for name in record}
    if names & _OF_EVENTS or not names & _SURVEY_TIMES:
        return False
    asks = any(name.rstrip().endswith("?") for name in record)
    tools = len(names & _SURVEY_TOOLS)
    return tools > 1 or (tools == 1 and (asks or bool(names & _ANSWERS))) or len(names & _ANSWERS) > 1


# In the order of what they ask for; a format that this version doesn't read is passed over.
_MARKS: dict[str, Callable[[Any], bool]] = {
    "canonical": _is_canonical,
    "segment": _is_segment,
    "mixpanel": _has("event", "properties.time", "properties.distinct_id"),
    "posthog": lambda record: (
        _has("event", "distinct_id", "properties")(record) or _has("event", "uuid", "distinct_id", "timestamp")(record)
    ),
    "amplitude": _is_amplitude,
    "ga4": _has("event_name", "event_timestamp", "event_params"),
    "snowplow": lambda record: (
        _has("event_id", "collector_tstamp")(record) and bool({"event", "event_name"} & {*record})
    ),
    "rrweb": _is_rrweb,
    "surveys": _is_survey,
}


@dataclass(frozen=True)
class Read:
    """How a sample was read: the source as in a product file, and its canonical events as columns of raw_events."""

    source: dict[str, Any]
    events: pl.DataFrame
    rejected: int = 0


def known_format(file: Path) -> Read | None:
    """The sample read by the first known format that fits; None where none does."""
    for name, is_marked in _MARKS.items():
        form = FORMATS[name]
        try:
            records = first_records(file, form)
        except CannotPropose:
            continue
        if share(records, is_marked) < _MARKED_SHARE:
            continue
        read = read_by({"format": name}, records)
        if name == "canonical" and read.events["event_id"].null_count():
            read = read_by({"format": name, "event_id": "none"}, records)
        timed = read.events["occurred_at"].drop_nulls().len()
        if timed and read.rejected <= (1 - _READ_SHARE) * len(records) and timed >= _READ_SHARE * read.events.height:
            return read
    return None


def read_by(source: Mapping[str, Any], records: Sequence[Any]) -> Read:
    """Read records as a product file with that source would."""
    product = Product.model_validate({"name": "x", "start_date": "1970-01-01", "sources": {"s": source}})
    batch = Batch(Reader("s", product))
    for number, record in enumerate(records, start=1):
        batch.add(number, record)
    frame = batch.frame()
    return Read(dict(source), frame, len({each.record_number for each in batch.rejected}))
