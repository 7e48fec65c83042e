"""What events of a day are computed from that need what is told of their visits: the tables, and their rows."""

import polars as pl

from pipeline.core.state import Reads
from pipeline.declare.day_tables import Sources

_AND_BEFORE, _AROUND = (-1, 0), (-1, 0, 1)
_VISITS = (Reads("session_events", _AND_BEFORE), Reads("sessions", _AND_BEFORE))
WITH_VISITS = (Reads("events"), *_VISITS)
# Days around it tell what else happened in visits over midnight.
AROUND_VISITS = (Reads("events", _AROUND), *_VISITS)


def visits_of(s: Sources) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """session_events and sessions of the day and the one before, where the visits of all its events stand."""
    return s.scan("session_events", _AND_BEFORE), s.scan("sessions", _AND_BEFORE)


def around(s: Sources) -> pl.LazyFrame:
    """Events of the day before, the day and the day after."""
    return s.scan("events", _AROUND)
