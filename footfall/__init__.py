"""Footfall as a package: its version, and the command (`footfall`, or `python -m footfall`)."""

from importlib.metadata import version

__version__ = version("footfall")
