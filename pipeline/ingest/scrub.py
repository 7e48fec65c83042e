"""Personal data out of addresses, texts and properties, before anything is stored (design.md, "Security").

Removed: e-mail addresses, payment card numbers (those whose check digit fits, ISO/IEC 7812), secrets in addresses,
signed tokens, keys of well-known forms, entries that hold IP addresses or secrets by their name. Numbers are left
alone: order ids and times look like cards, and a number cut in two is no number.
"""

import re
from functools import lru_cache
from typing import Any

import msgspec
import polars as pl

SCRUBBED_COLUMNS = ("url", "referrer", "page_title", "name", "text", "choice", "error_message", "element_chain")
# Names of entries that are dropped, as lower-case letters and digits: IP addresses are never stored or used.
IP_NAMES = frozenset(
    [
        "ip",
        "ips",
        "ipaddress",
        "ipaddr",
        "ipv4",
        "ipv6",
        "clientip",
        "userip",
        "useripaddress",
        "remoteip",
        "remoteaddr",
        "remoteaddress",
        "requestip",
        "sourceip",
        "xforwardedfor",
        "xrealip",
        "cfconnectingip",
        "trueclientip",
        "contextip",
        "initialip",
    ]
)
_SECRET_NAMES = frozenset(
    [
        "accesstoken",
        "idtoken",
        "refreshtoken",
        "authtoken",
        "csrftoken",
        "password",
        "passwd",
        "passwort",
        "pwd",
        "secret",
        "clientsecret",
        "apikey",
        "authorization",
        "otp",
    ]
)
_DROPPED_NAMES = IP_NAMES | _SECRET_NAMES
# A name in front of these ends stays as it is: looking for its begin costs the square of a long text.
_IN_URLS = (
    r"(?i)((?:(?:\b|%[0-9A-F]{2})(?:auth|authorization|session_?id|sid|jsessionid|phpsessid|sig|signature|reset_?code)"
    r"|token|password|passwd|passwort|pwd|secret|api[_-]?key|jwt|otp)(?:=|%3D))[^&#\s\"'\\;%]+"
)
_LETTER = "A-Za-z0-9\u00a1-\uffff"
_EMAIL = rf"[{_LETTER}._%+'-]{{1,64}}(?:@|%(?:25)?40)[{_LETTER}-]+(?:\.[{_LETTER}-]+)*\.[A-Za-z\u00a1-\uffff]{{2,24}}\b"
_CARD = r"(?:\d(?:[ .+-]|%20)?){12,40}\d"
# Each pattern is read by Rust's regex and by Python's alike; the first removes what others would cut in two.
_PATTERNS: tuple[tuple[str, str], ...] = (
    (r"://[^/@\s\"]+@", "://[secret]@"),
    (r"eyJ[A-Za-z0-9_-]{8,256}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*", "[token]"),
    (r"\b(?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{8,}", "[token]"),
    (r"\b(?:ghp|gho|ghs|github_pat|xox[abprs])[_-][A-Za-z0-9_-]{10,}", "[token]"),
    (r"\bAKIA[A-Z0-9]{16}\b", "[token]"),
    (r"(?i)\bbearer\s+[A-Za-z0-9._~+/-]{8,}=*", "[token]"),
    (_IN_URLS, r"\1[secret]"),
)
_SUSPICIOUS = "|".join(f"(?:{pattern})" for pattern in (*(pattern for pattern, _ in _PATTERNS), _EMAIL, _CARD))
_COMPILED = tuple((re.compile(pattern, re.ASCII), replacement) for pattern, replacement in _PATTERNS)
_LOOKS_LIKE_EMAIL = re.compile(_EMAIL)
_LOOKS_LIKE_CARD = re.compile(_CARD)
# What stands behind an @ in the names of files and packages.
_FILE_ENDINGS = frozenset(
    ["png", "jpg", "jpeg", "gif", "svg", "webp", "avif", "ico", "js", "mjs", "cjs", "css", "ts", "map", "json", "html"]
)
_ADDRESS = re.compile(
    r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])|(?<![\w:])(?:[0-9a-f]{1,4}:){4,7}[0-9a-f]{1,4}(?![\w:])", re.IGNORECASE
)
_EVEN_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
# First digits of the networks that issue payment cards, and how many digits theirs have.
_ISSUERS = re.compile(
    r"4\d{15}|5[1-5]\d{14}|2[2-7]\d{14}|3[47]\d{13}|6(?:011|5\d\d)\d{12}|3(?:0[0-5]|[68]\d)\d{11}|35\d{14}"
)


