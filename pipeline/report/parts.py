"""What pages are made of: tiles and sections, and numbers as people read them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl
from markupsafe import Markup

from pipeline.core.product import Product
from pipeline.report.flow import Flow

Marts = Mapping[str, pl.DataFrame]


# What a number, a change or a missing number begins with.
_NUMBER = frozenset("0123456789+-–.<")  # noqa: RUF001


@dataclass(frozen=True)
class Tile:
    """A headline number of the last complete week beside the week before."""

    name: str
    value: str
    change: str
    spark: Markup
    meaning: str
    provenance: str = ""


@dataclass(frozen=True)
class Quote:
    """What somebody said, why it was picked, and where it stands."""

    text: str
    pick: str
    source: str


@dataclass(frozen=True)
class Picker:
    """What can be picked above a table: a label, and (value, text) of each choice, the first one shown first."""

    label: str
    options: list[tuple[str, str]]


@dataclass(frozen=True)
class Filter:
    """What the rows of a table can be filtered by: a label, the name that stands in the address, and what each row has of it."""

    label: str
    name: str
    of_rows: list[tuple[str, ...]]

    @property
    def options(self) -> list[str]:
        """What can be chosen: words in alphabetical order, numbers by size."""
        return sorted(
            {value for own in self.of_rows for value in own}, key=lambda each: (each.isdigit() and int(each), each)
        )


@dataclass(frozen=True)
class Body:
    """The rows of a table for one choice of each of its pickers."""

    picked: tuple[str, ...]
    rows: list[tuple[str, ...]]
    about: list[str] = field(default_factory=list[str])


@dataclass(frozen=True)
class Section:
    """A part of a page: a heading, what it means, charts and a table.

    `provenance` says where the table's columns come from: "mart: column other.column -", a word per column of the header, `-`
    for none. `mature` says when the numbers are complete, where that isn't when their days are over; `about` tells more of each
    row. Instead of `rows` a table may have `bodies`, of which the first is shown, the others as `pickers` choose. `filters` hide rows.
    """

    title: str
    meaning: str
    charts: list[Markup] = field(default_factory=list[Markup])
    header: tuple[str, ...] = ()
    rows: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])
    flow: Flow | None = None
    quotes: list[Quote] = field(default_factory=list[Quote])
    note: str = ""
    provenance: str = ""
    mature: str = ""
    about: list[str] = field(default_factory=list[str])
    # What a row is by its first cell, whatever is picked.
    meanings: dict[str, str] = field(default_factory=dict[str, str])
    pickers: list[Picker] = field(default_factory=list[Picker])
    bodies: list[Body] = field(default_factory=list[Body])
    filters: list[Filter] = field(default_factory=list[Filter])
    # Prose instead of a table, and the name by which links find it.
    text: Markup = field(default_factory=Markup)
    anchor: str = ""
    # The query of the question that the section answers, on the Ask page.
    ask: str = ""

    @property
    def words(self) -> list[bool]:
        """Which columns hold words, to be read from the left; numbers stand under one another from the right."""
        rows = self.tables[0].rows if self.tables else []
        # Only looked at: what is shown is escaped by the template.
        plain = [[Markup(cell).striptags().strip() for cell in row] for row in rows]  # noqa: S704
        columns = [[row[i] for row in plain if row[i]] for i in range(len(self.header))]
        return [bool(cells) and sum(cell[0] in _NUMBER for cell in cells) * 2 < len(cells) for cells in columns]

    @property
    def tables(self) -> list[Body]:
        """The rows for each choice; those of the only one where nothing can be picked."""
        return self.bodies or ([Body((), self.rows, self.about)] if self.rows else [])


@dataclass(frozen=True)
class Overlay:
    """Numbers over pictures of pages, drawn by the script of that name from `data`."""

    script: str
    data: dict[str, Any]
    meaning: str


@dataclass(frozen=True)
class Warned:
    """What makes numbers of the page doubtful: a heading, a sentence each with its remedy, and a link to all of them."""

    title: str
    sentences: list[tuple[str, str]]
    more: str


@dataclass(frozen=True)
class Page:
    """One file of the report."""

    name: str
    title: str
    tiles: list[Tile] = field(default_factory=list[Tile])
    sections: list[Section] = field(default_factory=list[Section])
    overlay: Overlay | None = None
    in_navigation: bool = True
    is_folded: bool = False
    lead: str = ""
    warning: Warned | None = None
    # Why it couldn't be made, where it says so in place of what it should show.
    fault: str = ""

    @property
    def has_picks(self) -> bool:
        """Whether something on it can be chosen, which then stands in the address."""
        return self.overlay is not None or self.has_numbers

    @property
    def has_numbers(self) -> bool:
        """Whether a number of the page has a provenance, or rows are picked."""
        reported = any(section.provenance or section.pickers or section.filters for section in self.sections)
        return reported or any(tile.provenance for tile in self.tiles)


def theme_names(marts: Marts) -> dict[str, str]:
    """What people call each theme, by its id."""
    return dict(marts["themes"].select("theme", "name").unique("theme").sort("theme").rows())


def releases_of(product: Product) -> dict[str, date]:
    """First days of the product file's releases, to mark on charts."""
    return {label(name): each.day for name, each in product.releases.items()}


def label(name: str) -> str:
    """A name of the product file as people read it."""
    return name.replace("_", " ")


def linked(text: str, page: str) -> Markup:
    """A link to another page of the report."""
    return Markup('<a href="{}.html">{}</a>').format(page, text)


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


def figure_text(value: float | None, unit: str, currency: str, *, signed: bool = False) -> str:
    """A key figure in its unit; `signed` for changes, of shares in points."""
    if value is None:
        return "–"  # noqa: RUF001
    sign = "+" if signed else ""
    if unit == "share":
        return f"{100 * value:+.1f}\u00a0points" if signed else f"{value:.1%}"
    if unit == "currency":
        return f"{value:{sign},.2f}\u00a0{currency}"
    if unit == "seconds":
        return f"{value:{sign}.1f}\u00a0s"
    whole = float(value).is_integer()
    return f"{value:{sign},.0f}" if whole or abs(value) >= 100 else f"{value:{sign}.3g}"  # noqa: PLR2004  # three digits


def number_text(value: float | None) -> str:
    """A number of the ledger; a dash where there was none."""
    return "–" if value is None else f"{value:,.0f}" if value.is_integer() else f"{value:.6g}"  # noqa: RUF001
