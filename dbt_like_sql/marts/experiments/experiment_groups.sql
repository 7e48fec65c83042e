-- One row per experiment and variant: who counts, and whether people were divided as planned.
select * from experiment_checks
