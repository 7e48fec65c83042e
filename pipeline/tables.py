"""What each table is computed from and by which function; pipeline/build.py runs, judges and publishes it.

`DAY_TABLES` stands in upstream order; `PERIOD_TABLES` come after all days. Raise `code_version` of a table when its
numbers change: its days then become dirty everywhere.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from pipeline.contracts import TABLES, Table
from pipeline.days import ONE_DAY
from pipeline.events.clean import clean_day
from pipeline.events.page_views import page_views
from pipeline.events.sessions import session_events, sessions
from pipeline.ingest.batch import with_promoted
from pipeline.ingest.manifests import Manifest
from pipeline.lake import Lake
from pipeline.metrics.daily import daily_quality, daily_sessions
from pipeline.metrics.funnel import funnel_results, step_events
from pipeline.metrics.people import activity, people_daily, retention_cells
from pipeline.metrics.zones import daily_zones
from pipeline.product import Product
from pipeline.profile import Facts, events_profile
from pipeline.state import RAW, DayInputs, Reads, Snapshot

_AROUND = (-1, 0, 1)


@dataclass(frozen=True)
class Built:
    """A computed day: its rows, and counts of its making for the batch profile."""

    frame: pl.DataFrame
    facts: Facts = field(default_factory=dict)


@dataclass(frozen=True)
class Sources:
    """What a day's computation may read: tables by name, for the day or the days around it."""

    lake: Lake
    product: Product
    snapshot: Snapshot
    manifests: Mapping[str, Manifest]
    day: date

    def scan(self, table: str, offsets: Iterable[int] = (0,)) -> pl.LazyFrame:
        """Rows of `table` for the days at `offsets` from this one."""
        days = [self.day + ONE_DAY * offset for offset in offsets]
        if table == RAW:
            keys = sorted({key for day in days for key in self.snapshot.raw.get(day, {})})
            return self.lake.scan(TABLES[RAW], keys)
        rows = self.lake.scan_days(table, days)
        return with_promoted(rows, self.product) if TABLES[table].product_columns else rows


@dataclass(frozen=True)
class DayTable(DayInputs):
    """A table with a partition per local day, and the function that computes one."""

    compute: Callable[[Sources], Built] = field(kw_only=True)


def _events(s: Sources) -> Built:
    clean = clean_day(s.scan(RAW), s.product)
    facts = events_profile(clean.events, s.day, s.product, s.manifests.values())
    raw_rows = sum(s.snapshot.raw.get(s.day, {}).values())
    counted = clean.events.height + clean.duplicates + clean.clicks_merged
    counts: Facts = {
        "raw_rows": raw_rows,
        "duplicates": clean.duplicates,
        "clicks_merged": clean.clicks_merged,
        "unbalanced_rows": abs(raw_rows - counted),
    }
    return Built(clean.events, {**facts, **counts})


DAY_TABLES: tuple[DayTable, ...] = (
    DayTable(TABLES["events"], (Reads(RAW),), ("ingest", "pages", "quality"), "1", compute=_events),
    DayTable(
        TABLES["session_events"],
        (Reads("events", _AROUND),),
        ("goals", "sessions", "currency"),
        "1",
        compute=lambda s: Built(session_events(s.scan("events", _AROUND), s.day, s.product)),
    ),
    DayTable(
        TABLES["sessions"],
        (Reads("session_events"),),
        (),
        "1",
        compute=lambda s: Built(sessions(s.scan("session_events"), s.day)),
    ),
    DayTable(
        TABLES["page_views"],
        (Reads("session_events"),),
        ("sessions",),
        "1",
        compute=lambda s: Built(page_views(s.scan("session_events"), s.day, s.product.sources)),
    ),
    DayTable(
        TABLES["activity"], (Reads("events"),), (), "1", compute=lambda s: Built(activity(s.scan("events"), s.day))
    ),
    DayTable(
        TABLES["step_events"],
        (Reads("events"),),
        ("funnels",),
        "1",
        compute=lambda s: Built(step_events(s.scan("events"), s.day, s.product.funnels)),
    ),
    DayTable(
        TABLES["daily_sessions"],
        (Reads("sessions"),),
        (),
        "1",
        compute=lambda s: Built(daily_sessions(s.scan("sessions"), s.day)),
    ),
    DayTable(
        TABLES["daily_zones"],
        (Reads("session_events"), Reads("page_views")),
        ("zones",),
        "1",
        compute=lambda s: Built(daily_zones(s.scan("session_events"), s.scan("page_views"), s.day, s.product)),
    ),
    DayTable(
        TABLES["daily_quality"],
        (Reads(RAW), Reads("events"), Reads("sessions")),
        ("currency",),
        "1",
        compute=lambda s: Built(daily_quality(s.scan(RAW), s.scan("events"), s.scan("sessions"), s.day, s.product)),
    ),
)
DAY_TABLE: dict[str, DayTable] = {table.contract.name: table for table in DAY_TABLES}


@dataclass(frozen=True)
class PeriodTable:
    """A table without partitions, computed from one daily table over all days with data."""

    contract: Table
    reads: str
    compute: Callable[[pl.LazyFrame, list[date], Product], pl.DataFrame]


PERIOD_TABLES: tuple[PeriodTable, ...] = (
    PeriodTable(TABLES["people_daily"], "activity", people_daily),
    PeriodTable(TABLES["retention_cells"], "activity", retention_cells),
    PeriodTable(TABLES["funnel_results"], "step_events", funnel_results),
)
PERIOD_TABLE: dict[str, PeriodTable] = {table.contract.name: table for table in PERIOD_TABLES}
