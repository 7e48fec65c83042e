"""Themes that nobody wrote down: TF-IDF and non-negative matrix factorisation, seeded, in one thread.

Themes are looked for on the day when a language first has 100 comments, whenever their number has doubled, and else after
28 days, in the comments of a year. Between these days nothing changes, so a theme keeps its id from night to night; when
they are looked for anew, a theme that is like one found before bears its id. All of it follows from the comments alone, in whatever order
they came and however many nights it took (decision 0015).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from math import sqrt
from typing import Any

import polars as pl

from pipeline.core.days import ONE_DAY
from pipeline.domains.themes.vectors import component_weights, factorised, stemmed, word_vectors
from pipeline.events.keys import stable_key
from pipeline.stats.text import surface_forms, valence

RESULT = "found:"
FIRST_COMMENTS = 100
EVERY_DAYS = 28
WINDOW_DAYS = 364
FIT_COMMENTS = 5_000
# Themes grow with the root of comments: 20 for 2,400.
_COMMENTS_PER_SQUARE = 6
_FEWEST, _MOST = 4, 20
_ALIKE = 0.5
LEAST_STRENGTH = 0.2
_TELLING_TERMS = 20
# Words that tell a theme weigh so much of its heaviest.
_TELLING_WEIGHT = 0.1
_SHOWN_TERMS = 8
_NAME_TERMS = 3
# A word that names a theme stands in one of so many of its comments.
_NAME_SHARE = 5
_DIGITS = 6


@dataclass(frozen=True)
class DiscoveredTheme:
    """A theme by what tells it: weights of stems."""

    theme: str
    since: date
    terms: dict[str, float]


@dataclass(frozen=True)
class Looked:
    """What the last look for themes in a language's comments found."""

    language: str
    day: date
    first_day: date
    themes: list[DiscoveredTheme]
    strengths: pl.DataFrame = field(repr=False)
    forms: dict[str, str] = field(repr=False)


def look_days(days: Sequence[date], end: date) -> list[date]:
    """On which days up to `end` themes are looked for: with 100 comments, with twice as many, else after 28 days.

    `days` holds the day of each comment, in order.
    """
    looks: list[date] = []
    needed = FIRST_COMMENTS
    for number, day in enumerate(days, 1):
        while looks and (day - looks[-1]).days > EVERY_DAYS:
            looks.append(looks[-1] + ONE_DAY * EVERY_DAYS)
        is_last_of_day = number == len(days) or days[number] != day
        if is_last_of_day and number >= needed:
            looks.append(day)
            needed = 2 * number
    while looks and looks[-1] + ONE_DAY * EVERY_DAYS <= end:
        looks.append(looks[-1] + ONE_DAY * EVERY_DAYS)
    return looks


def look(comments: pl.DataFrame, language: str, end: date) -> Looked | None:
    """Find themes in one language's comments (`source`, `event_id`, `question`, `day`, `text`); None with under 100.

    `strengths` of the result: `source`, `event_id`, `question`, `theme`, `strength`, of every comment by the last look.
    """
    ordered = comments.sort("day", "text", "source", "event_id", "question")
    looks = look_days(ordered["day"].to_list(), end)
    known: dict[str, DiscoveredTheme] = {}
    last: tuple[_Fitted, list[DiscoveredTheme]] | None = None
    for day in looks:
        inside = ordered.filter(pl.col("day").is_between(day - ONE_DAY * (WINDOW_DAYS - 1), day))
        fitted = _fit(_chosen(inside["text"].to_list()), language)
        if fitted is None:
            continue
        themes = _named(fitted.terms, known, language, day)
        last = fitted, themes
        known |= {theme.theme: theme for theme in themes}
    if last is None:
        return None
    strengths = _strengths(*last, ordered, language)
    forms = surface_forms((text, language) for text in ordered["text"].unique().sort())
    return Looked(language, looks[-1], looks[0], last[1], strengths, forms)


def _chosen(texts: list[str]) -> list[str]:
    """At most 5,000 of the texts, by their hashes, in order of the texts: whatever order they came in."""
    if len(texts) > FIT_COMMENTS:
        texts = sorted(texts, key=lambda text: (stable_key(text), text))[:FIT_COMMENTS]
    return sorted(texts)


@lru_cache(maxsize=65_536)
def _stems_of(text: str, language: str) -> tuple[str, ...]:
    return tuple(stemmed(text, language).split())


@dataclass(frozen=True)
class _Fitted:
    """A factorisation, the words that it was made over, and the most telling ones of each component."""

    vectors: Any
    model: Any
    terms: list[dict[str, float]]


