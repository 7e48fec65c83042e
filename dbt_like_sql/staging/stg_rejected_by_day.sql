-- One row per local day and source with rejected events.
select
    day,
    source,
    cast(sum(events_rejected) as bigint) as events_rejected
from rejected_counts
group by day, source
