"""What of a comment is its own words: not whom it speaks to, no address, no entity; its language, its mood."""

import pytest

from pipeline.stats.text import (
    BLANK,
    SIGNS,
    language_of,
    non_answer,
    sentiment_e4,
    telling_words,
    valence,
    words_of,
)

PHRASES = frozenset(["no", "nothing"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("@united still waiting", ["still", "waiting"]),
        ("Where is my bag &amp; why?", ["where", "is", "my", "bag", "why"]),
        ("it&#39;s slow &lt;b&gt;", ["it's", "slow", "b"]),
        ("thanks @Jet.Blue, cc \uff20delta_air!", ["thanks", "cc"]),
        ("see https://t.example/great?x=nice and www.love.example/best now", ["see", "and", "now"]),
        ("see happy.com/deals now", ["see", "now"]),
        ("write to [email] or [card] now", ["write", "to", "or", "now"]),
        ("it was late.Nobody came", ["it", "was", "late", "nobody", "came"]),
        ("\u20ac5 @ noon", ["noon"]),
    ],
)
def test_words_of_a_comment(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@pytest.mark.parametrize(
    "text", ["@united still waiting", "@united it most certainly was not.", "www.love.example", "@great @nice"]
)
def test_a_comment_that_praises_nobody_has_no_good_mood(text: str) -> None:
    mood = sentiment_e4(text, "en")
    assert mood is not None
    assert mood <= 0


def test_moods() -> None:
    assert (sentiment_e4("great &amp; friendly", "en") or 0) > 0
    assert (sentiment_e4("terrible", "en") or 0) < 0
    assert sentiment_e4("gro\u00dfartig", "de") is None
    assert valence("great", "en") > 0 > valence("terrible", "en")
    assert valence("great", "de") == valence("certainly", "en") == 0


@pytest.mark.parametrize(
    ("text", "stated", "language"),
    [
        # Short ones keep the language that is said, else the product's.
        ("Alles super", "de-AT", "de"),
        ("Very good", "de", "de"),
        ("muy lento y caro", None, "en"),
        ("Lieferung war sehr schnell und gut", None, "de"),
        ("@united @delta @jetblue gut", "de", "de"),
        ("c'est trop cher pour ce que c'est", "en", "fr"),
    ],
)
def test_language(text: str, stated: str | None, language: str) -> None:
    assert language_of(text, stated, "en") == language


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        ("@united", SIGNS),
        ("@united no", "no"),
        ("&nbsp;", SIGNS),
        (" ", BLANK),
        ("https://a.example/nothing", SIGNS),
        ("no way", None),
    ],
)
def test_what_speaks_to_somebody_and_says_nothing_is_no_comment(text: str, reported: str | None) -> None:
    assert non_answer(text, PHRASES) == reported


def test_common_nouns_may_tell_a_theme() -> None:
    stated = "The order page has a problem with my bill number on the line of your website"
    assert telling_words(stated, "en") == ["order", "page", "problem", "bill", "number", "line", "website"]
