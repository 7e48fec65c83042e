"""The page of forms: who starts them, where they are left, which fields are hard."""

import polars as pl

from pipeline.core.days import ONE_DAY
from pipeline.report import charts
from pipeline.report.page import ReportPage
from pipeline.report.parts import Body, Marts, Page, Picker, Section, count, duration, share

_RECENT_DAYS = 28
_FORM = ["page", "form"]
_VIEWS = [
    "page_views_started",
    "page_views_measured_submit",
    "page_views_submitted",
    "page_views_submitted_again",
    "page_views_refused",
]
_FIELD = [
    "page_views_touched", "page_views_changed", "page_views_corrected", "page_views_refused", "page_views_left_at",
    "changes_timed", "fill_seconds_total",
]  # fmt: skip


def forms_page(marts: Marts) -> Page:
    """Forms of the last 28 days, and their fields in the order in which they are left."""
    forms, fields = _recent(marts["forms"]), _recent(marts["form_fields"])
    if forms.is_empty():
        return Page("forms", "Forms")
    summed = (
        forms.group_by(_FORM)
        .agg(pl.col(_VIEWS).sum())
        .sort("page_views_started", *_FORM, descending=[True, False, False])
    )
    named = [_fields(fields, page, form) for page, form in summed.select(_FORM).rows()]
    return Page(
        "forms", "Forms", [], [_table(forms, summed), *(each for each in named if each)], lead=_lead(summed, fields)
    )


def _recent(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(pl.col("day") > pl.col("day").max() - ONE_DAY * _RECENT_DAYS)


def _lead(summed: pl.DataFrame, fields: pl.DataFrame) -> str:
    """How many finish the form that most start, and where those who don't stop."""
    top = summed.row(0, named=True)
    started, submitted = top["page_views_measured_submit"], top["page_views_submitted"]
    if not started:
        return f"{top['form']} on {top['page']} is started most; nothing tells of submitted forms, so nobody knows who finished it."
    said = f"{share(submitted / started)} of those who start {top['form']} on {top['page']} submit it ({submitted:,} of {started:,})"
    own = fields.filter(pl.col("page") == top["page"], pl.col("form") == top["form"])
    left = (
        own.group_by("field")
        .agg(pl.col("page_views_left_at").sum())
        .sort("page_views_left_at", "field", descending=[True, False])
    )
    if left.is_empty() or not left["page_views_left_at"][0]:
        return f"{said}."
    return f"{said}. Most of the others stop at {left['field'][0]}: {left['page_views_left_at'][0]:,} page views."


def _table(forms: pl.DataFrame, summed: pl.DataFrame) -> Section:
    devices = ["", *forms["device_type"].unique().sort()]
    by_device = {
        device: forms.filter(pl.col("device_type") == device).group_by(_FORM).agg(pl.col(_VIEWS).sum()).sort(_FORM)
        for device in devices[1:]
    }
    bodies = [Body((device,), _rows(by_device.get(device, summed))) for device in devices]
    return Section(
        "Forms of the last 28 days",
        "Started: page views in which a field was touched or the form submitted. Of started: of those in which a submission would be told. Submitted more than once, refused: of "
        "those that were started, for people who try again are stuck.",
        [],
        ("form", "page", "started", "submitted", "of started", "more than once", "a field refused"),
        pickers=[Picker("Device", [(device, device or "all devices") for device in devices])],
        bodies=bodies,
        provenance="forms: form page page_views_started page_views_submitted submit_rate page_views_submitted_again page_views_refused",
    )


def _rows(summed: pl.DataFrame) -> list[tuple[str, ...]]:
    return [
        (row["form"], row["page"], count(row["page_views_started"]), count(row["page_views_submitted"]),
         _share(row, "page_views_submitted", "page_views_measured_submit"), count(row["page_views_submitted_again"]),
         count(row["page_views_refused"]))
        for row in summed.rows(named=True)
    ]  # fmt: skip


def _fields(fields: pl.DataFrame, page: str, form: str) -> Section | None:
    own = fields.filter(pl.col("page") == page, pl.col("form") == form)
    if own.is_empty():
        return None
    summed = own.group_by("field").agg(pl.col(_FIELD).cast(pl.Float64).sum())
    ordered = summed.sort("page_views_left_at", "page_views_touched", "field", descending=[True, True, False])
    drawn = ordered.select(
        what="field", value="page_views_left_at", shown=pl.col("page_views_left_at").map_elements(count, pl.String)
    )
    return Section(
        f"{form} on {page}: fields",
        "Left at: page views that ended without a submission and touched the field last. Corrected: of those that changed it, those that "
        "changed it again. Time: from the touch before to the change, the mean.",
        [charts.bars(drawn, "page views that left the form at the field", "page views")],
        ("field", "page views", "left here", "changed", "corrected", "of changed", "refused", "of touched", "time"),
        [
            (row["field"], count(row["page_views_touched"]), count(row["page_views_left_at"]), count(row["page_views_changed"]),
             count(row["page_views_corrected"]), _share(row, "page_views_corrected", "page_views_changed"), count(row["page_views_refused"]),
             _share(row, "page_views_refused", "page_views_touched"),
             duration(row["fill_seconds_total"] / row["changes_timed"] if row["changes_timed"] else None))
            for row in ordered.rows(named=True)
        ],
        provenance="form_fields: field page_views_touched page_views_left_at page_views_changed page_views_corrected correction_rate "
        "page_views_refused refused_rate fill_seconds",
    )  # fmt: skip


def _share(row: dict[str, float], top: str, bottom: str) -> str:
    return share(row[top] / row[bottom] if row[bottom] else None)


PAGE = ReportPage("forms", "Forms", "Pages", 75, lambda shown: forms_page(shown.marts) if shown.product.pages else [])
