"""The clean event: duplicates, person, bots, pages, sessions, page views. What must not be here: a metric."""
