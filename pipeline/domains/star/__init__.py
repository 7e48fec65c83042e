"""The domain of the core in star shape."""
