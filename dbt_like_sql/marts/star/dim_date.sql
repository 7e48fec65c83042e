-- One row per local day from the product's first day to the newest with data, without gaps.
select
    day,
    week_start,
    month_start,
    quarter_start,
    year,
    quarter_of_year,
    month_of_year,
    iso_week,
    day_of_week,
    is_weekend
from dates
