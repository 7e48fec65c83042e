-- One row per day, device, channel, country and landing page: numbers of sessions that may be summed over all of these.
select * from session_counts
