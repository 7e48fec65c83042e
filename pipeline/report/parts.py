"""What pages are made of: tiles and sections, and numbers as people read them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl
from markupsafe import Markup

from pipeline.report.flow import Flow

Marts = Mapping[str, pl.DataFrame]


@dataclass(frozen=True)
class Tile:
    """A headline number of the last complete week beside the week before."""

    name: str
    value: str
    change: str
    spark: Markup
    meaning: str


@dataclass(frozen=True)
class Quote:
    """What somebody said, why it was picked, and where it stands."""

    text: str
    pick: str
    source: str


@dataclass(frozen=True)
class Section:
    """A part of a page: a heading, what it means, charts and a table."""

    title: str
    meaning: str
    charts: list[Markup] = field(default_factory=list[Markup])
    header: tuple[str, ...] = ()
    rows: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])
    flow: Flow | None = None
    quotes: list[Quote] = field(default_factory=list[Quote])


@dataclass(frozen=True)
class Overlay:
    """Numbers over pictures of pages, drawn by the script of that name from `data`."""

    script: str
    data: dict[str, Any]
    meaning: str


@dataclass(frozen=True)
class Page:
    """One file of the report."""

    name: str
    title: str
    tiles: list[Tile] = field(default_factory=list[Tile])
    sections: list[Section] = field(default_factory=list[Section])
    overlay: Overlay | None = None


def count(value: float | None) -> str:
    """A count as people read it; a dash where there is none."""
    return "–" if value is None else f"{value:,.0f}"  # noqa: RUF001


def share(value: float | None) -> str:
    """A share in per cent with one digit."""
    return "–" if value is None else f"{value:.1%}"  # noqa: RUF001


def day_text(day: date, form: str = "%d %b") -> str:
    """A day as people read it, which no line break divides."""
    return f"{day:{form}}".replace(" ", "\u00a0")


def money(value: float | None, currency: str) -> str:
    """An amount in the currency's unit."""
    return "–" if value is None else f"{value:,.2f}\u00a0{currency}"  # noqa: RUF001


def duration(seconds: float | None) -> str:
    """A time in its largest sensible unit."""
    if seconds is None:
        return "–"  # noqa: RUF001
    for unit, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.1f} {name}"
    return f"{seconds:.0f} s"
