-- One row per session day, rule set, signal, page, zone, element and detail with an incident, implied page views left out.
select
    session_day,
    rule_set,
    signal,
    page,
    coalesce(zone, '') as zone,
    coalesce(element, '') as element,
    coalesce(case when signal in ('error_click', 'broken_link') then detail end, '') as detail,
    count(signal) as incidents,
    count(distinct page_view_key) as page_views_with,
    count(distinct session_key) as sessions_with
from friction_incidents
where not implied
group by all
