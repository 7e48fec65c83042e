-- One row per retention, group, cohort and column; the rate stands only where its time is over.
select
    retention,
    "group",
    period,
    cohort_start,
    "offset",
    people_in_cohort,
    people_returned,
    mature,
    case when mature then people_returned / nullif(people_in_cohort, 0) end as return_rate
from return_cells
