"""The domain of value."""
