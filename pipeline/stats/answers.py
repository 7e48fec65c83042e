"""Responses: each counts once a question, with its last answer, over all days (docs/definitions/voice.md, "Response")."""

import polars as pl

from pipeline.core.product import Product

ORDER = ["occurred_at", "source", "event_id"]
RESPONSE = ["response_key", "survey", "question"]


def last_answers(rows: pl.LazyFrame) -> pl.DataFrame:
    """Feedback with each answer of a response once: a score a question, a text a question of the source's.

    A tool that sends parts of a response as it grows sends earlier answers again. Choices of one instant are one answer.
    """
    ordered = rows.sort(*ORDER, "question", "question_kind").collect()
    is_answer = pl.col("kind") == "survey_answered"
    own = [*RESPONSE, "question_id", "question_kind"]
    texts = ordered.filter(is_answer, pl.col("question_kind") == "text").filter(pl.struct(own).is_last_distinct())
    choices = ordered.filter(is_answer, pl.col("question_kind") == "choice")
    choices = choices.filter(pl.col("occurred_at") == pl.col("occurred_at").max().over(own))
    scores = ordered.filter(is_answer, ~pl.col("question_kind").is_in(["text", "choice"]))
    # An answer off the scale doesn't take the place of one that counts.
    valid = scores.filter("is_valid").filter(pl.struct(*RESPONSE).is_last_distinct())
    off = scores.filter(~pl.col("is_valid")).filter(pl.struct(*RESPONSE).is_last_distinct())
    off = off.join(valid, on=RESPONSE, how="anti")
    return pl.concat([ordered.filter(~is_answer), texts, choices, valid, off]).sort(*ORDER, "question", "question_kind")


def valid_scores(answers: pl.DataFrame) -> pl.DataFrame:
    """The scores that count, of `last_answers`."""
    return answers.filter("is_valid")


def survey_scores(answers: pl.DataFrame, product: Product) -> pl.DataFrame:
    """The scores that count of each survey's first question with a scale: one a response."""
    first = [(name, survey.scored) for name, survey in product.surveys.items()]
    chosen = pl.DataFrame(first, schema={"survey": pl.String, "question": pl.String}, orient="row")
    return valid_scores(answers).join(chosen, on=["survey", "question"], how="semi")


def comments(answers: pl.DataFrame) -> pl.DataFrame:
    """The comments, of `last_answers`: texts that are no stock phrase."""
    return answers.filter(
        pl.col("question_kind") == "text", pl.col("text").is_not_null(), pl.col("non_answer").is_null()
    )


def with_cluster_key(answers: pl.DataFrame) -> pl.DataFrame:
    """Add `cluster_key`: the person, else the response itself, whose answers are no independent draws."""
    return answers.with_columns(cluster_key=pl.coalesce("person_key", "response_key"))


def team_names(product: Product) -> list[str]:
    """Surveys of the team itself, by their names."""
    return [name for name, survey in product.surveys.items() if survey.audience == "team"]


# Fewer could be told apart.
LEAST_PEOPLE = 5
