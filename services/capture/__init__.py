"""Collecting: a tag for pages, and the collector that takes its events into landing files (docs/capture.md)."""
