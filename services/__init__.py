"""Processes beside Dagster: they read the home, and know nothing of how it is made."""
