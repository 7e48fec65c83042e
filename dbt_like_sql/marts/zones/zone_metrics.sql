-- One row per session day, page, zone version, device, and segment or variant: what people did with the zone, with rates.
-- A rate is null where its denominator is 0: nothing was measured, or nobody did what it is a share of.
-- Before the first exposure event that told of a zone, page views measured by such events alone measured nothing of it.
with watched as (
    select
        page,
        zone,
        min(session_day) filter (where page_views_exposed > 0) as watched_from
    from daily_zones
    group by page, zone
),

zones as (
    select
        daily_zones.* replace (
            case when daily_zones.session_day >= watched.watched_from or coalesce(daily_zones.exposure_method, '') not in ('events', 'element_tracking', 'events+element_tracking') then daily_zones.page_views_measured_exposure else 0 end as page_views_measured_exposure,
            case when daily_zones.session_day >= watched.watched_from or coalesce(daily_zones.exposure_method, '') not in ('events', 'element_tracking', 'events+element_tracking') then daily_zones.page_views_measured_exposure_time else 0 end as page_views_measured_exposure_time
        )
    from daily_zones
    inner join watched on daily_zones.page = watched.page and daily_zones.zone = watched.zone
)

select
    *,
    page_views_clicked / nullif(page_views, 0) as click_rate,
    sessions_clicked / nullif(sessions, 0) as session_click_rate,
    clicks / nullif(page_views_clicked, 0) as click_recurrence,
    own_clicks / nullif(page_clicks, 0) as click_share,
    ms_to_click / 1000 / nullif(page_views_clicked, 0) as seconds_to_click,
    page_views_hovered / nullif(page_views_measured_hover, 0) as hover_rate,
    hover_ms / 1000 / nullif(page_views_hovered, 0) as float_seconds,
    page_views_hovered_clicked / nullif(page_views_hovered, 0) as engagement_rate,
    hesitation_ms / 1000 / nullif(page_views_hesitated, 0) as hesitation_seconds,
    page_views_exposed / nullif(page_views_measured_exposure, 0) as exposure_rate,
    exposure_ms / 1000 / nullif(page_views_exposed_timed, 0) as exposure_seconds,
    page_views_exposed_clicked / nullif(page_views_exposed, 0) as attractiveness_rate,
    sessions_converted_after_click / nullif(sessions_clicked, 0) as conversion_per_click,
    revenue_micros_after_click / 1e6 / nullif(sessions_clicked, 0) as revenue_per_click,
    sessions_converted_after_hover / nullif(sessions_hovered, 0) as conversion_per_hover,
    revenue_micros_after_hover / 1e6 / nullif(sessions_hovered, 0) as revenue_per_hover,
    sessions_converted_after_exposure / nullif(sessions_exposed, 0) as conversion_per_exposure,
    revenue_micros_after_exposure / 1e6 / nullif(sessions_exposed, 0) as revenue_per_exposure,
    page_views_raged / nullif(page_views, 0) as rage_click_rate,
    page_views_dead_clicked / nullif(page_views_measured_dead_click, 0) as dead_click_rate,
    page_views_error_clicked / nullif(page_views_measured_js_error, 0) as error_click_rate
from zones
