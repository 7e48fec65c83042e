-- One row per period and number of days active; the share is of everybody active in the period at all.
select
    period,
    period_start,
    days_active,
    people,
    people_or_more,
    people_or_more / nullif(max(people_or_more) over (partition by period, period_start), 0) as share_or_more
from stickiness_counts
