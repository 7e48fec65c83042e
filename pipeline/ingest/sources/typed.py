"""What was typed into masked fields of one window, taken out of the addresses that come later: forms send it there."""

import re
from collections.abc import Iterator
from typing import Any

from pipeline.ingest.scrub import replaced
from pipeline.ingest.scrub_numbers import Span

_SHORTEST = 4
# More than anybody types; the newest are kept.
_MOST = 200
_WORD = re.compile(r"[^\W_]+")


class Typed:
    """Values of one window's masked fields, by what they are made of: `Anna Berg` is found as `anna-berg` too.

    Values shorter than 4 characters aren't looked for, nor those that a path of the site had before they were typed.
    """

    def __init__(self) -> None:
        self._now: dict[Any, str] = {}
        self._before: list[str] = []
        self._known: set[str] = set()
        self._paths: list[str] = []
        self._pattern: re.Pattern[str] | None = None

    def add(self, field: Any, value: Any) -> None:  # noqa: ANN401  # JSON holds anything
        """A field holds that value now. What is typed letter by letter is one value, the longest."""
        if not isinstance(value, str) or not isinstance(field, int) or self._now.get(field) == value:
            return
        last = self._now.pop(field, "")
        if not value.startswith(last) and not any(each.startswith(last) for each in self._before):
            self._before = [*self._before[-_MOST:], last]
        self._now[field] = value
        fits = _pattern([value])
        if fits and any(fits.search(path) for path in self._paths):
            self._known.add(value)
        self._pattern = None

    def visited(self, address: str) -> None:
        """An address was shown: words of its path are the site's."""
        self._paths = [*self._paths[-_MOST:], re.split("[?#]", address, maxsplit=1)[0]]

    def without(self, address: str) -> str:
        """The address without what was typed before."""
        if not self._now:
            return address
        if self._pattern is None:
            stated = dict.fromkeys([*self._before, *list(self._now.values())[-_MOST:]])
            self._pattern = _pattern([value for value in stated if value not in self._known]) or re.compile(r"(?!)")
        return replaced(address, self._find)

    def _find(self, text: str) -> Iterator[Span]:
        if self._pattern:
            yield from ((*result.span(), "[secret]") for result in self._pattern.finditer(text))


def _pattern(values: list[str]) -> re.Pattern[str] | None:
    """What fits one of the values, whatever stands between its words."""
    words = [_WORD.findall(value[:_MOST]) for value in values if len(value) >= _SHORTEST]
    reported = [r"[\W_]{1,3}".join(map(re.escape, each)) for each in words if each]
    return re.compile(rf"(?<![^\W_])(?:{'|'.join(reported)})(?![^\W_])", re.IGNORECASE) if reported else None
