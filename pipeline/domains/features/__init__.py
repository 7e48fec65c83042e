"""The domain of features."""
