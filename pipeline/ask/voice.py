"""What some visits or people said: scores, and what they chose."""

import polars as pl

from pipeline.ask.answer import AskError, Cell
from pipeline.ask.chosen import chosen
from pipeline.ask.configured import mart
from pipeline.ask.data import Data
from pipeline.ask.question import Question, Span
from pipeline.ask.visited import rows_of
from pipeline.domains.voice.choices import choice_counts, chosen_answers
from pipeline.domains.voice.scores import score_results
from pipeline.stats.answers import last_answers, team_names, valid_scores


def scores_answer(data: Data, question: Question, span: Span) -> pl.DataFrame:
    """Per survey and question over the span: the columns of the mart `scores`, of all pages and devices together."""
    days = data.within(span.first, span.last)
    results = score_results(_answers(data, question, span), days, data.product)
    made = mart("scores", score_results=results.filter(pl.col("period") == "all", pl.col("dimension") == ""))
    return made.drop("period", "period_start", "period_end", "dimension", "value").sort("survey", "question")


def choices_answer(data: Data, question: Question, span: Span) -> pl.DataFrame:
    """Per survey, question and choice over the span: the columns of the mart `choices`, of all pages and devices together."""
    days = data.within(span.first, span.last)
    counts = choice_counts(_answers(data, question, span), days, data.product)
    own = counts.filter(pl.col("period") == "all", pl.col("page") == "", pl.col("device_type") == "")
    made = mart("choices", choice_counts=own).drop("period", "period_start", "period_end", "page", "device_type")
    return made.sort("survey", "question", "answers", "choice", descending=[False, False, True, False])


def people_of_score(data: Data, question: Question, span: Span, cell: Cell) -> pl.DataFrame:
    """The people who gave a score that counts: `entity_key`, `at`."""
    _refuse_team(data, cell)
    answers = valid_scores(last_answers(_answers(data, question, span)))
    return _people(answers.filter(pl.col("survey") == cell.survey, pl.col("question") == cell.question))


def people_of_choice(data: Data, question: Question, span: Span, cell: Cell) -> pl.DataFrame:
    """The people who chose something: `entity_key`, `at`."""
    _refuse_team(data, cell)
    answers = chosen_answers(_answers(data, question, span), data.product)
    own = pl.col("survey") == cell.survey, pl.col("question") == cell.question, pl.col("choice") == cell.choice
    return _people(answers.filter(own))


def _answers(data: Data, question: Question, span: Span) -> pl.LazyFrame:
    """Feedback given on days of the span, by some visits and people; that of a session of the evening before too."""
    rows = rows_of(data, "feedback", chosen(data, question, span), before=1)
    return rows.filter(pl.col("day").is_between(span.first, span.last))


def _refuse_team(data: Data, cell: Cell) -> None:
    if cell.survey in team_names(data.product):
        raise AskError("the people of a team's own survey aren't listed: colleagues would be told apart")


def _people(answers: pl.DataFrame) -> pl.DataFrame:
    known = answers.filter(pl.col("person_key").is_not_null())
    return known.group_by(entity_key="person_key").agg(at=pl.col("occurred_at").min())
