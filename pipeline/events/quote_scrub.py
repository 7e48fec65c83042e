"""Personal data out of a quote, beyond what ingest removes from every text (docs/definitions/voice.md, "Quote").

Telephone numbers of the comment's country, addresses, and what people say their name is. A quote goes into decks and tickets, so what
looks like an address is removed though it may be none; the comment itself stays as it is in the lake.
"""

import re
from functools import lru_cache

import phonenumbers

from pipeline.ingest.scrub import scrub_text

# Where numbers without a country code may be from, by the comment's language.
_REGIONS = {
    "en": ("GB", "US", "AU"), "de": ("DE", "AT", "CH"), "fr": ("FR", "BE", "CH"), "es": ("ES", "MX"), "it": ("IT",),
    "nl": ("NL", "BE"), "pt": ("PT", "BR"), "pl": ("PL",), "sv": ("SE",), "da": ("DK",), "no": ("NO",), "fi": ("FI",),
}  # fmt: skip
_WORD = r"[A-ZÀ-ÖØ-Þ][\w'\u2019-]*"
_STREET_EN = (
    rf"\b(?:(?i:flat|apt|apartment|unit)\.? \d+\w?,? )?\d{{1,5}}[a-zA-Z]?,? (?:{_WORD} ){{1,3}}(?i:street|road|rd|avenue|ave|lane|ln|drive|close|court|"
    r"crescent|terrace|gardens|grove|boulevard|blvd|square|st)\b\.?"
)
_PLACE_DE = r" ?\d{1,4} ?[a-z]?\b(?:,? (?:D-)?\d{5} [A-ZÄÖÜ][\wäöüß-]+)?"
_STREET_DE = (
    r"(?:\b[A-ZÄÖÜ][\wäöüß.-]*?(?:[ -][A-ZÄÖÜ][\wäöüß-]*)?(?:[ -]?(?i:stra(?:ß|ss)e|str\.)|(?:weg|platz|allee|gasse|damm|ufer|ring))"
    # "Weg 5" may be anything; "Am Alten Weg 5" is an address.
    r"|\b(?i:am|an der|auf dem|im|in der|zum|zur) (?:[A-ZÄÖÜ][\wäöüß-]* ){0,2}(?:Weg|Platz|Allee|Gasse|Damm|Ufer|Ring))"
    + _PLACE_DE
)
_STREET_ROMANCE = rf"\b\d{{1,4}}(?: ?bis| ?ter)?,? (?i:rue|avenue|boulevard|place|chemin|via|calle|rua) (?:(?i:de|du|des|la|le|del|della|da) )*{_WORD}"
_UK_POSTCODE = r"\b(?:GIR ?0AA|[A-PR-UWYZ][A-HK-Y]?\d[\dA-Z]? ?\d[ABD-HJLNP-UW-Z]{2})\b"
_US_ZIP = r"\b[A-Z]{2},? \d{5}(?:-\d{4})?\b"
_ADDRESSES = tuple(re.compile(pattern) for pattern in (_STREET_EN, _STREET_DE, _STREET_ROMANCE, _UK_POSTCODE, _US_ZIP))
# What follows "my name is" and is no name.
_NO_NAMES = (
    r"(?!(?:not|never|on|in|spelled|spelt|wrong|misspelled|missing|still|always|already|also|being|no|the|a|an|too|very|"
    r"written|shown|known|falsch|nicht|immer|auf|in|im|schon)\b)"
)
_INTRODUCED = (
    r"\b(?:my (?:full |first |last |sur)?name(?:'s|\u2019s| is)|i am called|i'm called|mein name ist|ich hei(?:ß|ss)e|"
    r"je m['\u2019]appelle|me llamo|mi nombre es|mi chiamo|ik heet|mijn naam is|meu nome é)"
)
_STATED = re.compile(
    rf"(?i:({_INTRODUCED})\s+(?:(?:mr|mrs|ms|dr|herr|frau)\.?\s+)?{_NO_NAMES})"
    rf"(?:{_WORD}(?:[ \u00a0]{_WORD}){{0,3}}|[\w'\u2019-]+)"
)
_SIGNED = re.compile(
    r"((?i:\b(?:regards|best wishes|sincerely|yours|cheers|gr(?:ü|ue)(?:ß|ss)e|gru(?:ß|ss)|mfg|cordialement|saludos))[,.!]?\s+)"
    rf"{_WORD}(?:[ \u00a0]{_WORD}){{0,2}}\s*[.!]?\s*$"
)


@lru_cache(maxsize=65_536)
def scrub_quote(text: str, language: str) -> str:
    """A comment as it may be shown: each piece of personal data is replaced by its kind in brackets."""
    clean = _without_numbers(scrub_text(text), language)
    for pattern in _ADDRESSES:
        clean = pattern.sub("[address]", clean)
    return _SIGNED.sub(r"\1[name]", _STATED.sub(r"\1 [name]", clean))


def _without_numbers(text: str, language: str) -> str:
    spans: set[tuple[int, int]] = set()
    for region in _REGIONS.get(language, ("GB", "US")):
        spans |= {(match.start, match.end) for match in phonenumbers.PhoneNumberMatcher(text, region)}
    shown, end = "", len(text)
    for begin, until in sorted(spans, reverse=True):
        if until <= end:
            shown, end = "[phone]" + text[until:end] + shown, begin
        elif begin < end:
            end = begin
    return text[:end] + shown
