r"""Texts with their escapes undone once, and where each character stood: `%40` of addresses, `\u0040` of JSON."""

import re

_ESCAPES = re.compile(r"(?:%[0-9A-Fa-f]{2})+|\\u00[0-9A-Fa-f]{2}")
# Characters of an escaped byte; bytes from here on are no characters by themselves.
_WIDTH, _ASCII = 3, 0x80


def unescaped(text: str) -> tuple[str, list[int]] | None:
    """The text with escapes undone once, and for each of its characters and its end the place in `text`; None without."""
    parts: list[str] = []
    positions: list[int] = []
    at = 0
    for result in _ESCAPES.finditer(text):
        begin, end = result.span()
        parts.append(text[at:begin])
        positions.extend(range(at, begin))
        for char, width in _plain(result[0]):
            parts.append(char)
            positions.append(begin)
            begin += width
        at = end
    if not parts:
        return None
    parts.append(text[at:])
    positions.extend(range(at, len(text) + 1))
    return "".join(parts), positions


def _plain(escape: str) -> list[tuple[str, int]]:
    """Characters and how many each took. A blank is the plus of forms, so that it ends no value."""
    if escape[0] == "\\":
        return [(chr(int(escape[-4:], base=16)), len(escape))]
    raw = bytes.fromhex(escape.replace("%", ""))
    try:
        plain = raw.decode()
    except UnicodeDecodeError:
        return [(chr(byte) if byte < _ASCII else "\ufffd", _WIDTH) for byte in raw]
    return [("+" if char.isspace() else char, _WIDTH * len(char.encode())) for char in plain]
