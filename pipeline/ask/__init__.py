"""Questions that nobody configured, answered by the functions that make the marts (docs/ask.md, docs/decisions/0040)."""
