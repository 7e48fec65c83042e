-- One row per period, key figure, kind of part, dimension and part: what the change to the period before is made of.
select * from kpi_parts
