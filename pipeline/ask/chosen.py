"""Which visits and people a question is about: its `where` and `people`, as filters of any daily table."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import polars as pl

from pipeline.ask.data import Data
from pipeline.ask.question import Span
from pipeline.core.days import ONE_DAY
from pipeline.core.product_matches import Match, Narrowed, Where
from pipeline.core.registry import TABLES
from pipeline.events.askable import KINDS_SEEN
from pipeline.events.conditions import fits, met_among, of_chosen_people
from pipeline.events.matching import matches


def is_askable(match: Match | None) -> bool:
    """Whether an event that fits has a row of its own among askable ones."""
    return match is not None and match.kind is not None and match.kind not in KINDS_SEEN


def met(data: Data, chosen: Narrowed, span: Span) -> pl.LazyFrame | None:
    """Who met which condition on people, on the days that the conditions look at; None where there are none."""
    conditions = {asked.key: asked.event for asked in chosen.asked_of_people}
    if not conditions:
        return None
    first = date.min if chosen.needs_history else span.first
    matches = [each for each in conditions.values() if not isinstance(each, Where)]
    everything = not all(map(is_askable, matches))
    return data.by_day(
        ("met", sorted(conditions)),
        data.within(first, span.last),
        lambda day, people: met_among(people, day, conditions),
        everything=everything,
        empty=TABLES["conditions_met"].schema.to_frame(),
    ).lazy()


@dataclass(frozen=True)
class Chosen:
    """Visits and people of a span of days; None: all of them."""

    narrowed: Narrowed
    span: Span
    sessions: pl.DataFrame | None
    met: pl.LazyFrame | None

    @property
    def is_everybody(self) -> bool:
        """Whether nothing is left out."""
        return self.sessions is None and self.met is None

    def can_filter(self, columns: Iterable[str]) -> bool:
        """Whether rows with these columns say whether they count."""
        there = set(columns)
        return (self.sessions is None or "session_key" in there) and (self.met is None or "person_key" in there)

    def of(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """The rows that count, as far as their columns say."""
        columns = rows.collect_schema().names()
        if self.sessions is not None and "session_key" in columns:
            rows = rows.join(self.sessions.lazy(), on="session_key", how="semi", maintain_order="left")
        if self.met is not None and "person_key" in columns:
            rows = of_chosen_people(rows, self.narrowed, self.met, self.span.first, self.span.last)
        return rows


def chosen(data: Data, narrowed: Narrowed, span: Span, event: Match | None = None) -> Chosen:
    """The visits and people that `narrowed` leaves; with `event` only visits in which it happened."""
    keys: pl.DataFrame | None = None
    conditions: list[Where | Match] = [each for each in narrowed.where if each.about != "person"]
    for each in [*conditions, *([event] if event else [])]:
        own = _visits(data, each, span)
        keys = own if keys is None else keys.join(own, on="session_key", how="semi")
    return Chosen(narrowed, span, keys, met(data, narrowed, span))


def _visits(data: Data, condition: Where | Match, span: Span) -> pl.DataFrame:
    """Keys of the visits with an event that fits; those of the last day may go on after midnight."""
    everything = not isinstance(condition, Where) and not is_askable(condition)
    fitting = fits(condition) if isinstance(condition, Where) else matches(condition)
    return data.by_day(
        ("visits", condition),
        data.within(span.first, span.last + ONE_DAY),
        lambda _day, people: people.filter(fitting).select("session_key").unique().collect(),
        everything=everything,
        empty=pl.DataFrame(schema={"session_key": pl.Int64}),
    ).unique()
