"""Instants as sources write them: what is written as a moment in UTC, where it can be read in one way only.

Documentation: ISO 8601 and RFC 3339; RFC 5322, "Date and Time Specification", with its names of zones (4.3); Unicode
CLDR, English short names of zones, which Google's sheets write; ECMAScript, `Date.prototype.toString`; Go,
`time.Time.String`.

Read are ISO 8601 with a blank for the T, any offset and more digits than microseconds (cut off); numbers since 1970 in
seconds, milli-, micro- or nanoseconds by their size; dates with slashes, dots, hyphens or English names of months, with
hours of half days and the zones `UTC`, `GMT+1`, `+0100`, `EST`, `Europe/Berlin`. Whether 03/04/2026 is in March or in
April is told by the source's `time_format`, else by a date of the same file that can be read in one way only.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipeline.core.product_base import EPOCHS, ISO
from pipeline.ingest.sources.fields import epoch, number

Order = Literal["day_first", "month_first"]

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAY = re.compile(r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+", re.IGNORECASE)
# A zone's name in words behind its offset, and Go's reading of the monotonic clock.
_COMMENT = re.compile(r"\s*(?:\([^()]*\)|\[[^\[\]]*\]|m=[+-][\d.]+)$")
# date(1): the year comes last.
_YEAR_LAST = re.compile(r"([a-z]{3} +\d{1,2}) ([\d:.]+)( .+)? (\d{4})", re.IGNORECASE)
_WRITTEN = re.compile(
    r"""(?:(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})
    |(?P<one>\d{1,2})(?P<between>[-/.])(?P<other>\d{1,2})(?P=between)(?P<last>\d{4}|\d{2})
    |(?P<d1>\d{1,2})(?:st|nd|rd|th)?[-\s]\s*(?P<m1>[a-z]{3,9})\.?,?[-\s]\s*(?P<y1>\d{4})
    |(?P<m2>[a-z]{3,9})\.?\s+(?P<d2>\d{1,2})(?:st|nd|rd|th)?,?\s+(?P<y2>\d{4}))
    (?:(?:t|,?\s+(?:at\s+)?)(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d+))?)?
    (?:\s*(?P<half>[ap])\.?m\.?)?(?:\s*(?P<zone>[a-z+-].*))?)?""",
    re.IGNORECASE | re.VERBOSE,
)
_ZONE = re.compile(r"(?:utc|gmt|ut)?\s*([+-])(\d{1,2})(?::?(\d{2}))?(?:\s+[a-z]{1,5})?", re.IGNORECASE)
# By RFC 5322, and by CLDR or the law of one place only. IST, BST and others have several meanings: a source whose
# `time_zone` calls itself so may write them.
_ZONES = {
    "Z": 0, "UTC": 0, "GMT": 0, "UT": 0, "WET": 0, "WEST": 60, "CET": 60, "CEST": 120, "EET": 120, "EEST": 180,
    "AST": -240, "ADT": -180, "EST": -300, "EDT": -240, "CST": -360, "CDT": -300, "MST": -420, "MDT": -360,
    "PST": -480, "PDT": -420, "AKST": -540, "AKDT": -480, "HST": -600,
}  # fmt: skip
_DIRECTIVES = {"month": "%m", "day": "%d", "one": "%d", "other": "%m", "last": "%Y", "minute": "%M", "second": "%S",
               "fraction": "%f"}  # fmt: skip
_NOON, _MONTHS_IN_A_YEAR, _LAST_OFFSET = 12, 12, 14 * 60
_SHORT_YEAR = 2
# Fewer seconds than in three years are no time of ours but a count of something, such as a spreadsheet's days.
_LEAST_SECONDS = 100_000_000
_SIZES = ((10**11, 1_000_000), (10**14, 1_000), (10**17, 1))
_COMPACT = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}


class Unordered(Exception):
    """Day and month can't be told apart; `pattern` would read the value day first."""

    def __init__(self, pattern: str) -> None:
        super().__init__(pattern)
        self.pattern = pattern


def by_format(form: str, zone: tzinfo, value: object) -> datetime | None:
    """The instant by one format: `iso8601`, a unit since 1970, or a strftime pattern.

    Units since 1970 are of the zone's own clock: some tools export 12:00 in Berlin as the number of 12:00 in UTC.
    """
    if isinstance(value, datetime):
        return in_utc(value, zone)
    if form in EPOCHS:
        counted = epoch(value, EPOCHS[form])
        return counted and in_utc(counted.replace(tzinfo=None), zone)
    written = " ".join(str(value).split())
    try:
        result = datetime.fromisoformat(written) if form == ISO else datetime.strptime(written, form)  # noqa: DTZ007
    except ValueError:
        return None
    return in_utc(result, zone)


