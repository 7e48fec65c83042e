"""Comments as text: what is none, its language, its words, its mood.

Only the first characters of a comment are read for these: a comment of a megabyte is kept whole and mined in part.
"""

import html
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

READ_CHARACTERS = 5_000
BLANK, SIGNS = "(blank)", "(signs)"
# Shorter texts tell no language that could be relied on.
_LETTERS_OF_A_LANGUAGE = 20
_SURE = 0.7
_MOOD_LANGUAGE = "en"
_MOST_SIGNS = 30
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")
_NO_LETTERS = re.compile(r"[^\w]+")
# Smileys and other signs say something; these say nothing.
_SILENT = re.compile(
    r"[\s\u00a0\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff!-/:-@\[-`{-~\u00a1\u00bf\u2010-\u2027\u2030-\u205e]*"
)
_LEAST_LETTERS = 3
# Whom a text speaks to, addresses, and what ingest put in the place of personal data: no words of the text's own.
_NO_WORDS = re.compile(
    r"(?<![\w@])[@\uff20][\w.-]*\w|\b(?:https?://|www\.)\S+|\[(?:email|card|secret|token|ip)\]"
    r"|\b[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|io|co|uk|de|at|ch|fr|es|it|nl|eu|gov|edu)\b(?:/\S*)?",
    re.IGNORECASE,
)
# Common nouns that general lists of stop words drop, and that comments are about.
_NOUNS = frozenset(
    [
        "bill",
        "bills",
        "call",
        "calls",
        "change",
        "changes",
        "click",
        "computer",
        "copy",
        "date",
        "detail",
        "details",
        "group",
        "help",
        "homepage",
        "information",
        "line",
        "lines",
        "member",
        "members",
        "name",
        "number",
        "numbers",
        "order",
        "orders",
        "page",
        "pages",
        "problem",
        "problems",
        "results",
        "room",
        "rooms",
        "site",
        "system",
        "test",
        "text",
        "value",
        "webpage",
        "website",
        "anruf",
        "bestellung",
        "datum",
        "hilfe",
        "leitung",
        "nummer",
        "preis",
        "problem",
        "rechnung",
        "seite",
        "zeit",
    ]
)
# They affirm praise and blame alike.
_AFFIRMING = ("certain", "certainly", "definite", "definitely", "sure", "surely")
# Algorithms of snowballstemmer by language.
_STEMMERS = {
    "ar": "arabic", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish", "fi": "finnish",
    "fr": "french", "hu": "hungarian", "it": "italian", "nl": "dutch", "no": "norwegian", "pt": "portuguese",
    "ro": "romanian", "ru": "russian", "sv": "swedish", "tr": "turkish",
}  # fmt: skip


@lru_cache(maxsize=65_536)
def own_words(text: str) -> str:
    """As much of a text as is read, HTML entities decoded, without @mentions, addresses and what was removed from it."""
    return _NO_WORDS.sub(" ", html.unescape(text[:READ_CHARACTERS]))


def plain(text: str) -> str:
    """Letters and digits in lower case with single blanks: how stock phrases are compared."""
    return _NO_LETTERS.sub(" ", text.lower().replace("\u2019", "").replace("'", "")).strip()


def non_answer(text: str | None, phrases: frozenset[str]) -> str | None:
    """The stock phrase that a text is, `(blank)` or `(signs)` where it holds no word, None where it is a comment."""
    if text is None or not text.strip():
        return BLANK
    read = own_words(text)
    if _SILENT.fullmatch(read):
        return SIGNS
    stated = plain(read)
    return stated if stated in phrases else None


def stock_phrases(non_answers: Mapping[str, Iterable[str]]) -> frozenset[str]:
    """The product file's non-answers of all languages, as they are compared; what is so short tells no language."""
    return frozenset(plain(phrase) for phrases in non_answers.values() for phrase in phrases)


@cache
def _identifier() -> Any:  # noqa: ANN401  # the library has no types
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415  # slow

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


@lru_cache(maxsize=65_536)
def language_of(text: str, stated: str | None, otherwise: str) -> str:
    """ISO 639-1 code of a comment's language: by its words where there are enough, else as its survey or event says."""
    read = own_words(text)
    if sum(map(len, _WORD.findall(read))) >= _LETTERS_OF_A_LANGUAGE:
        result, sure = _identifier().classify(read)
        if sure >= _SURE:
            return str(result)
    return stated.lower()[:2] if stated and stated[:2].isalpha() else otherwise


@cache
def _stop_words(language: str) -> frozenset[str]:
    import stopwordsiso  # noqa: PLC0415  # slow

    return frozenset(stopwordsiso.stopwords(language)) - _NOUNS if stopwordsiso.has_lang(language) else frozenset()


@cache
def _stemmer(language: str) -> Any:  # noqa: ANN401  # the library has no types
    import snowballstemmer  # noqa: PLC0415  # slow

    return snowballstemmer.stemmer(_STEMMERS[language]) if language in _STEMMERS else None


def stems(words: Sequence[str], language: str) -> list[str]:
    """Words without their inflection; as they are in languages that no stemmer knows."""
    return [_stem(word, language) for word in words]


@lru_cache(maxsize=262_144)
def _stem(word: str, language: str) -> str:
    # Comments share their words, and a stemmer in Python takes longer than all else here.
    stemmer = _stemmer(language)
    return word if stemmer is None else stemmer.stemWord(word)


def words_of(text: str) -> list[str]:
    """The words of a comment in lower case, in order."""
    return _WORD.findall(own_words(text).lower().replace("\u2019", "'"))


def telling_words(text: str, language: str) -> list[str]:
    """Words that can tell a theme: without stop words and the shortest."""
    stop = _stop_words(language)
    return [word for word in words_of(text) if len(word) >= _LEAST_LETTERS and word not in stop]


@cache
def _mood() -> Any:  # noqa: ANN401  # the library has no types
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer  # noqa: PLC0415  # slow

    analyzer = SentimentIntensityAnalyzer()
    for word in _AFFIRMING:
        analyzer.lexicon.pop(word, None)
    return analyzer


def valence(word: str, language: str) -> float:
    """How much a word praises (above 0) or blames by VADER's lexicon; 0 in languages without one."""
    return float(_mood().lexicon.get(word, 0.0)) if language == _MOOD_LANGUAGE else 0.0


@lru_cache(maxsize=65_536)
def sentiment_e4(text: str, language: str) -> int | None:
    """VADER's compound mood of an English comment from -10,000 to 10,000; None in other languages, which it can't read."""
    if language != _MOOD_LANGUAGE:
        return None
    return round(_mood().polarity_scores(_with_few_signs(own_words(text)))["compound"] * 10_000)


def _with_few_signs(text: str) -> str:
    """A text with at most 30 smileys: VADER spells each out, and takes the square of their number."""
    left = _MOST_SIGNS
    kept: list[str] = []
    for char in text:
        is_sign = unicodedata.category(char) in ("So", "Sk")
        left -= is_sign
        if not is_sign or left >= 0:
            kept.append(char)
    return "".join(kept)


def surface_forms(texts: Iterable[tuple[str, str]]) -> dict[str, str]:
    """For each stem of (text, language) pairs the word that bears it most often, the first by alphabet among equals."""
    counted: dict[str, dict[str, int]] = {}
    for text, language in texts:
        words = telling_words(text, language)
        for word, stem in zip(words, stems(words, language), strict=True):
            forms = counted.setdefault(stem, {})
            forms[word] = forms.get(word, 0) + 1
    return {stem: min(forms, key=lambda word: (-forms[word], word)) for stem, forms in counted.items()}
