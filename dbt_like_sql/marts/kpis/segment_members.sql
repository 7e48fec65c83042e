-- One row per person, segment and stretch of time in which the person was in it.
select * from segment_validity
