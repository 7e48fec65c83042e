"""All problems with the data of a home, from what lies in it: one list that run, status, mart, report, checks and webhook share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from pipeline.contracts import TABLES
from pipeline.days import ONE_DAY
from pipeline.ingest.manifests import Manifest
from pipeline.metrics.quality import far_future
from pipeline.metrics.selectors import SELECTORS, silent_selectors
from pipeline.problems.base import Problem, in_order
from pipeline.problems.days import day_problems
from pipeline.problems.files import drift_problems, file_problems, placeholder_problems
from pipeline.product import Product
from pipeline.profile import Facts
from pipeline.state import DayFailure
from pipeline.value.experiments import experiment_checks


@dataclass(frozen=True)
class Known:
    """What problems are looked for in: manifests, days with data and their counts, days held back, and daily tables."""

    product: Product
    manifests: Sequence[Manifest]
    days: Sequence[date]
    facts: Mapping[date, Facts]
    held_back: Mapping[str, Mapping[date, DayFailure]]
    scan: Callable[[str], pl.LazyFrame]


def find_problems(known: Known) -> list[Problem]:
    """Every problem, the gravest and latest first."""
    return in_order(
        [
            *_held_back(known.held_back),
            *file_problems(known.manifests, known.product),
            *placeholder_problems(known.manifests),
            *drift_problems(known.manifests, known.product),
            *day_problems(known.facts, known.days, known.product),
            *_from_the_future(known),
            *_silent_zones(known),
            *_sample_ratios(known),
        ]
    )


def newest_day(known: Known) -> date | None:
    """The newest day of data, before there is any that of arrival: what lies near it is told by every run."""
    arrived = (date.fromisoformat(m.arrived) for m in known.manifests)
    return known.days[-1] if known.days else max(arrived, default=None)


def _held_back(failures: Mapping[str, Mapping[date, DayFailure]]) -> list[Problem]:
    # A day that its events held back has nothing below them either.
    return [
        Problem(
            day, "", "day_held_back", table, "problem", 1, None, day,
            f"{table} of {day} is held back: {'; '.join(failure.reasons)}",
            "its old numbers stay. Mend the files or the product file, and run again; `footfall rejected` shows what was rejected",
        )
        for table, by_day in failures.items()
        for day, failure in by_day.items()
    ]  # fmt: skip


def _from_the_future(known: Known) -> list[Problem]:
    """Events dated over a day after the day that follows the newest with data."""
    newest = newest_day(known)
    if newest is None:
        return []
    by_source: dict[str, list[tuple[date, int]]] = {}
    for source, day, number in far_future(known.manifests, newest + ONE_DAY):
        by_source.setdefault(source, []).append((day, number))
    return [
        Problem(
            newest, source, "far_future", "", "problem", sum(number for _, number in found), None, newest,
            f"{source}: {sum(number for _, number in found)} events are dated far in the future, up to {found[-1][0]}, after all others (newest day {newest})",
            "look at the clock of who sent them; their days aren't over, so they count nowhere yet",
        )
        for source, found in by_source.items()
    ]  # fmt: skip


def _silent_zones(known: Known) -> list[Problem]:
    return [
        Problem(
            known.days[-1], "", "zone_silent", f"{each.page}/{each.zone}: {each.selector}", "problem", 0, each.page_views,
            each.met + ONE_DAY if each.met else known.days[-1], each.sentence, f"`footfall zones --page {each.page}` shows what is clicked now",
        )
        for each in (silent_selectors(known.scan(SELECTORS), known.product) if known.days and known.product.zones else [])
    ]  # fmt: skip


def _sample_ratios(known: Known) -> list[Problem]:
    if not known.product.experiments or not known.days:
        return []
    checks = experiment_checks(known.scan("exposures"), known.product).filter("ratio_alarm")
    counted = checks.group_by("experiment").agg(pl.col("people_exposed").sum()).sort("experiment")
    return [
        Problem(
            known.days[-1], "", "sample_ratio", name, "problem", people, None, known.days[-1],
            f"experiment `{name}`: its {people} people weren't given to the variants as planned, so its verdicts are hidden",
            "look where one variant loses people: redirects, errors, bots, a weight that was changed",
        )
        for name, people in counted.rows()
    ]  # fmt: skip


def problems_frame(found: Sequence[Problem]) -> pl.DataFrame:
    """The problems as rows of data_problem_list."""
    table = TABLES["data_problem_list"]
    return table.conform(pl.DataFrame(found, schema=table.schema, orient="row"))
