"""How far a recorded window was scrolled at a time: pointer positions come in batches, sent after what they tell of."""

from bisect import bisect_right, insort
from decimal import Decimal
from operator import itemgetter

# Batches of moves are sent every half second, scrolls every tenth; the rest is room for other recorders.
_REMEMBERED = 64
_SINCE = itemgetter(0)


class Scrolled:
    """The last scroll positions of one window."""

    def __init__(self) -> None:
        self._known: list[tuple[Decimal, int, int]] = []

    def to(self, at: Decimal, x: int, y: int) -> None:
        """From `at` (ms) on the window's top left corner is there in the page."""
        insort(self._known, (at, x, y), key=_SINCE)
        del self._known[:-_REMEMBERED]

    def forget(self) -> None:
        """Another page: nothing is known until a snapshot or a scroll tells."""
        self._known.clear()

    def when(self, at: Decimal) -> tuple[int, int] | None:
        """Where the window's top left corner was in the page at `at`; None where it isn't known."""
        result = bisect_right(self._known, at, key=_SINCE)
        return self._known[result - 1][1:] if result else None
