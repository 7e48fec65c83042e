"""Footfall as a Dagster project: what exists, when it runs, what it is called.

What must not be here: arithmetic, Polars, SQL. An asset reads its partition keys, makes one call into `pipeline`,
and describes what came out.
"""

import warnings

# Dagster says of two parameters that the design needs that they are in beta; a user can't do anything about that.
# By message: importing the class would cost what `footfall --help` must not.
warnings.filterwarnings("ignore", message="Parameter `(backfill_policy|allow_nonexistent_upstream_partitions)`")
