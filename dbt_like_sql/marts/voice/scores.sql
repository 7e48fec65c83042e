-- One row per period, survey, scored question and group: the score with its interval.
select
    *,
    points / nullif(responses, 0) as score,
    high / nullif(responses, 0) as share_high,
    low / nullif(responses, 0) as share_low,
    responses < 30 as is_small
from score_results
