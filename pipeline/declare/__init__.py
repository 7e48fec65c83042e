"""How a table is declared: what it is computed from and by which function (docs/decisions/0030).

A function receives what its table declares and nothing else, so hashes, edges and provenance follow from the declaration.
A domain is a package below `pipeline/domains` with a `contract` (its tables) and a `domain` (`DOMAIN`: what they are computed
from). Raise `code_version` of a table when its numbers change: it is then computed anew everywhere.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pipeline.declare.carried import State, carried
from pipeline.declare.day_tables import Built, DayTable, Sources, added
from pipeline.declare.period_tables import Also, Context, PeriodSources, PeriodTable, own_rows
from pipeline.declare.visits import AROUND_VISITS, WITH_VISITS, around, visits_of
from pipeline.events.problem import Known, Problem

__all__ = [
    "AROUND_VISITS",
    "WITH_VISITS",
    "Also",
    "Built",
    "Context",
    "DayTable",
    "Domain",
    "PeriodSources",
    "PeriodTable",
    "Sources",
    "State",
    "added",
    "around",
    "carried",
    "own_rows",
    "visits_of",
]


@dataclass(frozen=True)
class Domain:
    """A domain: what its daily and period tables are computed from, and how it finds problems with its own data."""

    day_tables: tuple[DayTable, ...] = ()
    period_tables: tuple[PeriodTable, ...] = ()
    problems: Callable[[Known], Iterator[Problem]] | None = None
