-- One row per local day: sessions of all devices together.
select
    session_day as day,
    sum(sessions) as sessions,
    sum(sessions_with_page_view) as sessions_with_page_view,
    sum(sessions_bounced) as sessions_bounced,
    sum(sessions_with_goal) as sessions_with_goal,
    sum(page_views) as page_views,
    sum(page_views_implied) as page_views_implied,
    sum(clicks) as clicks,
    sum(orders) as orders,
    sum(revenue_micros) as revenue_micros
from daily_sessions
group by session_day
