"""Candidate events judged in one Polars pass of row rules, and split into accepted and rejected.

The clock is corrected here: where a batch was sent by a device whose clock is more than 60 s off, its own offset
(received_at - sent_at) is added to occurred_at, if it can be true; occurred_at_raw keeps what the device said
(docs/definitions/events.md).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from pipeline.core.canonical import MAX_TIME, PROMOTED_PREFIX, RAW_EVENTS, REJECTED
from pipeline.core.contract import UTC_MICROSECONDS
from pipeline.core.days import day_start
from pipeline.ingest.batch import Batch
from pipeline.ingest.clock import clock_corrected
from pipeline.ingest.erased import Erased
from pipeline.ingest.ids import placeholders_by_column
from pipeline.ingest.raw_text import raw_text
from pipeline.ingest.reader import Reader, Reject
from pipeline.ingest.scrub import scrub_columns, scrub_text
from pipeline.ingest.sources.fields import derived_id

_GROUP_KEYS = (
    *("anonymous_id", "user_id", "previous_user_id", "session_id", "page_view_id", "tab_id", "properties"),
    *("url", "referrer", "page_title", "user_agent", "os", "os_version", "browser", "browser_version", "country"),
)
_TEAMS = "[not shown: an answer of the team]"
_RECORDED = "[not shown: part of a recording]"
_ABOVE = "[shown with another event of this record]"
_LONG_TEXT = 4_096
_NO_RULE = pl.col("broken_rule").is_null()


@dataclass(frozen=True)
class Judged:
    """What became of a batch: `accepted` has the contract's columns of raw_events and `local_day`.

    `records`, `records_accepted` and `records_rejected` count records; `filtered` those without an event, by rule;
    `placeholder_ids` values that are no ids, by column.
    """

    accepted: pl.DataFrame
    rejected: pl.DataFrame
    records: int
    records_accepted: int
    records_rejected: int
    filtered: Counter[str] = field(default_factory=Counter)
    placeholder_ids: Counter[str] = field(default_factory=Counter)


def judge(batch: Batch, erased: Erased, file_sha256: str) -> Judged:
    """Apply the contract's row rules; an event that breaks several is rejected under the first."""
    product, source = batch.reader.product, batch.reader.source
    candidates = batch.frame()
    known = _without_identity(_without_erased(candidates, erased), product.team_surveys)
    frame = clock_corrected(known)
    facts = frame.with_columns(
        no_occurred_at=pl.col("occurred_at").is_null(),
        has_event_id=pl.col("event_id").is_not_null() | pl.lit(product.sources[source].event_id == "none"),
        start_of_product=pl.lit(day_start(product.start_date, product.zone_info), dtype=UTC_MICROSECONDS),
        is_absurd=pl.col("occurred_at") >= datetime.fromisoformat(MAX_TIME),
    )
    broken = [pl.when(~rule.holds.fill_null(value=False)).then(pl.lit(rule.name)) for rule in RAW_EVENTS.rules]
    # Before the product's start and in absurd times there is no day of ours.
    is_ours = (pl.col("occurred_at") >= pl.col("start_of_product")) & ~pl.col("is_absurd")
    local_day = pl.when(is_ours).then(pl.col("occurred_at").dt.convert_time_zone(product.time_zone).dt.date())
    split = facts.select(*frame.columns, broken_rule=pl.coalesce(*broken), local_day=local_day)
    good = scrub_columns(split.filter(_NO_RULE).drop("broken_rule"))
    accepted = set(good["record_number"])
    bad = split.filter(~_NO_RULE)
    # A record of several events is accepted where one of them is.
    rejected = {*bad["record_number"], *(each.record_number for each in batch.rejected)} - accepted
    filtered = batch.filtered.copy()
    if gone := batch.records - len(accepted) - len(rejected) - filtered.total():
        filtered["erased"] += gone
    return Judged(
        accepted=good,
        rejected=_rejected(batch, bad, erased, file_sha256),
        records=batch.records,
        records_accepted=len(accepted),
        records_rejected=len(rejected),
        filtered=filtered,
        placeholder_ids=placeholders_by_column(known),
    )


