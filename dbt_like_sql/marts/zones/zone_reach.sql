-- One row per period, page, zone version and device: people who saw, clicked, hovered; who came back after a click.
select
    *,
    people_clicked / nullif(people_viewed, 0) as reach,
    person_days_returned_7d / nullif(person_days_clicked_7d, 0) as return_rate_7d,
    person_days_returned_28d / nullif(person_days_clicked_28d, 0) as return_rate_28d
from zone_people_counts
