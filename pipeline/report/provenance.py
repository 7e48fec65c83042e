"""Provenance: what a number of the report is, where it comes from, and how far it can be trusted.

A table names the mart and column behind each of its columns (`Section.provenance`); all else is known: the definition and
what it adds over from the contract, its version from the SQL model and the product file's parts that reach it, what would
be different with bots, and how much was measured from daily_quality. n and interval stand in the row itself; the page's
script puts them beside the number.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from pipeline.build.made_of import made_of
from pipeline.core.contract import Column
from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.report.parts import Marts, Section, share

_RECENT_DAYS = 28
_WITH_BOTS = {
    "session": "sessions", "page view": "page_view_events", "event": "events", "person": "people_active",
}  # fmt: skip
_CAPABILITIES = ("hover", "exposure", "exposure_time", "dead_click", "js_error", "web_vitals", "scroll", "engaged")
# These count what came in, bots and all.
_WITH_ALL = ("daily_quality", "daily_rejected", "ingest_quality")


@dataclass(frozen=True)
class Provenance:
    """What stands in a column's provenance, line by line, and whether it says of a row how many (`n`) or an interval's end."""

    name: str
    text: str
    role: str


@dataclass(frozen=True)
class Trust:
    """What is known of all numbers of a report: the last day, what bots would add by unit, how much was measured."""

    last_day: date | None
    with_bots: Mapping[str, str]
    measured: str


def trust_of(marts: Marts) -> Trust:
    """Of the last 28 days of daily_quality."""
    quality = marts["daily_quality"]
    if quality.is_empty():
        return Trust(None, {}, "")
    last: date = quality["day"].max()  # pyright: ignore[reportAssignmentType]
    recent = quality.filter(pl.col("day") > last - pl.duration(days=_RECENT_DAYS))
    total = recent.select(pl.col(pl.Int64).sum()).row(0, named=True)
    with_bots: dict[str, str] = {}
    for unit, name in _WITH_BOTS.items():
        both, without = total[name], total[f"{name}_without_bots"]
        reported = f"{both / without - 1:+.1%}" if without else "more"
        what = f"{unit}s" if unit != "person" else "people by day"
        with_bots[unit] = f"Bots left out. With them: {reported} {what} over the last 28 days."
    views = total["page_view_events_without_bots"]
    parts = [
        f"{name.replace('_', ' ')} {share(total[f'page_view_events_measured_{name}'] / views)}"
        for name in _CAPABILITIES
        if views
    ]
    return Trust(last, with_bots, f"Measured on page views of the last 28 days: {', '.join(parts)}." if parts else "")


def provenances(section: Section, product: Product, trust: Trust) -> list[Provenance | None]:
    """The provenance of each column of a section's table; none where it doesn't say where its columns come from."""
    mart, _, names = section.provenance.partition(": ")
    if not names:
        return [None] * len(section.header)
    result: list[Provenance | None] = []
    for name in names.split():
        own, _, column = name.rpartition(".")
        reported = (
            None
            if name == "-"
            else _provenance(own or mart, TABLES[own or mart].column(column), section.mature, product, trust)
        )
        result.append(reported)
    return result


def provenance_text(mart: str, name: str, product: Product, trust: Trust, more: str = "") -> str:
    """The text of one column's provenance, for numbers that stand in no table."""
    lines = [_provenance(mart, TABLES[mart].column(name), "", product, trust).text, more]
    return "\n".join(line for line in lines if line)


def _provenance(mart: str, column: Column, mature: str, product: Product, trust: Trust) -> Provenance:
    unit = f" Unit: {column.unit}." if column.unit else ""
    adds = ", ".join(column.adds_over) if column.adds_over else "nothing; read the row you need"
    last = f"Complete up to {trust.last_day:%d %B %Y}, the last day that is over." if trust.last_day else ""
    lines = [
        f"{column.description[0].upper()}{column.description[1:]}.{unit}",
        f"Adds over: {adds}.",
        mature or last,
        ""
        if mart in _WITH_ALL and not column.name.endswith("_without_bots")
        else trust.with_bots.get(column.unit, "Bots left out."),
        trust.measured if TABLES[mart].depends_on_measuring else "",
        f"Mart {mart}, column {column.name}, definition {definition(mart, product)}.",
    ]
    return Provenance(column.name, "\n".join(line for line in lines if line), _role(column))


def _role(column: Column) -> str:
    if column.name.endswith(("low", "low_end")):
        return "low"
    if column.name.endswith(("high", "high_end")):
        return "high"
    counts = column.dtype == pl.Int64() and column.unit in (
        "person",
        "session",
        "page view",
        "response",
        "event",
        "comment",
    )
    return "n" if counts or column.name in ("n", "met_per_week") else ""


def definition(mart: str, product: Product) -> str:
    """The version of a mart's definition: schema version, and a hash of its SQL, its tables' code and the sections that reach it."""
    sections, code = made_of(mart)
    hashed = "|".join([code, product.section_hash(*sections)])
    return f"{TABLES[mart].version}.{hashlib.sha256(hashed.encode()).hexdigest()[:6]}"
