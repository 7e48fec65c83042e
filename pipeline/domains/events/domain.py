"""The clean event and what follows from it alone; a mart is its SQL model and its contract."""

from collections.abc import Iterator, Sequence
from functools import partial

import polars as pl

from pipeline.core.canonical import RAW_EVENTS
from pipeline.core.engine import run_parts
from pipeline.core.registry import TABLES
from pipeline.core.scratch import waiting_rows
from pipeline.core.state import IDENTITY, RAW, REPEATS, Reads
from pipeline.declare import Built, DayTable, Domain, PeriodSources, PeriodTable, Sources, State, carried
from pipeline.events.activity import activity
from pipeline.events.clean import CleanDay, clean_day
from pipeline.events.clean_in_ranges import Decided, decide_in_ranges, finished_ranges
from pipeline.events.dealing import Dealing, Dealt, deal_by_device, deal_ids, sums_of, waiting
from pipeline.events.duplicates import event_ids, ids_of
from pipeline.events.identity import appearances, identity_events, people, reported, with_active
from pipeline.events.page_views import page_views
from pipeline.events.profile import Facts, events_profile, files_profile, repeated_orders
from pipeline.events.sessions import session_events, sessions, telling_referrers
from pipeline.events.sums import daily_sessions
from pipeline.ingest.sources import FORMATS

_AROUND = (-1, 0, 1)
_MERGED = ("duplicates", "duplicates_of_earlier_days", "clicks_merged")


def _decided(s: Sources) -> Decided | None:
    """All that is decided of a day that doesn't fit into memory; its rows wait."""
    if s.scratch is None:
        return None
    return decide_in_ranges(s.scan_objects(RAW), s.product, (s.identities, s.repeated), s.places, s.scratch, s.on)


def _events(s: Sources) -> Iterator[Built]:
    if s.told is None or s.scratch is None:
        clean = clean_day(s.scan(RAW), s.product, s.identities, s.repeated)
        yield _with_counts(s, clean.events, _merged(clean))
        return
    for rows in finished_ranges(s.told, s.scratch, s.part, s.product):
        yield _with_counts(s, rows, {})


def _with_counts(s: Sources, rows: pl.DataFrame, merged: Facts) -> Built:
    orders = rows.filter(pl.col("kind") == "order")["order_id"].drop_nulls()
    return Built(rows, {**events_profile(rows, s.day, s.product), **merged}, ids=orders)


def _merged(counted: CleanDay | Decided) -> Facts:
    return {name: getattr(counted, name) for name in _MERGED}


def _whole_day_of_events(s: Sources, facts: Facts, order_ids: Sequence[pl.Series]) -> Facts:
    merged = {name: facts[name] for name in _MERGED} if s.told is None else _merged(s.told)
    raw_rows = sum(s.snapshot.raw.get(s.day, {}).values())
    counted = (facts["rows"] or 0) + sum(number or 0 for number in merged.values())
    whole: Facts = {"raw_rows": raw_rows, "unbalanced_rows": abs(raw_rows - counted)}
    return {**merged, **files_profile(s.day, s.manifests.values()), **repeated_orders(order_ids), **whole}


def _telling(s: Sources) -> dict[str, str]:
    sources = s.product.sources.items()
    return {name: source.identified_by or FORMATS[source.format].identified_by for name, source in sources}


def _devices(s: Sources) -> tuple[Dealt, pl.DataFrame] | None:
    """What a large day's rows say of who is who waits by device; ids that came on an earlier day."""
    if s.parts == 1 or s.scratch is None:
        return None
    dealing = Dealing(partial(reported, telling=_telling(s)), s.parts, s.scratch)
    return deal_by_device(dealing, s.scan_objects(RAW), s.on), s.repeated


def _identity_events(s: Sources) -> Built:
    if s.told is None or s.scratch is None:
        return Built(identity_events(reported(s.scan(RAW), _telling(s)).collect(), s.day, s.repeated))
    dealt, repeated = s.told
    return Built(identity_events(waiting(s.scratch, s.part[0], dealt), s.day, repeated))


def _dealt_ids(s: Sources) -> list[int] | None:
    """Ids of a large day wait by ranges of their hashes: how many in each."""
    if s.parts == 1 or s.scratch is None:
        return None
    groups = [(s.scratch, s.parts, n, group) for n, group in enumerate(s.scan_objects(RAW))]
    return sums_of(run_parts(deal_ids, groups, s.on), s.parts)


def _event_ids(s: Sources) -> Built:
    if s.told is None or s.scratch is None:
        return Built(event_ids(ids_of(s.scan(RAW))))
    n = s.part[0]
    none = ids_of(RAW_EVENTS.schema.to_frame().lazy()).collect()
    return Built(event_ids(waiting_rows(s.scratch, f"ids/{n}", none, s.told[n]).lazy()))


def _people_first(s: PeriodSources) -> pl.DataFrame:
    state, rest = carried(s, {"seen": TABLES["people_first"].schema.to_frame()}, _seen)
    return _seen(state, rest)["seen"]


def _seen(state: State, month: PeriodSources) -> State:
    return {"seen": with_active(state["seen"], month.rows)}


DOMAIN = Domain(
    day_tables=(
        DayTable(TABLES["event_ids"], (Reads(RAW),), (), "1", compute=_event_ids, told=_dealt_ids, by_part=True),
        DayTable(
            TABLES["identity_events"],
            (Reads(RAW), Reads(REPEATS)),
            ("identity",),
            "2",
            compute=_identity_events,
            told=_devices,
            by_part=True,
        ),
        DayTable(
            TABLES["appearances"], (Reads(RAW),), (), "1", compute=lambda s: Built(appearances(s.scan(RAW), s.day))
        ),
        DayTable(
            TABLES["events"],
            (Reads(RAW), Reads(IDENTITY), Reads(REPEATS)),
            ("ingest", "pages", "bots"),
            "5",
            compute=_events,
            told=_decided,
            closing=_whole_day_of_events,
            by_part=True,
            judged_by=("quality",),
        ),
        DayTable(
            TABLES["session_events"],
            (Reads("events", _AROUND),),
            ("goals", "segments", "sessions", "currency", "channels"),
            "6",
            compute=lambda s: Built(session_events(s.scan("events", _AROUND), s.day, s.product, s.told)),
            told=lambda s: telling_referrers(s.scan("events", _AROUND)),
            by_person=True,
        ),
        DayTable(
            TABLES["sessions"],
            (Reads("session_events"),),
            (),
            "5",
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
