-- One row per period, rule set, signal, page and goal: what goes with the signal among sessions that are alike.
select
    *,
    case
        when not claimed then 'too few'
        when low > 0 then 'costs'
        when high < 0 then 'helps'
        else 'unclear'
    end as conclusion,
    converted_without / nullif(sessions_without, 0) - converted_with / nullif(sessions_with, 0) as plain_difference
from friction_effects
