"""A package for each domain: its contract, its functions, and `DOMAIN`. No domain imports another."""