def _without_erased(frame: pl.DataFrame, erased: Erased) -> pl.DataFrame:
    """Rows of people who weren't erased."""
    users = [*erased.among("user", frame["user_id"]), *erased.among("user", frame["previous_user_id"])]
    devices = erased.among("device", frame["anonymous_id"])
    if not users and not devices:
        return frame
    is_theirs = pl.any_horizontal(
        pl.col("user_id", "previous_user_id").is_in(users).fill_null(value=False),
        pl.col("anonymous_id").is_in(devices).fill_null(value=False),
    )
    return frame.filter(~is_theirs)


def _without_identity(frame: pl.DataFrame, surveys: Sequence[str]) -> pl.DataFrame:
    """Answers of the team itself bear nothing that tells whose they are (docs/definitions/voice.md, "Team surveys")."""
    is_team = pl.col("survey_id").is_in(surveys).fill_null(value=False)
    if not surveys or not frame.select(is_team.any()).item():
        return frame
    # What makes answers one response need not say whose.
    own = frame.filter(is_team)["response_id"].drop_nulls().unique()
    hidden = {stated: derived_id("team", stated) for stated in own}
    response = pl.when(is_team).then(pl.col("response_id").replace(hidden)).otherwise(pl.col("response_id"))
    personal = [name for name in frame.columns if name in _GROUP_KEYS or name.startswith(PROMOTED_PREFIX)]
    return frame.with_columns(response, *(pl.when(~is_team).then(pl.col(name)) for name in personal))


def _rejected(batch: Batch, bad: pl.DataFrame, erased: Erased, file_sha256: str) -> pl.DataFrame:
    reasons = {rule.name: rule.description for rule in RAW_EVENTS.rules}
    rows = bad.select("record_number", "event_number", "broken_rule", "local_day").rows()
    rejects = [
        *batch.rejected,
        *(Reject(n, rule, reasons[rule], batch.raw[n], position) for n, position, rule, _ in rows),
    ]
    days = [None] * len(batch.rejected) + [day for *_, day in rows]
    shown = _shown(rejects, batch.reader, erased)
    return rejected_frame(batch.reader.source, file_sha256, rejects, shown, days)


def _shown(rejects: Sequence[Reject], reader: Reader, erased: Erased) -> list[str]:
    """The rejects' records as text; a long one of many bad events stands once."""
    result: list[str] = []
    long: set[int] = set()
    for each in rejects:
        if each.record_number in long:
            result.append(_ABOVE)
            continue
        result.append(_text(each, reader, erased))
        if len(result[-1]) > _LONG_TEXT:
            long.add(each.record_number)
    return result


def _text(reject: Reject, reader: Reader, erased: Erased) -> str:
    if reader.config.format == "rrweb":
        return _RECORDED
    if any(name in str(reject.raw) for name in reader.product.team_surveys):
        return _TEAMS
    return raw_text(reject.raw, reader.format, reader.dropped_names, erased)


def rejected_frame(
    source: str, file_sha256: str, rejects: Sequence[Reject], shown: Sequence[str], days: Sequence[object] = ()
) -> pl.DataFrame:
    """Rows of the rejected table: `shown` are the records as text, `days` the events' local days where known."""
    frame = pl.DataFrame(
        {
            "record_number": [each.record_number for each in rejects],
            "event_number": [each.event_number for each in rejects],
            "rule": [each.rule for each in rejects],
            "reason": [scrub_text(each.reason) for each in rejects],
            "raw_text": list(shown),
            "event_day": list(days) or [None] * len(rejects),
        },
        schema_overrides={
            "record_number": pl.Int64,
            "event_number": pl.Int64,
            "rule": pl.String,
            "reason": pl.String,
            "raw_text": pl.String,
            "event_day": pl.Date,
        },
    )
    return REJECTED.conform(frame.with_columns(source=pl.lit(source), file_sha256=pl.lit(file_sha256)))
