"""What came in and what became of it: by event day and source, by rule, and by landing file.

Definitions: docs/definitions/rules.md, "Not measured is null" (what was not measured), "Events, order, duplicates", "Time and bots".
"""

import polars as pl

from pipeline.core.canonical import CAPABILITIES
from pipeline.core.columns import SOURCE
from pipeline.core.contract import Column, Table, count, rate, text
from pipeline.core.published import mart

BOT_RULES = ("user_agent", "one_event_devices", "pace")
# Lateness = received_at - occurred_at; (name, hours at most).
LATENESS: tuple[tuple[str, int | None], ...] = (
    ("within_1h", 1),
    ("within_1d", 24),
    ("within_7d", 24 * 7),
    ("within_30d", 24 * 30),
    ("over_30d", None),
)
_DAY = Column("day", pl.Date(), "local day on which the events happened")
_ADDS = ("day", "source")
_WITHOUT = "_without_bots"


def _both_ways(name: str, description: str, unit: str, *adds_over: str) -> tuple[Column, Column]:
    return (
        count(name, f"{description}, bots included", unit, *adds_over),
        count(name + _WITHOUT, f"{description}, bots left out", unit, *adds_over),
    )


def _money(name: str, description: str) -> Column:
    return Column(name, pl.Int64(), description, unit="micro-units", adds_over=_ADDS)


QUALITY_COUNTS = Table(
    name="quality_counts",
    layer="daily",
    grain="One row per local day and source: what came in and what became of it, with bots and without.",
    columns=(
        _DAY,
        SOURCE,
        count("events_accepted", "accepted events of the day, repetitions included", "event", *_ADDS),
        count("events_duplicate", "repetitions on the day that were counted once", "event", *_ADDS),
        count("events_duplicate_of_earlier_days", "events that came on an earlier day already", "event", *_ADDS),
        count(
            "events_placeholder_ids",
            "accepted events with a placeholder such as `undefined` in an id column, taken for no id",
            "event",
            *_ADDS,
        ),
        count(
            "clicks_merged",
            "second clicks of one device within 5 ms (30 where one has no position), counted once",
            "event",
            *_ADDS,
        ),
        *_both_ways("events", "events of the day", "event", *_ADDS),
        *(
            count(f"events_bot_{rule}", f"events of bots found by the rule {rule}", "event", *_ADDS)
            for rule in BOT_RULES
        ),
        count("events_without_person", "events without any id", "event", *_ADDS),
        count("events_clock_corrected", "events of a device whose clock was off by more than 60 s", "event", *_ADDS),
        count(
            "events_clock_doubtful",
            "events whose sent_at can't be true, so their time stayed as it was",
            "event",
            *_ADDS,
        ),
        *(
            count(
                f"events_received_{name}", "events by how long after they happened they were received", "event", *_ADDS
            )
            for name, _ in LATENESS
        ),
        count("events_without_received_at", "events whose lateness is not known", "event", *_ADDS),
        *_both_ways("page_view_events", "page_view events", "event", *_ADDS),
        count("page_view_events_unknown_page", "page_view events whose URL fits no page", "event", *_ADDS),
        *(
            count(
                f"page_view_events_measured_{name}",
                f"of those without bots, where {name} was measured",
                "event",
                *_ADDS,
            )
            for name in CAPABILITIES
        ),
        *_both_ways("clicks", "clicks", "event", *_ADDS),
        *_both_ways("sessions", "sessions that began on the day", "session", *_ADDS),
        count("sessions_split", "sessions that the midnight rule cut at the day's start", "session", *_ADDS),
        *_both_ways("people_active", "people with an event on the day", "person"),
        *_both_ways("orders_by_order_day", "orders by their own local day", "event", *_ADDS),
        _money("revenue_micros_by_order_day", "revenue less refunds by their own local day, bots included"),
        _money(
            "revenue_micros_by_order_day_without_bots", "revenue less refunds by their own local day, bots left out"
        ),
    ),
    key=("day", "source"),
    at_most=(
        ("events_without_bots", "events"),
        ("events_without_person", "events"),
        ("page_view_events_without_bots", "page_view_events"),
        ("clicks_without_bots", "clicks"),
        ("sessions_without_bots", "sessions"),
        ("people_active_without_bots", "people_active"),
        ("orders_by_order_day_without_bots", "orders_by_order_day"),
        *((f"page_view_events_measured_{name}", "page_view_events_without_bots") for name in CAPABILITIES),
    ),
)
REJECTED_COUNTS = Table(
    name="rejected_counts",
    layer="period",
    grain="One row per local day, source and rule by which events of the day were rejected.",
    columns=(
        _DAY,
        SOURCE,
        Column("rule", pl.String(), "the rule that they broke"),
        Column(
            "day_is_arrival",
            pl.Boolean(),
            "the record tells no day, so this is the one on which its file arrived; such rows are outside the promise of equal bytes",
        ),
        count("events_rejected", "rejected events", "event", *_ADDS, "rule", "day_is_arrival"),
    ),
    key=("day", "source", "rule", "day_is_arrival"),
)
_FROM_FUTURE = count(
    "events_from_far_future",
    "accepted events of the source dated over a day after the last day that can have come; told on its newest day",
    "event",
    *_ADDS,
)
FUTURE_COUNTS = Table(
    name="future_counts",
    layer="period",
    grain="One row per source with events from the far future, on its newest published day.",
    columns=(_DAY, SOURCE, _FROM_FUTURE),
    key=("day", "source"),
)


