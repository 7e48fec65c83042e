"""Do records still look as they did? Fields that vanish, appear, are renamed, change their type or are empty more often.

Compared is an arrival day with the newest arrival days before it, per source, by the counts that manifests hold. It
holds nothing back: a warning with day and numbers, while good rows flow on.
"""

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from statistics import median

from pipeline.ingest.manifests import Manifest

CHECKS: dict[str, str] = {
    "field_vanished": "A field that came with records before comes no more.",
    "field_renamed": "A field came no more on the day on which another began, as often and of the same type.",
    "field_appeared": "A field that never came before; it is kept in the properties.",
    "field_null_share": "A field is empty more often, or less, than before.",
    "field_type": "A field holds values of a type that it didn't hold before.",
}
DAYS_COMPARED = 7
DAYS_NEEDED = 3
# A field in fewer of the records than this may well be missing for a day.
USUAL_SHARE = 0.05
NULL_SHARE_JUMP = 0.2
_SAME_TYPE = {"int": "number", "float": "number", "Decimal": "number"}


@dataclass(frozen=True)
class Finding:
    """What changed: the check's name, the source, the field and a sentence with day and numbers."""

    check: str
    source: str
    day: date
    field: str
    sentence: str


@dataclass
class _Profile:
    """Fields of a source's records on an arrival day: how many records hold them, by type."""

    records: int = 0
    fields: dict[str, Counter[str]] = field(default_factory=dict)

    def share(self, name: str) -> float:
        return min(1.0, self.fields[name].total() / self.records) if name in self.fields and self.records else 0.0

    def types(self, name: str) -> set[str]:
        found = self.fields.get(name, Counter())
        return {kind for kind, number in found.items() if number >= USUAL_SHARE * found.total()}


def find_drift(manifests: Iterable[Manifest], day: date, min_records: int) -> Iterator[Finding]:
    """What changed on the arrival day `day`, by source; nothing before there are three days to compare with.

    Shares are compared from `min_records` records on.
    """
    profiles: dict[str, dict[date, _Profile]] = {}
    for manifest in {(m.sha256, m.reader): m for m in manifests if not m.retracted and not m.file_rule}.values():
        profile = profiles.setdefault(manifest.source, {}).setdefault(date.fromisoformat(manifest.arrived), _Profile())
        profile.records += manifest.records_read
        for name, types in manifest.fields.items():
            known = profile.fields.setdefault(name, Counter())
            for kind, number in types.items():
                known[_SAME_TYPE.get(kind, kind)] += number
    for source, by_day in sorted(profiles.items()):
        before = [by_day[each] for each in sorted(by_day) if each < day and by_day[each].records]
        now = by_day.get(day)
        if now is not None and now.records and len(before) >= DAYS_NEEDED:
            yield from _compare(source, day, now, before, min_records)


def _compare(source: str, day: date, now: _Profile, before: list[_Profile], min_records: int) -> Iterator[Finding]:
    recent = before[-DAYS_COMPARED:]
    names = {name for profile in recent for name in profile.fields}
    usual = {name: median(profile.share(name) for profile in recent) for name in names}
    ever = {name for profile in before for name in profile.fields}
    # Named on the day on which it happens, not again on each day after.
    last = before[-1].fields
    vanished = sorted(
        name for name, share in usual.items() if share >= USUAL_SHARE and name in last and name not in now.fields
    )
    appeared = sorted(name for name in now.fields if name not in ever)
    for name in vanished:
        yield Finding(
            "field_vanished",
            source,
            day,
            name,
            f"{source} on {day}: `{name}` is in none of {now.records} records, before in {usual[name]:.0%}",
        )
        new = _successor(name, usual[name], recent, now, appeared)
        if new is not None:
            yield Finding(
                "field_renamed",
                source,
                day,
                name,
                f"{source} on {day}: `{name}` may be called `{new}` now ({now.share(new):.0%} of {now.records} records, "
                f"before {usual[name]:.0%}); add it as an alternative to the mapping",
            )
    for name in appeared:
        number = now.fields[name].total()
        yield Finding(
            "field_appeared",
            source,
            day,
            name,
            f"{source} on {day}: `{name}` is new, in {number} of {now.records} records",
        )
    yield from _shares_and_types(source, day, now, recent, usual, min_records)


def _shares_and_types(  # what _compare has at hand
    source: str, day: date, now: _Profile, recent: list[_Profile], usual: Mapping[str, float], min_records: int
) -> Iterator[Finding]:
    for name in sorted(usual.keys() & now.fields.keys()):
        share = now.share(name)
        if now.records >= min_records and abs(share - usual[name]) > NULL_SHARE_JUMP:
            yield Finding(
                "field_null_share",
                source,
                day,
                name,
                f"{source} on {day}: `{name}` is empty in {1 - share:.0%} of {now.records} records, "
                f"before in {1 - usual[name]:.0%}",
            )
        known = {kind for profile in recent for kind in profile.fields.get(name, Counter())}
        if new := sorted(now.types(name) - known):
            numbers = ", ".join(f"{now.fields[name][kind]} {kind}" for kind in new)
            yield Finding(
                "field_type",
                source,
                day,
                name,
                f"{source} on {day}: `{name}` holds {numbers}, before only {', '.join(sorted(known))}",
            )


def _successor(name: str, share: float, recent: list[_Profile], now: _Profile, appeared: list[str]) -> str | None:
    """The new field that most looks like the vanished one: as often, of the same types, by the nearest name."""
    types = {kind for profile in recent for kind in profile.types(name)}
    alike = [new for new in appeared if abs(now.share(new) - share) <= NULL_SHARE_JUMP and now.types(new) <= types]
    return max(alike, key=lambda new: difflib.SequenceMatcher(None, name, new).ratio(), default=None)
