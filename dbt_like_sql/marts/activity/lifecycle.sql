-- One row per day, week and month: people by what their activity means.
select
    period,
    period_start,
    people_new,
    people_returning,
    people_resurrecting,
    people_dormant,
    mature,
    people_new + people_returning + people_resurrecting as people_active,
    (people_new + people_resurrecting) / nullif(-people_dormant, 0) as quick_ratio
from lifecycle_counts
