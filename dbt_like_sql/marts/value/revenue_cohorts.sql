-- One row per month of first purchase and month after it, with revenue cumulated from the first.
with
    cumulated as (
        select
            *,
            cast(sum(revenue_micros) over (partition by cohort_start order by "offset") as bigint) as revenue_micros_cumulated
        from revenue_cells
    )
select
    *,
    revenue_micros_cumulated / 1e6 / people_in_cohort as cumulated_per_person,
    people_with_orders / people_in_cohort as order_rate
from cumulated
