-- One row per retention, group and column: three averages over mature cells of cohorts that have people.
with mature_cells as (
    select
        retention,
        "group",
        "offset",
        cohort_start,
        people_in_cohort,
        people_returned,
        people_returned / people_in_cohort as return_rate
    from return_cells
    where mature and people_in_cohort > 0
)

select
    retention,
    "group",
    "offset",
    count(return_rate) as cohorts,
    sum(people_in_cohort)::bigint as people_in_cohort,
    sum(people_returned)::bigint as people_returned,
    sum(people_returned) / sum(people_in_cohort) as pooled,
    list_avg(list(return_rate order by cohort_start)) as simple,
    sum(people_in_cohort * people_returned) / sum(people_in_cohort * people_in_cohort) as mixpanel
from mature_cells
group by retention, "group", "offset"
