"""The domain of voice."""
