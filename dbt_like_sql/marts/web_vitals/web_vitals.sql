-- One row per period, page, device and metric: percentiles of Core Web Vitals, shares of good and poor page views.
-- A percentile is the nearest rank, so p75 is within a limit exactly where three quarters of the page views are.
select
    *,
    page_views_good / nullif(page_views_measured, 0) as good_rate,
    page_views_poor / nullif(page_views_measured, 0) as poor_rate,
    case
        when page_views_good * 4 >= page_views_measured * 3 then 'good'
        when page_views_poor * 4 <= page_views_measured then 'needs improvement'
        else 'poor'
    end as rating
from vital_percentiles
