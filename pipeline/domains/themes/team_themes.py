"""Themes that the team wrote down: comments with one of their words, in whatever inflection, or like their examples."""

import re
from collections.abc import Mapping

import polars as pl

from pipeline.domains.themes.section import Theme
from pipeline.domains.themes.vectors import stemmed, word_vectors
from pipeline.stats.text import stems, words_of

_DIGITS = 6


def team_strengths(comments: pl.DataFrame, themes: Mapping[str, Theme]) -> pl.DataFrame:
    """`source`, `event_id`, `question`, `theme`, `strength` of each comment with a theme: 1 by a word, else its likeness.

    `comments`: `source`, `event_id`, `question`, `text`, `language`.
    """
    schema = {"text": pl.String, "language": pl.String, "theme": pl.String, "strength": pl.Float64}
    result: list[pl.DataFrame] = [pl.DataFrame(schema=schema)]
    for (language,), part in sorted(comments.partition_by("language", as_dict=True).items()):
        texts = part["text"].unique().sort().to_list()
        words = [words_of(text) for text in texts]
        stemmed = [f" {' '.join(stems(each, str(language)))} " for each in words]
        reported = [f" {' '.join(each)} " for each in words]
        for name, theme in themes.items():
            pattern, exact = (
                _pattern(theme, str(language)),
                [f" {' '.join(words_of(phrase))} " for phrase in theme.exact],
            )
            strengths = [
                1.0
                if (pattern and pattern.search(stem)) or any(each in phrases for each in exact if each.strip())
                else 0.0
                for stem, phrases in zip(stemmed, reported, strict=True)
            ]
            if theme.examples:
                likeness = _likeness(texts, theme.examples, str(language))
                strengths = [
                    max(s, a if a >= theme.likeness else 0.0) for s, a in zip(strengths, likeness, strict=True)
                ]
            rows = [(text, language, name, s) for text, s in zip(texts, strengths, strict=True) if s > 0]
            result.append(pl.DataFrame(rows, schema=schema, orient="row"))
    keys = ["text", "language"]
    whole = comments.select("source", "event_id", "question", *keys)
    return whole.join(pl.concat(result), on=keys).drop(keys)


def _pattern(theme: Theme, language: str) -> re.Pattern[str] | None:
    """Whether one of the theme's words or phrases is among stems between blanks."""
    parts: list[str] = []
    for phrase in theme.words:
        begins = phrase.rstrip().endswith("*")
        words = words_of(phrase)
        if not words:
            continue
        # What is to be a beginning isn't stemmed, or `fee*` would look for `fe`.
        reported = [*stems(words[:-1], language), words[-1]] if begins else stems(words, language)
        parts.append(" ".join(map(re.escape, reported)) + (r"\S*" if begins else ""))
    return re.compile(f" (?:{'|'.join(parts)}) ") if parts else None


def _likeness(texts: list[str], examples: tuple[str, ...], language: str) -> list[float]:
    """Cosine of each text to the example that it is most like, by the words that can tell a theme."""
    made = word_vectors([stemmed(text, language) for text in (*texts, *examples)])
    if made is None:
        return [0.0] * len(texts)
    _, matrix = made
    nearest = (matrix[: len(texts)] @ matrix[len(texts) :].T).max(axis=1).toarray().ravel()
    return [float(f"{min(value, 1.0):.{_DIGITS}g}") for value in nearest]
