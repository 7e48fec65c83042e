"""The domain of opportunities."""
