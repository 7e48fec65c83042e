"""Footfall as a Dagster project: what exists, when it runs, what it is called.

What must not be here: arithmetic, Polars, SQL. An asset reads its partition keys, makes one call into `pipeline`,
and describes what came out.
"""
