"""Which comment has which theme, and what a theme weighs: share, trend, mood, effect on the score (docs/definitions/voice.md, "Theme")."""

from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

import polars as pl
import xxhash

from pipeline.core.days import ONE_DAY
from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.domains.themes.discovered_themes import RESULT, Looked, look, name_of
from pipeline.domains.themes.section import Theme
from pipeline.domains.themes.team_themes import team_strengths
from pipeline.stats.answers import comments, last_answers, team_names, valid_scores, with_cluster_key
from pipeline.stats.differences import difference, with_side
from pipeline.stats.periods import usual_periods

_COMMENT = ["source", "event_id", "question"]
_MOOD = 10_000
ANY_THEME = ""


@dataclass(frozen=True)
class Themed:
    """`source`, `event_id`, `question`, `theme`, `strength` of comments with themes; the looks behind the found ones."""

    strengths: pl.DataFrame
    looks: list[Looked]


@dataclass(frozen=True)
class _Asked:
    """Words of comments up to a day and what the product file says of themes; equal where these are, in this process."""

    digest: str
    end: date | None
    product: str
    words: pl.DataFrame = field(compare=False, repr=False)
    themes: dict[str, Theme] = field(compare=False, repr=False)


@lru_cache(maxsize=4)
def _themed(asked: _Asked) -> Themed:
    # Four tables are made from one look, which takes seconds.
    result: list[Looked | None] = []
    if asked.end is not None:
        for (language,), part in sorted(asked.words.partition_by("language", as_dict=True).items()):
            result.append(look(part, str(language), asked.end))
    looks = [each for each in result if each is not None]
    parts = [team_strengths(asked.words, asked.themes), *(each.strengths for each in looks)]
    return Themed(pl.concat(parts), looks)


def themed(rows: pl.LazyFrame, days: list[date], product: Product) -> tuple[pl.DataFrame, Themed]:
    """All comments among feedback `rows`, and their themes, the team's and the found ones.

    Words of a team's survey aren't among them: a theme or a quote of a few colleagues tells who they are.
    """
    reported = comments(last_answers(rows)).filter(~pl.col("survey").is_in(team_names(product)))
    words = reported.select(*_COMMENT, "day", "text", "language")
    digest = xxhash.xxh3_128_hexdigest(words.hash_rows().to_numpy().tobytes())
    end = days[-1] if days and product.voice.discover else None
    return reported, _themed(_Asked(digest, end, product.section_hash("themes"), words, dict(product.themes)))


def comment_themes(rows: pl.LazyFrame, days: list[date], product: Product) -> pl.DataFrame:
    """Themes of each comment, the team's and the found ones."""
    _, result = themed(rows, days, product)
    return TABLES["comment_themes"].conform(result.strengths)


def theme_list(rows: pl.LazyFrame, days: list[date], product: Product) -> pl.DataFrame:
    """The themes by id: name, words, since when."""
    table = TABLES["theme_list"]
    listed: list[dict[str, object]] = [
        {"theme": name, "name": name.replace("_", " "), "origin": "team", "language": None, "words": ", ".join(theme.words),
         "since": None, "is_new": False}
        for name, theme in product.themes.items()
    ]  # fmt: skip
    reported, result = themed(rows, days, product)
    tones = _tones(rows, reported, result)
    for each in result.looks:
        for theme in {theme.theme: theme for theme in each.themes}.values():
            own = each.strengths.filter(pl.col("theme") == theme.theme)
            texts = own.join(reported.select(*_COMMENT, "text"), on=_COMMENT)["text"].sort().to_list()
            name, words = name_of(theme, each, texts, tones.get(theme.theme, []))
            is_new = theme.since == each.day and each.day > each.first_day
            listed.append(
                {"theme": theme.theme, "name": name, "origin": "found", "language": each.language, "words": words,
                 "since": theme.since, "is_new": is_new}
            )  # fmt: skip
    return table.conform(pl.DataFrame(listed, schema=table.schema, orient="row"))


