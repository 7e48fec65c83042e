-- One row per thing to be seen and recorded session that shows it, the best first.
select * from watch_list
