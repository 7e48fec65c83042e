-- One row per release of the product file.
select
    release,
    day,
    note
from release_list
