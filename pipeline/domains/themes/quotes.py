"""Quotes that make a case: of each theme the most typical and the most extreme comments, one of a person (docs/definitions/voice.md, "Quote")."""

from datetime import date

import polars as pl

from pipeline.core.days import ONE_DAY
from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.domains.themes.themes import themed
from pipeline.domains.themes.vectors import stemmed, word_vectors
from pipeline.events.quote_scrub import scrub_quote
from pipeline.stats.answers import last_answers, survey_scores, with_cluster_key

PICKS = 3
_DAYS = 90
_SHORTEST, _LONGEST = 20, 400
# A shorter comment is near to every middle and tells little.
_TYPICAL_LENGTH = (40, 280)
_COMMENT = ["source", "event_id", "question"]
_DIGITS = 6


def quote_list(rows: pl.LazyFrame, days: list[date], product: Product) -> pl.DataFrame:
    """Quotes of the last 90 days by survey and theme: three typical ones, three of the lowest, three of the highest."""
    table = TABLES["quote_list"]
    reported, known = themed(rows, days, product)
    if known.strengths.is_empty() or not days:
        return table.conform(pl.DataFrame(schema=table.schema))
    length = pl.col("text").str.len_chars()
    recent = reported.filter(pl.col("day") > days[-1] - ONE_DAY * _DAYS, length.is_between(_SHORTEST, _LONGEST))
    # A quote bears the score of one question: the first that the product file has.
    scores = survey_scores(last_answers(rows), product)
    scored = scores.select("response_key", "survey", "score", "score_group", "points")
    named = (
        with_cluster_key(recent)
        .drop("score", "score_group", "points")
        .join(scored, on=["response_key", "survey"], how="left")
    )
    with_theme = named.join(known.strengths.select(*_COMMENT, "theme"), on=_COMMENT)
    return table.conform(_shown(_picked(_with_typicality(with_theme))))


def _with_typicality(named: pl.DataFrame) -> pl.DataFrame:
    """Add `typical`: how near a comment is to the middle of its theme's comments, by its words."""
    parts = [named.clear().with_columns(typical=pl.lit(0.0))]
    for (language,), part in sorted(named.partition_by("language", as_dict=True).items()):
        parts += [_typical(own.sort(_COMMENT), str(language)) for own in part.partition_by("theme")]
    return pl.concat(parts)


def _typical(own: pl.DataFrame, language: str) -> pl.DataFrame:
    made = word_vectors([stemmed(text, language) for text in own["text"]], use_idf=False)
    if made is None:
        return own.with_columns(typical=pl.lit(0.0))
    _, matrix = made
    near = (matrix @ matrix.mean(axis=0).A1).tolist()
    return own.with_columns(pl.Series("typical", [float(f"{value:.{_DIGITS}g}") for value in near], dtype=pl.Float64))


def _picked(named: pl.DataFrame) -> pl.DataFrame:
    """The picks in turn: who was quoted for a theme isn't quoted for it again."""
    group = ["survey", "theme"]
    orders = {
        "typical": (["typical"], [True]),
        # A mood where there is one tells more than a score that many share.
        "lowest": (["points", "sentiment_e4", "typical"], [False, False, True]),
        "highest": (["points", "sentiment_e4", "typical"], [True, True, True]),
    }
    left, result = named, [named.clear().with_columns(pick=pl.lit(""), position=pl.lit(0, dtype=pl.Int64))]
    for pick, (columns, downwards) in orders.items():
        is_fitting = {
            "typical": pl.col("text").str.len_chars().is_between(*_TYPICAL_LENGTH),
            "lowest": pl.col("score_group") == "low",
            "highest": pl.col("score_group") == "high",
        }
        fitting = left.filter(is_fitting[pick])
        ordered = fitting.sort([*columns, *_COMMENT], descending=[*downwards, False, False, False], nulls_last=True)
        of_people = ordered.unique([*group, "cluster_key"], keep="first", maintain_order=True)
        # The same words of two people are one quote.
        once = of_people.unique([*group, "text"], keep="first", maintain_order=True)
        best = once.with_columns(position=pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over(group)).filter(
            pl.col("position") <= PICKS
        )
        result.append(best.with_columns(pick=pl.lit(pick)).select(result[0].columns))
        left = left.join(best, on=[*group, "cluster_key"], how="anti").join(best, on=[*group, "text"], how="anti")
    return pl.concat(result)


def _shown(picked: pl.DataFrame) -> pl.DataFrame:
    quotes = [scrub_quote(text, language) for text, language in picked.select("text", "language").rows()]
    return picked.with_columns(pl.Series("quote", quotes, dtype=pl.String))
