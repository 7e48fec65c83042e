-- One row per local day, source and rule by which events of the day were rejected.
select
    day,
    source,
    rule,
    day_is_arrival,
    events_rejected
from rejected_counts
