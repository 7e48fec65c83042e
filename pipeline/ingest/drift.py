"""Do records still look as they did? Fields that vanish, appear, are renamed, change their type or are empty more often.

Compared is an arrival day with the newest arrival days before it, per source, by the counts that manifests hold. A field
is the same under any name that the mapping has for it, and under the name that it was given on an earlier day. It holds
nothing back: a warning with day and numbers, while good rows flow on (docs/definitions/data_problems.md).
"""

import difflib
import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from statistics import median

from pipeline.core.product import Product
from pipeline.ingest.manifests import Manifest

CHECKS: dict[str, str] = {
    "field_vanished": "A field that came with records before comes no more.",
    "field_renamed": "A field came no more on the day on which another began, as often and of the same type.",
    "field_appeared": "A field that never came before; it is kept in the properties.",
    "field_null_share": "A field is empty more often than before.",
    "field_type": "A field holds values of a type that it didn't hold before.",
}
DAYS_COMPARED = 7
DAYS_NEEDED = 3
# Of fewer records a field may well be missing: the late events of a few people look unlike a day's.
RECORDS_NEEDED, VOLUME_NEEDED = 20, 0.1
# A field in fewer of the records than this may well be missing for a day.
USUAL_SHARE = 0.05
# A field that took another's place comes about as often.
_ALIKE_SHARE = 0.2
# Empty three times as often, by five points, and not by chance.
_TIMES, _POINTS, _P = 3, 5, 0.001
# Columns of the canonical format are counted by Polars' types, all else by Python's.
_SAME_TYPE = {
    **dict.fromkeys(("int", "float", "Decimal", "Int32", "Int64"), "number"),
    **dict.fromkeys(("str", "String"), "text"),
    **dict.fromkeys(("bool", "Boolean"), "truth value"),
}


@dataclass(frozen=True)
class Finding:
    """What changed: the check's name, the source, the field, how many records it concerns, and a sentence with day and numbers.

    `is_read`: the mapping reads the field under another name, so nothing is lost.
    """

    check: str
    source: str
    day: date
    field: str
    sentence: str
    records: int
    is_read: bool = False


@dataclass
class _Profile:
    """Fields of a source's records on an arrival day: how many records hold them, by type."""

    records: int = 0
    fields: dict[str, Counter[str]] = field(default_factory=dict[str, Counter[str]])

    def filled(self, names: Iterable[str]) -> int:
        """Records that hold the field under one of its names."""
        return min(self.records, sum(self.fields[name].total() for name in names if name in self.fields))

    def share(self, *names: str) -> float:
        return self.filled(names) / self.records if self.records else 0.0

    def types(self, name: str) -> set[str]:
        result = self.fields.get(name, Counter())
        return {kind for kind, number in result.items() if number >= USUAL_SHARE * result.total()}


def find_drift(manifests: Iterable[Manifest], days: Collection[date], product: Product) -> Iterator[Finding]:
    """What changed on the arrival days `days`, by source; nothing before there are three days to compare with.

    Shares are compared from `quality.min_records` records on.
    """
    for source, by_day in sorted(_profiles(manifests).items()):
        known = _Names(source, product)
        for position, day in enumerate(sorted(by_day)):
            before = [by_day[each] for each in sorted(by_day)[:position] if by_day[each].records]
            if by_day[day].records and len(before) >= DAYS_NEEDED:
                # Of earlier days it matters which names took the place of others.
                result = list(_compare(source, day, by_day[day], before, known, product.quality.min_records))
                if day in days:
                    yield from result


def _profiles(manifests: Iterable[Manifest]) -> dict[str, dict[date, _Profile]]:
    profiles: dict[str, dict[date, _Profile]] = {}
    for manifest in {(m.sha256, m.reader): m for m in manifests if not m.retracted and not m.file_rule}.values():
        profile = profiles.setdefault(manifest.source, {}).setdefault(date.fromisoformat(manifest.arrived), _Profile())
        profile.records += manifest.records_read
        for name, types in manifest.fields.items():
            known = profile.fields.setdefault(name, Counter())
            for kind, number in types.items():
                known[_SAME_TYPE.get(kind, kind)] += number
    return profiles


class _Names:
    """Which names are one field's: the alternatives of a mapping, and those that took another's place."""

    def __init__(self, source: str, product: Product) -> None:
        self._first: dict[str, str] = {}
        config = product.sources.get(source)
        mapping = config.mapping if config else None
        rules = [*mapping.columns.values(), *(r for e in mapping.events for r in e.columns.values())] if mapping else []
        for rule in rules:
            for name in rule.field or ():
                self.join(name, (rule.field or (name,))[0])
        self._mapped = {name for rule in rules for name in rule.field or ()}

    def join(self, name: str, other: str) -> None:
        """From here on both are one field."""
        own, into = self.of(name), self.of(other)
        if own != into:
            self._first = {each: into if first == own else first for each, first in self._first.items()}
            self._first[name] = self._first[own] = into

    def of(self, name: str) -> str:
        """The name that stands for the field."""
        return self._first.get(name, name)

    def all(self, name: str) -> list[str]:
        """Every name of the field."""
        first = self.of(name)
        return [first, *(each for each, into in self._first.items() if into == first and each != first)]

    def are_mapped(self, *names: str) -> bool:
        """Whether the mapping names all of these for one column."""
        return len({self.of(name) for name in names}) == 1 and self._mapped.issuperset(names)


