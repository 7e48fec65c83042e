"""Problems with experiments: variants that weren't given to people as planned."""

from collections.abc import Iterator

import polars as pl

from pipeline.domains.experiments.experiments import experiment_checks
from pipeline.events.problem import Known, Problem


def sample_ratios(known: Known) -> Iterator[Problem]:
    """A problem for each experiment whose variants weren't given to people as planned."""
    if not known.product.experiments or not known.days:
        return
    checks = experiment_checks(known.scan("exposures"), known.product).filter("ratio_alarm")
    counted = checks.group_by("experiment").agg(pl.col("people_exposed").sum()).sort("experiment")
    yield from [
        Problem(
            known.days[-1], "", "sample_ratio", name, "problem", people, None, known.days[-1],
            f"experiment `{name}`: its {people} people weren't given to the variants as planned, so its conclusions are hidden",
            "look where one variant loses people: redirects, errors, bots, a weight that was changed",
        )
        for name, people in counted.rows()
    ]  # fmt: skip
