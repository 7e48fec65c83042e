"""Builders that tests share: a small product, canonical events, a home with landing files."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.build.compute import build_days, build_period
from pipeline.build.context import find_dirty
from pipeline.build.made_of import upstream
from pipeline.build.marts import Publication, build_mart, find_stale
from pipeline.build.sql_models import load_models, sources_of
from pipeline.build.tables import DAY_TABLE, PERIOD_TABLE
from pipeline.core.canonical import EVENTS
from pipeline.core.contract import Table
from pipeline.core.keys import day_key
from pipeline.core.lake import Lake
from pipeline.core.product import Product
from pipeline.core.product_file import parse_product
from pipeline.core.registry import TABLES
from pipeline.core.states import published_days
from pipeline.declare import PeriodSources
from pipeline.domains.experiments.experiment_moments import Streams
from pipeline.domains.friction.friction_tables import daily_friction, friction_sums, measured_signals
from pipeline.domains.zones.told import told_by
from pipeline.domains.zones.zone_facts import ZoneDay, zone_day
from pipeline.domains.zones.zone_tables import daily_zones, zone_sums
from pipeline.events.identity import Identities, with_active
from pipeline.events.profile import CheckResult, Facts
from pipeline.ingest.files import ingest, pending
from pipeline.ingest.landing import find
from pipeline.ingest.manifests import Manifest, read_manifests

PLAIN_PRODUCT = """
name: Test shop
time_zone: Europe/Berlin
start_date: 2026-01-01
sources:
  web: {heartbeat_s: 10, minimum_visit_s: 5}
  noid: {event_id: none}
properties: {plan: string, items: integer, vip: boolean}
pages:
  - {name: home, urls: ["/"]}
  - {name: product, urls: ["/p/*"]}
"""
# What brings tables of its own: zones, goals and what is made of both, a funnel. 78 tables instead of 47.
PRODUCT = (
    PLAIN_PRODUCT
    + """zones:
  - {name: hero, page: home, selectors: ["section.hero"]}
  - {name: cta, page: home, selectors: ["section.hero a.cta"]}
goals:
  buy: {kind: order}
funnels:
  purchase:
    window_days: 7
    steps:
      - {label: Home, kind: page_view, page: home}
      - {label: Product, kind: page_view, page: product}
      - {label: Bought, kind: order}
"""
)


NOBODY_LINKED = Identities(
    TABLES["identity_links"].schema.to_frame(), pl.DataFrame(schema={"user_id": pl.String, "person_user_id": pl.String})
)
NONE_REPEATED = pl.DataFrame(schema={"source": pl.String, "event_id": pl.String})


def product(**changes: Any) -> Product:
    """The test product, with top-level sections replaced."""
    return Product.model_validate({**_product_sections(), **changes})


def plain_product(**changes: Any) -> Product:
    """The test product without what brings tables of its own: for tests of events that need no other domain."""
    return product(**{"funnels": {}, "goals": {}, "zones": [], **changes})


@cache
def _product_sections() -> dict[str, Any]:
    return parse_product(PRODUCT).model_dump()


def at(text: str) -> datetime:
    """An instant from ISO text; without a zone it is UTC."""
    result = datetime.fromisoformat(text)
    return result if result.tzinfo else result.replace(tzinfo=UTC)


def record(event_id: str, occurred_at: str, kind: str = "page_view", **fields: Any) -> dict[str, Any]:
    """A canonical record as a source would write it."""
    who = {} if "anonymous_id" in fields or "user_id" in fields else {"anonymous_id": "d1"}
    return {"event_id": event_id, "occurred_at": at(occurred_at).isoformat(), "kind": kind, **who, **fields}


def ndjson(records: Iterable[Mapping[str, Any]]) -> bytes:
    """Records as NDJSON."""
    return "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in records).encode()


def drop(home: Path, name: str, data: bytes) -> Path:
    """Put a landing file in place, marked as done."""
    path = home / "landing" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    (path.parent / f"{path.name}.done").touch()
    return path


def events_frame(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Clean events by the contract from partial rows; person_key may be given directly."""
    defaults: dict[str, Any] = dict.fromkeys(EVENTS.schema.names())
    defaults |= {"source": "web", "kind": "page_view", "is_bot": False, "anonymous_id": "d1", "person_key": 1}
    full = [{**defaults, "event_id": f"e{i}", **row} for i, row in enumerate(rows)]
    for row in full:
        row["occurred_at_raw"] = row["occurred_at"]
    return pl.DataFrame(full, schema=EVENTS.schema, orient="row")


