-- One row per cohort and window of days: what mature people brought in, each and with a 95 % interval.
with
    valued as (
        select
            *,
            revenue_micros / 1e6 / nullif(people_mature, 0) as value_per_person
        from value_counts
    )
select
    *,
    value_per_person - 1.959964 * error as low,
    value_per_person + 1.959964 * error as high,
    people_with_revenue / nullif(people_mature, 0) as buyer_rate
from valued