@lru_cache(maxsize=4_096)
def plain_name(name: str) -> str:
    """A name as it is compared: letters and digits in lower case."""
    return "".join(char for char in name.lower() if char.isalnum())


def is_dropped(name: object, denied: frozenset[str]) -> bool:
    """Whether an entry of that name is never stored."""
    return str(name) in denied or plain_name(str(name)) in _DROPPED_NAMES


def without_personal(value: Any, denied: frozenset[str] = frozenset()) -> Any:  # noqa: ANN401  # JSON holds anything
    """`value` with texts scrubbed, without the entries that hold addresses or secrets or bear a denied name."""
    if isinstance(value, dict):
        return {name: without_personal(inner, denied) for name, inner in value.items() if not is_dropped(name, denied)}
    if isinstance(value, list):
        return [without_personal(inner, denied) for inner in value]
    return _without_personal_text(value, denied) if isinstance(value, str) else value


def _without_personal_text(text: str, denied: frozenset[str]) -> str:
    """A text, which may itself be JSON."""
    found = json_within(text)
    if found is None:
        return scrub_text(text)
    clean = without_personal(found, denied)
    # What holds nothing stays as it was written.
    return text if clean == found else msgspec.json.encode(clean).decode()


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
    return frame.with_columns(_scrubbed(frame[name]) for name in names)


def _scrubbed(texts: pl.Series) -> pl.Series:
    distinct = texts.drop_nulls().unique()
    # One look for anything suspicious first: most texts hold nothing.
    suspicious = distinct.filter(distinct.str.contains(_SUSPICIOUS))
    if suspicious.is_empty():
        return texts
    clean = pl.Series([scrub_text(text) for text in suspicious], dtype=pl.String)
    return texts.replace(suspicious, clean)


@lru_cache(maxsize=65_536)
def scrub_text(text: str) -> str:
    """Remove personal data from one text."""
    for pattern, replacement in _COMPILED:
        text = pattern.sub(replacement, text)
    # Without its sign there is no address, and looking for one in a long text takes long.
    if "@" in text or "40" in text:
        text = _LOOKS_LIKE_EMAIL.sub(_email, text)
    return _LOOKS_LIKE_CARD.sub(_cards, text)


def scrub_unread(text: str) -> str:
    """Remove personal data from a record that nobody could read: IP addresses too, wherever they stand."""
    return _ADDRESS.sub("[ip]", scrub_text(text))


def _email(found: re.Match[str]) -> str:
    return found[0] if found[0].rsplit(".", 1)[-1].lower() in _FILE_ENDINGS else "[email]"


def _cards(found: re.Match[str]) -> str:
    """Card numbers within a run of digits: from the left, the first that an issuer gives and whose digit fits."""
    run = found[0]
    places = [i for i, char in enumerate(run) if char.isdigit() and not run[max(0, i - 2) : i].endswith(("%", "%2"))]
    digits = "".join(run[i] for i in places)
    shown, begin, at = "", 0, 0
    while at < len(digits):
        card = _ISSUERS.match(digits, at)
        # Inside a longer number without separators a card is a chance: one in ten of all digits fit.
        is_own = card is not None and _stands_alone(run, places, at, card.end())
        if card is not None and is_own and _check_digit_fits(card[0]):
            shown += run[begin : places[at]] + "[card]"
            begin, at = places[card.end() - 1] + 1, card.end()
        else:
            at += 1
    return shown + run[begin:]


def _stands_alone(run: str, places: list[int], begin: int, end: int) -> bool:
    before = begin == 0 or places[begin - 1] + 1 < places[begin]
    after = end == len(places) or places[end - 1] + 1 < places[end]
    return before and after and (places[begin] == 0 or run[places[begin] - 1] != ".")


def _check_digit_fits(digits: str) -> bool:
    """Luhn's check: every second digit from the right doubled, digits summed, divisible by ten."""
    total = sum(_EVEN_DOUBLED[int(d)] if i % 2 else int(d) for i, d in enumerate(reversed(digits)))
    return total % 10 == 0
