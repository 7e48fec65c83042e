-- One row per opportunity and piece of evidence: sessions to watch, and quotes.
select * from opportunity_evidence
