-- One row per journey and whole path, the most frequent ones.
select
    journey,
    path,
    steps,
    visits,
    people,
    visits / sum(visits) over (partition by journey) as share
from journey_paths
