-- One row per period, survey, scored question (or none) and theme: weight, trend, mood, effect on the score.
with shares as (
    select
        *,
        comments / nullif(comments_all, 0) as share,
        comments_before / nullif(comments_all_before, 0) as share_before
    from theme_results
),

errors as (
    select
        *,
        1.959963984540054
        * sqrt(share * (1 - share) / comments_all + share_before * (1 - share_before) / nullif(comments_all_before, 0)) as half
    from shares
)

select
    errors.* exclude (half, share, share_before),
    theme_list.name,
    theme_list.origin,
    theme_list.words,
    theme_list.since,
    theme_list.is_new,
    share,
    share_before,
    share - share_before as share_change,
    share - share_before - half as share_change_low,
    share - share_before + half as share_change_high,
    least(responses_with, responses_without) < 30 as is_small
from errors
left join theme_list on errors.theme = theme_list.theme
