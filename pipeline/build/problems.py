"""What makes numbers doubtful now, for whoever asks besides the mart."""

from collections.abc import Collection
from functools import partial

import polars as pl

from pipeline.build.context import BuildContext
from pipeline.core.lake import Lake
from pipeline.core.product import Product
from pipeline.core.states import published_days, scan_days
from pipeline.domains.data_quality.find import find_problems, newest_day
from pipeline.events.problem import Known, Problem, ProblemId, current, latest


def problems_now(lake: Lake, product: Product, but_for: Collection[ProblemId] | None = None) -> list[Problem]:
    """What makes numbers doubtful now, the gravest and latest first, each once.

    Those of days long past are left out; with `but_for`, what was told before, all others that aren't in it are not.
    """
    context = BuildContext(lake, product)
    scan = partial(_scan_published, lake)
    snapshot = context.snapshot
    facts = {day: state.facts for day, state in snapshot.states.get("quality_counts", {}).items()}
    manifests = list(context.manifests.values())
    known = Known(product, manifests, snapshot.data_days(), facts, context.held_back, scan, context.model_faults)
    result = latest(find_problems(known))
    recent = set(current(result, newest_day(known)))
    return [each for each in result if each in recent or (but_for is not None and each.name not in but_for)]


def _scan_published(lake: Lake, table: str) -> pl.LazyFrame:
    return scan_days(lake, table, published_days(lake, table))
