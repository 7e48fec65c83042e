-- grain: One row per team and day, of the default rule set.
-- key: [owner, day]
-- columns:
--   owner: the team that answers for the pages, by tables/owners.csv
--   day: local day of the sessions
--   rage_clicks: {meaning: rage clicks on pages of the team, unit: event, adds_over: [owner, day]}
--   page_views_with: {meaning: page views with a rage click, unit: page view, adds_over: [owner, day]}
--   most_rage_clicks: the team's own limit for a day, by tables/targets.yaml
--   is_over: whether there were more rage clicks than the team's limit
select
    owner,
    day,
    cast(sum(incidents) as bigint) as rage_clicks,
    cast(sum(page_views_with) as bigint) as page_views_with,
    any_value(most_rage_clicks) as most_rage_clicks,
    sum(incidents) > any_value(most_rage_clicks) as is_over
from friction
inner join targets using (owner)
where rule_set = 'default' and signal = 'rage_click'
group by owner, day
