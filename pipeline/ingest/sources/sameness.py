"""Copies of a recorded event, which come where chunks overlap or are sent twice: known by a number."""

import re

import msgspec
import xxhash

from pipeline.ingest.sources.fields import Fields

_SNAPSHOT, _INCREMENTAL = 2, 3
_MUTATION, _INPUT = 0, 5
_TEXT = re.compile(rb'(?<=[:\[,])"(?:[^"\\]|\\.)*"(?=[,\]}])')


class Sameness:
    """Numbers by which copies of an event are known, however much of each had to be masked.

    How much that is depends on what the file tells of the page, so it is a hash of the event without its texts: one of what
    was typed would be a way to guess it. Events of one file, instant and shape that say different things are told apart by
    their order. (Where such a row is cut in two by the end of a file, its second part passes for a copy.)
    """

    def __init__(self) -> None:
        self._stated: dict[int, list[int]] = {}

    def of(self, at: int, kind: int, data: Fields, event: str) -> int:
        """The number of an event at that time: `data` as it came, `event` as it is kept."""
        may_differ = kind == _SNAPSHOT or (kind == _INCREMENTAL and data.get("source") in (_MUTATION, _INPUT))
        own = _hash(event.encode())
        if not may_differ:
            return own
        shape = _hash(b"%d %d " % (at, kind) + _without_texts(data))
        stated = self._stated.setdefault(shape, [])
        if own not in stated:
            stated.append(own)
        return (shape + stated.index(own)) % 2**63


def _hash(text: bytes) -> int:
    return xxhash.xxh3_64_intdigest(text) % 2**63


def _without_texts(data: Fields) -> bytes:
    """The JSON of the data with every text emptied; names, which a colon follows, stay."""
    return _TEXT.sub(b'""', msgspec.json.encode(data, order="sorted"))
