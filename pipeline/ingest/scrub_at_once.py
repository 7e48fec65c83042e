"""Properties of many records scrubbed at once: written as JSON, one look at the whole column, and only the hits read.

Names can say that what they hold is personal: such entries are scrubbed one by one, and each name is judged once. What the
other entries hold is looked at together; for the hits scrub.py decides, and what it would change is always a hit.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import polars as pl

from pipeline.ingest.scrub import entry_without_personal, is_kept, without_personal
from pipeline.ingest.scrub_names import kind_of
from pipeline.ingest.scrub_suspicion import SUSPICIOUS_WORDS

# Deeper records, and those that invent names, are scrubbed one by one.
_DEPTH = 16
_MOST_NAMES, _MOST_HOLDERS = 10_000, 1_000
# A name stands before a colon; within a text quotes are escaped, so nothing else looks like one.
_NAME = r'"[^"\\]*":'
# What is escaped may hide anything; a large number may be written with an exponent.
_HIT = rf"\\|\d[eE][+]?\d|{SUSPICIOUS_WORDS}"


class Names:
    """Knows which names, each within what holds it, say nothing of what they hold; `denied` are never stored."""

    def __init__(self, denied: frozenset[str]) -> None:
        self._denied = denied
        self._known: dict[str, set[str]] = {}

    def settle(self, value: dict[Any, Any], around: str = "", depth: int = _DEPTH) -> bool:
        """Scrub in place the entries whose names tell of them; False where all must be scrubbed one by one."""
        names = self._known.get(around)
        if names is None:
            if len(self._known) >= _MOST_HOLDERS:
                return False
            names = self._known[around] = set()
        if not names.issuperset(value):
            for name in [name for name in value if name not in names]:
                if type(name) is not str or not self._settle_entry(value, names, name, around):
                    return False
        for name, inner in value.items():
            kind = type(inner)
            if (kind is dict or kind is list) and not self._settle_inner(inner, name, depth):
                return False
        return True

    def _settle_inner(self, value: Any, name: str, depth: int) -> bool:  # noqa: ANN401  # JSON holds anything
        if not depth:
            return False
        if type(value) is dict:
            return self.settle(value, name, depth - 1)
        # A list's values bear its name.
        inside = (inner for inner in value if type(inner) is dict or type(inner) is list)
        return all(self._settle_inner(inner, name, depth - 1) for inner in inside)

    def _settle_entry(self, value: dict[str, Any], names: set[str], name: str, around: str) -> bool:
        if name not in self._denied and not kind_of(name, around):
            if len(names) >= _MOST_NAMES:
                return False
            names.add(name)
        elif is_kept(name, value[name], around, self._denied):
            value[name] = entry_without_personal(value[name], name, around, self._denied)
        else:
            del value[name]
        return True


def as_json(properties: dict[str, Any]) -> str | None:
    """Properties as JSON with sorted names; None where there are none."""
    return msgspec.json.encode(properties, order="sorted").decode() if properties else None


def scrub_settled(rest: list[dict[str, Any]], settled: Sequence[int], denied: frozenset[str]) -> dict[int, str | None]:
    """Scrub what `rest` holds at the places `settled`; the JSON of those that had nothing to scrub."""
    written = {place: as_json(rest[place]) for place in settled}
    texts = pl.Series(list(written.values()), dtype=pl.String)
    is_hit = texts.str.replace_all(_NAME, ":").str.contains(_HIT).fill_null(value=False)
    for place, hit in zip(settled, is_hit, strict=True):
        if hit:
            rest[place] = without_personal(rest[place], denied)
            del written[place]
    return written
