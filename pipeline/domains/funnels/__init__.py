"""The domain of funnels."""
