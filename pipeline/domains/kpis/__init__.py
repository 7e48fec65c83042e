"""The domain of kpis."""
