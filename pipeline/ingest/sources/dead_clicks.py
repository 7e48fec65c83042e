"""Clicks of a recording that nothing followed (docs/definitions/friction.md, "Dead click").

A click waits until its window shows what came of it. Any change of the document, of a style sheet, a canvas, a player
or a field within 2500 ms speaks for it, so does a scroll or another selection within 100 ms. Where time went on for
2500 ms without any, the click was dead. A page that was left before that says nothing: a slow answer may have been
under way. Neither does the end of the recording.
"""

from decimal import Decimal
from typing import Any

from pipeline.ingest.sources.fields import Fields, derived_id

DEAD_CLICK = "dead_click"
_SNAPSHOT, _INCREMENTAL, _META = 2, 3, 4
# rrweb's incremental sources. A page may answer without touching its nodes, so what else is seen to change counts too:
# mutation, input, player, style rule, canvas, style declaration, adopted style sheet.
_CHANGES = (0, 5, 7, 8, 9, 13, 15)
_SCROLL, _SELECTION = 3, 14
_CHANGE_MS, _QUICK_MS, _ALWAYS = Decimal(2500), Decimal(100), Decimal("Infinity")
# Bounds memory and time: more clicks within 2500 ms are a machine's, and the surplus isn't judged.
_MAX_WAITING = 100


class DeadClicks:
    """The clicks of one window of which it isn't known yet whether anything follows."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Decimal, Fields]] = []
        # By reach: when the window last answered so, for clicks that stand in the file after their answer.
        self._answered: dict[Decimal, Decimal] = {}

    def clicked(self, at: Decimal, click: Fields) -> None:
        """A click at `at` (ms), as a canonical event, begins to wait."""
        if len(self._waiting) >= _MAX_WAITING or any(
            0 <= answered - at <= reach for reach, answered in self._answered.items()
        ):
            return
        reported = {"kind": "custom", "name": DEAD_CLICK, "event_id": derived_id(click["event_id"], DEAD_CLICK)}
        self._waiting.append((at, {**click, **reported, "properties": {}}))

    def passed(self, at: Decimal, kind: Any, data: Fields, url: str | None) -> list[Fields]:  # noqa: ANN401
        """An rrweb event of the window, shown at `url`, at `at`: the clicks that are known to be dead by now."""
        reach = _reach(kind, data, url)
        if reach is not None:
            self._answered[reach] = max(at, self._answered.get(reach, at))
            self._waiting = [each for each in self._waiting if not 0 <= at - each[0] <= reach]
        dead = [event for clicked_at, event in self._waiting if at - clicked_at >= _CHANGE_MS]
        if dead:
            self._waiting = [each for each in self._waiting if at - each[0] < _CHANGE_MS]
        return dead


def _reach(kind: Any, data: Fields, url: str | None) -> Decimal | None:  # noqa: ANN401  # JSON holds anything
    """For how many ms back the event may be the answer to a click; None: it is no answer."""
    if kind == _SNAPSHOT or (kind == _META and data.get("href") != url):
        return _ALWAYS
    source = data.get("source") if kind == _INCREMENTAL else None
    if source in _CHANGES:
        return _CHANGE_MS
    return _QUICK_MS if source in (_SCROLL, _SELECTION) else None
