-- One row per hypothesis of the product file, with its conclusion.
select * from hypothesis_results
