"""The domain of replays."""
