"""SQL models: one file = one table = one SELECT in plain DuckDB SQL. What must not be here: Python.

A model names the tables that it reads; order and lineage are parsed from it (pipeline/build/sql_models.py).
"""
