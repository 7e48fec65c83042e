"""Zones and heatmaps; a mart is its SQL model and its contract."""

import polars as pl

from pipeline.core.registry import TABLES
from pipeline.core.state import Reads
from pipeline.declare import Built, DayTable, Domain, PeriodTable, Sources
from pipeline.domains.zones.heatmap import heatmap_cells
from pipeline.domains.zones.problems import silent_zones
from pipeline.domains.zones.selectors import selector_matches
from pipeline.domains.zones.zone_periods import zone_people_counts
from pipeline.domains.zones.zone_tables import daily_zones, zone_people


def _behaviour(s: Sources) -> tuple[pl.LazyFrame, pl.LazyFrame, pl.LazyFrame]:
    return s.scan("session_events"), s.scan("page_views"), s.scan("friction_incidents")


DOMAIN = Domain(
    day_tables=(
        DayTable(
            TABLES["daily_zones"],
            (Reads("session_events"), Reads("page_views"), Reads("friction_incidents")),
            ("zones", "exposure", "segments", "sources", "friction"),
            "3",
            compute=lambda s: Built(daily_zones(*_behaviour(s), s.day, s.product)),
            needs=("zones",),
        ),
        DayTable(
            TABLES["zone_people"],
            (Reads("session_events"), Reads("page_views"), Reads("friction_incidents")),
            ("zones", "exposure", "sources", "friction"),
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
            ("pages.layout",),
            "2",
            compute=lambda s: Built(heatmap_cells(s.scan("session_events"), s.scan("page_views"), s.day, s.product)),
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
