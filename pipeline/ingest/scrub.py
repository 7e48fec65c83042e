r"""Personal data out of addresses, texts and properties, before anything is stored (docs/design.md, "Security").

Removed from every text: e-mail addresses, keys of known forms (scrub_keys.py), payment cards, IBANs, IP addresses
(scrub_numbers.py), and what a name in front says to be secret (scrub_parameters.py, scrub_names.py), in whichever
escapes it stands: `%40`, `%2540`, `\u0040`. Telephone numbers are removed from what people write and from the texts
of properties, not from addresses and ids. What is found is replaced to its end by its kind: [secret], [token], [email],
[card], [iban], [ip], [phone]; entries of properties that are secrets by name are dropped.

Left alone: numbers that no issuer gives or whose check digit doesn't fit; numbers under a name like `order_id`; hosts
of addresses; versions; telephone numbers without a country's code and without groups.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any, Literal

import msgspec
import polars as pl

from pipeline.ingest.scrub_escapes import unescaped
from pipeline.ingest.scrub_keys import emails, keys, may_hold_key
from pipeline.ingest.scrub_names import head_of, is_counted, is_secret, kind_of, words_of
from pipeline.ingest.scrub_numbers import Span, cards, ibans, ips, is_card_number, phones
from pipeline.ingest.scrub_parameters import entries, headers, parameters
from pipeline.ingest.scrub_suspicion import SUSPICIOUS, SUSPICIOUS_WORDS

# As what a text is read: ids and versions come of properties only.
Reading = Literal["text", "address", "words", "version", "id"]
_DROPPED = frozenset({"secret", "ip"})
# How the columns of an event are read.
READINGS: dict[str, Reading] = {
    "url": "address", "referrer": "address", "page_title": "words", "name": "text", "text": "words", "choice": "words",
    "error_message": "words", "element_chain": "text",
}  # fmt: skip
SCRUBBED_COLUMNS = tuple(READINGS)
_SECRET = "[secret]"  # noqa: S105  # what stands in its place
# An escape within another within another: deeper ones are an attack, not an address.
_LEVELS = 5
# Names that say of a property's text what it is: an address, an id, a version.
_HREFS = words_of("url uri href link referrer referer location path search")
_IDS = words_of("id key sku number code ref reference tracking isbn ean gtin upc barcode serial invoice order zip")
_VERSIONS = words_of("version build release firmware")
_STARTS = ("http://", "https://", "//", "/", "?", "#")
_SHOWN = re.compile(r"(?:\[[a-z]+\]|\W)+")
_MAY = re.compile(r"[@=:%\\]|(?:\d\D{0,3}){7}")
# Of cards, and of IBANs: the fewest digits are Malta's and those of Saint Lucia, in groups.
_LONG_NUMBER = re.compile(r"(?:\d[^\d\n]{0,8}){9}")
_ENOUGH = 5
# A chain of elements is longer than most texts, and comes again and again.
_LONGEST_KEPT = 2_000
_SHORTEST_CARD, _NO_NUMBER = 10**12, 10**20
_BEGINS_JSON = frozenset("{[ \t\r\n")
_ADDRESS = re.compile(
    r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])|(?<![\w:])(?:[0-9a-f]{1,4}:){4,7}[0-9a-f]{1,4}(?![\w:])", re.IGNORECASE
)


@lru_cache(maxsize=4_096)
def plain_name(name: str) -> str:
    """A name as it is compared: letters and digits in lower case."""
    return "".join(char for char in name.lower() if char.isalnum())


def is_dropped(name: object, denied: frozenset[str] = frozenset(), around: str = "") -> bool:
    """Whether an entry of that name is never stored."""
    return str(name) in denied or kind_of(str(name), around) in _DROPPED


def without_personal(value: Any, denied: frozenset[str] = frozenset()) -> Any:  # noqa: ANN401  # JSON holds anything
    """`value` with texts and numbers scrubbed, without the entries that are secrets by name or bear a denied name."""
    return _without(value, "", "", denied)


def is_kept(name: str, value: Any, around: str, denied: frozenset[str]) -> bool:  # noqa: ANN401
    """Whether an entry of that name, within `around`, is stored at all."""
    kind = kind_of(name, around)
    return name not in denied and (kind not in _DROPPED or (kind == "secret" and _is_harmless(name, value)))


def entry_without_personal(value: Any, name: str, around: str, denied: frozenset[str]) -> Any:  # noqa: ANN401
    """`without_personal` of an entry that is kept, of that name within `around`."""
    return _without(value, name, around, denied)


def _without(value: Any, name: str, around: str, denied: frozenset[str]) -> Any:  # noqa: ANN401
    """`value` of that name within `around`; a list's values bear its name."""
    if isinstance(value, str):
        return _without_text(value, name, around, denied)
    if isinstance(value, dict):
        kept: dict[Any, Any] = {}
        for key, inner in value.items():
            own = str(key)
            if is_kept(own, inner, name, denied):
                kept[key] = _without(inner, own, name, denied)
        return kept
    if isinstance(value, list):
        return [_without(inner, name, around, denied) for inner in value]
    return _without_number(value, name, around) if isinstance(value, int | float) else value


def _is_harmless(name: str, value: Any) -> bool:  # noqa: ANN401
    """Whether what stands under a secret's name is none: whether there is one, or how many."""
    return isinstance(value, bool) or (isinstance(value, int | float) and is_counted(name))


