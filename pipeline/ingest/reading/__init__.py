"""Files to records, one at a time, in bounded memory: what a file is, its first bytes say, whatever it is called."""

from pipeline.ingest.reading.base import How, LooseRow, Record, Row
from pipeline.ingest.reading.records import read_records
from pipeline.ingest.reading.searching import contains

__all__ = ["How", "LooseRow", "Record", "Row", "contains", "read_records"]
