"""Made-up first views, incidents and visits for tests of opportunities."""

import random
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
from support import at, days_from

from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.domains.opportunities.opportunities import opportunity_results
from pipeline.domains.opportunities.units import READS

Row = dict[str, Any]
MONDAY = date(2026, 2, 2)
BEGIN = at("2026-02-02T10:00")
MICROS = 1_000_000


def table(name: str, rows: list[Row], **defaults: Any) -> pl.DataFrame:
    """Rows of a published table; numbers that aren't given are 0."""
    schema = TABLES[name].schema
    blank: Row = {n: 0 if dtype.is_integer() else "" if dtype == pl.String() else None for n, dtype in schema.items()}
    return TABLES[name].conform(pl.DataFrame([{**blank, **defaults, **row} for row in rows], schema=schema))


def view(i: int, when: datetime, *, met: int = 0, buys: bool = False, **more: Any) -> Row:
    """The first view of the cart by person i in a session of their own; an order brings 100."""
    return {
        "session_day": when.date(), "rule_set": "default", "session_key": i, "person_key": i, "page": "home", "device_type": "mobile",
        "page_view_key": i, "session_began": when, "met_in_view": met, "goals_after": int(buys),
        "revenue_after_micros": 100 * MICROS * int(buys), **more,
    }  # fmt: skip


def bit(signal: str, chosen: Product) -> int:
    return 1 << chosen.friction.rule_sets["default"].calibrated.index(signal)


def incident(i: int, when: datetime, signal: str, **more: Any) -> Row:
    return {
        "session_day": when.date(), "rule_set": "default", "signal": signal, "incident_key": i, "session_key": i, "person_key": i,
        "page_view_key": i, "page": "home", "device_type": "mobile", "started_at": when, "ended_at": when, "offset_ms": 1_500,
        "zone": None, "came_from": None, "detail": "boom", "element": "<a>", **more,
    }  # fmt: skip


def beside(**tables: pl.DataFrame) -> Mapping[str, pl.LazyFrame]:
    others = {name: frame for name, frame in tables.items() if name not in READS}
    every = {name: tables.get(name, TABLES[name].schema.to_frame()) for name in READS} | others
    return {name: frame.lazy() for name, frame in every.items()}


def made(views: list[Row], days: int, chosen: Product, **tables: pl.DataFrame) -> pl.DataFrame:
    return opportunity_results(
        table("first_views", views).lazy(), beside(**tables), days_from(MONDAY.isoformat(), days), chosen
    )


def visits(seed: int, loss: float, chosen: Product, signal: str = "error_click") -> list[Row]:
    """Four weeks of people of whom one in five meets the signal; those who look longer meet more and buy more."""
    chance = random.Random(seed)
    rows: list[Row] = []
    for i in range(1_600):
        when = BEGIN + timedelta(minutes=chance.randrange(28 * 1440 - 700))
        before = chance.choice((0, 0, 1, 2))
        is_met = chance.random() < 0.1 + 0.1 * before
        buys = chance.random() < 0.2 + 0.15 * before - (loss if is_met else 0)
        rows.append(view(i, when, met=bit(signal, chosen) * is_met, buys=buys, views_before=before))
    return rows
