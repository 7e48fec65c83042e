"""The domain of friction."""
