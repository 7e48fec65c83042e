-- One row per journey and step from item to item.
select
    journey,
    source,
    target,
    transitions,
    people,
    mean_wait_us / 1000000 as mean_wait_seconds,
    transitions / sum(transitions) over (partition by journey, source) as share_of_source
from journey_edge_counts
