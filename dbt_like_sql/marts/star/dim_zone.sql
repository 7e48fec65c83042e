-- One row per version of a zone of the product file.
select
    page,
    zone,
    zone_version,
    valid_to,
    only_device,
    selectors
from zone_list
