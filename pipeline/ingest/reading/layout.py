"""How a table of text is laid out: its delimiter, and what stands above its header."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.ingest.faults import FileFault

DELIMITERS = ",;\t|"
# So many lines may stand above a header.
LOOKED_AT = 64
_QUOTED = re.compile(r'"[^"]*"')
_SEPARATOR = re.compile(r'"?sep=(?P<delimiter>[^"\r\n])"?\s*', re.IGNORECASE)
_LETTER = re.compile(r"[^\W\d_]")
_WORDS = re.compile(r"[^\W\d][\w $#().:/-]{0,63}")
_AT_LEAST = 2


@dataclass(frozen=True)
class Layout:
    """`skipped` lines come before the header."""

    skipped: int
    delimiter: str


def layout(lines: Sequence[str]) -> Layout:
    """The layout of a table by its first lines (logical ones: a quoted cell may hold line ends).

    Skipped are a `sep=` line, comments, and titles above the header where it can be told: the first line whose number
    of cells, two or more, is that of the line below, and that has a word in each cell. FileFault where lines stand
    above a table whose header can't be told.
    """
    stated = _SEPARATOR.fullmatch(lines[0]) if lines else None
    skipped = 1 if stated else 0
    while skipped < len(lines) and (not lines[skipped].strip() or _is_comment(lines, skipped)):
        skipped += 1
    rest = lines[skipped:]
    if not rest:
        return Layout(0, ",")
    if stated:
        return Layout(skipped, stated["delimiter"])
    delimiter = _delimiter(rest[0])
    if delimiter is not None:
        return Layout(skipped, delimiter)
    return _below_titles(rest, skipped)


def _below_titles(lines: Sequence[str], skipped: int) -> Layout:
    """A first line of one cell is the header of a single column, or a title above the header."""
    wide = [i for i, line in enumerate(lines) if _delimiter(line)]
    for i in wide:
        delimiter = _delimiter(lines[i]) or ","
        cells, below = _cells(lines[i], delimiter), next((x for x in lines[i + 1 :] if x.strip()), None)
        if below is not None and len(cells) == len(_cells(below, delimiter)) and all(map(_LETTER.search, cells)):
            return Layout(skipped + i, delimiter)
    texts = [line for line in lines if line.strip()]
    if len(wide) * 2 > len(texts):
        raise FileFault(
            "unknown_header", "lines stand above the table, and its header can't be told; remove what stands above it"
        )
    return Layout(skipped, ",")


def _is_comment(lines: Sequence[str], at: int) -> bool:
    """A line that begins with # and isn't the header itself, as in `#,Question` and `#id,name`."""
    if not lines[at].startswith("#"):
        return False
    delimiter = _delimiter(lines[at])
    if delimiter is None:
        return True
    below = next((line for line in lines[at + 1 :] if line.strip()), "")
    return len(_cells(below, delimiter)) != len(_cells(lines[at], delimiter))


def _delimiter(line: str) -> str | None:
    bare = _QUOTED.sub("", line)
    best = max(DELIMITERS, key=bare.count)
    return best if best in bare else None


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


def is_table(head: bytes, *, strictly: bool = False) -> bool:
    """Whether the first bytes of a text look like a table with a header of at least two columns.

    `strictly`: there are rows below it, as long as it, and its cells are different words.
    """
    lines = head.decode("utf-8", errors="replace").splitlines()[:LOOKED_AT]
    try:
        result = layout(lines)
    except FileFault:
        return not strictly
    header, *below = [_cells(line, result.delimiter) for line in lines[result.skipped :] if line.strip()] or [[]]
    if len(header) < _AT_LEAST or not any(map(_LETTER.search, header)):
        return False
    if strictly:
        return bool(below) and len(below[0]) == len(header) == len(set(header)) and all(map(_WORDS.fullmatch, header))
    return not below or abs(len(below[0]) - len(header)) <= 1
