"""What each daily table is computed from and by which function; pipeline/build.py runs, judges and publishes it.

`DAY_TABLES` stands in upstream order; period tables (pipeline/period_tables.py) come after all days. Raise
`code_version` of a table when its numbers change: its days then become dirty everywhere.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

import polars as pl

from pipeline.contracts import TABLES
from pipeline.days import ONE_DAY, day_start
from pipeline.events.clean import clean_day
from pipeline.events.duplicates import event_ids
from pipeline.events.identity import Identities, appearances, identity_events
from pipeline.events.page_views import page_views
from pipeline.events.recordings import RECORDINGS, recordings
from pipeline.events.sessions import session_events, sessions
from pipeline.ingest.manifests import Manifest
from pipeline.ingest.promoted import with_promoted
from pipeline.ingest.sources import FORMATS
from pipeline.lake import DamagedObject, Lake, day_folder, day_key
from pipeline.metrics.calibration import first_views
from pipeline.metrics.daily import daily_sessions
from pipeline.metrics.features import feature_days
from pipeline.metrics.friction_tables import daily_friction, friction_incidents, session_friction
from pipeline.metrics.funnel_tables import step_events
from pipeline.metrics.heatmap import heatmap_cells
from pipeline.metrics.people import activity
from pipeline.metrics.people_tables import journey_events, return_events
from pipeline.metrics.quality import quality_counts
from pipeline.metrics.selectors import selector_matches
from pipeline.metrics.zone_tables import daily_zones, zone_people
from pipeline.problems.facts import problem_facts
from pipeline.product import Product, UndeclaredError
from pipeline.profile import Facts, events_profile
from pipeline.state import IDENTITY, RAW, RECORDED, REPEATS, DayInputs, Reads, Snapshot
from pipeline.value.daily import exposures, outcomes, session_kpis
from pipeline.value.replays import MOMENTS, recorded_moments
from pipeline.verdicts import Verdicts
from pipeline.voice.feedback import feedback

_AROUND = (-1, 0, 1)
# A session booked on a day may go on after midnight.
_AND_NEXT = (0, 1)
_AND_BEFORE = (-1, 0)


@dataclass(frozen=True)
class Built:
    """A computed day: its rows, counts of its making for the batch profile, and keys of the objects that its rows name."""

    frame: pl.DataFrame
    facts: Facts = field(default_factory=dict)
    objects: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sources:
    """What a day of `table` is computed from: what the table declares, and nothing else.

    Asking for another table, day or section of the product file raises UndeclaredError.
    """

    lake: Lake
    whole: Product
    snapshot: Snapshot
    manifests: Mapping[str, Manifest]
    verdicts: Verdicts
    day: date
    table: "DayTable"

    @cached_property
    def product(self) -> Product:
        """The sections of the product file that the table declares."""
        return self.whole.only("time", *self.table.product_parts)

    def scan(self, table: str, offsets: Iterable[int] = (0,)) -> pl.LazyFrame:
        """Rows of `table` for the days at `offsets` from this one."""
        days = [self.day + ONE_DAY * offset for offset in self._declared(table, tuple(offsets))]
        if table in (RAW, RECORDED):
            objects = self.snapshot.raw if table == RAW else self.snapshot.recorded
            keys = sorted({key for day in days for key in objects.get(day, {})})
            for key in keys:
                self.lake.check(key, self.snapshot.sha256.get(key, ""))
            return self.lake.scan(TABLES[table], keys)
        if table not in self.snapshot.states:
            # What isn't configured any more may still lie there.
            return TABLES[table].schema.to_frame().lazy()
        self._check(table, days)
        rows = self.lake.scan_days(table, days)
        return with_promoted(rows, self.whole) if TABLES[table].product_columns else rows

    def _declared(self, table: str, offsets: tuple[int, ...]) -> tuple[int, ...]:
        known = {offset for reads in self.table.reads if reads.table == table for offset in reads.offsets}
        if lacking := set(offsets) - known:
            name = self.table.contract.name
            raise UndeclaredError(
                f"{name} reads {table} at {sorted(lacking)} but doesn't declare it; add it to its `Reads`"
            )
        return offsets

    def _check(self, table: str, days: Iterable[date]) -> None:
        """Raise DamagedObject where a partition isn't the one that its state tells of."""
        states = self.snapshot.states[table]
        for day in days:
            key = day_key(table, day)
            if day in states:
                self.lake.check(key, states[day].output_hash)
            elif self.lake.exists(key):
                raise DamagedObject(f"{key} isn't known to be whole, for its state is lost; run `footfall run` again")

    @property
    def repeated(self) -> pl.DataFrame:
        """(source, event_id) of the day's ids that came on an earlier day."""
        self._declared(REPEATS, (0,))
        if self.snapshot.output(REPEATS, self.day):
            return self.verdicts.repeated(self.day)
        return pl.DataFrame(schema={"source": pl.String, "event_id": pl.String})

    @property
    def identities(self) -> Identities:
        """Who is who by all that was linked; a day depends on what it says about it alone."""
        self._declared(IDENTITY, (0,))
        return self.verdicts.identities


