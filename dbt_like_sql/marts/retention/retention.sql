-- One row per first-time day cohort and day offset; the rate stands only where the day is over.
select
    cohort_day,
    day_offset,
    people_in_cohort,
    people_returned,
    mature,
    left_truncated,
    case when mature then people_returned / nullif(people_in_cohort, 0) end as return_rate
from retention_cells