def _of_file(name: str, description: str, unit: str) -> Column:
    return Column(
        name, pl.Int64(), description, unit=unit, nullable=True, adds_over=("arrived", "source", "file"), minimum=0
    )


INGEST_FILES = Table(
    name="ingest_files",
    layer="period",
    grain="One row per landing file that was taken, with what became of its records; of one that was refused whole none are known.",
    columns=(
        Column("arrived", pl.Date(), "day on which the file arrived"),
        SOURCE,
        Column("file", pl.String(), "path below landing/"),
        Column("file_sha256", pl.String(), "hash of its content"),
        _of_file("records_read", "records in the file", "record"),
        _of_file("records_accepted", "records with at least one event", "record"),
        _of_file("records_rejected", "records without an event, by fault", "record"),
        _of_file("records_filtered", "records without an event, by rule", "record"),
        _of_file("events", "events in the file, repetitions included", "event"),
        count("events_erased", "events removed for good", "event", "arrived", "source", "file"),
        text("rejected_by_rule", "rule: number; rule: number"),
        text("filtered_by_rule", "rule: number; rule: number"),
        text("file_rule", "why the file was rejected whole"),
        Column("first_day", pl.Date(), "first local day of its events", nullable=True),
        Column("last_day", pl.Date(), "last local day of its events", nullable=True),
        Column("is_retracted", pl.Boolean(), "its events were taken back"),
    ),
    key=("arrived", "source", "file"),
    at_most=(("records_accepted", "records_read"), ("records_rejected", "records_read")),
)
_PROBLEM_COLUMNS = (
    Column("day", pl.Date(), "local day of the data, or day on which a file arrived; of what stands now the newest day"),
    Column("source", pl.String(), "source; empty where it is of none"),
    Column("problem", pl.String(), "kind of problem, as listed in docs/problems.md"),
    Column("subject", pl.String(), "file, field, table, currency, kind of event, page, zone or experiment; empty where it is the source"),
    Column("severity", pl.String(), "`problem`, or `note` where nothing need be done"),
    count("size", "events, records, files or orders concerned", "as the sentence says"),
    Column("out_of", pl.Int64(), "out of how many", unit="as the sentence says", nullable=True, minimum=0),
    Column("since", pl.Date(), "first of the consecutive days on which it stands"),
    Column("sentence", pl.String(), "where, what and how much, in words"),
    Column("remedy", pl.String(), "what to do"),
)  # fmt: skip
DATA_PROBLEM_LIST = Table(
    name="data_problem_list",
    layer="period",
    grain="One row per local day, source, kind of problem and subject that makes numbers of the day doubtful.",
    columns=_PROBLEM_COLUMNS,
    key=("day", "source", "problem", "subject"),
)
DAILY_QUALITY = mart(
    name="daily_quality",
    grain="One row per local day and source: what came in and what became of it; each headline number both ways.",
    columns=(
        *QUALITY_COUNTS.columns,
        count("events_rejected", "rejected events whose day can be told", "event", *_ADDS),
        _FROM_FUTURE,
        rate("duplicate_share", "repetitions of the day and of earlier days / events_accepted"),
        rate("bot_share", "events of bots / events"),
        rate("without_person_share", "events_without_person / events"),
        rate("clock_corrected_share", "events_clock_corrected / events"),
        *(
            rate(f"measured_{name}_share", f"page_view_events_measured_{name} / page_view_events_without_bots")
            for name in CAPABILITIES
        ),
    ),
    key=QUALITY_COUNTS.key,
    at_most=QUALITY_COUNTS.at_most,
    version=2,
)
DAILY_REJECTED = Table(
    name="daily_rejected",
    layer="mart",
    grain=REJECTED_COUNTS.grain,
    columns=REJECTED_COUNTS.columns,
    key=REJECTED_COUNTS.key,
    version=2,
)
INGEST_QUALITY = mart(
    name="ingest_quality",
    grain="One row per landing file that was taken; tells of names and arrival, so it is outside the promise of equal bytes.",
    columns=(
        *INGEST_FILES.columns,
        rate("rejected_share", "records_rejected / records_read"),
    ),
    key=INGEST_FILES.key,
    at_most=INGEST_FILES.at_most,
    version=3,
)
DATA_PROBLEMS = Table(
    name="data_problems",
    layer="mart",
    grain="One row per local day, source, kind of problem and subject that makes numbers doubtful; tells of file names and arrival, so it is outside the promise of equal bytes.",
    columns=_PROBLEM_COLUMNS,
    key=DATA_PROBLEM_LIST.key,
)