@dataclass(frozen=True)
class DayTable(DayInputs):
    """A table with a partition per local day, and the function that computes one."""

    compute: Callable[[Sources], Built] = field(kw_only=True)


def _events(s: Sources) -> Built:
    clean = clean_day(s.scan(RAW), s.product, s.identities, s.repeated)
    facts = events_profile(clean.events, s.day, s.product, s.manifests.values())
    raw_rows = sum(s.snapshot.raw.get(s.day, {}).values())
    counted = clean.events.height + clean.duplicates + clean.duplicates_of_earlier_days + clean.clicks_merged
    counts: Facts = {
        "raw_rows": raw_rows,
        "duplicates": clean.duplicates,
        "duplicates_of_earlier_days": clean.duplicates_of_earlier_days,
        "clicks_merged": clean.clicks_merged,
        "unbalanced_rows": abs(raw_rows - counted),
    }
    return Built(clean.events, {**facts, **counts})


def _identity_events(s: Sources) -> Built:
    telling = {
        name: source.identified_by or FORMATS[source.format].identified_by for name, source in s.product.sources.items()
    }
    return Built(identity_events(s.scan(RAW), s.day, s.repeated, telling))


def _recordings(s: Sources) -> Built:
    kept: list[str] = []

    def keep(name: str, data: bytes) -> str:
        key = f"{day_folder(RECORDINGS, s.day)}/{name}"
        s.lake.write(key, data)
        kept.append(key)
        return key

    ends = day_start(s.day + ONE_DAY, s.product.zone_info)
    frame = recordings(s.scan(RECORDED, _AND_NEXT), s.scan("sessions"), s.scan("events"), s.day, ends, keep)
    return Built(frame, objects=tuple(kept))


def _quality_counts(s: Sources) -> Built:
    frame = quality_counts(s.scan(RAW), s.repeated, s.scan("events"), s.scan("sessions"), s.day, s.product)
    return Built(frame, problem_facts(s.scan("events"), frame, s.product))


def _behaviour(s: Sources) -> tuple[pl.LazyFrame, pl.LazyFrame, pl.LazyFrame]:
    return s.scan("session_events"), s.scan("page_views"), s.scan("friction_incidents")


