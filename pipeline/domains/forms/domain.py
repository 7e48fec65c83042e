"""Forms and their fields; a mart is its SQL model and its contract."""

from collections.abc import Callable
from datetime import date

import polars as pl

from pipeline.core.registry import TABLES
from pipeline.core.state import Reads
from pipeline.declare import DayTable, Domain, Sources, added
from pipeline.domains.forms.forms import field_sums, form_sums, telling


def _summed(name: str, sums: Callable[[pl.LazyFrame, pl.LazyFrame, date, pl.DataFrame], pl.DataFrame]) -> DayTable:
    def of_range(s: Sources) -> pl.DataFrame:
        return sums(s.scan("session_events"), s.scan("page_views"), s.day, s.told)

    return DayTable(
        TABLES[name],
        (Reads("session_events"), Reads("page_views")),
        (),
        "1",
        told=lambda s: telling(s.scan("session_events"), s.scan("page_views")),
        sums=of_range,
        compute=added,
        needs=("pages",),
    )


DOMAIN = Domain(day_tables=(_summed("daily_forms", form_sums), _summed("daily_form_fields", field_sums)))
