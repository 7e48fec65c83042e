"""Friction and its calibration; a mart is its SQL model and its contract."""

import polars as pl

from pipeline.core.registry import TABLES
from pipeline.core.state import Reads
from pipeline.declare import Built, DayTable, Domain, PeriodTable, Sources
from pipeline.domains.friction.calibration import first_views, friction_effects
from pipeline.domains.friction.friction_tables import (
    daily_friction,
    friction_incidents,
    friction_sums,
    measured_signals,
    session_friction,
)


def _behaviour(s: Sources) -> tuple[pl.LazyFrame, pl.LazyFrame, pl.LazyFrame]:
    return s.scan("session_events"), s.scan("page_views"), s.scan("friction_incidents")


DOMAIN = Domain(
    day_tables=(
        DayTable(
            TABLES["friction_incidents"],
            (Reads("session_events"), Reads("page_views")),
            ("friction", "zones", "elements"),
            "4",
            compute=lambda s: Built(
                friction_incidents(s.scan("session_events"), s.scan("page_views"), s.day, s.product)
            ),
            by_person=True,
        ),
        DayTable(
            TABLES["first_views"],
            (Reads("session_events"), Reads("page_views"), Reads("friction_incidents")),
            ("friction",),
            "2",
            compute=lambda s: Built(first_views(*_behaviour(s), s.day, s.product)),
            by_person=True,
        ),
        DayTable(
            TABLES["session_friction"],
            (Reads("friction_incidents"), Reads("sessions"), Reads("page_views")),
            (),
            "2",
            compute=lambda s: Built(
                session_friction(s.scan("friction_incidents"), s.scan("sessions"), s.scan("page_views"), s.day)
            ),
        ),
        DayTable(
            TABLES["daily_friction"],
            (Reads("friction_incidents"), Reads("session_events"), Reads("page_views")),
            ("friction", "sources"),
            "1",
            told=lambda s: measured_signals(s.scan("session_events"), s.scan("page_views"), s.product),
            sums=lambda s: friction_sums(s.scan("friction_incidents"), s.scan("page_views"), s.told, s.product),
            compute=lambda s: Built(daily_friction(s.summed, s.day)),
        ),
    ),
    period_tables=(
        PeriodTable(
            TABLES["friction_effects"],
            "first_views",
            lambda s: friction_effects(s.rows, s.scan("people_first"), s.days, s.product),
            inputs=("people_first",),
            sections=("friction", "goals"),
            needs=("goals",),
        ),
    ),
)
