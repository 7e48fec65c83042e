"""The domain of activity."""
