-- One row per journey and whole way, the most frequent ones.
select
    journey,
    way,
    steps,
    visits,
    people,
    visits / sum(visits) over (partition by journey) as share
from journey_ways