def in_utc(result: datetime, zone: tzinfo) -> datetime | None:
    """In UTC; a time without a zone is one of `zone`.

    An hour that a clock change repeats is its first; one that it leaves out is moved on by the change.
    """
    try:
        return (result if result.tzinfo else result.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError:
        return None


def by_size(value: object) -> datetime | None:
    """A number since 1970 in seconds, milli-, micro- or nanoseconds, whichever its size tells."""
    counted = number(value)
    if counted is None or 0 < abs(counted) < _LEAST_SECONDS:
        return None
    unit = next((unit for below, unit in _SIZES if abs(counted) < below), None)
    return epoch(counted / 1_000, 1) if unit is None else epoch(counted, unit)


def read(value: object, zone: tzinfo, reported: Callable[[int, int], Order | None]) -> datetime | None:
    """The instant that is written; None where none can be read.

    Of a date with slashes, dots or hyphens `told` says which of its two numbers is the day; Unordered where it can't.
    """
    if isinstance(value, datetime):
        return in_utc(value, zone)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    written = " ".join(str(value).split())
    if written.isdecimal() and (form := _COMPACT.get(len(written))) and written[:2] in ("19", "20"):
        return by_format(form, zone, written)
    if number(written) is not None:
        return by_size(written)
    if written[:1].isdecimal():
        try:
            return in_utc(datetime.fromisoformat(written), zone)
        except ValueError:
            pass
    return _by_words(_COMMENT.sub("", _WEEKDAY.sub("", written, count=1)), zone, reported)


def _by_words(written: str, zone: tzinfo, reported: Callable[[int, int], Order | None]) -> datetime | None:
    if moved := _YEAR_LAST.fullmatch(written):
        written = f"{moved[1]} {moved[4]} {moved[2]}{moved[3] or ''}"
    result = _WRITTEN.fullmatch(written)
    if result is None:
        return None
    date = _date(result, reported)
    hour = _hour(result)
    if date is None or hour is None:
        return None
    fraction = (result["fraction"] or "")[:6].ljust(6, "0")
    try:
        naive = datetime(*date, hour, int(result["minute"] or 0), int(result["second"] or 0), int(fraction))  # noqa: DTZ001
    except ValueError:
        return None
    if result["zone"] is None:
        return in_utc(naive, zone)
    own = _zone(result["zone"].strip(), zone, naive)
    return own and in_utc(naive, own)


def _date(result: re.Match[str], reported: Callable[[int, int], Order | None]) -> tuple[int, int, int] | None:
    """Year, month and day; None where there is no such month."""
    if result["year"]:
        return int(result["year"]), int(result["month"]), int(result["day"])
    if result["one"] is None:
        day, word, year = (
            (result["d1"], result["m1"], result["y1"]) if result["d1"] else (result["d2"], result["m2"], result["y2"])
        )
        month = _month(word)
        return None if month is None else (int(year), month, int(day))
    one, other = int(result["one"]), int(result["other"])
    order = reported(one, other)
    if len(result["last"]) == _SHORT_YEAR:
        # 10/11/12 has six meanings, and 15/04/26 still two.
        raise Unordered(_pattern(result))
    if one > _MONTHS_IN_A_YEAR or other > _MONTHS_IN_A_YEAR:
        order = "day_first" if one > _MONTHS_IN_A_YEAR else "month_first"
    elif order is None and one != other:
        if result["between"] != ".":
            raise Unordered(_pattern(result))
        # Nobody writes month.day.year.
        order = "day_first"
    day, month = (other, one) if order == "month_first" else (one, other)
    return int(result["last"]), month, day


def _month(word: str) -> int | None:
    short = word.lower()[:3]
    return _MONTHS.index(short) + 1 if short in _MONTHS else None


def _hour(result: re.Match[str]) -> int | None:
    hour = int(result["hour"] or 0)
    if result["half"] is None:
        return hour
    if not 1 <= hour <= _NOON:
        return None
    return hour % _NOON + (_NOON if result["half"].lower() == "p" else 0)


def _zone(word: str, zone: tzinfo, at: datetime) -> tzinfo | None:
    """The zone of a word or an offset; None where the word has several meanings or none."""
    if offset := _ZONE.fullmatch(word):
        minutes = int(offset[2]) * 60 + int(offset[3] or 0)
        return (
            timezone(timedelta(minutes=-minutes if offset[1] == "-" else minutes)) if minutes <= _LAST_OFFSET else None
        )
    if "/" in word:
        try:
            return ZoneInfo(word)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return None
    own = _own_words(zone, at.year).get(word.upper())
    minutes = _ZONES.get(word.upper()) if own is None else own
    return None if minutes is None else timezone(timedelta(minutes=minutes))


@lru_cache(maxsize=64)
def _own_words(zone: tzinfo, year: int) -> dict[str, int]:
    """What a zone calls itself in winter and in summer, and its minutes from UTC."""
    both = (datetime(year, month, 1, tzinfo=zone) for month in (1, 7))
    reported = ((each.tzname(), each.utcoffset()) for each in both)
    return {
        name: int(offset.total_seconds() // 60)
        for name, offset in reported
        if name and name.isalpha() and offset is not None
    }


def _pattern(result: re.Match[str]) -> str:
    """The strftime pattern that reads the value day first."""
    parts = {name: sign for name, sign in _DIRECTIVES.items() if result[name]}
    if result["hour"]:
        parts["hour"] = "%I" if result["half"] else "%H"
    positions = sorted((result.start(name), result.end(name), sign) for name, sign in parts.items())
    if result["half"]:
        positions.append((result.start("half"), result.start("half") + 2, "%p"))
    if result["zone"]:
        positions.append((result.start("zone"), result.end("zone"), "%z"))
    pattern = "".join(sign + result.string[end:begin] for (_, end, sign), (begin, _, _) in pairwise(positions))
    short = len(result["last"] or "") == _SHORT_YEAR
    return (pattern + positions[-1][2]).replace("%Y", "%y" if short else "%Y")
