"""The clock of a landing file: reads its times for every format, and says what is wrong with those it can't read."""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from pipeline.ingest.faults import RecordFault
from pipeline.ingest.sources.fields import Fields, peek, take
from pipeline.ingest.sources.written_times import Order, Unordered, by_format, in_utc, read

OF_COLUMN = "`format` beside the column"
_OF_SOURCE = "`time_format` for the source"
_LONGEST_SHOWN = 40
_MONTHS_IN_A_YEAR = 12
_ANY = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass
class Clock:
    """Reads the times of one landing file: of `zone` where they tell none, by `formats` where the product file says.

    `look` is asked once, at the first date of unsaid order: it goes through the file with a `Scout`.
    """

    zone: str = "UTC"
    formats: tuple[str, ...] = ()
    look: Callable[[], Order | None] = lambda: None
    _order: list[Order | None] = field(default_factory=list["Order | None"])

    def read(
        self, value: object, name: str, zone: str | None = None, formats: tuple[str, ...] | None = None
    ) -> datetime | None:
        """The instant that `value` of the field `name` tells; None where it can't be read.

        RecordFault `ambiguous_date` where day and month can't be told apart.
        """
        chosen = self.formats if formats is None else formats
        if not chosen and isinstance(value, str) and value[4:5] == "-":
            # As nearly all are written.
            with suppress(ValueError):
                result = datetime.fromisoformat(value)
                return result if result.tzinfo else in_utc(result, _zone_of(name, zone or self.zone))
        known = _zone_of(name, zone or self.zone)
        if chosen:
            return next((at for form in chosen if (at := by_format(form, known, value)) is not None), None)
        try:
            return read(value, known, self._reported)
        except Unordered as unordered:
            raise self._ambiguous(unordered.pattern, name, of_column=formats is not None) from None

    def take(self, record: Fields, *paths: str) -> datetime | None:
        """Remove the first of the fields that can be read and return it; None where none has a value.

        RecordFault `unreadable_time` where there are values and none can be read.
        """
        return self.first(record, paths)[0]

    def first(self, record: Fields, paths: tuple[str, ...]) -> tuple[datetime | None, str | None]:
        """As `take`, with the path of the field that was read."""
        unread: tuple[str, object] | None = None
        for path in paths:
            value = peek(record, path)
            if is_blank(value):
                continue
            at = self.read(value, path)
            if at is not None:
                take(record, path)
                return at, path
            unread = unread or (path, value)
        if unread is not None:
            raise unreadable(*unread)
        return None, None

    def note(self, value: object, name: str) -> None:
        """A time that no column takes, which may tell the file's order of day and month."""

    def take_if_read(self, record: Fields, path: str) -> datetime | None:
        """A time that an event can do without: one that can't be read stays where it is.

        The source's formats are of the times of its events; what a server adds may be written otherwise.
        """
        value = peek(record, path)
        for formats in ((), self.formats):
            with suppress(RecordFault):
                if (at := None if is_blank(value) else self.read(value, path, formats=formats)) is not None:
                    take(record, path)
                    return at
        return None

    def _reported(self, _one: int, _other: int) -> Order | None:
        if not self._order:
            self._order.append(self.look())
        return self._order[0]

    def _ambiguous(self, pattern: str, name: str, *, of_column: bool) -> RecordFault:
        other = pattern.replace("%d", "%0").replace("%m", "%d").replace("%0", "%m")
        setting = OF_COLUMN if of_column else _OF_SOURCE
        return RecordFault(
            "ambiguous_date",
            f"`{name}`: no date of the file tells whether day or month comes first; set {setting}: '{pattern}' or '{other}'",
        )


@dataclass
class Scout(Clock):
    """Goes through a file to find out which comes first; dates that could be read in two ways don't stop it."""

    proved: set[Order] = field(default_factory=set["Order"])

    def read(
        self, value: object, name: str, zone: str | None = None, formats: tuple[str, ...] | None = None
    ) -> datetime | None:
        """Some instant, whatever is written, so that all dates of a record are looked at."""
        with suppress(RecordFault):
            super().read(value, name, zone, formats)
        return _ANY

    def note(self, value: object, name: str) -> None:
        """Look at a time that no column takes."""
        self.read(value, name)

    def _reported(self, one: int, other: int) -> Order | None:
        if one > _MONTHS_IN_A_YEAR >= other:
            self.proved.add("day_first")
        elif other > _MONTHS_IN_A_YEAR >= one:
            self.proved.add("month_first")
        return None

    @property
    def proved_order(self) -> Order | None:
        """The order that the file's dates prove; None where none does, or some one order and some the other."""
        return next(iter(self.proved)) if len(self.proved) == 1 else None


def _zone_of(name: str, zone: str) -> tzinfo:
    """The zone of a field's times: "Submit Date (UTC)" means what it says."""
    return UTC if name.lower().endswith(("utc", "utc)")) else ZoneInfo(zone)


def is_blank(value: object) -> bool:
    """Whether a field holds nothing."""
    return value is None or (isinstance(value, str) and not value.strip())


def unreadable(name: str, value: object, setting: str = _OF_SOURCE) -> RecordFault:
    """A time that can't be read: the field and the form of its value are named, never the value."""
    form = form_of(value)
    return RecordFault(
        "unreadable_time", f"`{name}` holds no time that can be read: {form}; set {setting}, or correct it"
    )


def form_of(value: object) -> str:
    """The form of a value, which tells nothing of it: digits as 9, letters as a."""
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        shown = re.sub(r"[^\W\d_]", "a", re.sub(r"\d", "9", str(value).strip()))
        return shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}..."
    return {"bool": "true or false", "list": "a list", "dict": "an object"}.get(type(value).__name__, "no text")
