-- One row per incident and rule set, with its evidence and its session's score.
select
    i.*,
    s.score as session_score,
    s.score / s.minutes as session_score_per_minute
from friction_incidents as i
left join session_friction as s
    on i.rule_set = s.rule_set and i.session_key = s.session_key and i.session_day = s.session_day
