"""Named ranges of days: what most people ask about, by one click."""

from collections.abc import Iterator
from datetime import date, timedelta

from pipeline.ask.answer import AskError
from pipeline.ask.known import Known
from pipeline.core.product import Product
from pipeline.stats.periods import complete_weeks

PRESETS = {
    "last_7": "Last 7 days",
    "last_28": "Last 28 days",
    "last_week": "Last whole week",
    "this_month": "Month so far",
    "all": "All days",
}
# Only where there is one.
TODAY = "today"
# A preset of a release: its first week, against the week before it.
RELEASE = "release_"
_WEEK, _MONTH = 7, 28


def releases(known: Known, product: Product) -> Iterator[tuple[str, tuple[date, date]]]:
    """The product file's releases with days before and after them, the newest first, and the days of their first week."""
    for name, each in sorted(product.releases.items(), key=lambda item: item[1].day, reverse=True):
        if known.first < each.day <= known.last:
            yield name, (each.day, min(known.last, each.day + timedelta(days=_WEEK - 1)))


def around_release(preset: str, known: Known, product: Product) -> dict[str, str]:
    """The fields that ask for the days since a release, at most a week, against as many weekdays before it."""
    days = dict(releases(known, product)).get(preset.removeprefix(RELEASE))
    if days is None:
        raise AskError(f"there is no release {preset.removeprefix(RELEASE)!r} with days before and after it")
    week = timedelta(days=_WEEK)
    own = {"preset": "", "first": days[0], "last": days[1], "against": "range"}
    own |= {
        "other.first": max(known.first, days[0] - week),
        "other.last": min(days[0] - timedelta(days=1), days[1] - week),
    }
    return {name: str(value) for name, value in own.items()}


def preset_days(preset: str, known: Known, product: Product) -> tuple[date, date]:
    """First and last day of a named range, as far as there are days."""
    last = known.last
    if preset == TODAY and known.today:
        return known.today, known.today
    if preset == "last_week":
        days = [known.first + timedelta(days=n) for n in range((last - known.first).days + 1)]
        weeks = complete_weeks(days, product.week_start)
        return weeks[-1] if weeks else (known.first, last)
    firsts = {
        "last_7": last - timedelta(days=_WEEK - 1),
        "last_28": last - timedelta(days=_MONTH - 1),
        "this_month": last.replace(day=1),
        "all": known.first,
    }
    if preset not in firsts:
        raise AskError(f"there is no range {preset!r}; there are {', '.join(PRESETS)}")
    return max(known.first, firsts[preset]), last
