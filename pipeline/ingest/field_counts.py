"""How often each field of the records of a file came, by its path and the type of its value, for drift and the mapping."""

from collections import Counter
from typing import Any

DEPTH = 3
# A hostile file can invent a field a record; beyond so many they are counted together.
MAX_FIELDS = 1_000
MAX_FIELD_NAME = 256
OTHER_FIELDS = "(other fields)"
Counts = Counter[tuple[str, str]]


class _Level:
    """The fields of an object at one path: how often by name and type, and the objects in it by name."""

    __slots__ = ("counts", "inner", "is_kept", "path")

    def __init__(self, path: str, *, is_kept: bool) -> None:
        self.path, self.is_kept = path, is_kept
        self.counts: dict[tuple[Any, type], int] = {}
        self.inner: dict[Any, _Level] = {}


class FieldCounts:
    """Counts of (path, type). Paths aren't put together for each value: a level of objects knows its own."""

    def __init__(self) -> None:
        self._top = _Level("", is_kept=True)
        self._known: Counts = Counter()
        self._levels = 0

    def add(self, record: Any) -> None:  # noqa: ANN401  # JSON holds anything
        """Count the fields of a record that hold something, down to three levels of objects."""
        if isinstance(record, dict):
            self._add(record, self._top, DEPTH)

    def _add(self, value: dict[Any, Any], level: _Level, depth: int) -> None:
        counts = level.counts
        for name, inner in value.items():
            kind = type(inner)
            if kind is dict and depth > 1:
                self._add(inner, level.inner.get(name) or self._level(level, name), depth - 1)
            elif inner is None or (kind is str and not inner):
                continue
            else:
                try:
                    counts[name, kind] += 1
                except KeyError:
                    self._first(level, name, kind)

    def _level(self, level: _Level, name: Any) -> _Level:  # noqa: ANN401  # JSON holds anything
        made = _Level(_under(level.path, name), is_kept=level.is_kept and self._levels < MAX_FIELDS)
        if made.is_kept:
            level.inner[name] = made
            self._levels += 1
        return made

    def _first(self, level: _Level, name: Any, kind: type) -> None:  # noqa: ANN401  # JSON holds anything
        """A field that wasn't met on its level: it is counted there from now on, unless there are too many."""
        path = _under(level.path, name)
        key = (path[:MAX_FIELD_NAME], kind.__name__)
        if level.is_kept and (key in self._known or len(self._known) < MAX_FIELDS):
            self._known[key] += 0
            level.counts[name, kind] = 1
        else:
            self.count(path, kind.__name__)

    def count(self, path: str, kind: str, number: int = 1) -> None:
        """Count `number` values of a type in a field."""
        key = (path[:MAX_FIELD_NAME], kind)
        is_known = key in self._known or len(self._known) < MAX_FIELDS
        self._known[key if is_known else (OTHER_FIELDS, "any")] += number

    def all(self) -> Counts:
        """The counts of all records so far."""
        result, levels = self._known.copy(), [self._top]
        while levels:
            level = levels.pop()
            for (name, kind), number in level.counts.items():
                result[_under(level.path, name)[:MAX_FIELD_NAME], kind.__name__] += number
            levels += level.inner.values()
        return result


def _under(path: str, name: Any) -> str:  # noqa: ANN401  # JSON holds anything
    return f"{path}.{name}" if path else str(name)
