-- One row per opportunity and complete week, computed over the 4 weeks that end with it.
select * from opportunity_results
