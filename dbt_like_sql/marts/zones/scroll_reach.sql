-- One row per session day, page, device, width class and 20 px: how many page views reached it, and where the fold lies.
with reached as (
    select
        session_day,
        page,
        device_type,
        width_class,
        y_bin * 20 as y_px,
        page_views as page_views_reached,
        -- The page's first px are in every window.
        max(page_views) over (partition by session_day, page, device_type, width_class) as page_views_measured
    from heatmap_cells
    where kind = 'reach'
)
select
    r.session_day,
    r.page,
    r.device_type,
    r.width_class,
    r.y_px,
    r.page_views_reached,
    r.page_views_measured,
    r.page_views_reached / nullif(r.page_views_measured, 0) as reach_rate,
    f.fold_px_approx
from reached as r
left join int_folds as f
    on
        r.session_day = f.session_day and r.page = f.page and r.device_type = f.device_type
        and r.width_class = f.width_class
