"""Voice of customer: what people say, joined to what they did (metrics.md, "Voice of customer")."""
