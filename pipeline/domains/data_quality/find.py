"""All problems with the data of a home, from what lies in it: one list that run, status, mart, report, checks and webhook share."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date

import polars as pl

from pipeline.core.days import ONE_DAY
from pipeline.core.registry import TABLES, modules
from pipeline.core.state import DayFailure
from pipeline.domains.data_quality.days import day_problems
from pipeline.domains.data_quality.files import drift_problems, file_problems, placeholder_problems
from pipeline.domains.data_quality.quality import far_future
from pipeline.events.problem import Known, Problem, in_order


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
            *_of_models(known),
            *(each for domain in _finders() for each in domain(known)),
        ]
    )


def _finders() -> Iterator[Callable[[Known], Iterator[Problem]]]:
    """How other domains find problems with their own data."""
    return (module.DOMAIN.problems for _, module in modules("domain") if module.DOMAIN.problems is not None)


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
            newest, source, "far_future", "", "problem", sum(number for _, number in result), None, newest,
            f"{source}: {sum(number for _, number in result)} events are dated far in the future, up to {result[-1][0]}, after all others (newest day {newest})",
            "look at the clock of who sent them; their days aren't over, so they count nowhere yet",
        )
        for source, result in by_source.items()
    ]  # fmt: skip


def _of_models(known: Known) -> list[Problem]:
    """Files of the team's own models and small tables that can't be used."""
    newest = newest_day(known)
    if newest is None:
        return []
    return [
        Problem(
            newest, "", "model_unusable", file, "problem", 1, None, newest, sentence,
            "what was published of it stays as it was. Mend the file and run again; `footfall check` tells what is left",
        )
        for file, sentence in known.model_faults.items()
    ]  # fmt: skip


def problems_frame(result: Sequence[Problem]) -> pl.DataFrame:
    """The problems as rows of data_problem_list."""
    table = TABLES["data_problem_list"]
    return table.conform(pl.DataFrame(result, schema=table.schema, orient="row"))