DAY_TABLES: tuple[DayTable, ...] = (
    DayTable(TABLES["event_ids"], (Reads(RAW),), (), "1", compute=lambda s: Built(event_ids(s.scan(RAW)))),
    DayTable(TABLES["identity_events"], (Reads(RAW), Reads(REPEATS)), ("identity",), "2", compute=_identity_events),
    DayTable(TABLES["appearances"], (Reads(RAW),), (), "1", compute=lambda s: Built(appearances(s.scan(RAW), s.day))),
    DayTable(
        TABLES["events"],
        (Reads(RAW), Reads(IDENTITY), Reads(REPEATS)),
        ("ingest", "pages", "quality", "bots"),
        "5",
        compute=_events,
    ),
    DayTable(
        TABLES["session_events"],
        (Reads("events", _AROUND),),
        ("goals", "segments", "sessions", "currency", "channels"),
        "6",
        compute=lambda s: Built(session_events(s.scan("events", _AROUND), s.day, s.product)),
    ),
    DayTable(
        TABLES["sessions"],
        (Reads("session_events"),),
        (),
        "4",
        compute=lambda s: Built(sessions(s.scan("session_events"), s.day)),
    ),
    DayTable(
        TABLES[RECORDINGS],
        (Reads(RECORDED, _AND_NEXT), Reads("sessions"), Reads("events")),
        (),
        "2",
        compute=_recordings,
        needs=("recordings",),
    ),
    DayTable(
        TABLES["page_views"],
        (Reads("session_events"),),
        ("sessions",),
        "2",
        compute=lambda s: Built(page_views(s.scan("session_events"), s.day, s.product.sources)),
    ),
    DayTable(
        TABLES["activity"], (Reads("events"),), (), "1", compute=lambda s: Built(activity(s.scan("events"), s.day))
    ),
    DayTable(
        TABLES["step_events"],
        (Reads("events"), Reads("session_events", _AND_BEFORE)),
        ("funnel_steps",),
        "5",
        compute=lambda s: Built(
            step_events(s.scan("events"), s.day, s.product.funnels, s.scan("session_events", _AND_BEFORE))
        ),
        needs=("funnels",),
    ),
    DayTable(
        TABLES["return_events"],
        (Reads("events"), Reads("session_events", _AND_BEFORE)),
        ("retention_events",),
        "3",
        compute=lambda s: Built(
            return_events(s.scan("events"), s.day, s.product, s.scan("session_events", _AND_BEFORE))
        ),
        needs=("retention",),
    ),
    DayTable(
        TABLES["feature_days"],
        (Reads("events"),),
        ("feature_uses", "zones", "currency"),
        "1",
        compute=lambda s: Built(feature_days(s.scan("events"), s.day, s.product)),
        needs=("features",),
    ),
    DayTable(
        TABLES["journey_events"],
        (Reads("events"),),
        ("journey_items",),
        "2",
        compute=lambda s: Built(journey_events(s.scan("events"), s.day, s.product.journeys)),
        needs=("journeys",),
    ),
    DayTable(
        TABLES["daily_sessions"],
        (Reads("sessions"),),
        (),
        "1",
        compute=lambda s: Built(daily_sessions(s.scan("sessions"), s.day)),
    ),
    DayTable(
        TABLES["friction_incidents"],
        (Reads("session_events"), Reads("page_views")),
        ("friction", "zones", "elements"),
        "4",
        compute=lambda s: Built(friction_incidents(s.scan("session_events"), s.scan("page_views"), s.day, s.product)),
    ),
    DayTable(
        TABLES["daily_zones"],
        (Reads("session_events"), Reads("page_views"), Reads("friction_incidents")),
        ("zones", "exposure", "segments", "capabilities", "friction"),
        "3",
        compute=lambda s: Built(daily_zones(*_behaviour(s), s.day, s.product)),
        needs=("zones",),
    ),
    DayTable(
        TABLES["zone_people"],
        (Reads("session_events"), Reads("page_views"), Reads("friction_incidents")),
        ("zones", "exposure", "capabilities", "friction"),
        "2",
        compute=lambda s: Built(zone_people(*_behaviour(s), s.day, s.product)),
        needs=("zones",),
    ),
    DayTable(
        TABLES["selector_matches"],
        (Reads("session_events"), Reads("page_views")),
        ("zones",),
        "1",
        compute=lambda s: Built(selector_matches(s.scan("session_events"), s.scan("page_views"), s.day, s.product)),
        needs=("zones",),
    ),
    DayTable(
        TABLES["heatmap_cells"],
        (Reads("session_events"), Reads("page_views")),
        ("layout",),
        "2",
        compute=lambda s: Built(heatmap_cells(s.scan("session_events"), s.scan("page_views"), s.day, s.product)),
        needs=("pages",),
    ),
    DayTable(
        TABLES["first_views"],
        (Reads("session_events"), Reads("page_views"), Reads("friction_incidents")),
        ("friction",),
        "2",
        compute=lambda s: Built(first_views(*_behaviour(s), s.day, s.product)),
    ),
    DayTable(
        TABLES["session_friction"],
        (Reads("friction_incidents"), Reads("sessions"), Reads("page_views")),
        (),
        "1",
        compute=lambda s: Built(
            session_friction(s.scan("friction_incidents"), s.scan("sessions"), s.scan("page_views"), s.day)
        ),
    ),
    DayTable(
        TABLES["daily_friction"],
        (Reads("friction_incidents"), Reads("session_events"), Reads("page_views")),
        ("friction", "capabilities"),
        "1",
        compute=lambda s: Built(
            daily_friction(
                s.scan("friction_incidents"), s.scan("session_events"), s.scan("page_views"), s.day, s.product
            )
        ),
    ),
    DayTable(
        TABLES["feedback"],
        (Reads("events", _AND_NEXT), Reads("session_events"), Reads("page_views")),
        ("surveys", "voice"),
        "3",
        compute=lambda s: Built(
            feedback(s.scan("events", _AND_NEXT), s.scan("session_events"), s.scan("page_views"), s.day, s.product)
        ),
        needs=(
            "surveys",
            "themes",
        ),
    ),
    DayTable(
        TABLES[MOMENTS],
        (Reads(RECORDINGS), Reads("friction_incidents"), Reads("session_events"), Reads("feedback")),
        ("friction", "goals"),
        "1",
        compute=lambda s: Built(
            recorded_moments(
                s.scan(RECORDINGS),
                s.scan("friction_incidents"),
                s.scan("session_events"),
                s.scan("feedback"),
                s.day,
                s.product,
            )
        ),
        needs=("recordings",),
    ),
    DayTable(
        TABLES["outcomes"],
        (Reads("events"),),
        ("goals", "currency"),
        "1",
        compute=lambda s: Built(outcomes(s.scan("events"), s.day, s.product)),
        needs=("goals",),
    ),
    DayTable(
        TABLES["session_kpis"],
        (Reads("sessions"), Reads("page_views"), Reads("session_friction")),
        ("friction",),
        "3",
        compute=lambda s: Built(
            session_kpis(s.scan("sessions"), s.scan("page_views"), s.scan("session_friction"), s.day, s.product)
        ),
    ),
    DayTable(
        TABLES["exposures"],
        (Reads("session_events"), Reads("sessions")),
        (),
        "4",
        needs=("experiments",),
        compute=lambda s: Built(exposures(s.scan("session_events"), s.scan("sessions"), s.day)),
    ),
    DayTable(
        TABLES["quality_counts"],
        (Reads(RAW), Reads(REPEATS), Reads("events"), Reads("sessions")),
        ("currency", "sessions", "zones"),
        "3",
        compute=_quality_counts,
    ),
)
DAY_TABLE: dict[str, DayTable] = {table.contract.name: table for table in DAY_TABLES}


def own_day_tables() -> set[str]:
    """Day tables that follow from their own day alone; of the others a changed day touches its neighbours too."""
    own: set[str] = {RAW, IDENTITY, REPEATS}
    for table in DAY_TABLES:
        if all(reads.table in own and set(reads.offsets) == {0} for reads in table.reads):
            own.add(table.contract.name)
    return own & set(DAY_TABLE)
