-- One row per page of the product file, and `(other)` for addresses of none.
select
    page,
    position,
    stage,
    urls,
    zones
from page_list
