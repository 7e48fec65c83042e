"""E-mail addresses, and keys and tokens that are known by their form, found in texts.

Sources: the issuers' documentation of their keys' prefixes, as secret scanners use them; RFC 7519 (JWT), RFC 7468
(PEM), RFC 7617 (Basic), RFC 6750 (Bearer). Keys that are meant to be public, as a site's write key, are left alone.
"""

import base64
import binascii
import re
from collections.abc import Iterator

from pipeline.ingest.scrub_names import words_of

Span = tuple[int, int, str]
# Every key has one of these in it: texts without are passed over.
MARKS = (
    "eyJ", "_live_", "_test_", "whsec_", "gho_", "ghp_", "ghr_", "ghs_", "ghu_", "github_pat_", "glpat-", "xox", "xapp-", "hooks.slack.com", "AKIA", "ASIA",
    "AIza", "ya29.", "GOCSPX-", "sk-", "SG.", "SK", "npm_", "pypi-", "hf_", "shpat_", "shpca_", "shppa_", "shpss_", "dop_v1_", "-----BEGIN", "earer", "EARER", "asic", "key-",
)  # fmt: skip
_PATTERNS = (
    r"eyJ[A-Za-z0-9_-]{8,512}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
    r"\b(?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{8,}",
    r"\bwhsec_[A-Za-z0-9+/=]{16,}",
    r"\b(?:gh[oprsu]|github_pat)_[A-Za-z0-9_]{10,}",
    r"\bglpat-[A-Za-z0-9_-]{16,}",
    r"\bxox[abeoprs](?:\.xox[abeoprs])?[-_][A-Za-z0-9_-]{10,}",
    r"\bxapp-[0-9A-Za-z-]{16,}",
    r"\bhooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9_/-]{16,}",
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    r"\bAIza[A-Za-z0-9_-]{35}",
    r"\bya29\.[A-Za-z0-9_-]{16,}",
    r"\bGOCSPX-[A-Za-z0-9_-]{16,}",
    r"\bsk-(?:proj|ant|svcacct|admin|or|live|test|lf)-[A-Za-z0-9_-]{16,}",
    r"\bsk-[A-Za-z0-9]{32,}",
    r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
    r"\bSK[0-9a-f]{32}\b",
    r"\bnpm_[A-Za-z0-9]{36}\b",
    r"\bpypi-[A-Za-z0-9_-]{32,}",
    r"\bhf_[A-Za-z0-9]{30,}\b",
    r"\bshp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}",
    r"\bdop_v1_[a-f0-9]{32,}",
    r"\bkey-[0-9a-f]{32}\b",
    r"-----BEGIN[A-Z +]{0,32}PRIVATE[ +]KEY-----[A-Za-z0-9+/=\s\\:,-]*",
    r"(?i:\bbearer)[\s+]{1,9}(?=[A-Za-z._~+/-]*\d)[A-Za-z0-9._~+/-]{8,}=*",
)
# "Basic " and eight characters.
_SHORTEST = 14
_KEY = re.compile("|".join(_PATTERNS), re.ASCII)
_BASIC = re.compile(r"\bbasic[ +]([A-Za-z0-9+/]{8,}={0,2})", re.IGNORECASE)
_LETTER = "A-Za-z0-9\u00a1-\u2009\u2030-\uffff"
# Looked for from its sign on: what stands in front of none may be long.
_LOCAL = re.compile(rf"[{_LETTER}._%+'-]{{1,64}}\Z")
_DOMAIN = re.compile(
    rf"(?:[{_LETTER}-]{{1,63}}\.){{1,8}}(?:xn--[A-Za-z0-9-]{{2,20}}|[A-Za-z\u00a1-\u2009\u2030-\uffff]{{2,24}}(?!\w))"
)
_USER_OF_HOST = re.compile(r"(?<=//)[^/?#\s\"<>@]{1,256}(?:@[^/?#\s\"<>@]{0,256}){0,4}@")
# What stands behind an @ in the names of files and packages.
_FILE_ENDINGS = words_of("png jpg jpeg gif svg webp avif ico js mjs cjs css ts map json html woff woff2")


def may_hold_key(text: str) -> bool:
    """Whether a look for keys is worth it."""
    return len(text) >= _SHORTEST and any(mark in text for mark in MARKS)


def keys(text: str) -> Iterator[Span]:
    """Keys and tokens of well-known forms."""
    for result in _KEY.finditer(text):
        yield result.start(), result.end(), "[token]"
    for result in _BASIC.finditer(text):
        # "Basic functionality" is no user and password.
        if ":" in _decoded(result[1]):
            yield result.start(), result.end(), "[token]"


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        return ""


def emails(text: str) -> Iterator[Span]:
    """E-mail addresses, and users in front of the host of an address."""
    users = [result.span() for result in _USER_OF_HOST.finditer(text)]
    yield from ((begin, end - 1, "[secret]") for begin, end in users)
    ends = {end - 1 for _, end in users}
    at = text.find("@")
    while at >= 0:
        local = _LOCAL.search(text, max(0, at - 64), at)
        domain = _DOMAIN.match(text, at + 1)
        if at not in ends and local and domain and domain[0].rsplit(".", 1)[-1].lower() not in _FILE_ENDINGS:
            yield local.start(), domain.end(), "[email]"
        at = text.find("@", at + 1)
