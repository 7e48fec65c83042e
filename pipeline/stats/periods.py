"""Calendar periods of a time zone, numbered without gaps, so that clock changes and month lengths need no care.

Definition: docs/definitions/statistics.md, "Calendar periods". Days, weeks and months go by the local calendar, hours by elapsed time from a
full local hour.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import polars as pl

Unit = Literal["hour", "day", "week", "month"]
_HOUR_US = 3_600_000_000
_EPOCH = date(1970, 1, 1)
# 1970-01-01 was a Thursday: three days into a week from Monday, four into one from Sunday.
_DAYS_INTO_WEEK = {"monday": 3, "sunday": 4}


def week_begin(day: pl.Expr, week_start: Literal["monday", "sunday"]) -> pl.Expr:
    """The first day of the week in which a local day lies."""
    since = (day.to_physical().cast(pl.Int64) + _DAYS_INTO_WEEK[week_start]) % 7
    return day - pl.duration(days=since)


def complete_weeks(days: Sequence[date], week_start: Literal["monday", "sunday"]) -> list[tuple[date, date]]:
    """First and last day of each week that lies whole between the first and the last of `days`."""
    first_weekday = 0 if week_start == "monday" else 6
    starts = (day for day in days if day.weekday() == first_weekday)
    return [(day, day + timedelta(days=6)) for day in starts if day + timedelta(days=6) <= days[-1]]


def complete_months(days: Sequence[date]) -> list[tuple[date, date]]:
    """First and last day of each calendar month that lies whole between the first and the last of `days`."""
    ends = {day: (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1) for day in days}
    return [(day, end) for day, end in ends.items() if day.day == 1 and end <= days[-1]]


@dataclass(frozen=True)
class Calendar:
    """Periods of one length in one zone; the number of a period is its distance from that of 1970-01-01."""

    unit: Unit
    zone: str = "UTC"
    week_start: Literal["monday", "sunday"] = "sunday"

    def number(self, at: str = "occurred_at") -> pl.Expr:
        """The number of the period in which the time of column `at` (UTC) lies."""
        local = pl.col(at).dt.convert_time_zone(self.zone)
        if self.unit == "hour":
            offset = (local.dt.base_utc_offset() + local.dt.dst_offset()).dt.total_microseconds() % _HOUR_US
            return (local.dt.epoch("us") + offset) // _HOUR_US
        return self.number_of_day(local.dt.date())

    def number_of_day(self, day: pl.Expr) -> pl.Expr:
        """The number of the day, week or month in which a local day lies."""
        if self.unit == "month":
            return (day.dt.year().cast(pl.Int64) - _EPOCH.year) * 12 + day.dt.month() - 1
        days = day.to_physical().cast(pl.Int64)
        return days if self.unit == "day" else (days + _DAYS_INTO_WEEK[self.week_start]) // 7

    def number_of(self, at: datetime) -> int:
        """The number of the period in which `at` lies."""
        times = pl.DataFrame({"at": [at]}, schema={"at": pl.Datetime("us", "UTC")})
        return int(times.select(self.number("at")).item())

    def start(self, number: int) -> datetime:
        """The instant at which a period begins, in UTC."""
        if self.unit == "hour":
            at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(hours=number)
            offset = at.astimezone(ZoneInfo(self.zone)).utcoffset() or timedelta()
            return at - offset % timedelta(hours=1)
        local = datetime.combine(self.first_day(number), datetime.min.time(), tzinfo=ZoneInfo(self.zone))
        return local.astimezone(UTC)

    def first_day(self, number: int) -> date:
        """The first local day of a period of whole days."""
        if self.unit == "month":
            return date(_EPOCH.year + number // 12, number % 12 + 1, 1)
        days = number if self.unit == "day" else number * 7 - _DAYS_INTO_WEEK[self.week_start]
        return _EPOCH + timedelta(days=days)


def usual_periods(
    days: Sequence[date], week_start: Literal["monday", "sunday"], *, weeks: bool = True
) -> list[tuple[str, date, date]]:
    """Each complete week of `days`, their last 28 and 90, and all: name, first and last day."""
    if not days:
        return []
    last = days[-1]
    result = [("week", *week) for week in complete_weeks(days, week_start)] if weeks else []
    result += [(f"last_{n}", max(days[0], last - timedelta(days=n - 1)), last) for n in (28, 90)]
    return [*result, ("all", days[0], last)]
