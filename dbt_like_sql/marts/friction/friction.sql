-- One row per session day, rule set, signal, page and device, bots and implied page views left out.
select
    session_day,
    rule_set,
    rule_version,
    signal,
    page,
    device_type,
    incidents,
    page_views_with,
    page_views,
    page_views_measured,
    sessions_with,
    page_views_with / nullif(page_views_measured, 0) as page_view_rate,
    owner
from daily_friction
left join owners using (page)
