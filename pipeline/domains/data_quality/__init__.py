"""The domain of data quality."""
