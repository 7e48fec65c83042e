-- One row per local day: people, sessions, page views, conversion, orders and revenue, bots left out.
select
    day,
    people_active,
    people_active_7d,
    people_active_28d,
    people_new,
    left_truncated,
    sessions,
    sessions_with_page_view,
    sessions_bounced,
    sessions_bounced / nullif(sessions_with_page_view, 0) as bounce_rate,
    sessions_with_goal,
    sessions_with_goal / nullif(sessions, 0) as goal_rate,
    page_views,
    page_views_implied,
    page_views / nullif(sessions, 0) as page_views_per_session,
    clicks,
    orders,
    revenue_micros,
    orders_by_order_day,
    revenue_micros_by_order_day
from int_traffic_by_day
