"""Zones and heatmaps; a mart is its SQL model and its contract."""

import polars as pl

from pipeline.core.registry import TABLES
from pipeline.core.state import Reads
from pipeline.declare import Built, DayTable, Domain, PeriodTable, Sources, added
from pipeline.domains.zones.heatmap import heatmap_cells
from pipeline.domains.zones.problems import silent_zones
from pipeline.domains.zones.selectors import selector_matches
from pipeline.domains.zones.told import Told, positions_told_by, told_by
from pipeline.domains.zones.zone_facts import ZoneDay, zone_day
from pipeline.domains.zones.zone_periods import zone_people_counts
from pipeline.domains.zones.zone_tables import daily_zones, zone_people, zone_sums


def _behaviour(s: Sources) -> tuple[pl.LazyFrame, pl.LazyFrame, pl.LazyFrame]:
    return s.scan("session_events"), s.scan("page_views"), s.scan("friction_incidents")


def _told(s: Sources) -> Told:
    return told_by(s.scan("session_events"), s.scan("page_views"), s.product)


def zones_of_day(s: Sources) -> ZoneDay:
    """What happened to zones, of a range of people."""
    return zone_day(*_behaviour(s), s.day, s.product, s.told)


def _heatmap_sums(s: Sources) -> pl.DataFrame:
    return heatmap_cells(s.scan("session_events"), s.scan("page_views"), s.day, s.product, s.told)


DOMAIN = Domain(
    day_tables=(
        DayTable(
            TABLES["daily_zones"],
            (Reads("session_events"), Reads("page_views"), Reads("friction_incidents")),
            ("zones", "exposure", "segments", "sources", "friction"),
            "3",
            told=_told,
            sums=lambda s: zone_sums(zones_of_day(s), s.scan("session_events"), s.product),
            compute=lambda s: Built(daily_zones(s.summed, s.day, s.product)),
            needs=("zones",),
        ),
        DayTable(
            TABLES["zone_people"],
            (Reads("session_events"), Reads("page_views"), Reads("friction_incidents")),
            ("zones", "exposure", "sources", "friction"),
            "2",
            told=_told,
            compute=lambda s: Built(zone_people(zones_of_day(s), s.day, s.product)),
            by_person=True,
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
            told=lambda s: positions_told_by(s.scan("session_events"), s.scan("page_views")),
            sums=_heatmap_sums,
            compute=added,
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
