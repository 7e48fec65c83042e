"""Personal data out of addresses and texts, before anything is stored (design.md, "Security").

Removed: e-mail addresses, payment card numbers, secrets in addresses, signed tokens. Numbers of other lengths are left
alone: order ids and times in milliseconds look alike.
"""

import re
from typing import Any

import polars as pl

from pipeline.contracts.canonical import PROMOTED_PREFIX

SCRUBBED_COLUMNS = ("url", "referrer", "page_title", "text", "error_message", "element_chain", "properties")
# Where records come as mappings, these names are dropped: IP addresses are never stored or used.
IP_NAMES = frozenset({"ip", "$ip", "ip_address", "client_ip", "user_ip", "user_ipaddress", "remote_addr", "context_ip"})
# Each pattern is read by Rust's regex and by Python's alike.
_PATTERNS: tuple[tuple[str, str], ...] = (
    (r"[A-Za-z0-9._%+-]+(?:@|%40)[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+", "[email]"),
    (r"\b(?:4\d{3}|5[1-5]\d{2}|2[2-7]\d{2}|6(?:011|5\d{2}))[ -]?\d{4}[ -]?\d{4}[ -]?\d{4}\b", "[card]"),
    (r"\b3[47]\d{2}[ -]?\d{6}[ -]?\d{5}\b", "[card]"),
    (r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*", "[token]"),
    (
        (
            r"(?i)\b(?:access_token|id_token|refresh_token|token|password|passwd|pwd|secret|api_?key|auth|session_?id|sid"
            r"|sig|signature)=[^&#\s\"'\\]+"
        ),
        "[secret]",
    ),
    (r"://[^/@\s\"]+:[^/@\s\"]+@", "://[secret]@"),
)
_IP_FIELD = re.compile(rf'"(?:{"|".join(map(re.escape, sorted(IP_NAMES)))})"\s*:\s*"[^"]*"?')


def without_ip(value: Any) -> Any:  # noqa: ANN401  # JSON holds anything
    """`value` without the entries that hold IP addresses, at any depth."""
    if isinstance(value, dict):
        return {name: without_ip(inner) for name, inner in value.items() if name not in IP_NAMES}
    return [without_ip(inner) for inner in value] if isinstance(value, list) else value


def scrub_columns(frame: pl.DataFrame) -> pl.DataFrame:
    """Remove personal data from the text columns of candidate events."""
    promoted = [n for n, t in frame.schema.items() if n.startswith(PROMOTED_PREFIX) and t == pl.String()]
    return frame.with_columns(_scrubbed(pl.col(name)) for name in (*SCRUBBED_COLUMNS, *promoted))


def _scrubbed(text: pl.Expr) -> pl.Expr:
    for pattern, replacement in _PATTERNS:
        text = text.str.replace_all(pattern, replacement)
    return text


def scrub_text(text: str) -> str:
    """Remove personal data from one text: the raw text of a rejected record."""
    text = _IP_FIELD.sub('"[ip]":null', text)
    for pattern, replacement in _PATTERNS:
        text = re.sub(pattern, replacement, text, flags=re.ASCII)
    return text
