"""Rejected rows of one landing file on their way into their object: counted, and spilled to disk where they are many."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import chain

import polars as pl

from pipeline.core.files import Staged
from pipeline.core.lake import Lake

SPILLED_BYTES = 64_000_000
# What a row takes besides its texts.
_ROW_BYTES = 128


@dataclass
class Rejects:
    """Rows of the rejected table for the object `key`, held in memory up to a limit; counts by rule, and by day."""

    lake: Lake
    key: str
    rules: Counter[str] = field(default_factory=Counter[str])
    days: dict[str, Counter[str]] = field(default_factory=dict[str, Counter[str]])
    rows: int = 0
    _frames: list[pl.DataFrame] = field(default_factory=list[pl.DataFrame])
    _held_bytes: int = 0
    _spilled: list[Staged] = field(default_factory=list[Staged])

    def add(self, frame: pl.DataFrame) -> None:
        """Take rows that follow those before."""
        if not frame.height:
            return
        self.rows += frame.height
        for day, rule, number in frame.group_by("event_day", "rule").len().sort("event_day", "rule").rows():
            self.rules[rule] += number
            if day is not None:
                self.days.setdefault(str(day), Counter())[rule] += number
        self._frames.append(frame)
        self._held_bytes += int(frame.estimated_size()) + frame.height * _ROW_BYTES
        if self._held_bytes >= SPILLED_BYTES:
            self._spilled.append(self.lake.stage(f"{self.key}.{len(self._spilled)}", pl.concat(self._frames)))
            self._frames, self._held_bytes = [], 0

    def write(self) -> tuple[str | None, str]:
        """Write the object and return its key and sha256; none where nothing was rejected."""
        if not self.rows:
            return None, ""
        if not self._spilled:
            return self.key, self.lake.write_frame(self.key, pl.concat(self._frames))
        parts = chain((pl.read_parquet(part.path, glob=False) for part in self._spilled), self._frames)
        whole = self.lake.stage_parts(self.key, next(parts), parts)
        self.lake.publish(whole)
        self.discard()
        return self.key, whole.sha256

    def discard(self) -> None:
        """Drop what was spilled."""
        for part in self._spilled:
            self.lake.discard(part)
        self._spilled = []
