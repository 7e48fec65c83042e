-- One row per survey, theme and quote of the last 90 days, with the theme's name.
select
    quote_list.*,
    theme_list.name
from quote_list
inner join theme_list on quote_list.theme = theme_list.theme
