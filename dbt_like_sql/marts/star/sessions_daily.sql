-- One row per day, device, channel, country and landing page: numbers of sessions that may be summed over all of these.
-- Products of integers and decimals are exact; a division would make a DOUBLE.
select
    session_day as day,
    device_type,
    channel,
    country,
    landing_page,
    sessions,
    sessions_bounced,
    sessions_with_goal,
    sessions_with_page_view,
    page_views,
    page_views_implied,
    clicks,
    orders,
    cast(duration_ms * 0.001::decimal(4, 3) as decimal(20, 3)) as duration_seconds,
    cast(revenue_micros * 0.000001::decimal(7, 6) as decimal(20, 6)) as revenue
from session_counts
