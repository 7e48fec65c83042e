"""Personal data out of addresses and texts, before anything is stored (design.md, "Security").

Removed: e-mail addresses, payment card numbers (those whose check digit fits, ISO/IEC 7812), secrets in addresses,
signed tokens, keys of well-known forms. Other long numbers are left alone: order ids and times in milliseconds look
alike.
"""

import re
from typing import Any

import polars as pl

from pipeline.contracts.canonical import PROMOTED_PREFIX

SCRUBBED_COLUMNS = (
    "url",
    "referrer",
    "page_title",
    "name",
    "text",
    "choice",
    "error_message",
    "element_chain",
    "properties",
)
# Where records come as mappings, these names are dropped: IP addresses are never stored or used.
IP_NAMES = frozenset(
    {
        "ip",
        "$ip",
        "ip_address",
        "ipaddress",
        "ipAddress",
        "client_ip",
        "clientIp",
        "user_ip",
        "user_ipaddress",
        "remote_addr",
        "remoteAddress",
        "request_ip",
        "requestIP",
        "x_forwarded_for",
        "X-Forwarded-For",
        "x-forwarded-for",
        "context_ip",
    }
)
_NAMES_IN_URLS = (
    "access_token|id_token|refresh_token|auth_token|csrf_token|token|password|passwd|passwort|pwd|secret|client_secret"
    "|api_?key|auth|authorization|session_?id|sid|jsessionid|phpsessid|sig|signature|otp|reset_?code"
)
# Names of values in JSON: session ids and signatures are no secrets there, but what events are told apart by.
_NAMES_IN_JSON = (
    "access_token|id_token|refresh_token|auth_token|csrf_token|password|passwd|passwort|pwd|secret|client_secret"
    "|api_?key|authorization|otp"
)
_CARD = r"\b(?:\d[ -]?){12,18}\d\b"
# Each pattern is read by Rust's regex and by Python's alike.
_PATTERNS: tuple[tuple[str, str], ...] = (
    (r"://[^/@\s\"]+:[^/@\s\"]+@", "://[secret]@"),
    (r"[A-Za-z0-9._%+'-]{1,64}(?:@|%40)[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+", "[email]"),
    (r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*", "[token]"),
    (r"\b(?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{8,}", "[token]"),
    (r"\b(?:ghp|gho|ghs|github_pat|xox[abprs])[_-][A-Za-z0-9_-]{10,}", "[token]"),
    (r"\bAKIA[A-Z0-9]{16}\b", "[token]"),
    (r"(?i)\bbearer\s+[A-Za-z0-9._~+/-]{8,}=*", "[token]"),
    (rf"(?i)\b(?:{_NAMES_IN_URLS})=[^&#\s\"'\\;]+", "[secret]"),
    (rf"(?i)\"(?:{_NAMES_IN_JSON})\"\s*:\s*\"[^\"]+\"", '"[secret]":null'),
)
_SUSPICIOUS = "|".join(f"(?:{pattern})" for pattern in (*(pattern for pattern, _ in _PATTERNS), _CARD))
_LOOKS_LIKE_CARD = re.compile(_CARD)
_IP_FIELD = re.compile(rf'"(?:{"|".join(map(re.escape, sorted(IP_NAMES)))})"\s*:\s*"[^"]*"?')
_EVEN_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
# First digits of the networks that issue payment cards, and how many digits theirs have.
_ISSUERS = re.compile(
    r"^(?:4\d{12}(?:\d{3})?(?:\d{3})?|5[1-5]\d{14}|2[2-7]\d{14}|3[47]\d{13}|6(?:011|5\d\d)\d{12}|3(?:0[0-5]|[68]\d)\d{11}|35\d{14})$"
)


def without_names(value: Any, denied: frozenset[str] = frozenset()) -> Any:  # noqa: ANN401  # JSON holds anything
    """`value` without the entries that hold IP addresses or bear a denied name, at any depth."""
    if isinstance(value, dict):
        return {
            name: without_names(inner, denied)
            for name, inner in value.items()
            if name not in IP_NAMES and name not in denied
        }
    return [without_names(inner, denied) for inner in value] if isinstance(value, list) else value


def scrub_columns(frame: pl.DataFrame) -> pl.DataFrame:
    """Remove personal data from the text columns of candidate events; each distinct text is looked at once."""
    promoted = [n for n, t in frame.schema.items() if n.startswith(PROMOTED_PREFIX) and t == pl.String()]
    names = [name for name in (*SCRUBBED_COLUMNS, *promoted) if frame[name].null_count() < frame.height]
    return frame.with_columns(_scrubbed(frame[name]) for name in names)


def _scrubbed(texts: pl.Series) -> pl.Series:
    distinct = texts.drop_nulls().unique()
    # One look for anything suspicious first: most texts hold nothing.
    suspicious = distinct.filter(distinct.str.contains(_SUSPICIOUS))
    if suspicious.is_empty():
        return texts
    clean = pl.Series([scrub_text(text) for text in suspicious], dtype=pl.String)
    return texts.replace(suspicious, clean)


def scrub_text(text: str) -> str:
    """Remove personal data from one text: a column's, or the raw text of a rejected record."""
    text = _IP_FIELD.sub('"[ip]":null', text)
    for pattern, replacement in _PATTERNS:
        text = re.sub(pattern, replacement, text, flags=re.ASCII)
    return _LOOKS_LIKE_CARD.sub(_card, text)


def _card(found: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", found[0])
    return "[card]" if _ISSUERS.match(digits) and _check_digit_fits(digits) else found[0]


def _check_digit_fits(digits: str) -> bool:
    """Luhn's check: every second digit from the right doubled, digits summed, divisible by ten."""
    total = sum(_EVEN_DOUBLED[int(d)] if i % 2 else int(d) for i, d in enumerate(reversed(digits)))
    return total % 10 == 0