def _fit(texts: list[str], language: str) -> _Fitted | None:
    least = max(3, len(texts) // 1_000)
    documents = [" ".join(_stems_of(text, language)) for text in texts]
    made = word_vectors(documents, min_df=least, max_df=0.3)
    if made is None:
        return None
    vectors, matrix = made
    wanted = max(_FEWEST, round(sqrt(len(texts) / _COMMENTS_PER_SQUARE)))
    # No more than there are different comments, and words.
    number = min(_MOST, wanted, len(set(documents)) - 1, matrix.shape[1] - 1)
    if number < 1:
        return None
    model = factorised(matrix, number)
    names: list[str] = vectors.get_feature_names_out().tolist()
    return _Fitted(vectors, model, [_top(row, names) for row in model.components_.tolist()])


def _top(row: Sequence[float], names: Sequence[str]) -> dict[str, float]:
    """The most telling terms of a component, heaviest first."""
    weighed = [(float(f"{weight:.{_DIGITS}g}"), name) for weight, name in zip(row, names, strict=True) if weight > 0]
    return {name: weight for weight, name in sorted(weighed, key=lambda each: (-each[0], each[1]))[:_TELLING_TERMS]}


def _named(
    terms: list[dict[str, float]], known: dict[str, DiscoveredTheme], language: str, day: date
) -> list[DiscoveredTheme]:
    """Give each component the id of the theme before that it is most like, one to one; else a new one."""
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415  # with its only use

    before = [known[name] for name in sorted(known)]
    likeness = [[_cosine(mine, theme.terms) for theme in before] for mine in terms]
    pairs = (
        dict(zip(*(p.tolist() for p in linear_sum_assignment(likeness, maximize=True)), strict=True)) if before else {}
    )
    result: list[DiscoveredTheme] = []
    for position, mine in enumerate(terms):
        old = before[pairs[position]] if position in pairs and likeness[position][pairs[position]] >= _ALIKE else None
        if not mine:
            continue
        own = f"{RESULT}{language}:{stable_key('|'.join([language, day.isoformat(), *mine])) & (2**32 - 1):08x}"
        result.append(DiscoveredTheme(old.theme if old else own, old.since if old else day, mine))
    return result


def _cosine(one: dict[str, float], other: dict[str, float]) -> float:
    product = sum(weight * other.get(name, 0.0) for name, weight in one.items())
    return product / (sqrt(sum(w * w for w in one.values())) * sqrt(sum(w * w for w in other.values())) or 1.0)


def _strengths(fitted: _Fitted, themes: list[DiscoveredTheme], ordered: pl.DataFrame, language: str) -> pl.DataFrame:
    """Which comments have which theme: a fifth of what is told or more, and one of its telling words."""
    schema = {"text": pl.String, "theme": pl.String, "strength": pl.Float64}
    texts = ordered["text"].unique().sort().to_list()
    words = [_stems_of(text, language) for text in texts]
    weights = component_weights(fitted.model, fitted.vectors.transform([" ".join(each) for each in words]))
    rows: list[tuple[str, str, float]] = []
    kept = [position for position, mine in enumerate(fitted.terms) if mine]
    telling = {
        theme.theme: {name for name, w in theme.terms.items() if w >= _TELLING_WEIGHT * max(theme.terms.values())}
        for theme in themes
    }
    for text, own, line in zip(texts, words, weights, strict=True):
        total = float(line.sum())
        for theme, position in zip(themes, kept, strict=True):
            strength = float(line[position]) / total if total > 0 else 0.0
            if strength >= LEAST_STRENGTH and not telling[theme.theme].isdisjoint(own):
                rows.append((text, theme.theme, float(f"{strength:.{_DIGITS}g}")))
    # Two components of the very same words are one theme.
    parts = pl.DataFrame(rows, schema=schema, orient="row")
    result = parts.group_by("text", "theme", maintain_order=True).agg(pl.col("strength").max())
    return ordered.select("source", "event_id", "question", "text").join(result, on="text").drop("text")


def name_of(theme: DiscoveredTheme, looked: Looked, texts: Sequence[str], tones: Sequence[float]) -> tuple[str, str]:
    """A theme's name, of its three most telling words that a fifth of its comments hold, and its eight, as people write them.

    `texts` are its comments; `tones` say which way its mood and its effect on the score go (above 0: up). Words of praise
    or blame against one of them name nothing. Where no word is left, the one that most comments hold is the name.
    """
    words = [(stem, looked.forms.get(stem, stem)) for stem in theme.terms]
    held = Counter(stem for text in texts for stem in set(_stems_of(text, looked.language)))
    common = [pair for pair in words if held[pair[0]] * _NAME_SHARE >= len(texts)]
    fitting = [word for _, word in common if all(valence(word, looked.language) * tone >= 0 for tone in tones)]
    most = [word for _, word in sorted(words, key=lambda pair: -held[pair[0]])][:1]
    return ", ".join(fitting[:_NAME_TERMS] or most), ", ".join([word for _, word in words][:_SHOWN_TERMS])
