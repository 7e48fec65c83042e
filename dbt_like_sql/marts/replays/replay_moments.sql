-- One row per moment of a recorded session that is worth a look.
select * from recorded_moments
