"""Local days: a calendar day of the product's time zone, 23 or 25 hours long at a clock change (docs/definitions/events.md, "Time")."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

ONE_DAY = timedelta(days=1)


def day_start(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which `day` begins in `zone`, in UTC; where midnight is skipped, the first instant after it."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def days_between(first: date, last: date) -> list[date]:
    """All days from `first` to `last`, both inside; empty if `last` lies before `first`."""
    return [first + ONE_DAY * i for i in range((last - first).days + 1)]


def ranges(days: Iterable[date]) -> Iterator[tuple[date, date]]:
    """Fold days into runs of consecutive days, each as (first, last)."""
    ordered = sorted(set(days))
    if not ordered:
        return
    breaks = [i + 1 for i, (a, b) in enumerate(pairwise(ordered)) if b - a != ONE_DAY]
    for begin, end in pairwise([0, *breaks, len(ordered)]):
        yield ordered[begin], ordered[end - 1]
