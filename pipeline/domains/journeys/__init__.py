"""The domain of journeys."""
