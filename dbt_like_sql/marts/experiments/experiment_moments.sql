-- One row per experiment, metric, variant, day of first exposure, dimension and value: sums that add up over days.
select * from experiment_days
