-- Median height of the window by session day, page, device and width class: middle of the 20 px in which it lies.
with heights as (
    select
        session_day,
        page,
        device_type,
        width_class,
        y_bin,
        sum(page_views) over (partition by session_day, page, device_type, width_class order by y_bin) as up_to,
        sum(page_views) over (partition by session_day, page, device_type, width_class) as whole
    from heatmap_cells
    where kind = 'fold'
)
select
    session_day,
    page,
    device_type,
    width_class,
    min(y_bin) * 20 + 10 as fold_px_approx
from heights
where 2 * up_to >= whole
group by all
