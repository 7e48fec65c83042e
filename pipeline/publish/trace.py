"""Where an event came from and where it went: landing file, clean event, session, page view; or why it was rejected."""

from collections.abc import Iterable, Iterator
from datetime import date

import polars as pl

from pipeline.core.days import ONE_DAY
from pipeline.core.lake import Lake
from pipeline.core.published import id_of
from pipeline.core.registry import TABLES
from pipeline.core.states import scan_days
from pipeline.ingest.manifests import Manifest, read_manifests


def trace(lake: Lake, event_id: str) -> Iterator[str]:
    """Yield one sentence per place where `event_id` is found, in the order of its way; nothing if it never came."""
    manifests = read_manifests(lake).values()
    days: set[date] = set()
    for manifest in sorted(manifests, key=lambda result: result.name):
        for sentence, day in _accepted(lake, manifest, event_id):
            days.add(day)
            yield sentence
        yield from _rejected(lake, manifest, event_id)
    for day in sorted(days):
        yield from _published(lake, event_id, day)


def _accepted(lake: Lake, manifest: Manifest, event_id: str) -> Iterator[tuple[str, date]]:
    for day, parts in sorted(manifest.days.items()):
        rows = lake.scan(TABLES["raw_events"], [part.key for part in parts]).filter(pl.col("event_id") == event_id)
        for number in rows.select("record_number").collect().to_series():
            sentence = f"accepted: record {number} of landing/{manifest.name}, stored in raw_events of {day}"
            yield sentence, date.fromisoformat(day)


def _rejected(lake: Lake, manifest: Manifest, event_id: str) -> Iterator[str]:
    if manifest.rejected_key is None:
        return
    named = pl.col("raw_text").str.contains(event_id, literal=True)
    rows = lake.scan(TABLES["rejected"], [manifest.rejected_key]).filter(named)
    for row in rows.select("record_number", "rule", "reason").collect().iter_rows(named=True):
        yield (
            f"rejected: record {row['record_number']} of landing/{manifest.name} names it; "
            f"{row['rule']}: {row['reason']}"
        )


def _published(lake: Lake, event_id: str, day: date) -> Iterator[str]:
    is_it = pl.col("event_id") == event_id
    for row in scan_days(lake, "events", [day]).filter(is_it).collect().iter_rows(named=True):
        bot = f", a bot's by {row['bot_rule']}" if row["is_bot"] else ""
        who = row["person_id"] or "nobody known"
        yield f"event: {row['kind']} at {row['occurred_at'].isoformat()} by {who} on page {row['page']}{bot}"
    booked = [day - ONE_DAY, day]
    yield from _sessions(lake, is_it, booked)


def _sessions(lake: Lake, is_it: pl.Expr, days: Iterable[date]) -> Iterator[str]:
    for day in days:
        for row in scan_days(lake, "session_events", [day]).filter(is_it).collect().iter_rows(named=True):
            view = "no page view"
            if row["page_view_key"] is not None:
                kind = "implied page view" if row["implied"] else "page view"
                view = f"{kind} {id_of(row['page_view_key'])} by {row['attribution']}"
            yield f"session: {id_of(row['session_key'])}, booked on {day}, place {row['event_index']}, {view}"
