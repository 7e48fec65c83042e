-- One row per fit of the model of buyers, with how far it was off in the time held out.
select
    *,
    expected_purchase_days / nullif(actual_purchase_days, 0) - 1 as holdout_error
from customer_fits
