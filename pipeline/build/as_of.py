"""The marts as identity stood on a past day: computed beside the home, never in it.

Accepted rows are shared with the home by links of the file system; all tables are made anew with only those identity
events that happened up to the end of that day.
"""

import os
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pipeline.build.compute import Judge, Outcome, build_days, build_period
from pipeline.build.configured import day_tables, marts, period_tables
from pipeline.build.context import take_snapshot
from pipeline.build.home_models import MODELS, SMALL
from pipeline.build.marts import MartJudge, Publication, build_mart
from pipeline.core.engine import staying_here
from pipeline.core.lake import Lake
from pipeline.core.product import Product

Hears = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Judges:
    """Who judges days and marts, and who hears of each piece done."""

    judge: Judge
    judge_mart: MartJudge
    hears: Hears


def marts_as_of(home: Lake, product: Product, day: date, out: Path, by: Judges) -> list[Outcome]:
    """Write the marts as identity stood at the end of `day` into `out`/marts; returns what was held back.

    Raises ValueError where `out` lies in the home, is the home, or holds files already.
    """
    target = out.resolve()
    if target.is_relative_to(home.home) or home.home.is_relative_to(target):
        raise ValueError(f"{out} lies in the home or holds it; name a folder beside it")
    if target.exists() and any(target.iterdir()):
        raise ValueError(f"{out} holds files already; name an empty folder")
    lake = Lake(target)
    _share_rows(home, lake)
    then = product.model_copy(update={"identity": product.identity.model_copy(update={"as_of": day})})
    # Only states: looking resolutions up could write to the home.
    published = take_snapshot(home, product, tables=["events"]).states["events"]
    days = sorted(published)
    held: list[Outcome] = []
    # Its files are of this machine, whatever the home's are.
    with staying_here(), _only_marts_stay(lake):
        for table in day_tables(product):
            name = table.contract.name
            for done, outcome in enumerate(build_days(lake, then, name, days, by.judge), start=1):
                by.hears(name, done, len(days))
                held += [outcome] if outcome.check_result.faults else []
        context = Publication(lake, then)
        for period in period_tables(product):
            held += _if_held(build_period(lake, then, period.contract.name, by.judge, context))
        for mart in marts(product, context.models):
            held += _if_held(build_mart(lake, then, mart.name, by.judge_mart, context))
            by.hears(mart.name, 1, 1)
    return held


@contextmanager
def _only_marts_stay(lake: Lake) -> Generator[None]:
    """Of the copy only its marts stay."""
    try:
        yield
    finally:
        shutil.rmtree(lake.path("lake"), ignore_errors=True)


def _if_held(outcome: Outcome) -> list[Outcome]:
    return [outcome] if outcome.check_result.faults else []


def _share_rows(home: Lake, lake: Lake) -> None:
    for folder in ("lake/ingested", "lake/raw_events", "lake/raw_recordings", MODELS, SMALL):
        for key in home.keys(folder):
            target = lake.path(key)
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(home.path(key), target)
            except OSError:
                # Another file system.
                shutil.copyfile(home.path(key), target)
