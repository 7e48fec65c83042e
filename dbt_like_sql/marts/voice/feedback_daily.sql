-- One row per local day, survey, question, trigger, page, stage, device and segment, with its rates.
select
    *,
    responses_measured / nullif(case when question_kind = '' then impressions end, 0) as response_rate,
    dismissals / nullif(case when question_kind = '' then impressions end, 0) as dismissal_rate,
    points / nullif(high + middle + low, 0) as score
from feedback_counts
