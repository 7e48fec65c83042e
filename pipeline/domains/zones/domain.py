"""Zones and heatmaps; a mart is its SQL model and its contract."""

from collections.abc import Iterator

import polars as pl

from pipeline.core.registry import TABLES
from pipeline.core.state import Reads
from pipeline.declare import Built, DayTable, Domain, PeriodTable, Sources
from pipeline.domains.zones.heatmap import heatmap_cells
from pipeline.domains.zones.problems import silent_zones
from pipeline.domains.zones.selectors import selector_matches
from pipeline.domains.zones.told import positions_told_by, told_by
from pipeline.domains.zones.zone_facts import ZoneDay, zone_day
from pipeline.domains.zones.zone_periods import zone_people_counts
from pipeline.domains.zones.zone_tables import daily_zones, zone_people, zone_sums
from pipeline.stats.buckets import added_up


def _behaviour(s: Sources) -> tuple[pl.LazyFrame, pl.LazyFrame, pl.LazyFrame]:
    return s.scan("session_events"), s.scan("page_views"), s.scan("friction_incidents")


def _zone_days(s: Sources) -> Iterator[tuple[Sources, ZoneDay]]:
    """What happened to zones, for each range of people."""
    told = told_by(s.scan("session_events"), s.scan("page_views"), s.product)
    for part in s.in_ranges():
        yield part, zone_day(*_behaviour(part), s.day, s.product, told)


def _daily_zones(s: Sources) -> Built:
    sums = [zone_sums(made, part.scan("session_events"), s.product) for part, made in _zone_days(s)]
    return Built(daily_zones(sums, s.day, s.product))


def _zone_people(s: Sources) -> Iterator[Built]:
    for _, made in _zone_days(s):
        yield Built(zone_people(made, s.day, s.product))


def _heatmap_cells(s: Sources) -> Built:
    told = positions_told_by(s.scan("session_events"), s.scan("page_views"))
    table = TABLES["heatmap_cells"]
    parts = [
        heatmap_cells(part.scan("session_events"), part.scan("page_views"), s.day, s.product, told)
        for part in s.in_ranges()
    ]
    return Built(table.conform(added_up(parts, table.key)))


DOMAIN = Domain(
    day_tables=(
        DayTable(
            TABLES["daily_zones"],
            (Reads("session_events"), Reads("page_views"), Reads("friction_incidents")),
            ("zones", "exposure", "segments", "sources", "friction"),
            "3",
            compute=_daily_zones,
            needs=("zones",),
        ),
        DayTable(
            TABLES["zone_people"],
            (Reads("session_events"), Reads("page_views"), Reads("friction_incidents")),
            ("zones", "exposure", "sources", "friction"),
            "2",
            compute=_zone_people,
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
            ("pages.layout",),
            "2",
            compute=_heatmap_cells,
            needs=("pages",),
        ),
    ),
    period_tables=(
        PeriodTable(
            TABLES["zone_people_counts"],
            "zone_people",
            lambda s: zone_people_counts(s.rows, s.scan("sessions"), s.days, s.product),
            "2",
            inputs=("sessions",),
            sections=("zones", "pages"),
        ),
    ),
    problems=silent_zones,
)
