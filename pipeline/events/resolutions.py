"""What all days together say about one: who is who, and which ids came on an earlier day.

Both reach over the whole history, yet change few days. So a day doesn't depend on the tables behind them but on a
resolution about just that day: `identity` is a hash of what links decide on it, `repeats` one of its ids that came before.
Verdicts are kept with the hash of what they were made from, and looked up until that changes.
"""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.core.days import ONE_DAY
from pipeline.core.keys import day_of
from pipeline.core.lake import Lake
from pipeline.core.product import Product
from pipeline.core.sealed import read_sealed, write_sealed
from pipeline.core.state import IDENTITY, REPEATS, RESOLUTIONS, DayState, hash_texts
from pipeline.core.states import scan_known
from pipeline.events.duplicates import IdsOfDay, hashes_of_ids, repeated_ids
from pipeline.events.identity import Identities, decided_by_links, resolve

IDENTITY_VERSION = "2"
# Of a day with at most so many ids (half a megabyte) the hashes stay in memory.
_KEPT_IDS = 65_536

States = Mapping[str, Mapping[date, DayState]]


class Resolutions:
    """Verdicts over the published days of `states`. Nothing is read before it is asked for."""

    def __init__(self, lake: Lake, product: Product, states: States) -> None:
        self._lake = lake
        self._product = product
        self._states = states
        self._kept_hashes: dict[date, NDArray[np.int64]] = {}

    @cached_property
    def identities(self) -> Identities:
        """Links and people from all published identity events."""
        return resolve(self._scan("identity_events", self._days("identity_events")), self._product)

    def repeated(self, day: date) -> pl.DataFrame:
        """(source, event_id) of the day's ids that came within `dedup_days` before it."""
        before = (IdsOfDay(self._hashes(each), self._scan("event_ids", [each])) for each in self._before(day))
        return repeated_ids(self._hashes(day), self._scan("event_ids", [day]), before)

    def _hashes(self, day: date) -> NDArray[np.int64]:
        """The day's hashes of ids; of small days they are kept, for each is asked for by all that follow it."""
        if day not in self._kept_hashes:
            hashes = hashes_of_ids(self._scan("event_ids", [day]))
            if len(hashes) > _KEPT_IDS:
                return hashes
            self._kept_hashes[day] = hashes
            if len(self._kept_hashes) > self._product.dedup_days + 1:
                self._kept_hashes.pop(min(self._kept_hashes))
            return hashes
        return self._kept_hashes[day]

    def all(self, wanted: Iterable[str]) -> dict[str, dict[date, str]]:
        """The resolutions named, by day."""
        makers = {IDENTITY: self._identity, REPEATS: self._repeats}
        return {name: make() for name, make in makers.items() if name in wanted}

    def _scan(self, table: str, days: Iterable[date]) -> pl.LazyFrame:
        return scan_known(self._lake, table, self._states.get(table, {}), days)

    def _days(self, table: str) -> list[date]:
        return sorted(self._states.get(table, {}))

    def _before(self, day: date) -> list[date]:
        first = day - ONE_DAY * self._product.dedup_days
        return [each for each in self._days("event_ids") if first <= each < day]

    def _identity(self) -> dict[date, str]:
        if not self._days("identity_events"):
            return {}
        outputs = [
            f"{t}:{day}:{self._states[t][day].output_hash}" for t in RESOLUTIONS[IDENTITY] for day in self._days(t)
        ]
        made_from = hash_texts([IDENTITY_VERSION, self._product.section_hash("identity", "time"), *outputs])
        kept = self._kept(IDENTITY)
        if kept.get("made_from") == made_from:
            return {date.fromisoformat(day): check_result for day, check_result in kept.items() if day != "made_from"}
        result = {}
        # Without links nobody's events move, and no day needs to be looked at.
        if not self.identities.links.is_empty() or not self.identities.users.is_empty():
            appeared = self._scan("appearances", self._days("appearances"))
            decided = decided_by_links(appeared, self.identities).collect().sort(pl.all(), nulls_last=True)
            by_day = decided.partition_by("day", as_dict=True)
            result = {day: _hash_rows(rows) for (day,), rows in by_day.items() if isinstance(day, date)}
        self._keep(
            IDENTITY, {"made_from": made_from, **{str(day): check_result for day, check_result in result.items()}}
        )
        return result

    def _repeats(self) -> dict[date, str]:
        kept = self._kept(REPEATS)
        now: dict[str, str] = {}
        result: dict[date, str] = {}
        states = self._states.get("event_ids", {})
        for day in sorted(states):
            parts = [f"{each}:{states[each].output_hash}" for each in (*self._before(day), day)]
            made_from = hash_texts(parts)
            entry = kept.get(str(day), "")
            if not entry.startswith(f"{made_from}:"):
                repeated = self.repeated(day)
                entry = f"{made_from}:{_hash_rows(repeated) if repeated.height else ''}"
            now[str(day)] = entry
            result[day] = entry.split(":", 1)[1]
        if now and now != kept:
            self._keep(REPEATS, now)
        return result

    def _kept(self, name: str) -> dict[str, str]:
        kept = read_sealed(self._lake, _key(name), dict[str, str]) or {}
        # An entry that can't be ours is of a foreign file, and all are made again.
        return kept if all(key == "made_from" or day_of(key) for key in kept) else {}

    def _keep(self, name: str, entries: Mapping[str, str]) -> None:
        write_sealed(self._lake, _key(name), entries)


def _key(name: str) -> str:
    return f"lake/_state/verdicts/{name}.json"


def _hash_rows(rows: pl.DataFrame) -> str:
    return hashlib.sha256(rows.write_csv(separator="\x1f", datetime_format="%s.%f").encode()).hexdigest()[:32]
