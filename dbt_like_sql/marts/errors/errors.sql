-- One row per error and page: when it came, how often, and how people went on beside those on the page without it.
select
    *,
    sessions_with_goal / nullif(sessions_with, 0) as goal_rate_with,
    sessions_without_with_goal / nullif(sessions_without, 0) as goal_rate_without
from error_counts
