-- One row per session day, page, device and form: who started it, submitted it, was refused.
select
    *,
    page_views_submitted / nullif(page_views_measured_submit, 0) as submit_rate,
    page_views_refused / nullif(page_views_started, 0) as refused_rate
from daily_forms