def booked(events: pl.DataFrame) -> pl.DataFrame:
    """session_events of events of a person, each a session of its own without a page view."""
    known = events.filter(pl.col("person_key").is_not_null()).select(
        "person_key", "source", "event_id", "kind", "occurred_at",
        session_key=-1 - pl.int_range(pl.len(), dtype=pl.Int64), segment_bits=pl.lit(0, dtype=pl.Int64),
    )  # fmt: skip
    return pl.concat([TABLES["session_events"].schema.to_frame(), known], how="diagonal_relaxed")


def feedback_frame(rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """Feedback by the contract from partial rows."""
    table = TABLES["feedback"]
    defaults: dict[str, Any] = dict.fromkeys(table.schema.names())
    defaults |= {
        "source": "web",
        "kind": "survey_answered",
        "survey": "shop",
        "is_valid": False,
        "trigger": "",
        "stage": "",
        "page": "",
        "device_type": "mobile",
        "segment_bits": 0,
    }
    full = [{**defaults, "event_id": f"e{i}", "response_key": i, **row} for i, row in enumerate(rows)]
    for row in full:
        row["occurred_at"] = row["occurred_at"] or f"{row['day']}T12:00:00+00:00"
    frame = pl.DataFrame(full, schema={**table.schema, "occurred_at": pl.String}, orient="row")
    return table.conform(frame.with_columns(pl.col("occurred_at").str.to_datetime(time_unit="us", time_zone="UTC")))


def exposed(rows: Sequence[tuple[int, str, datetime]], **about: Any) -> pl.DataFrame:
    """Exposures to the experiment `note` by the contract, from person, variant and instant."""
    full = [
        {
            "day": when.date(), "person_key": person, "experiment_id": "note", "variant": variant, "first_at": when,
            "exposures": 1, "segment_bits": person % 2, "device_type": "mobile", "os": "iOS", "browser": "Safari",
            "country": "DE", "channel": "direct", **about,
        }
        for person, variant, when in rows
    ]  # fmt: skip
    frame = pl.DataFrame(full, schema=TABLES["exposures"].schema)
    return TABLES["exposures"].conform(frame)


def experiment_streams(exposures: pl.DataFrame, **tables: pl.DataFrame) -> Streams:
    """What experiments read: these exposures, and `tables` by name."""
    names = ("outcomes", "activity", "friction_incidents", "feedback")
    given = {name: tables.get(name, TABLES[name].schema.to_frame()) for name in names}
    return Streams(exposures.lazy(), *(given[name].lazy() for name in names))


def approve(
    table: Table, product: Product, batches: Sequence[Facts], history: Sequence[Sequence[Facts]]
) -> list[CheckResult]:
    """A gate that is open, for tests of what lies behind it."""
    del table, product, history
    return [CheckResult() for _ in batches]


def take_all(lake: Lake, chosen: Product) -> list[Manifest]:
    """Ingest every landing file that waits."""
    files = pending(find(lake), read_manifests(lake), chosen)
    return list(ingest(lake, chosen, files))


@dataclass(frozen=True)
class InMemory(PeriodSources):
    """Sources of a period table from frames instead of a home; each bears its days in `day` or `session_day`.

    `stored` holds what is kept, by part and days; `read` notes the days that were scanned.
    """

    frames: Mapping[str, pl.LazyFrame] = field(default_factory=dict[str, pl.LazyFrame])
    stored: dict[tuple[str, ...], pl.DataFrame] = field(default_factory=dict[tuple[str, ...], pl.DataFrame])
    read: set[date] = field(default_factory=set[date])

    def scan(self, table: str, first: date = date.min, last: date = date.max) -> pl.LazyFrame:
        rows = self.frames[table]
        days = [day for day in self.days if first <= day <= last]
        self.read.update(days)
        name = next((each for each in ("day", "session_day") if each in rows.collect_schema()), None)
        return rows if name is None or TABLES[table].layer == "period" else rows.filter(pl.col(name).is_in(days))

    def recall(self, part: str) -> pl.DataFrame | None:
        return self.stored.get((part, *map(str, self.days)))

    def keep(self, part: str, frame: pl.DataFrame) -> None:
        self.stored[(part, *map(str, self.days))] = frame


def period_sources(name: str, frames: Mapping[str, pl.LazyFrame], days: Sequence[date], chosen: Product) -> InMemory:
    """Sources of the period table of that name."""
    nothing: Any = None
    # A home has this one only where people are chosen.
    given = {"conditions_met": TABLES["conditions_met"].schema.to_frame().lazy(), **frames}
    return InMemory(nothing, chosen, nothing, list(days), PERIOD_TABLE[name], frames=given)


def period_rows(name: str, frames: Mapping[str, pl.LazyFrame], days: Sequence[date], chosen: Product) -> pl.DataFrame:
    """The period table of that name, and before it those that it reads and that aren't among `frames`."""
    known = dict(frames)
    for each in PERIOD_TABLE[name].periods:
        if each not in known:
            known[each] = period_rows(each, known, days, chosen).lazy()
    return PERIOD_TABLE[name].compute(period_sources(name, known, days, chosen))


def first_seen(activity: pl.LazyFrame) -> pl.LazyFrame:
    """Rows of people_first from rows of activity."""
    return with_active(TABLES["people_first"].schema.to_frame(), activity).lazy()


def day_of_zones(
    events: pl.LazyFrame, views: pl.LazyFrame, incidents: pl.LazyFrame, day: date, chosen: Product
) -> ZoneDay:
    """What happened to zones on a day, of which these are all rows."""
    return zone_day(events, views, incidents, day, chosen, told_by(events, views, chosen))


def friction_of_day(
    incidents: pl.LazyFrame, events: pl.LazyFrame, views: pl.LazyFrame, day: date, chosen: Product
) -> pl.DataFrame:
    """Rows of daily_friction of a day, of which these are all rows."""
    return daily_friction([friction_sums(incidents, views, measured_signals(events, views, chosen), chosen)], day)


def zones_of(
    events: pl.LazyFrame, views: pl.LazyFrame, incidents: pl.LazyFrame, day: date, chosen: Product
) -> pl.DataFrame:
    """Rows of daily_zones of a day, of which these are all rows."""
    return daily_zones([zone_sums(day_of_zones(events, views, incidents, day, chosen), events, chosen)], day, chosen)


def compute_all(
    lake: Lake,
    chosen: Product,
    *,
    by_day: bool = False,
    now: datetime | None = None,
    only: Sequence[str] = (),
) -> None:
    """Compute dirty days, period tables and marts, with the gate open; with `now` restatements are entered.

    `only` names the marts and facts that are wanted, with the tables that they are made from; default: all.
    """
    models = load_models()
    made_of = {name for mart in only for name in ([mart] if mart in DAY_TABLE else sources_of(mart, models))}
    read = upstream(made_of, who_is_who=True)
    dirty = find_dirty(lake, chosen, lambda _day: True)
    days = sorted(dirty.runnable)
    for chunk in [[day] for day in days] if by_day else [days]:
        for name in dirty.tables(chunk[0], chunk[-1]) if chunk else ():
            if not only or name in read:
                list(build_days(lake, chosen, name, chunk, approve))
    if by_day and find_dirty(lake, chosen, lambda _day: True).runnable:
        compute_all(lake, chosen)
        return
    context = Publication(lake, chosen, now)
    stale = find_stale(lake, chosen, context)
    for name in stale.periods:
        if not only or name in read:
            build_period(lake, chosen, name, approve, context)
    for mart in stale.marts:
        if only and mart not in only:
            continue
        build_mart(lake, chosen, mart, lambda *_: CheckResult(), context)


def as_numbers(row: Iterable[Any]) -> list[float]:
    """Exact decimals and numbers of a row as floats."""
    return [float(value) for value in row]


def days_from(first: str, count: int) -> list[date]:
    """`count` days from the ISO day `first`."""
    return [date.fromisoformat(first) + timedelta(days=i) for i in range(count)]


def days_of(lake: Lake) -> dict[str, str]:
    """sha256 of every day of every table: period tables and marts follow from these."""
    return {
        key: lake.sha256(key) or ""
        for table in DAY_TABLE
        for day in published_days(lake, table)
        for key in [day_key(table, day)]
    }


def marts_of(lake: Lake) -> dict[str, bytes]:
    """Bytes of every mart that is promised to be equal, and of rejects by their own day.

    Three marts tell of file names and arrival. The dictionary, which comes with the catalog, depends on nothing but our code.
    """
    paths = sorted(lake.folder("marts").glob("*.parquet"))
    others = ("ingest_quality", "data_problems", "daily_rejected", "_dictionary")
    result = {path.name: path.read_bytes() for path in paths if path.stem not in others}
    rejected = lake.path("marts/daily_rejected.parquet")
    if rejected.exists():
        result["rejects by their own day"] = str(
            pl.read_parquet(rejected).filter(~pl.col("day_is_arrival")).rows()
        ).encode()
    return result
