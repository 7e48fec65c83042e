"""The domain of zones."""
