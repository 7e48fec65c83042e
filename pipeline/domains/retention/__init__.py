"""The domain of retention."""