def _without_text(text: str, name: str, around: str, denied: frozenset[str]) -> str:
    """A text, which may itself be JSON."""
    result = json_within(text) if text[:1] in _BEGINS_JSON else None
    if result is not None:
        clean = _without(result, name, around, denied)
        # What holds nothing stays as it was written.
        return text if clean == result else msgspec.json.encode(clean).decode()
    kind, reading = kind_of(name, around), _reading(name)
    if reading == "id" and text.isdigit():
        return text
    clean = scrub_text(text, "address" if reading == "address" and text.startswith(_STARTS) else reading)
    if kind and not _SHOWN.fullmatch(clean) and is_secret(name, text, in_address=False, around=around):
        return _SECRET
    return clean


def _without_number(value: float, name: str, around: str) -> Any:  # noqa: ANN401
    kind = kind_of(name, around)
    if isinstance(value, bool) or not (kind or value >= _SHORTEST_CARD) or value % 1:
        return value
    stated = str(int(value)) if abs(value) < _NO_NUMBER else ""
    if len(stated) > _ENOUGH and _reading(name) != "id" and is_card_number(stated):
        return "[card]"
    is_reported = len(stated) >= _ENOUGH or kind == "doubtful"
    return _SECRET if is_reported and is_secret(name, stated, in_address=False, around=around) else value


@lru_cache(maxsize=16_384)
def _reading(name: str) -> Reading:
    """As what a property of that name is read; the number of something's id may look like a card's."""
    head = head_of(name)
    if head in _VERSIONS:
        return "version"
    if head in _HREFS:
        return "address"
    if head == "id" and plain_name(name) != "id":
        return "id"
    return "text" if head in _IDS else "words"


def json_within(text: str) -> Any:  # noqa: ANN401  # JSON holds anything
    """The object or list that a text is the JSON of, else None."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return None


def scrub_columns(frame: pl.DataFrame) -> pl.DataFrame:
    """Remove personal data from the text columns of candidate events; each distinct text is looked at once."""
    names = [name for name in SCRUBBED_COLUMNS if frame[name].null_count() < frame.height]
    return frame.with_columns(scrub_series(frame[name], READINGS[name]) for name in names)


def scrub_series(texts: pl.Series, kind: Reading) -> pl.Series:
    """`texts` scrubbed."""
    distinct = texts.drop_nulls().unique()
    # One look for anything suspicious first: most texts hold nothing.
    suspicious = distinct.filter(distinct.str.contains(SUSPICIOUS_WORDS if kind == "words" else SUSPICIOUS))
    if suspicious.is_empty():
        return texts
    clean = pl.Series([scrub_text(text, kind) for text in suspicious], dtype=pl.String)
    return texts.replace(suspicious, clean)


def scrub_text(text: str, kind: Reading = "text") -> str:
    """Remove personal data from one text: of an address, which no blank ends; of words, with telephone numbers."""
    # Long ones hardly ever come twice, and so many of them don't fit into memory.
    return _scrubbed_once(text, kind) if len(text) <= _LONGEST_KEPT else _scrubbed(text, kind)


def _scrubbed(text: str, kind: Reading) -> str:
    if not _MAY.search(text) and not may_hold_key(text):
        return text
    return replaced(text, lambda stated: _at_once(stated, kind))


_scrubbed_once = lru_cache(maxsize=65_536)(_scrubbed)


def replaced(text: str, find: Callable[[str], Iterable[Span]]) -> str:
    """The text with what `find` finds in it replaced, also within escapes."""
    shown, at = "", 0
    for begin, end, instead in _apart(_result(text, find)):
        shown += text[at:begin] + instead
        at = end
    return shown + text[at:]


def scrub_unread(text: str) -> str:
    """Remove personal data from a record that nobody could read: what looks like a version may be an address."""
    return _ADDRESS.sub("[ip]", scrub_text(text, "words"))


def _result(text: str, find: Callable[[str], Iterable[Span]]) -> Iterator[Span]:
    """What may not be kept, at its place in `text`, with escapes undone one after the other."""
    stated, positions = text, None
    for _ in range(_LEVELS):
        for begin, end, instead in find(stated):
            if begin < end:
                yield (begin, end, instead) if positions is None else (positions[begin], positions[end], instead)
        opened = unescaped(stated) if "%" in stated or "\\u00" in stated else None
        if opened is None:
            return
        stated, inner = opened
        positions = inner if positions is None else [positions[i] for i in inner]


def _at_once(text: str, kind: Reading) -> Iterator[Span]:
    # Each looks only where something of its kind can be.
    if "@" in text:
        yield from emails(text)
    if may_hold_key(text):
        yield from keys(text)
    if "=" in text:
        yield from parameters(text, is_address=kind == "address")
    if ":" in text:
        yield from headers(text)
        if '"' in text or "'" in text:
            yield from entries(text)
    if _LONG_NUMBER.search(text):
        yield from cards(text)
        yield from ibans(text)
    if kind != "version":
        yield from ips(text)
    if kind == "words" and "://" not in text:
        yield from phones(text)


def _apart(spans: Iterable[Span]) -> list[Span]:
    """Spans in order, none in another; of equal ones the one that tells what it was."""
    kept: list[Span] = []
    for begin, end, instead in sorted(spans, key=lambda span: (span[0], -span[1], span[2] == _SECRET, span[2])):
        if not kept or begin >= kept[-1][1]:
            kept.append((begin, end, instead))
        elif end > kept[-1][1]:
            kept[-1] = (kept[-1][0], end, kept[-1][2])
    return kept
