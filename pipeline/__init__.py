"""Footfall's analytics: frames in, frames out.

What belongs here: every rule about events, sessions, metrics and marts, usable from a notebook.
What must not: Dagster, a clock, the environment, or anything that depends on who runs it.
"""
