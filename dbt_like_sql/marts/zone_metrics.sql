-- One row per session day, page, zone version and device: clicks and click rates.
select
    session_day,
    page,
    zone,
    zone_version,
    device_type,
    page_views,
    page_views_clicked,
    sessions,
    sessions_clicked,
    clicks,
    own_clicks,
    page_clicks,
    page_views_clicked / nullif(page_views, 0) as click_rate,
    sessions_clicked / nullif(sessions, 0) as session_click_rate,
    clicks / nullif(page_views_clicked, 0) as click_recurrence,
    own_clicks / nullif(page_clicks, 0) as click_share
from daily_zones
