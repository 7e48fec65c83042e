"""Times in RFC 3339, compiled, for plain_kernel.py: with a `T`, a zone and at most six digits of a second; others are declined."""

import numba
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
_compiled = numba.njit(cache=True, nogil=True)

NO_TIME = -(2**63)
_MINUS, _DOT, _ZERO, _NINE, _COLON = 45, 46, 48, 57, 58


@_compiled
def _number(d: Bytes, p: int, n: int) -> int:
    """The number of `n` digits at `p`; -1 where one isn't a digit."""
    value = 0
    for i in range(p, p + n):
        if d[i] < _ZERO or d[i] > _NINE:
            return -1
        value = value * 10 + d[i] - _ZERO
    return value


@_compiled
def _days(year: int, month: int, day: int) -> int:
    """Days since 1970 of a date of the Gregorian calendar; the year begins in March, so a leap day comes last."""
    y = year - 1 if month <= 2 else year
    of_era = y % 400
    of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    return (y // 400) * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


@_compiled
def _month_days(year: int, month: int) -> int:
    if month == 2:
        return 29 if (year % 4 == 0 and year % 100 != 0) or year % 400 == 0 else 28
    return 30 if month in (4, 6, 9, 11) else 31


@_compiled
def _fraction(d: Bytes, q: int, e: int) -> tuple[int, int]:
    """Microseconds of the digits at `q`, and where they end; -1 where there is none, or more than six."""
    value, n = 0, 0
    while q < e and _ZERO <= d[q] <= _NINE and n < 7:
        value, n, q = value * 10 + d[q] - _ZERO, n + 1, q + 1
    if n < 1 or n > 6:
        return -1, q
    return value * 10 ** (6 - n), q


@_compiled
def time_of(d: Bytes, p: int, e: int) -> int:
    """Microseconds since 1970 of the text d[p:e]; NO_TIME where it isn't plain."""
    if e - p < 20 or d[p + 4] != _MINUS or d[p + 7] != _MINUS or d[p + 10] != 84 or d[p + 13] != _COLON:
        return NO_TIME
    year, month, day = _number(d, p, 4), _number(d, p + 5, 2), _number(d, p + 8, 2)
    hour, minute, second = _number(d, p + 11, 2), _number(d, p + 14, 2), _number(d, p + 17, 2)
    if year < 2 or year > 9998 or month < 1 or month > 12 or day < 1 or day > _month_days(year, month):
        return NO_TIME
    if hour < 0 or hour > 23 or minute < 0 or minute > 59 or second < 0 or second > 59 or d[p + 16] != _COLON:
        return NO_TIME
    q, micros = p + 19, 0
    if d[q] == _DOT:
        micros, q = _fraction(d, q + 1, e)
        if micros < 0:
            return NO_TIME
    offset = _offset(d, q, e)
    if offset == NO_TIME:
        return NO_TIME
    seconds = _days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset * 60
    return seconds * 1_000_000 + micros


@_compiled
def _offset(d: Bytes, q: int, e: int) -> int:
    """Minutes east of UTC of the zone d[q:e]; NO_TIME where it isn't plain."""
    if q + 1 == e and d[q] == 90:
        return 0
    if q + 6 != e or (d[q] != 43 and d[q] != _MINUS) or d[q + 3] != _COLON:
        return NO_TIME
    hours, minutes = _number(d, q + 1, 2), _number(d, q + 4, 2)
    if hours < 0 or hours > 14 or minutes < 0 or minutes > 59:
        return NO_TIME
    return -(hours * 60 + minutes) if d[q] == _MINUS else hours * 60 + minutes
