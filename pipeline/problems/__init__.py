"""Whatever makes numbers doubtful, found once and said everywhere (docs/decisions/0025-data-problems.md)."""
