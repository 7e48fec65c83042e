"""Secrets told by their names in texts: parameters of addresses, entries of JSON and attributes, headers."""

import re
from collections.abc import Iterator

from pipeline.ingest.scrub_names import head_of, is_secret, kind_of, words_of

Span = tuple[int, int, str]
# Looked for from its begin on only: looking from each of its letters costs the square of a long text.
_PARAMETER = re.compile(r"(?<![\w.\[\]$-])([\w.\[\]$-]+)\s{0,3}=")
_LONGEST_NAME = 256
_NEXT = r";(?=[\w.\[\]%-]{1,64}=)"
# A value ends where the next parameter begins; in a text at a blank too, before the query with the part of the path.
_IN_ADDRESS = re.compile(rf"(?:[^&#;]|(?!{_NEXT});)*")
_IN_TEXT = re.compile(rf"(?:[^&#;\s\"<>\\]|(?!{_NEXT});|\\(?![\"nrtu]))*")
_IN_PATH = re.compile(r"[^&#;\s\"<>\\/?]*")
_QUOTED = re.compile(r"(\\?[\"'])((?:(?!\1).)*)", re.DOTALL)
# What makes a name the name of a parameter.
_SEPARATORS = frozenset("?&#;")
# Also where no separator stands in front: cookies, bodies of forms.
_OF_A_SESSION = words_of("id sid session sessionid auth sig signature")
_ENTRY = re.compile(
    r"""(\\{0,3}["'])([\w.$ \[\]-]{1,64})\1\s{0,9}:\s{0,9}"""
    r"""(?:"(?P<double>(?:[^"\\]|\\.)*)|(?P<escape>\\{1,3}["'])(?P<escaped>(?:(?!(?P=escape)).)*)"""
    r"""|'(?P<single>(?:[^'\\]|\\.)*)|(?P<bare>[^\s,}\]\["'{\\]+))""",
    re.DOTALL,
)
_HEADERS = ("authorization", "x-api-key", "x-auth-token", "cookie:")
_HEADER = re.compile(
    r"\b(?:(?:proxy-)?authorization|x-api-key|x-auth-token)[\"']?\s{0,3}[:=]\s{0,3}[\"']?((?:(?:basic|bearer|digest|token|negotiate)\s+)?[^\s\"',;]+)"
    r"|\b(?:set-)?cookie:\s{0,3}([^\r\n\"]+)",
    re.IGNORECASE,
)


def parameters(text: str, *, is_address: bool) -> Iterator[Span]:
    """Values of `name=value` whose name says that they may not be kept, to their ends."""
    end = 0
    for result in _PARAMETER.finditer(text):
        name = result[1][-_LONGEST_NAME:]
        kind = kind_of(name)
        if kind and result.end() > end:
            value = _value(text, result, name, kind, is_address=is_address)
            if value:
                yield value
                end = value[1]


def _value(text: str, result: re.Match[str], name: str, kind: str, *, is_address: bool) -> Span | None:
    at = result.end() - 1
    sign = text[result.start() - 1 : result.start()]
    is_parameter = sign in _SEPARATORS if sign else is_address or "&" in text
    if kind == "doubtful" and not is_parameter and head_of(name) not in _OF_A_SESSION:
        return None
    quoted = None if is_address else _QUOTED.match(text, at + 1)
    if quoted:
        begin, end = quoted.span(2)
    else:
        is_path = sign == ";" and "?" not in text[max(0, at - 2_048) : at]
        begin = at + 1
        ends = _IN_PATH if is_path else _IN_ADDRESS if is_address else _IN_TEXT
        value = ends.match(text, begin)
        end = value.end() if value else begin
    return (begin, end, "[secret]") if is_secret(name, text[begin:end], in_address=True) else None


def entries(text: str) -> Iterator[Span]:
    """Values of `"name": value` within a text, also where the JSON is a text in JSON itself."""
    for result in _ENTRY.finditer(text):
        group = next(name for name in ("double", "escaped", "single", "bare") if result[name] is not None)
        if is_secret(result[2], result[group], in_address=False):
            yield *result.span(group), "[secret]"


def headers(text: str) -> Iterator[Span]:
    """Values of HTTP headers that let in."""
    lower = text.lower()
    if not any(name in lower for name in _HEADERS):
        return
    for result in _HEADER.finditer(text):
        group = 1 if result[1] is not None else 2
        if not result[group].startswith("["):
            yield *result.span(group), "[token]" if group == 1 else "[secret]"
