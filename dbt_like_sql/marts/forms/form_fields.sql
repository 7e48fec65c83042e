-- One row per session day, page, device, form and field: changed, corrected, refused, left at, and how long a change took.
select
    *,
    page_views_corrected / nullif(page_views_changed, 0) as correction_rate,
    page_views_refused / nullif(page_views_touched, 0) as refused_rate,
    page_views_left_at / nullif(page_views_measured_submit, 0) as left_rate,
    fill_ms / nullif(changes_timed, 0) / 1000 as fill_seconds
from daily_form_fields
