-- One row per period, survey, scored question and thing that people did before they answered.
select
    *,
    points_with / nullif(responses_with, 0) as score_with,
    points_without / nullif(responses_without, 0) as score_without,
    case
        when q_value is null then 'too few'
        when q_value < 0.05 and effect < 0 then 'lower'
        when q_value < 0.05 and effect > 0 then 'higher'
        else 'unclear'
    end as conclusion,
    row_number() over (
        partition by period, period_start, survey, question
        order by low_difference_low desc nulls last, behaviour, value
    ) as low_rank
from behaviour_results
