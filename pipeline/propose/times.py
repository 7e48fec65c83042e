"""In which format the times of a sample are written."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from pipeline.core.product_base import EPOCHS, ISO
from pipeline.ingest.sources.fields import epoch, number
from pipeline.propose.sample import SURE_SHARE, share

_DATES = (
    *("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d"),
    *("%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%d %b %Y", "%b %d, %Y", "%b %d %Y", "%d %B %Y", "%B %d, %Y"),
    *("%a, %d %b %Y", "%d/%b/%Y", "%d-%b-%Y"),
)
_CLOCKS = (
    *(
        " %H:%M:%S",
        " %H:%M",
        "T%H:%M:%S",
        "T%H:%M",
        ", %H:%M:%S",
        ", %H:%M",
        " %H:%M:%S.%f",
        " %I:%M:%S %p",
        " %I:%M %p",
    ),
    *(", %I:%M:%S %p", ", %I:%M %p", " - %H:%M", " %H:%M:%S %z", ":%H:%M:%S %z", " %H:%M:%S UTC", " %H:%M:%S.%f UTC"),
    *(" %H:%M:%S GMT", " %H.%M", " %H:%M Uhr", " %Hh%M", ""),
)
PATTERNS = tuple(date + clock for date in _DATES for clock in _CLOCKS)
_MOST_FORMATS = 3
_EARLIEST, _LATEST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class TimeFormat:
    """How times are written: formats of a mapping, whether they tell a clock time and a zone, and what was unsure."""

    formats: tuple[str, ...]
    is_ambiguous: bool = False
    tells_zone: bool = True
    tells_clock: bool = True

    @property
    def rule(self) -> str | list[str]:
        """As a mapping's `format`."""
        return self.formats[0] if len(self.formats) == 1 else list(self.formats)


def time_format(values: Sequence[Any]) -> TimeFormat | None:
    """The format of a field's values; None where they are no times."""
    if share(values, is_written_time) >= SURE_SHARE:
        result = [at for value in values if (at := _iso(value)) is not None]
        zoned = share(result, lambda at: at.tzinfo is not None) >= SURE_SHARE
        clock = any((at.hour, at.minute, at.second) != (0, 0, 0) for at in result)
        return TimeFormat((ISO,), tells_zone=zoned, tells_clock=clock)
    if share(values, _is_day_number) < SURE_SHARE:
        for form, unit in EPOCHS.items():
            if share([epoch(value, unit) for value in values], is_of_our_time) >= SURE_SHARE:
                return TimeFormat((form,))
    return _patterned([str(value).strip() for value in values if not isinstance(value, dict | list | bool)])


def _patterned(values: Sequence[str]) -> TimeFormat | None:
    probes = [value for value in values[:: max(1, len(values) // 10)] if any(map(str.isdigit, value))]
    possible = [pattern for pattern in PATTERNS if any(by_pattern(pattern, probe) for probe in probes)]
    shares = {pattern: share(values, partial(by_pattern, pattern)) for pattern in possible}
    whole = [pattern for pattern, part in shares.items() if part >= SURE_SHARE]
    best = min(whole, key=lambda pattern: (_span(pattern, values), whole.index(pattern))) if whole else None
    if best is not None and shares[best] == 1:
        return _time_format((best,), is_ambiguous=_swapped(best) in whole)
    # Hands wrote them in several ways: of one value the first format that fits counts.
    ranked = sorted(shares, key=lambda pattern: (pattern != best, -shares[pattern]))
    chosen: list[str] = []
    rest = list(values)
    for pattern in ranked:
        left = [value for value in rest if not by_pattern(pattern, value)]
        if len(left) < len(rest) and len(chosen) < _MOST_FORMATS:
            chosen.append(pattern)
            rest = left
    if not chosen or len(rest) > (1 - SURE_SHARE) * len(values):
        return None
    return _time_format(tuple(chosen), is_ambiguous=len(chosen) == 1 and _swapped(chosen[0]) in whole)


def _time_format(formats: tuple[str, ...], *, is_ambiguous: bool) -> TimeFormat:
    zoned = all(each.endswith(("%z", "UTC", "GMT")) for each in formats)
    return TimeFormat(formats, is_ambiguous, zoned, any("%H" in each or "%I" in each for each in formats))


def _swapped(pattern: str) -> str:
    """The pattern with day and month in the other order; no pattern at all where the month is a word."""
    swapped = pattern.replace("%d", "%0").replace("%m", "%d").replace("%0", "%m")
    return swapped if "%m" in pattern and "%d" in pattern and not pattern.startswith("%Y") else ""


def _span(pattern: str, values: Sequence[str]) -> timedelta:
    """From the first to the last time: read in the wrong order, days of one month lie all over the year."""
    result = [at for value in values if (at := read_time(value, pattern)) is not None]
    return max(result) - min(result) if result else timedelta.max


def _is_day_number(value: Any) -> bool:  # noqa: ANN401
    """20260203 is a day and no second of the year 1970."""
    written = str(value).strip()
    return len(written) == 8 and written.isdigit() and by_pattern("%Y%m%d", written)  # noqa: PLR2004


def is_of_our_time(at: datetime | None) -> bool:
    """Neither a time that was never set nor one that can't be."""
    return at is not None and _EARLIEST <= at < _LATEST


def is_written_time(value: Any) -> bool:  # noqa: ANN401
    """Whether it is a time in ISO 8601; digits alone are none."""
    return isinstance(value, datetime) or _iso(value) is not None


def _iso(value: Any) -> datetime | None:  # noqa: ANN401
    if isinstance(value, datetime):
        return value
    written = str(value).strip()
    if not isinstance(value, str) or number(written) is not None:
        return None
    try:
        return datetime.fromisoformat(written)
    except ValueError:
        return None


def by_pattern(pattern: str, value: str) -> bool:
    """Whether a text can be read by a strptime pattern."""
    return _by(pattern, value) is not None


def _by(pattern: str, value: str) -> datetime | None:
    try:
        return datetime.strptime(value, pattern)  # noqa: DTZ007  # only asks whether it fits
    except ValueError:
        return None


def read_time(value: Any, form: str) -> datetime | None:  # noqa: ANN401
    """A value read by a mapping's format, without a zone as UTC; None where it doesn't fit."""
    at = epoch(value, EPOCHS[form]) if form in EPOCHS else _iso(value) if form == ISO else _by(form, str(value).strip())
    return at and (at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC))


def times_of(values: Sequence[Any], result: TimeFormat) -> Iterator[datetime]:
    """The times that can be read and are of our time."""
    for value in values:
        at = next((at for form in result.formats if (at := read_time(value, form)) is not None), None)
        if at is not None and is_of_our_time(at):
            yield at
