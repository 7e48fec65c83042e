-- One row per period, dimension, value and key figure, beside the period before of the same length.
select
    *,
    change / nullif(figure_before, 0) as change_share,
    case
        when change_low is null then 'no comparison'
        when change_low > 0 then 'up'
        when change_high < 0 then 'down'
        else 'unclear'
    end as conclusion
from kpi_results
