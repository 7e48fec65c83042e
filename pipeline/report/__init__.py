"""Marts in, a static report out: frames to self-contained HTML pages. What must not be here: how a number is made."""
