-- One row per local day: orders and revenue booked on the day of the order itself, which finance compares.
select
    day,
    sum(orders_by_order_day_without_bots) as orders_by_order_day,
    sum(revenue_micros_by_order_day_without_bots) as revenue_micros_by_order_day
from quality_counts
group by day
