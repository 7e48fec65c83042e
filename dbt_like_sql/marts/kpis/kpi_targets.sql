-- One row per target and complete week: how far the key figure is from it, and what each week left must bring.
with beside as (
    select
        *,
        case when better = 'higher' then target - figure else figure - target end as gap,
        cast(target_day - week_end as double) / 7 as weeks_left
    from target_weeks
)

select
    *,
    gap <= 0 as is_reached,
    case when gap > 0 and weeks_left >= 1 then gap / weeks_left end as needed_per_week
from beside
