"""Mathematics that domains share, over frames."""
