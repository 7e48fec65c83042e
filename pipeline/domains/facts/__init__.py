"""The domain of facts by row."""
