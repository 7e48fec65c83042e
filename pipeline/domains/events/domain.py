"""The clean event and what follows from it alone; a mart is its SQL model and its contract."""

from collections.abc import Iterator

import polars as pl

from pipeline.core.registry import TABLES
from pipeline.core.state import IDENTITY, RAW, REPEATS, Reads
from pipeline.declare import Built, DayTable, Domain, PeriodSources, PeriodTable, Sources, State, carried
from pipeline.events.activity import activity
from pipeline.events.clean import CleanDay, clean_day
from pipeline.events.clean_in_ranges import clean_in_ranges
from pipeline.events.duplicates import event_ids
from pipeline.events.identity import appearances, identity_events, people, with_active
from pipeline.events.page_views import page_views
from pipeline.events.profile import events_profile, files_profile, repeated_orders
from pipeline.events.sessions import session_events, sessions, telling_referrers
from pipeline.events.sums import daily_sessions
from pipeline.ingest.sources import FORMATS
from pipeline.stats.buckets import key_range

_AROUND = (-1, 0, 1)


def _clean(s: Sources) -> Iterator[CleanDay]:
    by = (s.product, s.identities, s.repeated)
    if s.ranges == 1:
        yield clean_day(s.scan(RAW), *by)
        return
    with s.lake.scratch() as folder:
        yield from clean_in_ranges(s.scan_objects(RAW), *by, s.ranges, folder)


def _events(s: Sources) -> Iterator[Built]:
    raw_rows = sum(s.snapshot.raw.get(s.day, {}).values())
    counted, order_ids = 0, list[pl.Series]()
    for number, clean in enumerate(_clean(s), 1):
        counts = {
            "duplicates": clean.duplicates,
            "duplicates_of_earlier_days": clean.duplicates_of_earlier_days,
            "clicks_merged": clean.clicks_merged,
        }
        counted += clean.events.height + sum(counts.values())
        order_ids.append(clean.events.filter(pl.col("kind") == "order")["order_id"].drop_nulls())
        facts = {**events_profile(clean.events, s.day, s.product), **counts}
        if number == s.ranges:
            whole = {"raw_rows": raw_rows, "unbalanced_rows": abs(raw_rows - counted)}
            facts |= {**files_profile(s.day, s.manifests.values()), **repeated_orders(order_ids), **whole}
        yield Built(clean.events, facts)


def _session_events(s: Sources) -> Iterator[Built]:
    telling = telling_referrers(s.scan("events", _AROUND))
    for part in s.in_ranges():
        yield Built(session_events(part.scan("events", _AROUND), s.day, s.product, telling))


def _identity_events(s: Sources) -> Built:
    telling = {
        name: source.identified_by or FORMATS[source.format].identified_by for name, source in s.product.sources.items()
    }
    return Built(identity_events(s.scan(RAW), s.day, s.repeated, telling, s.wide_ranges))


def _event_ids(s: Sources) -> Iterator[Built]:
    number = s.wide_ranges
    for n in range(number):
        yield Built(event_ids(s.scan(RAW), key_range(n, number, "id_hash") if number > 1 else None))


def _people_first(s: PeriodSources) -> pl.DataFrame:
    state, rest = carried(s, {"seen": TABLES["people_first"].schema.to_frame()}, _seen)
    return _seen(state, rest)["seen"]


def _seen(state: State, month: PeriodSources) -> State:
    return {"seen": with_active(state["seen"], month.rows)}


DOMAIN = Domain(
    day_tables=(
        DayTable(TABLES["event_ids"], (Reads(RAW),), (), "1", compute=_event_ids),
        DayTable(TABLES["identity_events"], (Reads(RAW), Reads(REPEATS)), ("identity",), "2", compute=_identity_events),
        DayTable(
            TABLES["appearances"], (Reads(RAW),), (), "1", compute=lambda s: Built(appearances(s.scan(RAW), s.day))
        ),
        DayTable(
            TABLES["events"],
            (Reads(RAW), Reads(IDENTITY), Reads(REPEATS)),
            ("ingest", "pages", "bots"),
            "5",
            compute=_events,
            judged_by=("quality",),
        ),
        DayTable(
            TABLES["session_events"],
            (Reads("events", _AROUND),),
            ("goals", "segments", "sessions", "currency", "channels"),
            "6",
            compute=_session_events,
        ),
        DayTable(
            TABLES["sessions"],
            (Reads("session_events"),),
            (),
            "4",
            compute=lambda s: Built(sessions(s.scan("session_events"), s.day)),
            by_person=True,
        ),
        DayTable(
            TABLES["page_views"],
            (Reads("session_events"),),
            ("sessions",),
            "2",
            compute=lambda s: Built(page_views(s.scan("session_events"), s.day, s.product.sources)),
            by_person=True,
        ),
        DayTable(
            TABLES["activity"],
            (Reads("events"),),
            (),
            "1",
            compute=lambda s: Built(activity(s.scan("events"), s.day)),
            by_person=True,
        ),
        DayTable(
            TABLES["daily_sessions"],
            (Reads("sessions"),),
            (),
            "1",
            compute=lambda s: Built(daily_sessions(s.scan("sessions"), s.day)),
        ),
    ),
    period_tables=(
        PeriodTable(
            TABLES["identity_links"],
            "identity_events",
            lambda s: s.identities.links,
            sections=("identity",),
            also=("links",),
        ),
        PeriodTable(
            TABLES["people"],
            "activity",
            lambda s: people(s.scan("people_first"), s.identities),
            inputs=("people_first",),
            sections=("identity",),
            also=("links",),
        ),
        PeriodTable(TABLES["people_first"], "activity", _people_first),
    ),
)
