-- One row per recorded session, with what happened in it.
with ordered_pages as (
    select
        v.session_key,
        v.position,
        v.page,
        lag(v.page) over (partition by v.session_key order by v.position) as page_before
    from page_views as v
    inner join recordings as r on v.session_key = r.session_key
    where v.page is not null
),

paths as (
    select
        session_key,
        string_agg(page, ' > ' order by position) as path
    from ordered_pages
    where page_before is null or page <> page_before
    group by session_key
),

views as (
    select
        session_key,
        page,
        count(*) as seen,
        min(position) as position
    from ordered_pages
    group by session_key, page
),

views_by_page as (
    select
        session_key,
        string_agg(page || ' ' || cast(seen as varchar), ', ' order by position) as views_by_page
    from views
    group by session_key
),

happened as (
    select
        session_key,
        sum(case when kind = 'error' then moments else 0 end) as errors,
        sum(case when rule_set <> '' then moments else 0 end) as incidents,
        string_agg(
            case when rule_set <> '' then kind || ' ' || cast(cast(offset_ms / 1000 as integer) as varchar) || ' s' end,
            ', '
            order by offset_ms, kind, page, zone, detail
        ) as signals,
        min(score) as score_given
    from recorded_moments
    group by session_key
),

-- Moments speak of the first rule set only.
first_rule_set as (
    select distinct rule_set
    from recorded_moments
    where rule_set <> ''
),

friction as (
    select
        f.session_key,
        f.score
    from session_friction as f
    inner join first_rule_set as s on f.rule_set = s.rule_set
)

select
    r.session_key,
    r.person_key,
    r.session_day,
    r.device_type,
    s.country,
    coalesce(s.channel, 'not measured') as channel,
    r.started_at,
    r.duration_ms,
    r.active_ms,
    r.recorded_events,
    r.tabs,
    r.snapshots,
    r.recorded_clicks,
    r.shown_from_ms,
    r.events_of_unknown_elements,
    r.completeness,
    r.recording,
    r.recording_bytes,
    s.page_views + s.page_views_implied as page_views,
    p.path,
    v.views_by_page,
    s.clicks,
    coalesce(h.errors, 0) as errors,
    coalesce(h.incidents, 0) as incidents,
    coalesce(f.score, 0) as friction_score,
    h.signals,
    s.goal_events > 0 as converted,
    s.revenue_micros,
    h.score_given
from recordings as r
inner join sessions as s on r.session_key = s.session_key
left join paths as p on r.session_key = p.session_key
left join views_by_page as v on r.session_key = v.session_key
left join happened as h on r.session_key = h.session_key
left join friction as f on r.session_key = f.session_key
