-- One row per local day and source with rejected events whose day can be told.
select
    day,
    source,
    cast(sum(events_rejected) as bigint) as events_rejected
from rejected_counts
where not day_is_arrival
group by day, source
