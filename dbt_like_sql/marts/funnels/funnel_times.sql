-- One row per funnel and stretch of time from the first step to the last.
select
    funnel,
    from_seconds,
    to_seconds,
    people,
    people / nullif(sum(people) over (partition by funnel), 0) as share
from funnel_durations
