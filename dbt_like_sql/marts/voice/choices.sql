-- One row per period, survey, question of kind choice, choice, page and device: how many chose it, and their share.
select
    *,
    answers / nullif(answers_all, 0) as share,
    answers_all < 30 as is_small
from choice_counts
