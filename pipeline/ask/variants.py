"""Which variant of an experiment people met, as a column that questions can name: `variant_of_<experiment>`.

A person's variant is the one met on any day of the experiment's; who met several has `(several)`, who met none has no value.
What people did before they met it counts too: a question tells variants apart, an effect is what the experiments' page says.
"""

from collections.abc import Iterable

import polars as pl

from pipeline.core.product import Product
from pipeline.domains.experiments.section import Experiment

PREFIX = "variant_of_"
SEVERAL = "(several)"


def is_variant(column: str) -> bool:
    """Whether a question's column is people's variant of an experiment."""
    return column.startswith(PREFIX)


def variant_columns(product: Product) -> tuple[str, ...]:
    """The columns that questions about this product can name so."""
    # A property of the same name is what people wrote.
    return tuple(PREFIX + name for name in product.experiments if PREFIX + name not in product.properties)


def named_experiments(columns: Iterable[str], product: Product) -> tuple[str, ...]:
    """The experiments of the product file among `columns`."""
    there = variant_columns(product)
    return tuple(each.removeprefix(PREFIX) for each in dict.fromkeys(columns) if each in there)


def variant_of(exposures: pl.LazyFrame, name: str, experiment: Experiment) -> pl.DataFrame:
    """Per person of `exposures` the variant of the experiment: `person_key`, `variant`."""
    own = exposures.filter(
        pl.col("experiment_id") == (experiment.id or name), pl.col("variant").is_in(list(experiment.variants))
    )
    if experiment.valid_from is not None:
        own = own.filter(pl.col("day") >= experiment.valid_from)
    if experiment.valid_to is not None:
        own = own.filter(pl.col("day") <= experiment.valid_to)
    several = pl.when(pl.col("variant").n_unique() > 1).then(pl.lit(SEVERAL)).otherwise(pl.col("variant").first())
    return own.group_by("person_key").agg(variant=several).collect()
