-- One row per hypothesis of the product file, with its verdict.
select * from hypothesis_results
