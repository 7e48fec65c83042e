-- One row per funnel and week of entry; the rate stands only where the window is over.
select
    funnel,
    week,
    people_entered,
    people_converted,
    mature,
    case when mature then people_converted / nullif(people_entered, 0) end as conversion_rate
from funnel_trend_counts
