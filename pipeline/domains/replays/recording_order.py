"""The one order of a recorded window's events, whatever chunks they came in.

Time comes first. Within one millisecond neither chunks nor lines tell an order, but the page does: an element must be there
before anything is said of it, and gone before it comes in again. What that leaves open follows from what the events say:
a press before its click, a click before what it changed, lower node ids, which rrweb gives out in turn, before higher ones.

Documentation: rrweb, the types of @rrweb/types (EventType, IncrementalSource, MouseInteractions, mutationData).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, NamedTuple

import msgspec

_SNAPSHOT, _INCREMENTAL = 2, 3
_MUTATION, _MOVE, _INTERACTION, _INPUT = 0, 1, 2, 5
# Within one millisecond: what loads a page comes before its snapshot, and that before what changes it.
_RANKS = {0: 0, 1: 0, 4: 1, _SNAPSHOT: 2}
_LAST = 3
# Pressed, left, focused, released, clicked; then what came of it.
_TURNS = {1: 0, 7: 0, 6: 1, 5: 2, 9: 3, 0: 3, 2: 4, 3: 5, 4: 5, 10: 6}
_SOURCES = {_MOVE: 0, 6: 0, 12: 0, _INTERACTION: 1, _INPUT: 2, _MUTATION: 3}
_OTHERS = 4
# More events of one millisecond are no browser's.
_MOST = 500


class Piece(NamedTuple):
    """A recorded event: when (ms), its type, the number that copies of it share, its JSON."""

    at: int
    kind: int
    sameness: int
    text: str


@dataclass(frozen=True)
class _Event:
    """An event read as far as its order needs it."""

    piece: Piece
    data: Mapping[str, Any]

    @property
    def turn(self) -> tuple[int, int, int, int, int]:
        """Where it stands within its millisecond, as far as nothing else is known."""
        source = self.data.get("source") if self.piece.kind == _INCREMENTAL else None
        interaction = self.data.get("type") if source == _INTERACTION else None
        new = min(_numbers(self.adds), default=0)
        position = _SOURCES.get(source, _OTHERS) if isinstance(source, int) else _OTHERS
        return (
            rank(self.piece.kind),
            position,
            _TURNS.get(interaction, 9) if isinstance(interaction, int) else 9,
            new,
            self.piece.sameness,
        )

    def listed(self, name: str) -> list[Mapping[str, Any]]:
        """The objects in a list of a mutation."""
        result = self.data.get(name) if self.piece.kind == _INCREMENTAL else None
        return [each for each in result if isinstance(each, Mapping)] if isinstance(result, list) else []

    @property
    def adds(self) -> list[Any]:
        """Ids of the nodes that it puts into the page."""
        return [each["node"].get("id") for each in self.listed("adds") if isinstance(each.get("node"), Mapping)]

    @property
    def named(self) -> list[int]:
        """Ids that a mutation or an act speaks of; below 0 stands what isn't part of the page, 0 what isn't named."""
        if self.data.get("source") == _MUTATION:
            reported = [each.get("parentId") for each in self.listed("adds")]
            reported += [each.get("id") for name in ("texts", "attributes", "removes") for each in self.listed(name)]
            return _numbers(reported)
        return _numbers([self.data.get("id")]) if self.data.get("source") == _INTERACTION else []

    @property
    def beside(self) -> list[int]:
        """Ids without which it can be played, but not as it was."""
        return _numbers([self.data.get("id"), *(each.get("nextId") for each in self.listed("adds"))])


def rank(kind: int) -> int:
    """An event's rank within its millisecond, from its type."""
    return _RANKS.get(kind, _LAST)


def in_turn(pieces: Iterable[Piece]) -> tuple[list[str], int]:
    """The events of one window, each once, in their order; how many, after a snapshot, speak of what was never shown."""
    ordered = sorted(pieces, key=lambda piece: (piece.at, rank(piece.kind), piece.sameness))
    shown = _Shown()
    texts: list[str] = []
    strange = 0
    for _, together in groupby(ordered, key=lambda piece: piece.at):
        events = [_Event(piece, _data(piece.text)) for piece in together]
        if len(events) > 1:
            events.sort(key=lambda event: event.turn)
        while events:
            event = events.pop(shown.next_of(events) if len(events) <= _MOST else 0)
            strange += not shown.take(event)
            texts.append(event.piece.text)
    return texts, strange


def _data(text: str) -> Mapping[str, Any]:
    data = msgspec.json.decode(text)["data"]
    return data if isinstance(data, dict) else {}


def _numbers(values: Iterable[Any]) -> list[int]:
    return [each for each in values if isinstance(each, int) and each > 0]


@dataclass
class _Shown:
    """Which elements a window has shown so far: one that was never shown tells of a part that is lost."""

    ids: set[int] = field(default_factory=set[int])
    gone: set[int] = field(default_factory=set[int])
    is_shown: bool = False

    def next_of(self, events: Sequence[_Event]) -> int:
        """Which of the events of one millisecond comes next: the first whose elements are there, else the first."""
        if len(events) == 1 or rank(events[0].piece.kind) < _LAST:
            return 0
        for fits in (self._fits, self._knows):
            for i, event in enumerate(events):
                if fits(event):
                    return i
        return 0

    def _knows(self, event: _Event) -> bool:
        """Whether the page has shown all that the event speaks of, or it shows that itself."""
        known = self.ids | self._within(event)
        return all(each in known for each in event.named)

    def _fits(self, event: _Event) -> bool:
        """Whether it speaks of what is there, and puts nothing in that is there already."""
        removed = set(_numbers(each.get("id") for each in event.listed("removes")))
        there = (self.ids - self.gone) | self._within(event)
        again = set(_numbers(event.adds)) & (self.ids - self.gone - removed)
        return not again and all(each in there for each in (*event.named, *event.beside))

    def take(self, event: _Event) -> bool:
        """Note what the event shows and removes; whether all it speaks of, after a snapshot, was ever shown."""
        if event.piece.kind == _SNAPSHOT:
            self.ids |= _ids_in(event.data.get("node"))
            self.gone = set()
            self.is_shown = True
            return True
        self.ids |= (within := self._within(event))
        self.gone |= set(_numbers(each.get("id") for each in event.listed("removes")))
        self.gone -= within
        return not self.is_shown or all(each in self.ids for each in event.named)

    @staticmethod
    def _within(event: _Event) -> set[int]:
        return {own for each in event.listed("adds") for own in _ids_in(each.get("node"))}


def _ids_in(root: Any) -> set[int]:  # noqa: ANN401  # JSON holds anything
    result: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if isinstance(node.get("id"), int):
                result.add(node["id"])
            waiting += node.get("childNodes") or []
    return result
