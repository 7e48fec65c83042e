"""What sections of the product file are made of: names, time zones, formats of times and constant times."""

from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

NAME_PATTERN = r"^[a-z][a-z0-9_]{0,62}$"

EPOCHS = {"epoch_s": 1_000_000, "epoch_ms": 1_000, "epoch_us": 1}
ISO = "iso8601"
_TELLING = {"day of the month": ("%d", "%j"), "month": ("%m", "%b", "%B", "%j"), "year": ("%Y", "%y")}


def known_zone(name: str) -> str:
    """The IANA time zone of that name; ValueError with an example where there is none."""
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no IANA time zone; write one like Europe/Berlin or UTC") from None


Name = Annotated[str, Field(pattern=NAME_PATTERN)]


class FileModel(BaseModel):
    """A section of the product file; a key that it doesn't know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Zone = Annotated[str, AfterValidator(known_zone)]


def as_tuple(value: object) -> object:
    """A single text as a tuple of it."""
    return (value,) if isinstance(value, str) else value


def _time_format(form: str) -> str:
    if form in (ISO, *EPOCHS):
        return form
    if "%" not in form:
        raise ValueError(f"{form!r} is none of {', '.join((ISO, *EPOCHS))} and no pattern like %d.%m.%Y %H:%M")
    sample = datetime(2026, 11, 22, 13, 14, 15, tzinfo=ZoneInfo("UTC"))
    try:
        datetime.strptime(sample.strftime(form), form)  # noqa: DTZ007  # only asks whether the pattern can be read
    except ValueError as fault:
        raise ValueError(f"{form!r} can't be read back: {fault}; see strftime for the directives") from None
    for what, directives in _TELLING.items():
        if not any(each in form for each in (*directives, "%c", "%x")):
            raise ValueError(f"{form!r} tells no {what}; add {directives[0]}")
    if "%I" in form and "%p" not in form:
        raise ValueError(f"{form!r} tells hours of a half day only; add %p, or write %H")
    if "%Z" in form:
        raise ValueError(
            f"{form!r}: names of zones have many meanings; leave %Z out of the data and set `zone`, or use %z"
        )
    return form


def constant_time(written: object, zone: str) -> datetime | None:
    """A constant of a time column as an instant; None where it is none."""
    try:
        result = datetime.fromisoformat(str(written))
        return (result if result.tzinfo else result.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


TimeFormats = Annotated[tuple[Annotated[str, AfterValidator(_time_format)], ...], BeforeValidator(as_tuple)]
