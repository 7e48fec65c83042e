"""Forms and their fields; a mart is its SQL model and its contract."""

from pipeline.core.registry import TABLES
from pipeline.core.state import Reads
from pipeline.declare import Built, DayTable, Domain, added
from pipeline.domains.forms.forms import daily_forms, field_sums, form_sums

DOMAIN = Domain(
    day_tables=(
        DayTable(
            TABLES["daily_forms"],
            (Reads("session_events"),),
            (),
            "1",
            sums=lambda s: form_sums(s.scan("session_events"), s.day),
            compute=lambda s: Built(daily_forms(s.summed)),
            needs=("pages",),
        ),
        DayTable(
            TABLES["daily_form_fields"],
            (Reads("session_events"),),
            (),
            "1",
            sums=lambda s: field_sums(s.scan("session_events"), s.day),
            compute=added,
            needs=("pages",),
        ),
    )
)