def _compare(
    source: str, day: date, now: _Profile, before: list[_Profile], known: _Names, min_records: int
) -> Iterator[Finding]:
    recent = before[-DAYS_COMPARED:]
    usual = {name: _usual(name, recent) for name in {name for profile in recent for name in profile.fields}}
    ever = {name for profile in before for name in profile.fields}
    # Named on the day on which it happens, not again on each day after.
    vanished = sorted(
        name
        for name in before[-1].fields
        if name not in now.fields and usual[name] >= USUAL_SHARE and (1 - usual[name]) ** now.records < _P
    )
    appeared = sorted(name for name in now.fields if name not in ever)
    is_comparable = now.records >= max(RECORDS_NEEDED, VOLUME_NEEDED * median(each.records for each in recent))
    for name in vanished if is_comparable else []:
        share = usual[name]
        others = [each for each in known.all(name) if each in now.fields and now.share(each) >= share - _ALIKE_SHARE]
        is_read = known.are_mapped(name, *others[:1]) and bool(others)
        if others and not is_read and others[0] in ever:
            # It is called again what it was called before.
            continue
        reported = f"{source} on {day}: `{name}` is in none of {now.records} records, before in {share:.0%}"
        yield Finding("field_vanished", source, day, name, reported, now.records, is_read)
        new = next(iter(others), None) or _successor(name, share, recent, now, appeared)
        if new is not None:
            advice = (
                "which the mapping reads too" if is_read else "add it as an alternative to the mapping, or name it back"
            )
            reported = f"{source} on {day}: `{name}` may be called `{new}` now ({now.share(new):.0%} of {now.records} records, before {share:.0%}); {advice}"  # fmt: skip
            yield Finding("field_renamed", source, day, name, reported, now.filled([new]), is_read)
            known.join(new, name)
    for name in appeared:
        number = now.fields[name].total()
        reported = f"{source} on {day}: `{name}` is new, in {number} of {now.records} records"
        yield Finding("field_appeared", source, day, name, reported, number)
    if is_comparable and now.records >= min_records:
        yield from _emptier(source, day, now, recent, known)
    yield from _other_types(source, day, now, recent)


def _usual(name: str, recent: list[_Profile]) -> float:
    """The median share of records that hold the field, from the day on which it first came."""
    shares = [profile.share(name) for profile in recent]
    return median(shares[next(position for position, share in enumerate(shares) if share) :])


def _emptier(source: str, day: date, now: _Profile, recent: list[_Profile], known: _Names) -> Iterator[Finding]:
    """Fields that are empty in three times as many records, by five points and more than chance explains."""
    for first in sorted({known.of(name) for name in now.fields}):
        names = known.all(first)
        had = [profile for profile in recent if profile.filled(names)]
        records = sum(profile.records for profile in had)
        if len(had) < DAYS_NEEDED:
            continue
        empty_then = records - sum(profile.filled(names) for profile in had)
        empty_now = now.records - now.filled(names)
        # In whole numbers of records, lest 10 % and 30 % be a little less than threefold.
        is_threefold = empty_now * records >= _TIMES * empty_then * now.records
        by_points = 100 * (empty_now * records - empty_then * now.records) >= _POINTS * records * now.records
        if is_threefold and by_points and _by_chance(empty_then, records, empty_now, now.records) < _P:
            name = next(each for each in names if each in now.fields)
            reported = f"{source} on {day}: `{name}` is empty in {empty_now / now.records:.0%} of {now.records} records, before in {empty_then / records:.0%}"
            yield Finding("field_null_share", source, day, name, reported, empty_now)


def _by_chance(empty_then: int, then: int, empty_now: int, now: int) -> float:
    """Two-sided p of two proportions by the pooled normal test."""
    pooled = (empty_then + empty_now) / (then + now)
    error = math.sqrt(pooled * (1 - pooled) * (1 / then + 1 / now))
    return math.erfc(abs(empty_now / now - empty_then / then) / error / math.sqrt(2)) if error else 1.0


def _other_types(source: str, day: date, now: _Profile, recent: list[_Profile]) -> Iterator[Finding]:
    for name in sorted({name for profile in recent for name in profile.fields} & now.fields.keys()):
        types = {kind for profile in recent for kind in profile.fields.get(name, Counter())}
        if new := sorted(now.types(name) - types):
            numbers = ", ".join(f"{now.fields[name][kind]} {kind}" for kind in new)
            reported = f"{source} on {day}: `{name}` holds {numbers}, before only {', '.join(sorted(types))}"
            yield Finding("field_type", source, day, name, reported, sum(now.fields[name][kind] for kind in new))


def _successor(name: str, share: float, recent: list[_Profile], now: _Profile, appeared: list[str]) -> str | None:
    """The new field that most looks like the vanished one: as often, of the same types, by the nearest name."""
    types = {kind for profile in recent for kind in profile.types(name)}
    alike = [new for new in appeared if abs(now.share(new) - share) <= _ALIKE_SHARE and now.types(new) <= types]
    return max(alike, key=lambda new: difflib.SequenceMatcher(None, name, new).ratio(), default=None)


def by_check(findings: Iterable[Finding]) -> Mapping[str, list[Finding]]:
    """The findings of each check, in their order."""
    result: dict[str, list[Finding]] = {name: [] for name in CHECKS}
    for finding in findings:
        result[finding.check].append(finding)
    return result
