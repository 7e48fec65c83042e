"""Which comment has which theme, and what a theme weighs: share, trend, mood, effect on the score (metrics.md)."""

from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

import polars as pl
import xxhash

from pipeline.contracts import TABLES
from pipeline.days import ONE_DAY
from pipeline.product import Product
from pipeline.voice.differences import difference
from pipeline.voice.found_themes import Looked, look, name_of
from pipeline.voice.responses import comments, last_answers, valid_scores, whose
from pipeline.voice.scores import TEAM_LEAST, team_names, voice_periods
from pipeline.voice.team_themes import team_strengths

_COMMENT = ["source", "event_id", "question"]
_MOOD = 10_000
ANY_THEME = ""


@dataclass(frozen=True)
class _Comments:
    """Comments of a language up to a day; equal where their content is."""

    language: str
    end: date
    digest: str
    rows: pl.DataFrame = field(compare=False, repr=False)


@lru_cache(maxsize=16)
def _looked(of: _Comments) -> Looked | None:
    # Three tables are made from one look, which takes seconds.
    return look(of.rows, of.language, of.end)


def looks(told: pl.DataFrame, days: list[date]) -> list[Looked]:
    """Found themes of each language, in order of languages."""
    found: list[Looked | None] = []
    for (language,), part in sorted(told.partition_by("language", as_dict=True).items()):
        rows = part.select(*_COMMENT, "day", "text").sort(_COMMENT)
        digest = xxhash.xxh3_128_hexdigest(rows.write_ndjson().encode())
        found.append(_looked(_Comments(str(language), days[-1], digest, rows)))
    return [each for each in found if each is not None]


def with_themes(
    rows: pl.LazyFrame, days: list[date], product: Product
) -> tuple[pl.DataFrame, pl.DataFrame, list[Looked]]:
    """All comments; `source`, `event_id`, `question`, `theme`, `strength` of those with themes; the looks behind them."""
    told = comments(last_answers(rows))
    found = looks(told, days) if days and product.voice.discover else []
    parts = [team_strengths(told, product.themes), *(each.strengths for each in found)]
    return told, pl.concat(parts), found


def comment_themes(rows: pl.LazyFrame, days: list[date], product: Product) -> pl.DataFrame:
    """Themes of each comment, the team's and the found ones."""
    _, themes, _ = with_themes(rows, days, product)
    return TABLES["comment_themes"].conform(themes)


def theme_list(rows: pl.LazyFrame, days: list[date], product: Product) -> pl.DataFrame:
    """The themes by id: name, words, since when."""
    _, _, found = with_themes(rows, days, product)
    table = TABLES["theme_list"]
    listed: list[dict[str, object]] = [
        {"theme": name, "name": name.replace("_", " "), "origin": "team", "language": None, "words": ", ".join(theme.words),
         "since": None, "is_new": False}
        for name, theme in product.themes.items()
    ]  # fmt: skip
    for each in found:
        for theme in each.themes:
            name, words = name_of(theme, each.forms)
            is_new = theme.since == each.day and each.day > each.first_day
            listed.append(
                {"theme": theme.theme, "name": name, "origin": "found", "language": each.language, "words": words,
                 "since": theme.since, "is_new": is_new}
            )  # fmt: skip
    return table.conform(pl.DataFrame(listed, schema=table.schema, orient="row"))


def theme_results(rows: pl.LazyFrame, days: list[date], product: Product) -> pl.DataFrame:
    """Share, trend, mood and effect of each theme by survey over the last 28 and 90 days and all."""
    table = TABLES["theme_results"]
    told, themes, _ = with_themes(rows, days, product)
    scored = valid_scores(last_answers(rows))
    ids = themes.select(*_COMMENT, "theme").unique()
    anything = ids.select(_COMMENT).unique().with_columns(theme=pl.lit(ANY_THEME))
    every = pl.concat([ids, anything.select(ids.columns)])
    named = told.join(every, on=_COMMENT)
    found = [pl.DataFrame(schema=table.schema)]
    for period, first, last in voice_periods(days, product, weeks=False):
        length = (last - first).days + 1
        before = (first - ONE_DAY * length, first - ONE_DAY)
        inside = pl.col("day").is_between(first, last)
        counted = _counts(told.filter(inside), named.filter(inside))
        earlier = pl.col("day").is_between(*before)
        past = _counts(told.filter(earlier), named.filter(earlier)).select(
            "survey", "theme", comments_before="comments", comments_all_before="comments_all"
        )
        whole = told.filter(earlier).group_by("survey").agg(all_before=pl.len())
        both = (
            counted.join(past, on=["survey", "theme"], how="left")
            .join(whole, on="survey", how="left")
            .with_columns(comments_all_before=pl.coalesce("comments_all_before", "all_before"))
        )
        effects = _effects(told.filter(inside), every, scored)
        rest = both.with_columns(question=pl.lit(""))
        joined = pl.concat([rest, both.join(effects, on=["survey", "theme"])], how="diagonal_relaxed").with_columns(
            pl.col("comments_before", "comments_all_before", "responses_with", "responses_without").fill_null(0),
            period=pl.lit(period),
            period_start=pl.lit(first),
            period_end=pl.lit(last),
        )
        team_few = pl.col("survey").is_in(team_names(product)) & (pl.col("comments") < TEAM_LEAST)
        found.append(table.conform(joined.filter(~team_few)))
    return table.conform(pl.concat(found))


def _counts(told: pl.DataFrame, named: pl.DataFrame) -> pl.DataFrame:
    of_survey = told.group_by("survey").agg(comments_all=pl.len())
    # Integers until the last division.
    mood = pl.col("sentiment_e4").cast(pl.Int64)
    by_theme = named.group_by("survey", "theme").agg(
        comments=pl.len(), sentiment_mean=mood.sum() / mood.count() / _MOOD, moods=mood.count()
    )
    known = by_theme.with_columns(sentiment_mean=pl.when(pl.col("moods") > 0).then(pl.col("sentiment_mean")))
    return known.join(of_survey, on="survey").drop("moods")


def _effects(told: pl.DataFrame, every: pl.DataFrame, scored: pl.DataFrame) -> pl.DataFrame:
    """Mean points of responses that have a comment with the theme less those that have one without it."""
    response = ["survey", "response_key"]
    themes = told.select(*response, *_COMMENT).join(every.filter(pl.col("theme") != ANY_THEME), on=_COMMENT)
    having = themes.select(*response, "theme").unique()
    spoke = whose(scored).join(told.select(response).unique(), on=response, how="semi")
    pairs = spoke.select("survey", "question", "response_key", "cluster_key", "points").join(
        having.select("survey", "theme").unique(), on="survey"
    )
    sided = pairs.join(having.with_columns(side=pl.lit(value=True)), on=[*response, "theme"], how="left")
    made = difference(
        sided.with_columns(pl.col("side").fill_null(value=False)), ["survey", "question", "theme"], "side", "points"
    )
    return made.select(
        "survey", "question", "theme", "effect",
        responses_with="n_with", responses_without="n_without", effect_low="low", effect_high="high",
    )  # fmt: skip
