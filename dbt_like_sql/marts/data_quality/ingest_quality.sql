-- One row per landing file that was taken, with what became of its records.
select
    arrived,
    source,
    file,
    file_sha256,
    records_read,
    records_accepted,
    records_rejected,
    records_filtered,
    events,
    events_erased,
    rejected_by_rule,
    filtered_by_rule,
    file_rule,
    first_day,
    last_day,
    is_retracted,
    records_rejected / nullif(records_read, 0) as rejected_share
from ingest_files
