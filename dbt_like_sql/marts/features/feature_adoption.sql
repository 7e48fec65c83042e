-- One row per feature and period: who could, tried, used it again, and how many of those who buy use it.
select
    feature,
    period,
    period_start,
    period_end,
    people_could,
    people_tried,
    people_first,
    people_first_mature,
    people_again,
    people_with_revenue,
    people_with_revenue_tried,
    median_seconds_to_first_use,
    people_tried / nullif(people_could, 0) as adoption_rate,
    people_again / nullif(people_first_mature, 0) as again_rate,
    people_with_revenue_tried / nullif(people_with_revenue, 0) as revenue_share
from feature_counts
