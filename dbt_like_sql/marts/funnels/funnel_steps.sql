-- One row per funnel, period, group and step: people, times and rates.
select
    funnel,
    unit,
    period,
    period_start,
    period_end,
    "group",
    step,
    step_name,
    people_entered,
    people_at_previous_step,
    people_converted,
    people_timed,
    people_mature,
    people_converted_of_mature,
    mean_us_from_previous / 1000000 as mean_seconds_from_previous,
    median_us_from_previous / 1000000 as median_seconds_from_previous,
    people_converted / nullif(people_at_previous_step, 0) as step_rate,
    people_converted / nullif(people_entered, 0) as conversion_rate,
    people_converted_of_mature / nullif(people_mature, 0) as conversion_rate_of_mature
from funnel_results
