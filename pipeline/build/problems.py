"""What makes numbers doubtful now, for whoever asks besides the mart."""

from collections.abc import Collection
from functools import partial

import polars as pl

from pipeline.build.compute import Standing
from pipeline.core.lake import Lake
from pipeline.core.product import Product
from pipeline.domains.data_quality.find import find_problems, newest_day
from pipeline.events.problem import Known, Problem, Told, current, latest


def problems_now(lake: Lake, product: Product, but_for: Collection[Told] | None = None) -> list[Problem]:
    """What makes numbers doubtful now, the gravest and latest first, each once.

    Those of days long past are left out; with `but_for`, what was told before, all others that aren't in it are not.
    """
    standing = Standing(lake, product)
    scan = partial(_scan_published, lake)
    snapshot = standing.snapshot
    facts = {day: state.facts for day, state in snapshot.states.get("quality_counts", {}).items()}
    manifests = list(standing.manifests.values())
    known = Known(product, manifests, snapshot.data_days(), facts, standing.held_back, scan, standing.model_faults)
    found = latest(find_problems(known))
    recent = set(current(found, newest_day(known)))
    return [each for each in found if each in recent or (but_for is not None and each.name not in but_for)]


def _scan_published(lake: Lake, table: str) -> pl.LazyFrame:
    return lake.scan_days(table, lake.published_days(table))
