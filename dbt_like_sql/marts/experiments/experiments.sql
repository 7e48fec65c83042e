-- One row per experiment, metric, variant but the control, dimension and value: the variant against the control.
select * from experiment_results
