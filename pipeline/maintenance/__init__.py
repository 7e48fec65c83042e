"""Erasing, rebuilding, healing, pruning."""
