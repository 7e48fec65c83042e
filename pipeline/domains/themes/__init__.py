"""The domain of themes and quotes."""
