"""The first page: headline numbers of the last complete week beside the week before."""

from collections.abc import Callable
from datetime import date, timedelta

import polars as pl
from markupsafe import Markup

from pipeline.contracts.base import MICROS
from pipeline.product import Product
from pipeline.report import charts
from pipeline.report.parts import Marts, Page, Section, Tile, count, releases_of, share

_WEEK = timedelta(days=7)
_TILES: tuple[tuple[str, str, pl.Expr, Callable[[float | None], str]], ...] = (
    ("People a day", "Mean of the days' active people (DAU).", pl.col("people_active").mean(), count),
    ("New people", "People whose first event ever fell into the week.", pl.col("people_new").sum(), count),
    ("Sessions", "Sessions that began in the week.", pl.col("sessions").sum(), count),
    ("Conversion", "Sessions that reached a goal, of all.", pl.col("sessions_with_goal").sum() / pl.col("sessions").sum(), share),
    ("Bounces", "Sessions of one page view and no goal, of those with a page view.",
     pl.col("sessions_bounced").sum() / pl.col("sessions_with_page_view").sum(), share),
    ("Orders", "Orders of the week's sessions.", pl.col("orders").sum(), count),
    ("Revenue", "Revenue less refunds of the week's sessions.", pl.col("revenue_micros").sum() / MICROS, count),
)  # fmt: skip


def overview(product: Product, marts: Marts) -> Page:
    """Tiles with their days, and active people over time."""
    daily = marts["daily_kpis"].sort("day")
    last = _last_week(daily, product)
    tiles: list[Tile] = []
    for name, meaning, number, shown in _TILES:
        now, before = (_of_week(daily, start, number) for start in (last, last - _WEEK if last else None))
        change = _change(now, before, is_share=shown is share)
        by_day = daily.group_by("day", maintain_order=True).agg(value=number)
        unit = f" {product.currency}" if name == "Revenue" and now is not None else ""
        tiles.append(
            Tile(
                name,
                shown(now) + unit,
                change or "no week before",
                charts.spark(by_day, "day", "value", f"{name} by day", releases_of(product))
                if daily.height
                else Markup(),
                meaning,
            )
        )
    active = daily.select("day", "people_active", "people_active_7d", "people_active_28d").unpivot(
        index="day", variable_name="window", value_name="people"
    )
    named = active.with_columns(
        pl.col("window").replace({"people_active": "day", "people_active_7d": "7 days", "people_active_28d": "28 days"})
    )
    section = Section(
        "Active people",
        "People with at least one event on the day, in the 7 and in the 28 days ending with it; each person once.",
        [charts.line(named, ("day", "people", "window"), "Active people by day", releases=releases_of(product))]
        if daily.height
        else [],
    )
    heading = f"Week from {last:%d %B %Y}" if last else "No complete week yet"
    return Page("index", f"Overview: {heading}", tiles, [section])


def _change(now: float | None, before: float | None, *, is_share: bool) -> str | None:
    """Shares change by points, all else by per cent of what was."""
    if now is None or before is None or (not is_share and not before):
        return None
    points = f"{100 * (now - before):+.1f} points" if is_share else f"{(now - before) / abs(before):+.1%}"
    return f"{points} on the week before"


def _last_week(daily: pl.DataFrame, product: Product) -> date | None:
    """The first day of the last week whose days are all there."""
    days = set(daily["day"])
    offset = 0 if product.week_start == "monday" else 6
    starts = [day for day in days if day.weekday() == offset and {day + timedelta(days=i) for i in range(7)} <= days]
    return max(starts, default=None)


def _of_week(daily: pl.DataFrame, start: date | None, number: pl.Expr) -> float | None:
    if start is None:
        return None
    week = daily.filter(pl.col("day").is_between(start, start + timedelta(days=6)))
    return week.select(number).item() if week.height else None
