"""Landing files in, accepted and rejected rows out. What must not be here: what an event means for a metric."""
