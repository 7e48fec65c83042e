"""The domain of experiments."""
