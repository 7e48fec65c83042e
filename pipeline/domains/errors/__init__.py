"""Errors that people met: grouped by message and place, when they came, and how people went on."""
