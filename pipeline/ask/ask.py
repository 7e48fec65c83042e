"""One question, one answer: computed over what lies in the home at one moment."""

import time
from collections.abc import Callable
from datetime import date
from typing import TypeVar

import polars as pl

from pipeline.ask.answer import Answer, AskError, Cell
from pipeline.ask.behind import behind
from pipeline.ask.configured import funnel_answer, journey_answer, retention_answer
from pipeline.ask.data import EVERYTHING, Cache, Data, Stop
from pipeline.ask.headline import headline_of
from pipeline.ask.known import Known, checked, known_of
from pipeline.ask.notes import notes_of
from pipeline.ask.page_parts import elements_answer, heatmap_answer, zones_answer
from pipeline.ask.question import Question, Span
from pipeline.ask.trend import trend_answer
from pipeline.ask.visited import READS, friction_answer, pages_answer, visits_answer
from pipeline.ask.voice import choices_answer, scores_answer
from pipeline.ask.words import columns_of_answer, sentence_of
from pipeline.build.today import today_of
from pipeline.core.lake import DamagedObject, Lake
from pipeline.core.product import Product
from pipeline.core.state import hash_texts
from pipeline.core.states import recorded
from pipeline.stats.intervals import wilson

T = TypeVar("T")
_TRIES = 5
_PLAIN: dict[str, Callable[[Data, Question, Span], pl.DataFrame]] = {
    "trend": trend_answer,
    "funnel": funnel_answer,
    "pages": pages_answer,
    "zones": zones_answer,
    "elements": elements_answer,
    "heatmap": heatmap_answer,
    "friction": friction_answer,
    "scores": scores_answer,
    "choices": choices_answer,
    "visits": visits_answer,
}
# With a second table beside the first.
_PAIRS: dict[str, tuple[str, Callable[[Data, Question, Span], tuple[pl.DataFrame, pl.DataFrame]]]] = {
    "retention": ("averages", retention_answer),
    "journey": ("paths", journey_answer),
}


class Asker:
    """Answers questions about a home; keeps rows of days that questions share."""

    def __init__(self, lake: Lake, product: Product, megabytes: int = 512) -> None:
        self.lake, self.product = lake, product
        self._cache = Cache(megabytes)

    def answer(self, question: Question, stop: Stop | None = None) -> Answer:
        """The answer; raises AskError where the home can't be asked this, StoppedError once `stop` says so."""
        question = checked(question, self.product)
        return self._steady(question, stop, lambda data: _answer(data, question))

    def behind(self, question: Question, cell: Cell, stop: Stop | None = None) -> pl.DataFrame:
        """The people behind a number of the answer, with their visits."""
        question = checked(question, self.product)
        return self._steady(question, stop, lambda data: behind(data, question, cell))

    def version(self) -> str:
        """A hash of the days that can be asked about: other days, or other people in them, are another."""
        states, today = recorded(self.lake, "askable"), today_of(self.lake, self.product)
        as_of = [str(today.as_of)] if today else []
        return hash_texts([*(f"{day}:{state.output_hash}" for day, state in states.items()), *as_of])

    def known(self) -> Known:
        """What can be asked of the home."""
        return self._steady(None, None, known_of)

    def _steady(self, question: Question | None, stop: Stop | None, ask: Callable[[Data], T]) -> T:
        """What `ask` gives of one moment: asked again where days were replaced while they were read."""
        tables = (*EVERYTHING, "recordings", *READS.get(question.show if question else "", ()))
        for left in reversed(range(_TRIES)):
            try:
                data = Data.of(self.lake, self.product, tables, question, self._cache, stop or Stop())
                if question is not None:
                    _refuse_without_days(data, question)
                answer = ask(data)
                data.verify()
            except (DamagedObject, FileNotFoundError):
                if not left:
                    raise
                time.sleep(0.3)
            else:
                return answer
        raise AssertionError("the last try returns or raises")


def _refuse_without_days(data: Data, question: Question) -> None:
    days = data.within(date.min, date.max)
    if not days:
        raise AskError("no day can be asked about yet; run `footfall run` first")
    if question.last < days[0] or question.first > days[-1]:
        raise AskError(f"days with data go from {days[0]} to {days[-1]}; ask about some of these")


def _answer(data: Data, question: Question) -> Answer:
    parts: list[pl.DataFrame] = []
    more: dict[str, list[pl.DataFrame]] = {}
    for label, span in question.spans.items():
        data.stop.check()
        asked = question.of_range(label)
        if question.show in _PAIRS:
            name, ask = _PAIRS[question.show]
            rows, besides = ask(data, asked, span)
            more.setdefault(name, []).append(_of_range(besides, label))
        else:
            rows = _PLAIN[question.show](data, asked, span)
        parts.append(_of_range(_with_interval(rows), label))
    rows = pl.concat(parts)
    besides = {name: pl.concat(frames) for name, frames in more.items()}
    return Answer(
        question,
        rows,
        headline_of(question, rows, besides, data.product),
        sentence_of(data, question),
        tuple(notes_of(data, question)),
        besides,
        columns_of_answer(question, rows),
    )


def _of_range(rows: pl.DataFrame, label: str) -> pl.DataFrame:
    """Rows of one of the ranges; the name by which the question itself stands in tables of marts says nothing."""
    return rows.select(pl.lit(label).alias("range"), pl.exclude("funnel", "retention", "journey", "period"))


# Of which shares the interval is that of a proportion: name, numerator, denominator.
_SHARES = (
    ("conversion_rate", "people_converted", "people_entered"),
    ("return_rate", "people_returned", "people_in_cohort"),
    ("page_view_rate", "page_views_with", "page_views_measured"),
    ("click_rate", "page_views_clicked", "page_views"),
    ("value", "sessions_with_goal", "sessions"),
)


def _with_interval(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with the 95 % interval of their share, as `low` and `high`."""
    for name, top, bottom in _SHARES:
        if name in rows.columns and top in rows.columns:
            counts = rows.select(name, top, bottom).rows()
            ends = [(None if rate is None else wilson(hits, n)) or (None, None) for rate, hits, n in counts]
            low, high = ([end[i] for end in ends] for i in (0, 1))
            return rows.with_columns(pl.Series("low", low, dtype=pl.Float64), pl.Series("high", high, dtype=pl.Float64))
    return rows
