"""Forms and their fields (docs/definitions/forms.md)."""

import polars as pl

from pipeline.core.columns import DEVICE, EVENT_DIMENSIONS, PAGE, SESSION_DAY
from pipeline.core.contract import Column, Table, count, rate, ratio
from pipeline.core.published import mart

_FORM = Column("form", pl.String(), "the form's label, name or id; `form` where it bears none")
_FIELD = Column("field", pl.String(), "the field's label, name or id")
_OVER = (*EVENT_DIMENSIONS, "page", "form")


def _views(name: str, what: str) -> Column:
    return count(name, f"page views {what}", "page view", *_OVER)


DAILY_FORMS = Table(
    name="daily_forms",
    layer="daily",
    grain="One row per session day, page, device and form that somebody touched, bots left out.",
    columns=(
        SESSION_DAY,
        PAGE,
        DEVICE,
        _FORM,
        _views("page_views_started", "in which a field of it was touched, or it was submitted"),
        _views(
            "page_views_measured_submit", "of them, those whose source and device tell of submitted forms on the day"
        ),
        _views("page_views_submitted", "in which it was submitted"),
        _views("page_views_submitted_again", "in which it was submitted more than once"),
        _views("page_views_refused", "in which a field of it refused its value"),
    ),
    key=("session_day", "page", "device_type", "form"),
    at_most=(
        ("page_views_measured_submit", "page_views_started"),
        ("page_views_submitted", "page_views_measured_submit"),
        ("page_views_submitted_again", "page_views_submitted"),
        ("page_views_refused", "page_views_started"),
    ),
)
DAILY_FORM_FIELDS = Table(
    name="daily_form_fields",
    layer="daily",
    grain="One row per session day, page, device, form and field that somebody touched, bots left out.",
    columns=(
        SESSION_DAY,
        PAGE,
        DEVICE,
        _FORM,
        _FIELD,
        _views("page_views_touched", "in which it was touched: clicked, changed, or refused its value"),
        _views("page_views_measured_submit", "of them, those whose source and device tell of submitted forms on the day"),
        _views("page_views_changed", "in which it was changed"),
        _views("page_views_corrected", "in which it was changed more than once"),
        _views("page_views_refused", "in which it refused its value"),
        _views("page_views_left_at", "of page_views_measured_submit, those that ended without a submission and touched it last"),
        count("changes", "changes", "event", *_OVER),
        count("changes_timed", "of them, those of which it is known when the field, or the one before, was touched", "event", *_OVER),
        count("fill_ms", "time from that to the change, at most five minutes each", "ms", *_OVER),
    ),
    key=("session_day", "page", "device_type", "form", "field"),
    at_most=(
        ("page_views_changed", "page_views_touched"),
        ("page_views_corrected", "page_views_changed"),
        ("page_views_refused", "page_views_touched"),
        ("page_views_measured_submit", "page_views_touched"),
        ("page_views_left_at", "page_views_measured_submit"),
        ("page_views_changed", "changes"),
        ("changes_timed", "changes"),
    ),
)  # fmt: skip
FORMS = mart(
    "forms",
    DAILY_FORMS.grain,
    (
        *DAILY_FORMS.columns,
        rate("submit_rate", "page_views_submitted / page_views_measured_submit"),
        rate("refused_rate", "page_views_refused / page_views_started"),
    ),
    DAILY_FORMS.key,
    DAILY_FORMS.at_most,
    depends_on_measuring=True,
)
FORM_FIELDS = mart(
    "form_fields",
    DAILY_FORM_FIELDS.grain,
    (
        *DAILY_FORM_FIELDS.columns,
        rate("correction_rate", "page_views_corrected / page_views_changed"),
        rate("refused_rate", "page_views_refused / page_views_touched"),
        rate("left_rate", "page_views_left_at / page_views_measured_submit"),
        ratio("fill_seconds", "mean time of a change", "s"),
    ),
    DAILY_FORM_FIELDS.key,
    DAILY_FORM_FIELDS.at_most,
    depends_on_measuring=True,
    names={"fill_ms": "fill_seconds_total"},
)
