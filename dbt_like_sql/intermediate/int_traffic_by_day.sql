-- One row per local day with people: sessions and orders beside them, 0 where the day has none.
with people as (
    select * from people_daily
),

sessions as (
    select * from stg_sessions_by_day
),

orders as (
    select * from stg_orders_by_day
)

select
    people.day,
    people.people_active,
    people.people_active_7d,
    people.people_active_28d,
    people.people_active_28d_before,
    people.people_churned_28d,
    people.people_active_mean_28d,
    people.churn_known,
    people.people_new,
    people.left_truncated,
    people.goals,
    coalesce(sessions.sessions, 0) as sessions,
    coalesce(sessions.sessions_with_page_view, 0) as sessions_with_page_view,
    coalesce(sessions.sessions_bounced, 0) as sessions_bounced,
    coalesce(sessions.sessions_with_goal, 0) as sessions_with_goal,
    coalesce(sessions.page_views, 0) as page_views,
    coalesce(sessions.page_views_implied, 0) as page_views_implied,
    coalesce(sessions.clicks, 0) as clicks,
    coalesce(sessions.orders, 0) as orders,
    coalesce(sessions.revenue_micros, 0) as revenue_micros,
    coalesce(orders.orders_by_order_day, 0) as orders_by_order_day,
    coalesce(orders.revenue_micros_by_order_day, 0) as revenue_micros_by_order_day
from people
left join sessions on people.day = sessions.day
left join orders on people.day = orders.day
