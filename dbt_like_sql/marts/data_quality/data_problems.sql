-- One row per local day, source, kind of problem and subject that makes numbers doubtful.
select
    day,
    source,
    problem,
    subject,
    severity,
    size,
    out_of,
    since,
    sentence,
    remedy
from data_problem_list