def _tones(rows: pl.LazyFrame, reported: pl.DataFrame, result: Themed) -> dict[str, list[float]]:
    """Of each found theme how far its mean mood lies from that of all comments, and its effect on the score."""
    ids = result.strengths.filter(pl.col("theme").str.starts_with(RESULT)).select(*_COMMENT, "theme").unique()
    mood = pl.col("sentiment_e4").cast(pl.Float64)
    overall = reported.select(mood.mean()).item()
    moods = reported.join(ids, on=_COMMENT).group_by("theme").agg(tone=mood.mean() - overall)
    # Of several questions that which most answered tells.
    effects = _effects(reported, ids, valid_scores(last_answers(rows))).sort(
        "theme", "responses_with", "survey", "question"
    )
    last = effects.unique("theme", keep="last", maintain_order=True).select("theme", tone="effect")
    by_theme = pl.concat([moods, last.cast(moods.schema)]).drop_nulls().group_by("theme").agg("tone")
    return dict(by_theme.rows())


def theme_results(rows: pl.LazyFrame, days: list[date], product: Product) -> pl.DataFrame:
    """Share, trend, mood and effect of each theme by survey over the last 28 and 90 days and all."""
    table = TABLES["theme_results"]
    reported, known = themed(rows, days, product)
    themes = known.strengths
    scored = valid_scores(last_answers(rows))
    ids = themes.select(*_COMMENT, "theme").unique()
    anything = ids.select(_COMMENT).unique().with_columns(theme=pl.lit(ANY_THEME))
    every = pl.concat([ids, anything.select(ids.columns)])
    named = reported.join(every, on=_COMMENT)
    result = [pl.DataFrame(schema=table.schema)]
    for period, first, last in usual_periods(days, product.week_start, weeks=False):
        length = (last - first).days + 1
        before = (first - ONE_DAY * length, first - ONE_DAY)
        inside = pl.col("day").is_between(first, last)
        counted = _counts(reported.filter(inside), named.filter(inside))
        earlier = pl.col("day").is_between(*before)
        past = _counts(reported.filter(earlier), named.filter(earlier)).select(
            "survey", "theme", comments_before="comments", comments_all_before="comments_all"
        )
        whole = reported.filter(earlier).group_by("survey").agg(all_before=pl.len())
        both = (
            counted.join(past, on=["survey", "theme"], how="left")
            .join(whole, on="survey", how="left")
            .with_columns(comments_all_before=pl.coalesce("comments_all_before", "all_before"))
        )
        effects = _effects(reported.filter(inside), every, scored)
        rest = both.with_columns(question=pl.lit(""))
        joined = pl.concat([rest, both.join(effects, on=["survey", "theme"])], how="diagonal_relaxed").with_columns(
            pl.col("comments_before", "comments_all_before", "responses_with", "responses_without").fill_null(0),
            period=pl.lit(period),
            period_start=pl.lit(first),
            period_end=pl.lit(last),
        )
        result.append(table.conform(joined))
    return table.conform(pl.concat(result))


def _counts(reported: pl.DataFrame, named: pl.DataFrame) -> pl.DataFrame:
    of_survey = reported.group_by("survey").agg(comments_all=pl.len())
    # Integers until the last division.
    mood = pl.col("sentiment_e4").cast(pl.Int64)
    by_theme = named.group_by("survey", "theme").agg(
        comments=pl.len(), sentiment_mean=mood.sum() / mood.count() / _MOOD, moods=mood.count()
    )
    known = by_theme.with_columns(sentiment_mean=pl.when(pl.col("moods") > 0).then(pl.col("sentiment_mean")))
    return known.join(of_survey, on="survey").drop("moods")


def _effects(reported: pl.DataFrame, every: pl.DataFrame, scored: pl.DataFrame) -> pl.DataFrame:
    """Mean points of responses that have a comment with the theme less those that have one without it."""
    response = ["survey", "response_key"]
    themes = reported.select(*response, *_COMMENT).join(every.filter(pl.col("theme") != ANY_THEME), on=_COMMENT)
    having = themes.select(*response, "theme").unique()
    spoke = with_cluster_key(scored).join(reported.select(response).unique(), on=response, how="semi")
    asked = spoke.select("survey", "question", "response_key", "cluster_key", "points")
    # A theme at a time: all responses beside all themes would be too many rows.
    parts = [
        difference(with_side(asked, own, response), ["survey", "question"], "side", "points").with_columns(
            theme=pl.lit(theme)
        )
        for (theme,), own in sorted(having.partition_by("theme", as_dict=True).items())
    ]
    none = asked.clear().with_columns(side=pl.lit(value=True))
    made = pl.concat(
        [difference(none, ["survey", "question"], "side", "points").with_columns(theme=pl.lit("")), *parts]
    )
    return made.select(
        "survey", "question", "theme", "effect",
        responses_with="n_with", responses_without="n_without", effect_low="low", effect_high="high",
    )  # fmt: skip
