-- One row per day, error, page and device: errors, page views and sessions with one.
select
    session_day as day,
    error_type,
    message,
    page,
    device_type,
    cast(sum(errors) as bigint) as errors,
    cast(sum(page_views_with) as bigint) as page_views_with,
    count(session_key) as sessions_with
from session_errors
group by all
