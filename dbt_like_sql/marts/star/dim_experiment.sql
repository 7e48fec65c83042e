-- One row per variant of an experiment of the product file.
select
    experiment,
    variant,
    is_control,
    weight_share,
    valid_from,
    valid_to
from variant_list
