-- One row per release, key figure and segment: days after it beside the same weekdays before.
select * from release_results
